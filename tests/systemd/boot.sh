#!/usr/bin/env bash
# boot.sh ROOTFS COMMAND...: boots the systemd in ROOTFS as the first process of new
# namespaces, runs COMMAND there as a unit of its own, shuts down, and exits with the
# command's exit code. 125 means that the guest itself failed.
#
# The kernel is the host's, which is the point: the sensor under test loads its
# programs into it. Everything else of the host stays out of reach: /proc/sys and /sys
# are read-only, and network, hostname, processes and cgroups are the guest's own.
set -euo pipefail

boot_seconds=${BOOT_SECONDS:-180}
command_seconds=${COMMAND_SECONDS:-600}
here=$(cd "$(dirname "$0")" && pwd)
rootfs=$(realpath "$1")
shift
unshare_pid='' init='' cgroup=''

fail() {
  echo "boot: $*" >&2
  exit 125
}

# Guest processes end with their first process; their cgroups stay and are removed.
clean_up() {
  local status=$?
  trap - EXIT INT TERM
  if [[ -n $unshare_pid ]] && kill -0 "$unshare_pid" 2>/dev/null; then
    kill -KILL ${init:+"$init"} "$unshare_pid" 2>/dev/null || true
    wait "$unshare_pid" 2>/dev/null || true
  fi
  if [[ -n $cgroup ]]; then
    # The kernel takes a moment to empty a cgroup whose processes were killed.
    for _ in 1 2 3 4 5 6 7 8 9 10; do
      find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || true
      [[ -d $cgroup ]] || break
      sleep 0.2
    done
  fi
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

inside() {
  nsenter --target "$init" --mount --uts --ipc --net --pid --cgroup --root --wd=/ "$@"
}

until_true() {
  local seconds=$1 deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || { echo "boot: not after $seconds s: $*" >&2; return 1; }
    kill -0 "$unshare_pid" 2>/dev/null || { echo "boot: the guest is gone" >&2; return 1; }
    sleep 0.2
  done
}

started() {
  # The kernel ends this file without a newline, which read calls a failure.
  read -r init 2>/dev/null <"/proc/$unshare_pid/task/$unshare_pid/children" || [[ -n $init ]]
}

# The state is only settled once it is one of these two: "starting" comes before.
booted() {
  local state
  state=$(inside timeout 5 systemctl is-system-running 2>/dev/null) || true
  [[ $state == running || $state == degraded ]]
}

powered_off() { ! kill -0 "$unshare_pid" 2>/dev/null; }

hierarchy=$(findmnt --noheadings --first-only --output TARGET --types cgroup2) || fail "no cgroup2 hierarchy is mounted"
cgroup=$hierarchy/sentinel-test-$$
mkdir "$cgroup"
# Joining the cgroup before making the namespace makes it the root that the guest sees.
(
  echo "$BASHPID" >"$cgroup/cgroup.procs"
  exec unshare --fork --kill-child --pid --mount --uts --ipc --net --cgroup \
    "$here/enter.sh" "$rootfs" >"$rootfs.console" 2>&1 </dev/null
) &
unshare_pid=$!

until_true 10 started || { cat "$rootfs.console" >&2; fail "the namespaces could not be made"; }
until_true "$boot_seconds" booted || {
  cat "$rootfs.console" >&2
  inside journalctl --no-pager --boot 2>/dev/null | tail -n 60 >&2 || true
  fail "systemd did not come up"
}

status=0
inside systemd-run --quiet --pipe --wait --collect --unit=test-command \
  --property=RuntimeMaxSec="$command_seconds" "$@" </dev/null || status=$?

if ((status)); then
  echo "-- the guest's journal:"
  inside journalctl --no-pager --boot --lines 40 || true
fi

# The answer to this call may be lost with the one who gives it.
inside systemctl --no-block poweroff 2>/dev/null || true
for ((i = 0; i < 200; i++)); do
  powered_off && exit "$status"
  sleep 0.2
done
fail "the guest does not shut down"
