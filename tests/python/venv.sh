#!/usr/bin/env bash
# Makes target/venv with exactly what requirements.txt names; a second run finds it done.
set -euo pipefail
cd "$(dirname "$0")/../.."

venv=target/venv
wanted=tests/python/requirements.txt
if ! cmp -s "$wanted" "$venv/requirements.txt"; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir --only-binary :all: --requirement "$wanted"
  cp "$wanted" "$venv/requirements.txt"
fi
