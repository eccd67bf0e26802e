#!/bin/sh
# Fetch newer restic binaries from the distribution's newer suites, beside the installed one.
#
# usage: fetch_versions.sh CACHE-FOLDER [SUITE...]     (default suites: trixie sid)
#
# Leaves CACHE-FOLDER/restic-VERSION for each suite. The system's apt configuration and state are not touched: the
# mirror and key are read from it, and everything that apt writes goes below CACHE-FOLDER/apt.
set -eu

cache=${1:?usage: fetch_versions.sh CACHE-FOLDER [SUITE...]}
shift
[ $# -gt 0 ] || set -- trixie sid
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)

# The first archive that apt knows and that serves the distribution's main component.
mirror=$(apt-get indextargets --format '$(REPO_URI) $(COMPONENT)' 'Created-By: Packages' |
    awk '$2 == "main" && $1 ~ /debian\/?$/ { print $1; exit }')
[ -n "$mirror" ] || { echo "No Debian archive in the apt sources of this system." >&2; exit 1; }
key=/usr/share/keyrings/debian-archive-keyring.gpg

for suite in "$@"; do
    state=$cache/apt/$suite
    mkdir -p "$state/lists/partial" "$state/archives/partial" "$state/download"
    echo "deb [signed-by=$key] $mirror $suite main" >"$state/sources.list"
    options="-o Dir::Etc::SourceList=$state/sources.list -o Dir::Etc::SourceParts=/dev/null
        -o Dir::State::Lists=$state/lists -o Dir::Cache=$state -o Dir::Cache::Archives=$state/archives
        -o APT::Get::List-Cleanup=0 -o APT::Sandbox::User=root -o Acquire::Languages=none"
    rm -f "$state"/download/*.deb
    # shellcheck disable=SC2086 # the options are words, and no path in them holds a space
    (cd "$state/download" && apt-get $options -qq update && apt-get $options -qq download restic)
    package=$(ls "$state"/download/restic_*.deb)
    dpkg -x "$package" "$state/unpacked"
    version=$("$state/unpacked/usr/bin/restic" version | cut -d ' ' -f 2)
    cp "$state/unpacked/usr/bin/restic" "$cache/restic-$version"
    echo "$cache/restic-$version"
done
