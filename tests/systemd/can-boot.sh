#!/usr/bin/env bash
# can-boot.sh: succeeds where a systemd can be booted in namespaces and Sentinel can load
# its programs; else says in a few words why not.
set -euo pipefail

# Debian keeps administration tools where users do not look.
PATH=$PATH:/usr/sbin:/sbin

no() {
  echo "$1"
  exit 1
}

((EUID == 0)) || no 'making namespaces needs root'
unshare --pid --fork --mount --uts --ipc --net --cgroup true 2>/dev/null || no 'this machine does not allow new namespaces'
findmnt --types cgroup2 >/dev/null || no 'no cgroup2 hierarchy is mounted'
[[ -e /sys/kernel/btf/vmlinux ]] || no 'this kernel has no BTF'
