#!/bin/busybox sh
# shellcheck shell=dash
# guest.sh [PREEMPT]: what is tested in each kernel. Exits with the number of failures.
failures=0

# A parameter that the kernel did not take would test the same thing twice.
if [ -n "${1:-}" ]; then
  dmesg | grep -q "Dynamic Preempt: $1\$" || {
    echo "the kernel did not take preempt=$1"
    failures=$((failures + 1))
  }
fi

echo "-- sentinel probe"
/sentinel probe || failures=$((failures + 1))

echo "-- the kernel tests"
cd /tmp || exit 125
RUST_BACKTRACE=1 /integration kernel:: --test-threads 1 --show-output >/run/log || failures=$((failures + 1))
cat /run/log
# A filter that matches nothing succeeds.
if grep -q '^running 0 tests' /run/log; then
  echo "there is no kernel test"
  failures=$((failures + 1))
fi

exit "$failures"
