#!/usr/bin/env bash
# around.sh: the brief test on one kernel that is older than this machine's and on one that
# is newer. Skips with a reason where they cannot be had or booted.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/checks.sh
source tests/checks.sh

for tool in qemu-system-x86_64 busybox mke2fs depmod jq cpio; do
  PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null || {
    skip 'other kernels' "this machine has no $tool"
    finish
  }
done

host=$(uname -r | sed 's/[^0-9.].*//')
# The newest of those that are older, and the oldest of those that are newer.
older='' newer=''
for version in 5.10 6.1 6.12 7.0; do
  if [[ $version != "$host" && $(printf '%s\n' "$version" "$host" | sort --version-sort | head -n 1) == "$version" ]]; then
    older=$version
  else
    newer=${newer:-$version}
  fi
done
versions=()
for version in $older ${newer/7.0/7.x}; do
  if output=$(tests/kernels/fetch.sh "$version" 2>&1); then
    versions+=("$version")
  else
    skip "kernel $version" "$(tail -n 1 <<<"$output")"
  fi
done
((${#versions[@]})) || finish
exec tests/kernels/test.sh --brief "${versions[@]}"
