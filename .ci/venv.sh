#!/usr/bin/env bash
# Makes .venv from a lock file. usage: venv.sh LOCKFILE. Works without python3-venv and without root.
set -eu
lock=$1
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || {
    echo "Python 3.11 to 3.13 is needed, $("$python" --version 2>&1) found. Remedy: make PYTHON=python3.12 …" >&2; exit 2; }
stamp_of() { echo ".venv/.ready-$(cat "$1" pyproject.toml | sha256sum | cut -c1-16)"; }
stamp=$(stamp_of "$lock")
# What serves for developing serves for running too.
[ -e "$stamp" ] || [ -e "$(stamp_of requirements-dev.lock)" ] && exit 0
echo "setting up .venv from $lock" >&2
if [ ! -x .venv/bin/python ]; then
    if "$python" -c 'import ensurepip' 2>/dev/null; then
        "$python" -m venv .venv
    else
        # Debian splits ensurepip off: take pip's wheel out of its package, which needs no root.
        "$python" -m venv --without-pip .venv
        tmp=$(mktemp -d)
        ( cd "$tmp" && apt-get download -qq python3-pip-whl && dpkg-deb -x python3-pip-whl_*.deb . ) || {
            rm -rf .venv "$tmp"; echo "no pip can be had. Remedy: sudo apt-get install -y python3-venv" >&2; exit 2; }
        wheel=$(ls "$tmp"/usr/share/python-wheels/pip-*.whl)
        .venv/bin/python "$wheel/pip" install -q --no-index "$wheel"
        rm -rf "$tmp"
    fi
fi
.venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r "$lock"
.venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
touch "$stamp"
