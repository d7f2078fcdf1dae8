#!/usr/bin/env bash
# initramfs.sh OUTPUT PROGRAM...: a root file system of busybox and the given programs
# with the libraries that they link against. Each program lies at / under its own name,
# and at the path that it has here, because tests know their daemon by that path.
set -euo pipefail

output=$1
shift
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

mkdir -p "$root"/{bin,dev,etc,proc,root,run,sys,tmp,var/tmp}
cp "$(command -v busybox)" "$root/bin/busybox"
cp "$(dirname "$0")/init.sh" "$root/init"
echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
echo 'root:x:0:' >"$root/etc/group"

add_libraries() {
  local library
  while read -r library; do
    install -D "$library" "$root$library"
  done < <(ldd "$1" 2>/dev/null | grep -o '/[^ ]*')
}

for program in "$@"; do
  program=$(realpath "$program")
  name=/$(basename "$program")
  install -m 0755 "$program" "$root$name"
  mkdir -p "$root$(dirname "$program")"
  ln -sf "$name" "$root$program"
  add_libraries "$program"
done

(cd "$root" && find . -print0 | cpio --null --create --format=newc --owner=0:0 --quiet) | gzip -1 >"$output"
