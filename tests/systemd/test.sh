#!/usr/bin/env bash
# The service in a real systemd: boots one in namespaces, installs what was built into
# it, and runs end-to-end.sh there. Needs root; where it is not to be had, says so. In
# continuous integration it must not be skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/checks.sh
source tests/checks.sh

# Debian keeps administration tools where users do not look.
PATH=$PATH:/usr/sbin:/sbin

cannot_run() {
  if [[ ${CI:-} == true ]]; then
    echo "in continuous integration the service must be tested: $1" >&2
    exit 1
  fi
  skip 'the service in systemd' "$1"
  finish
}

((EUID == 0)) || cannot_run 'making namespaces needs root'
unshare --pid --fork --mount --uts --ipc --net --cgroup true 2>/dev/null || cannot_run 'this machine does not allow new namespaces'
findmnt --types cgroup2 >/dev/null || cannot_run 'no cgroup2 hierarchy is mounted'
[[ -e /sys/kernel/btf/vmlinux ]] || cannot_run 'this kernel has no BTF'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tests/systemd/rootfs.sh "$work/root"
packaging/install.sh install "$work/root" /usr
install -D -m 0644 tests/checks.sh "$work/root/test/checks.sh"
install -D -m 0755 tests/systemd/end-to-end.sh "$work/root/test/end-to-end.sh"
tests/systemd/boot.sh "$work/root" /test/end-to-end.sh
