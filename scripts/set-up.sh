#!/bin/sh
# Makes this checkout ready for a purpose: scripts/set-up.sh run | test | bench
#
# Python packages go into .venv, each checked against its hash in requirements/. Programs that Python cannot bring
# (restic; PostgreSQL, nginx, SQLite's shell, Samba, OpenSSH's server and FUSE for tests and benchmarks; wrk for
# benchmarks) come from the system's packages, installed only if missing, and no server among them is started or left enabled.
# PYTHON=… chooses the interpreter. Does nothing, quickly, when nothing is to be done.
set -eu

main() {
    cd "$(dirname "$0")/.."
    case ${1:-} in run | test | bench) ;; *) fail "usage: scripts/set-up.sh run | test | bench" ;; esac

    python=
    venv_stands || choose_python
    install_missing_programs "$1"
    [ -z "$python" ] || make_venv
    install_requirements "$1"
}

# True if .venv works, was made at this place, and by the interpreter that is asked for (if one is).
venv_stands() {
    [ -x .venv/bin/python ] || return 1
    { read -r place && read -r maker; } 2>/dev/null <.venv/made-by || return 1
    [ "$place" = "$PWD" ] && [ "$maker" = "${PYTHON:-$maker}" ] && .venv/bin/python -c 'import pip' 2>/dev/null
}

# Sets $python to an interpreter that is new enough, and $python_version to what it is, e.g. 3.11.
choose_python() {
    for python in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if python_version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2]); sys.exit(sys.version_info < (3, 11))' 2>/dev/null); then
            return
        fi
    done
    fail "Python 3.11 or newer is needed${PYTHON:+, and $PYTHON is not}. Install it, or name it: PYTHON=/path/to/python3 make …"
}

# Lists what the purpose ($1) needs and the system lacks, and installs that.
install_missing_programs() {
    missing=
    [ -z "$python" ] || "$python" -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python$python_version-venv"
    command -v restic >/dev/null || missing="$missing restic"
    case $1 in test | bench)
        has_postgres || missing="$missing postgresql"
        has nginx || missing="$missing nginx-light"
        command -v sqlite3 >/dev/null || missing="$missing sqlite3"
        has smbd || missing="$missing samba"
        has sshd || missing="$missing openssh-server"
        has fusermount3 || missing="$missing fuse3"
        ;;
    esac
    case $1 in bench) command -v wrk >/dev/null || missing="$missing wrk" ;; esac
    [ -z "$missing" ] || install_packages "$missing"
}

has() { PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" command -v "$1" >/dev/null; }

has_postgres() {
    command -v initdb >/dev/null && return
    for initdb in /usr/lib/postgresql/*/bin/initdb; do [ ! -x "$initdb" ] || return 0; done
    return 1
}

# Installs system packages ($1, separated by spaces), or says what has to be installed by hand.
install_packages() {
    by_hand="these system packages are missing:$1. Install them, then try again. Debian, Ubuntu: sudo apt-get install$1"
    command -v apt-get >/dev/null || fail "$by_hand"
    as_root true || fail "$by_hand"

    say "installing the system packages$1 …"
    no_cluster=/etc/postgresql-common/createcluster.d/tandem-set-up.conf
    # Only the programs are wanted: while they are installed, their packages shall not make and start servers.
    case $1 in *postgresql*) as_root sh -c "mkdir -p ${no_cluster%/*} && echo create_main_cluster = false >$no_cluster" ;; esac
    forbid_services
    apt_get update || true # an old list may still do
    # shellcheck disable=SC2086  # a list of names, to be split
    apt_get install $1 && installed=yes || installed=no
    as_root rm -f $no_cluster
    allow_services "$1"
    [ $installed = yes ] || fail "$by_hand"
}

# invoke-rc.d(8): while this file says 101, no package starts a service. One that is there already is not ours.
policy=/usr/sbin/policy-rc.d

forbid_services() {
    [ -e $policy ] || as_root sh -c "printf '#!/bin/sh\n# of Tandem, scripts/set-up.sh\nexit 101\n' >$policy && chmod +x $policy"
}

# Lets packages start services again, but not those that came with $1, at the next start of the machine either.
allow_services() {
    if grep -q 'of Tandem' $policy 2>/dev/null; then as_root rm -f $policy; fi
    [ -d /run/systemd/system ] || return 0
    case $1 in *samba*) as_root systemctl disable -q smbd nmbd samba-ad-dc || true ;; esac
    case $1 in *nginx*) as_root systemctl disable -q nginx || true ;; esac
    case $1 in *openssh-server*) as_root systemctl disable -q ssh || true ;; esac
}

# Runs apt-get; shows what it says only if it fails.
apt_get() {
    if ! said=$(as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 \
        --no-install-recommends "$@" 2>&1 </dev/null); then
        echo "$said" | tail -n 20 >&2
        return 1
    fi
}

# Runs a command as root; asks for a password only if someone is there to type it.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif [ -t 0 ] && [ -t 2 ]; then
        sudo "$@"
    else
        sudo -n "$@"
    fi
}

make_venv() {
    say "creating .venv with Python $python_version …"
    rm -rf .venv
    "$python" -m venv .venv || fail "$python -m venv .venv failed"
    printf '%s\n%s\n' "$PWD" "${PYTHON:-python3}" >.venv/made-by
}

checked="--require-hashes --only-binary :all:"

# Installs requirements/$1.txt and Tandem itself (editable), unless that has been done.
install_requirements() {
    state=$(cat requirements/*.txt pyproject.toml | sha256sum)
    if [ "$state" != "$(cat .venv/state 2>/dev/null)" ]; then
        rm -f .venv/ready-to-*
        echo "$state" >.venv/state
    fi
    [ ! -f ".venv/ready-to-$1" ] || return 0

    say "installing requirements/$1.txt into .venv …"
    # shellcheck disable=SC2086  # a list of options, to be split
    fetch_with_uv "$1" || pip $checked -r "requirements/$1.txt"
    pip --no-index --no-deps --no-build-isolation --editable .
    touch ".venv/ready-to-$1" .venv/ready-to-run # every list holds what running needs
}

# uv takes seconds where pip takes more than a minute, but it does not read pip's settings: the index that they name is
# handed on, and whatever else stands in its way (a proxy, another authority), pip may know of.
fetch_with_uv() {
    # shellcheck disable=SC2086
    try_pip $checked -r requirements/set-up.txt || return 1
    index=${PIP_INDEX_URL:-$(.venv/bin/python -m pip config get global.index-url 2>/dev/null || true)}
    # shellcheck disable=SC2086
    UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$index} UV_HTTP_RETRIES=0 UV_HTTP_TIMEOUT=60 \
        .venv/bin/uv pip install --quiet --python .venv/bin/python $checked -r "requirements/$1.txt" && return
    say "pip goes on where uv could not …"
    return 1
}

pip() { try_pip "$@" || fail "pip could not install; see above"; }

try_pip() { .venv/bin/python -m pip --disable-pip-version-check install -qq "$@"; }

say() { echo "set-up: $1"; }

fail() {
    echo "set-up: $1" >&2
    exit 1
}

main "$@"
