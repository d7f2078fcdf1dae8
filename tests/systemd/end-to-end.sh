#!/usr/bin/env bash
# Runs inside the guest: the life of the service as an operator sees it, from the first
# start to a refused configuration. Each check builds on the ones before it.
set -uo pipefail
# shellcheck source=tests/checks.sh
source /test/checks.sh

unit=sentinel.service
config=/etc/sentinel/sentinel.toml

show() { systemctl show --property "$1" --value "$unit"; }
active() { systemctl is-active "$unit" && sentinelctl status >/dev/null; }

# Without a process the number is 0, which kill would take for everybody here.
main_pid() {
  local pid
  pid=$(show MainPID)
  ((pid > 0)) && echo "$pid"
}

# The BPF programs that a process holds, by their numbers.
programs_of() { grep -hs '^prog_id:' "/proc/$1"/fdinfo/* | awk '{ print $2 }' | sort -un; }

none_loaded() {
  local id left=0
  [[ -n $* ]] || { echo "the daemon held no BPF programs to begin with"; return 1; }
  for id in "$@"; do
    if bpftool prog show id "$id" 2>/dev/null; then left=1; fi
  done
  return "$left"
}

unit_is_sound() {
  local words
  words=$(systemd-analyze verify "$unit" 2>&1) && [[ -z $words ]] || { echo "$words"; return 1; }
}

starts() {
  systemctl enable --now "$unit" || { journalctl --no-pager --unit "$unit" --lines 30; return 1; }
  systemctl is-enabled "$unit" && active
}

status_answers() {
  local status
  status=$(sentinelctl --json status) || return
  echo "$status"
  jq --exit-status --slurp '.[0] |
    .mode.mode == "learn"
    and ([.hooks[] | select(.state == "running")] | length > 0)
    and ([.hooks[] | select(.state != "running" and .reason == "")] | length == 0)
  ' <<<"$status" >/dev/null
}

mode_is() {
  local state
  state=$(sentinelctl --json mode) || return
  echo "$state"
  [[ $(jq --raw-output .mode <<<"$state") == "$1" ]]
}

switches_to_detect() { sentinelctl mode detect && mode_is detect; }

# Other attacks may be simulated on this kernel at the same time: only an alert about the
# process of this one counts. Its ancestors must lead to the guest's first process.
attacked=''
simulates() {
  local report
  report=$(sentinelctl --json simulate fileless) || { echo "$report"; return 1; }
  attacked=$(jq 'select(.name == "fileless/memfd" and .outcome == "ran") | .pid' <<<"$report")
  echo "$report"
  [[ -n $attacked ]]
}

alert_in_api() {
  local alerts
  alerts=$(sentinelctl --json alerts) || return
  echo "$alerts"
  jq --exit-status --slurp --argjson pid "$attacked" '
    map(select(.detection == "fileless_execution" and .pid == $pid and .ancestors[-1].pid == 1)) | length > 0' <<<"$alerts"
}

alert_in_journal() {
  journalctl --unit "$unit" --output json SENTINEL_DETECTION=fileless_execution "SENTINEL_PROCESS_PID=$attacked" |
    jq --exit-status --slurp '
      length > 0 and all(.[]; (.MESSAGE | length > 0) and (.SENTINEL_SEVERITY | length > 0)
                              and (.SENTINEL_TECHNIQUE | test("T1620")) and (.PRIORITY | tonumber <= 4))'
}

has_status_line() {
  systemctl status --no-pager "$unit" | grep 'Status: "..*"'
}

restart_keeps_mode() {
  local before
  before=$(main_pid) || return
  systemctl restart "$unit" && active && [[ $(main_pid) != "$before" ]] && mode_is detect
}

history_survives() { alert_in_api; }

reloads() {
  local before
  before=$(main_pid) || return
  systemctl reload "$unit" && active && [[ $(main_pid) == "$before" ]]
}

with_bad_config() {
  local status=0
  cp "$config" /tmp/good.toml
  printf '\nno_such_setting = 1\n' >>"$config"
  "$@" || status=$?
  cp /tmp/good.toml "$config"
  return "$status"
}

refuses_reload() {
  local before
  before=$(main_pid) || return
  if systemctl reload "$unit"; then return 1; fi
  active && [[ $(main_pid) == "$before" ]]
}

# Killed from outside, it is started again and leaves nothing of the first run behind.
recovers_from_kill() {
  local before programs
  before=$(main_pid) || return
  programs=$(programs_of "$before")
  kill -KILL "$before"
  eventually 20 restarted_since "$before" || return
  # shellcheck disable=SC2086
  eventually 5 none_loaded $programs && mode_is detect
}

restarted_since() {
  local now
  now=$(main_pid) && [[ $now != "$1" ]] && active
}

# A process that stands still stops telling the manager that it is alive.
watchdog_restarts() {
  local before
  mkdir -p "/run/systemd/system/$unit.d"
  printf '[Service]\nWatchdogSec=2s\n' >"/run/systemd/system/$unit.d/watchdog.conf"
  systemctl daemon-reload && systemctl reset-failed "$unit" && systemctl restart "$unit" || return
  # One that feeds the watchdog lives on.
  before=$(main_pid) || return
  sleep 5
  [[ $(main_pid) == "$before" ]] || { echo "restarted although it was alive"; return 1; }
  kill -STOP "$before"
  eventually 20 restarted_since "$before" || return
  rm -r "/run/systemd/system/$unit.d"
  systemctl daemon-reload && systemctl reset-failed "$unit" && systemctl restart "$unit"
}

stops_cleanly() {
  local programs pid
  pid=$(main_pid) || return
  programs=$(programs_of "$pid")
  systemctl stop "$unit" || return
  [[ $(show Result) == success && $(show ExecMainStatus) == 0 ]] ||
    { systemctl show --property Result,ExecMainStatus,ExecMainCode "$unit"; return 1; }
  [[ ! -e /run/sentinel ]] || { echo "/run/sentinel is still there"; return 1; }
  # shellcheck disable=SC2086
  eventually 5 none_loaded $programs
}

refuses_start() {
  local since words
  since=$(date '+%F %T')
  sleep 1
  if systemctl start "$unit"; then return 1; fi
  words=$(journalctl --unit "$unit" --since "$since" --output cat _COMM=sentinel)
  echo "$words"
  systemctl stop "$unit"
  # One sentence that names the key, however often the manager tried.
  grep no_such_setting <<<"$words" >/dev/null && [[ $(sort -u <<<"$words" | wc -l) -eq 1 ]]
}

starts_again() { systemctl reset-failed "$unit" && systemctl start "$unit" && active; }

check 'the unit is sound' unit_is_sound
check 'systemctl enable --now starts it' starts
((checks_failed == 0)) || finish
check 'sentinelctl status shows running hooks, and a reason for each other one' status_answers
check 'sentinelctl mode detect switches the mode' switches_to_detect
check 'sentinelctl simulate fileless runs' simulates
check 'the alert arrives over gRPC' eventually 10 alert_in_api
check 'the alert arrives in the journal with its fields' eventually 10 alert_in_journal
check 'systemctl status shows its own words' has_status_line
check 'a reload keeps the process' reloads
check 'a reload with a wrong configuration is refused and changes nothing' with_bad_config refuses_reload
check 'a restart keeps the mode' restart_keeps_mode
check 'a restart keeps the alerts' history_survives
check 'it comes back after kill -9, and nothing stays in the kernel' recovers_from_kill
check 'the watchdog restarts it when it stands still' watchdog_restarts
check 'it stops with success, and nothing stays in the kernel' stops_cleanly
check 'a wrong configuration is refused in one sentence' with_bad_config refuses_start
check 'with the right configuration it starts again' starts_again
finish
