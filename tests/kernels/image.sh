#!/usr/bin/env bash
# image.sh OUTPUT NAME=PROGRAM...: a disk with busybox and the given programs with the
# libraries that they link against. Each lies at /NAME, and at the path that it has here,
# because tests know their daemon by that path.
#
# A disk, and not only an archive in memory: a file in memory is what some detections
# are about.
set -euo pipefail

output=$1
shift
PATH=$PATH:/usr/sbin:/sbin
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 0755 "$root"

mkdir -p "$root"/{bin,dev,etc,proc,root,run,sbin,sys,tmp,var/tmp}
chmod 1777 "$root/tmp" "$root/var/tmp"
install -m 0755 "$(command -v busybox)" "$root/bin/busybox"
install -m 0755 "$(dirname "$0")/init.sh" "$root/sbin/init"
echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
echo 'root:x:0:' >"$root/etc/group"

add_libraries() {
  local library
  while read -r library; do
    install -D "$library" "$root$library"
  done < <(ldd "$1" 2>/dev/null | grep -o '/[^ ]*')
}

for program in "$@"; do
  name=/${program%%=*}
  program=$(realpath "${program#*=}")
  install -m 0755 "$program" "$root$name"
  mkdir -p "$root$(dirname "$program")"
  ln -sf "$name" "$root$program"
  add_libraries "$program"
done

rm -f "$output"
mke2fs -q -t ext4 -d "$root" -E root_owner=0:0 "$output" 512M >/dev/null
