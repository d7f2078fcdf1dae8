#!/usr/bin/env bash
# test.sh [KERNEL]: the service in a full virtual machine: Debian's kernel under QEMU without
# hardware help, a Debian with systemd on its disk, Sentinel installed into it. What a
# namespace cannot have is tested here: kernel functions that can be patched, for the
# hooks of the inner tier, and a clock that can be set. In continuous integration it must
# not be skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/checks.sh
source tests/checks.sh

version=${1:-6.1}
# Debian keeps administration tools where users do not look.
PATH=$PATH:/usr/sbin:/sbin
cannot_run() {
  if [[ ${CI:-} == true ]]; then
    echo "in continuous integration the virtual machine must be tested: $1" >&2
    exit 1
  fi
  skip 'the service in a virtual machine' "$1"
  finish
}
((EUID == 0)) || cannot_run 'making a root file system needs root'
for program in qemu-system-x86_64 busybox cpio depmod xz mke2fs; do
  command -v "$program" >/dev/null || cannot_run "there is no $program; packaging/install-dependencies.sh kernels"
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tests/kernels/fetch.sh "$version"
tests/systemd/rootfs.sh "$work/root"
tests/systemd/furnish.sh "$work/root"
install -m 0755 tests/vm/end-to-end.sh tests/vm/run.sh "$work/root/test/"
install -D -m 0644 tests/vm/test.service "$work/root/etc/systemd/system/test.service"
ln -s ../test.service "$work/root/etc/systemd/system/multi-user.target.wants/test.service"
mke2fs -q -t ext4 -d "$work/root" "$work/image" 1536M >/dev/null
# Everything is a dozen times slower than on the metal.
KERNEL_SECONDS=${KERNEL_SECONDS:-1800} tests/kernels/boot.sh "$version" "$work/image" 'systemd.show_status=0' /test/end-to-end.sh
