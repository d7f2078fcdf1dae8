#!/usr/bin/env bash
# test.sh [SCRIPT]: the service in a real systemd: boots one in namespaces, installs what was
# built into it, and runs a script of this folder there, end-to-end.sh if none is named. Needs
# root; where it is not to be had, says so. In continuous integration it must not be skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/checks.sh
source tests/checks.sh
script=${1:-end-to-end.sh}

cannot_run=$(tests/systemd/can-boot.sh) || {
  if [[ ${CI:-} == true ]]; then
    echo "in continuous integration the service must be tested: $cannot_run" >&2
    exit 1
  fi
  skip "$script in systemd" "$cannot_run"
  finish
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Debian keeps administration tools where users do not look.
PATH=$PATH:/usr/sbin:/sbin
tests/systemd/rootfs.sh "$work/root"
tests/systemd/furnish.sh "$work/root"
install -D -m 0755 "tests/systemd/$script" "$work/root/test/$script"
tests/systemd/boot.sh "$work/root" "/test/$script"
