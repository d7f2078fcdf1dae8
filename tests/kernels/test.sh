#!/usr/bin/env bash
# test.sh [--brief] [VERSION...]: boots Debian's kernels, or only these, runs guest.sh in
# each, and prints a table. A failing case prints the command that repeats it. --brief is
# for the tests of every change: what is loaded, one event of each kind, and what is counted.
#
# Each kernel also runs with full preemption where its mode can be chosen at boot, since
# that is where programs are interrupted in the middle; from 6.13 on lazy preemption is
# a mode of its own.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/checks.sh
source tests/checks.sh

# Version, then the preemption mode to ask for; "-" is the kernel's own default.
cases='
5.10  -
6.1   -
6.1   full
6.12  -
6.12  full
7.x   -
7.x   full
7.x   lazy
'

# What knows the kernel; the rest of the daemon is the same on all of them.
tests='sensor:: calls:: filter:: repeats:: loss::'
export KERNEL_SECONDS=${KERNEL_SECONDS:-1200}
if [[ ${1:-} == --brief ]]; then
  tests='sensor::each_trigger repeats::repeats_are_told'
  # One mode of each kernel, the one that interrupts most.
  cases='
5.10  -
6.1   full
6.12  full
7.x   lazy
'
  shift
fi

logs=target/test-logs/kernels
image=target/kernels/image
mkdir -p "$logs" target/kernels

# All of the workspace, as the other tests build it: asked for less, dependencies would be
# compiled again for another set of features.
cargo build --release --locked --workspace --all-targets

# The path of the integration tests' program is known to cargo alone.
integration() {
  cargo test --release --locked --workspace --no-run --message-format json |
    jq --raw-output 'select(.reason == "compiler-artifact" and .target.name == "integration") | .executable'
}

cc -O1 -pthread -o target/kernels/trigger tests/triggers/trigger.c
for bits in 64 32; do
  cc -O1 -static -m$bits -o target/kernels/calls$bits tests/triggers/calls.c
done
tests/kernels/image.sh "$image" guest=tests/kernels/guest.sh sentinel=target/release/sentinel \
  sentinelctl=target/release/sentinelctl integration="$(integration)" trigger=target/kernels/trigger \
  calls64=target/kernels/calls64 calls32=target/kernels/calls32

failed=()
printf '\n%-32s %-8s %-8s %s\n' KERNEL PREEMPT RESULT SECONDS
while read -r version preempt; do
  [[ -n $version ]] || continue
  (($# == 0)) || [[ " $* " == *" $version "* ]] || continue
  if ! output=$(tests/kernels/fetch.sh "$version" 2>&1); then
    skip "kernel $version $preempt" "$(tail -n 1 <<<"$output")"
    continue
  fi
  parameters=
  [[ $preempt == - ]] || parameters=preempt=$preempt
  log=$logs/$version${parameters:+-$preempt}.log
  began=$SECONDS
  if tests/kernels/boot.sh "$version" "$image" "$parameters" "/guest $preempt $tests" >"$log" 2>&1; then
    result=passed checks_passed=$((checks_passed + 1))
  else
    result=FAILED checks_failed=$((checks_failed + 1))
    failed+=("tests/kernels/boot.sh $version $image '$parameters' '/guest $preempt $tests'  # log: $log")
  fi
  printf '%-32s %-8s %-8s %s\n' "$(<"target/kernels/$version/package")" "${parameters:-default}" "$result" "$((SECONDS - began))"
done <<<"$cases"

echo
for command in "${failed[@]}"; do
  echo "repeat with: $command"
done
finish
