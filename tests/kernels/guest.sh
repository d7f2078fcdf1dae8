#!/bin/busybox sh
# shellcheck shell=dash disable=SC3040
# guest PREEMPT TEST...: what is tested in each kernel, "-" being its own preemption mode.
# Exits with the number of failures.
set -o pipefail
failures=0
preempt=$1
shift

# A parameter that the kernel did not take would test the same thing twice.
if [ "$preempt" != - ]; then
  dmesg | grep -q "Dynamic Preempt: $preempt\$" || {
    echo "the kernel did not take preempt=$preempt"
    failures=$((failures + 1))
  }
fi

echo "-- sentinel probe"
/sentinel probe | tee /run/probe || failures=$((failures + 1))
# Each observation has several ways to be made; one of them must work here.
awk 'NF == 0 { exit } NR > 1 { all[$1] } $2 == "running" { works[$1] }
     END { for (o in all) if (!(o in works)) { print "nothing observes " o; bad = 1 }; exit bad }' /run/probe ||
  failures=$((failures + 1))

echo "-- the integration tests"
cd /tmp || exit 125
SENTINEL_TRIGGER=/trigger SENTINEL_TRIGGER_DIR=/ RUST_BACKTRACE=1 /integration "$@" --show-output 2>&1 | tee /run/log ||
  failures=$((failures + 1))
# A run that tests nothing succeeds, and one that skips everything does.
grep -q '^test sensor::.* ok$' /run/log && ! grep -q '^skipped: .*::\|^skipped: each_trigger' /run/log || {
  echo "the sensor was not tested"
  failures=$((failures + 1))
}

exit "$failures"
