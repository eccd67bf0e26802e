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
    compile run ${UPGRADE---upgrade}
    compile test --extra test --constraints requirements/run.txt ${UPGRADE---upgrade}
    compile bench --extra bench --constraints requirements/test.txt ${UPGRADE---upgrade}
}

compile() {
    list=$1
    shift
    "$tools/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
        --no-emit-index-url --no-emit-find-links --extra build "$@" pyproject.toml --output-file "requirements/$list.txt"
}

main
