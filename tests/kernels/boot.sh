#!/usr/bin/env bash
# boot.sh VERSION INITRAMFS PARAMETERS COMMAND: boots Debian's kernel of this version
# under QEMU without hardware help, so it runs anywhere, with additional kernel
# PARAMETERS (may be empty), runs the shell COMMAND in it, prints its output, and exits
# with its exit code. 125 means that the guest itself failed; its console is shown then.
set -euo pipefail

version=$1
initramfs=$2
parameters=$3
command=$4
seconds=${KERNEL_SECONDS:-180}
cache=$(cd "$(dirname "$0")/../.." && pwd)/target/kernels/$version

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The kernel unpacks archives that follow one another as one: the command is the second.
mkdir "$work/extra"
printf '%s\n' "$command" >"$work/extra/command"
(cd "$work/extra" && echo command | cpio --create --format=newc --quiet) | gzip -1 >"$work/extra.gz"
cat "$initramfs" "$work/extra.gz" >"$work/initramfs"

status=0
timeout --kill-after=5 "$seconds" qemu-system-x86_64 -accel tcg,thread=single -cpu max -smp 2 -m 1G \
  -nodefaults -no-reboot -display none -monitor none -nic none \
  -kernel "$cache/vmlinuz" -initrd "$work/initramfs" \
  -append "console=ttyS0 panic=-1 loglevel=5 $parameters" \
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
