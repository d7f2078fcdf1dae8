#!/usr/bin/env bash
# boot.sh VERSION IMAGE PARAMETERS COMMAND: boots Debian's kernel of this version under
# QEMU without hardware help, so it runs anywhere, with additional kernel PARAMETERS (may
# be empty), runs the shell COMMAND on a throw-away copy of IMAGE, prints its output, and
# exits with its exit code. 125 means that the guest itself failed; its console is shown.
set -euo pipefail

version=$1
image=$2
parameters=$3
command=$4
seconds=${KERNEL_SECONDS:-300}
here=$(cd "$(dirname "$0")" && pwd)
cache=$(cd "$here/../.." && pwd)/target/kernels/$version

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/initramfs/{bin,dev,root,modules}
cp "$(command -v busybox)" "$work/initramfs/bin/busybox"
install -m 0755 "$here/initramfs-init.sh" "$work/initramfs/init"
cp "$cache"/modules/*.ko "$work/initramfs/modules"
printf '%s\n' "$command" >"$work/initramfs/command"
(cd "$work/initramfs" && find . -print0 | cpio --null --create --format=newc --owner=0:0 --quiet) | gzip -1 >"$work/initramfs.gz"

# no_timer_check: on a busy host the emulated timer is too late for the kernel's taste.
# Two processors on one thread: with a thread for each, QEMU lets one processor execute
# what the other is just patching, and newer kernels die of it.
status=0
timeout --kill-after=5 "$seconds" qemu-system-x86_64 -accel tcg,thread=single -cpu max -smp 2 -m 1G \
  -nodefaults -no-reboot -display none -monitor none -nic none \
  -kernel "$cache/vmlinuz" -initrd "$work/initramfs.gz" \
  -drive "file=$image,format=raw,if=virtio,snapshot=on" \
  -append "console=ttyS0 panic=-1 loglevel=5 no_timer_check $parameters" \
  -serial "file:$work/console" -serial "file:$work/output" </dev/null || status=$?

touch "$work/console" "$work/output"
sed '/^exit code: [0-9]*$/d' "$work/output"
code=$(sed -n 's/^exit code: \([0-9]*\)$/\1/p' "$work/output" | tail -n 1)
[[ -z $code ]] || exit "$code"

# 124 is how timeout says that time ran out.
((status == 124)) && reason="no answer within $seconds s" || reason="the guest ended without an exit code (QEMU: $status)"
echo "boot: $reason; the end of its console:" >&2
tail -n 40 "$work/console" >&2
exit 125
