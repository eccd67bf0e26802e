#!/bin/sh
# Pins what pyproject.toml asks for in requirements/*.txt: with hashes, for every Python that we run on, and without
# naming an index, so that each machine uses its own. UPGRADE= (empty) keeps every pin that still fits.
set -eu
cd "$(dirname "$0")/.."

main() {
    tools=$(mktemp -d)
    trap 'rm -rf "$tools"' EXIT
    python3 -m venv "$tools"
    "$tools/bin/pip" --disable-pip-version-check install -qq uv

    # Each list is complete, and agrees with the one before: installing one never moves what another installed.
    echo uv | pin set-up - ${UPGRADE---upgrade}
    pin run pyproject.toml --extra build ${UPGRADE---upgrade}
    pin test pyproject.toml --extra build --extra test --constraints requirements/run.txt ${UPGRADE---upgrade}
    pin bench pyproject.toml --extra build --extra bench --constraints requirements/test.txt ${UPGRADE---upgrade}
}

pin() {
    list=$1
    shift
    "$tools/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
        --no-emit-index-url --no-emit-find-links "$@" --output-file "requirements/$list.txt"
}

main
