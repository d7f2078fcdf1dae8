#!/usr/bin/env bash
# Runs inside the virtual machine: what the service does on a kernel of its own.
set -uo pipefail
# Nothing helps QEMU here, so everything takes a dozen times as long, and the kernel's
# verifier, which goes through each program before it is loaded, some minutes.
patience=600
mkdir -p /etc/systemd/system/sentinel.service.d
printf '[Service]\nTimeoutStartSec=%s\n' "$patience" >/etc/systemd/system/sentinel.service.d/slow.conf
systemctl daemon-reload
# shellcheck source=tests/checks.sh
source /test/checks.sh
# shellcheck source=tests/systemd/service.sh
source /test/service.sh

# On this kernel functions can be patched, so the hooks that see more are there, and no
# observation is left to the weaker ones alone.
inner_tier_runs() {
  local hooks
  hooks=$(sentinelctl --json status | jq .hooks) || return
  jq --raw-output '.[] | select(.state == "failed") | "\(.program) failed: \(.reason)"' <<<"$hooks"
  hooks=$(jq 'map(select(.state == "running"))' <<<"$hooks")
  jq --raw-output '.[] | "\(.tier) \(.observation) \(.attach_point)"' <<<"$hooks"
  jq --exit-status 'map(select(.tier == "inner") | .observation) | contains(["accept", "open", "memfd", "mmap", "mprotect", "unlink"])' <<<"$hooks" &&
    sentinel probe >/tmp/probe && grep 'running *inner' /tmp/probe
}

# sees_now: what runs now is told with the time of now.
sees_now() {
  local marker
  marker=$(mktemp /tmp/marker.XXXXXX)
  install -m 0755 /bin/true "$marker" && "$marker" && eventually 30 seen_lately "$marker"
}

seen_lately() {
  local now
  now=$(date +%s)
  sentinelctl --json events --since 3min --kind exec --exe "$1" |
    jq --exit-status --slurp --argjson now "$now" '
      length > 0 and all(.[]; (.time | sub("\\.[0-9]+"; "") | fromdateiso8601) as $t | $t <= $now + 2 and $t > $now - 180)'
}

# Loading takes minutes here, in which hooks that are attached already fill the rings and
# nobody empties them; that is told as a problem, and no other one may be.
only_loss() {
  local problems
  problems=$(sentinelctl --json status | jq '.problems') || return
  echo "$problems"
  jq --exit-status 'map(select(test("found no room in the") | not)) == []' <<<"$problems"
}

# set_clock OFFSET: the same process goes on, sees, alerts, and keeps its history.
set_clock() {
  local before uptime
  before=$(main_pid) && uptime=$(uptime_of) || return
  date --set "$1" || return
  sees_now && simulates && eventually 30 alert_in_api && eventually 30 alert_in_journal || return
  # Longer than the watchdog waits.
  sleep 35
  [[ $(main_pid) == "$before" ]] && only_loss && (($(uptime_of) > uptime))
}

uptime_of() { sentinelctl --json status | jq '.uptime_seconds | tonumber'; }

check 'its users and groups are made' has_users
began=$SECONDS
check 'systemctl enable --now starts it' starts
echo "        its start took $((SECONDS - began)) s"
((checks_failed == 0)) || finish
check 'hooks of the inner tier run' inner_tier_runs
check 'nothing is wrong with it inside its sandbox' only_loss
check 'it runs as its own user and holds no capability' holds_no_capability
check 'its limits are enforced by the kernel' limits_are_enforced
check 'sentinelctl mode detect switches the mode' switches_to_detect
check 'what happens is seen' sees_now
check 'sentinelctl simulate fileless runs' simulates
check 'the alert arrives over gRPC' eventually 30 alert_in_api
check 'the alert arrives in the journal with its fields' eventually 30 alert_in_journal
check 'it goes on when the clock jumps ahead' set_clock '+2 hours'
check 'it goes on when the clock is set back' set_clock '-3 hours'
check 'it comes back after kill -9, and nothing stays in the kernel' recovers_from_kill
check 'a restart by systemd keeps the mode' mode_is detect
check 'it stops with success, and nothing stays in the kernel' stops_cleanly
finish
