#!/usr/bin/env bash
# run-foreground.sh RELEASE_DIR STATE_DIR: runs the daemon on this terminal, with
# its data and its socket below the checkout, so that nothing is installed.
set -euo pipefail

release=$1
socket=$2/sentinel.sock
config=$2/sentinel.toml
rules=$(cd "$(dirname "$0")" && pwd)/rules
mkdir -p "$2"
# All else is the default. What was changed in it by hand is kept.
[[ -e $config ]] || printf '[rules]\nfolders = ["%s"]\n' "$rules" >"$config"

as_root=()
if ((EUID != 0)); then
  command -v sudo >/dev/null || {
    echo "watching the kernel needs root and there is no sudo; run 'make run' as root" >&2
    exit 1
  }
  as_root=(sudo)
  echo "watching the kernel needs root: sudo may ask for your password"
fi

# The command is printed to be copied; the socket belongs to root, hence sudo there too.
echo "look at it from another terminal with:"
echo "  ${as_root[*]:+sudo }$release/sentinelctl --socket $socket status"
echo
exec "${as_root[@]}" "$release/sentinel" run --console --config "$config" --data-dir "$2/data" --socket "$socket"
