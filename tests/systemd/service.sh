# shellcheck shell=bash disable=SC2317
# What can be asked and asserted of the service inside a guest; sourced by the scripts
# that do, which source checks.sh before.

unit=sentinel.service
# Seconds until a restart must be over; a slow machine sets more.
: "${patience:=60}"
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
  words=$(systemd-analyze verify --man=no "$unit" 2>&1) && [[ -z $words ]] || { echo "$words"; return 1; }
}

# What a package's scripts do: users, groups and the folder of the history.
has_users() { systemd-sysusers && systemd-tmpfiles --create && id sentinel && getent group sentinel-admin; }

starts() {
  systemctl enable --now "$unit" || { journalctl --no-pager --unit "$unit" --lines 30; return 1; }
  systemctl is-enabled "$unit" && active
}

# Lower is better; ten times the exposure.
is_closed() { systemd-analyze security --no-pager --threshold=20 "$unit"; }

# Every process of the unit, every thread of it, and every set from which a capability could
# come back. What parses what others wrote is among them, so none of it could load a program.
holds_no_capability() {
  local pid
  pid=$(main_pid) && [[ $(stat -c %U "/proc/$pid") == sentinel ]] || return
  for pid in $(processes); do bare "$pid" || return; done
}

processes() { cat "/sys/fs/cgroup/system.slice/$unit/cgroup.procs"; }

# bare PID: it holds no capability, and system calls are filtered.
bare() {
  local status text
  for status in "/proc/$1"/task/*/status; do
    # A thread may end meanwhile; what cannot be read of one that has not is a failure.
    text=$(cat "$status" 2>/dev/null) || { [[ ! -e $status ]] && continue; return 1; }
    echo "$status"
    grep '^Cap[IPEA]\|^Seccomp:\|^NoNewPrivs:' <<<"$text"
    [[ $(grep -c '^Cap\(Inh\|Prm\|Eff\|Amb\):\s0*$' <<<"$text") == 4 ]] || return
    grep -q '^Seccomp:\s2$' <<<"$text" && grep -q '^NoNewPrivs:\s1$' <<<"$text" || return
  done
}

# In the journal of the daemon nothing may say that a system call was refused.
has_no_problems() {
  local problems
  problems=$(sentinelctl --json status | jq '.problems') || return
  echo "$problems"
  jq --exit-status '. == []' <<<"$problems"
}

nothing_to_mend() {
  local words
  words=$(sentinelctl doctor) || { echo "$words"; return 1; }
  echo "$words"
  grep '^good  unit  *active, enabled' <<<"$words" && grep '^good  daemon' <<<"$words"
}

groups_decide() {
  local words
  useradd --groups sentinel reader && useradd --groups sentinel,sentinel-admin admin && useradd stranger || return
  setpriv --reuid reader --regid reader --init-groups sentinelctl status >/dev/null || return
  if words=$(setpriv --reuid reader --regid reader --init-groups sentinelctl mode learn 2>&1); then return 1; fi
  echo "$words"
  grep "only root and the group 'sentinel-admin' may" <<<"$words" || return
  if words=$(setpriv --reuid stranger --regid stranger --init-groups sentinelctl status 2>&1); then return 1; fi
  echo "$words"
  grep "only root and the group 'sentinel' may" <<<"$words" || return
  setpriv --reuid admin --regid admin --init-groups sentinelctl mode detect || return
  sentinelctl --json audit | jq --exit-status --slurp '.[-1] | .user == "admin" and .detail == "detect" and (.exe | endswith("sentinelctl"))' &&
    journalctl --unit "$unit" --output json SENTINEL_CALLER_UID="$(id -u stranger)" | jq --exit-status --slurp 'length > 0'
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
  # One of its techniques is enough to find it.
  journalctl --unit "$unit" --output json SENTINEL_TECHNIQUE=T1620 "SENTINEL_PROCESS_PID=$attacked" |
    jq --exit-status --slurp '
      length > 0 and all(.[]; (.MESSAGE | length > 0) and (.SENTINEL_SEVERITY | length > 0)
                              and (.MESSAGE_ID | length == 32) and (.PRIORITY | tonumber <= 4))' || return
  # What journalctl -x adds, where the catalog is installed.
  journalctl --update-catalog && journalctl --catalog --unit "$unit" "SENTINEL_PROCESS_PID=$attacked" | grep 'sentinelctl alerts show [0-9a-f]\{16\}'
}

has_status_line() {
  systemctl status --no-pager "$unit" | grep 'Status: "..*"'
}

# What systemd took from the unit.
is_limited() {
  systemctl show --property MemoryMax,TasksMax,CPUWeight,OOMScoreAdjust,NRestarts "$unit"
  [[ $(show MemoryMax) == $((512 << 20)) && $(show TasksMax) == 64 && $(show CPUWeight) == 200 &&
    $(show OOMScoreAdjust) == -900 && $(show NRestarts) == 0 ]]
}

# The kernel enforces it; a guest without a kernel of its own may not have the controllers.
limits_are_enforced() {
  local pid group=/sys/fs/cgroup/system.slice/$unit
  pid=$(main_pid) && head "$group"/{memory.max,pids.max,cpu.weight,memory.peak} "/proc/$pid/oom_score_adj"
  [[ $(cat "$group/memory.max") == $((512 << 20)) && $(cat "$group/pids.max") == 64 &&
    $(cat "$group/cpu.weight") == 200 && $(cat "/proc/$pid/oom_score_adj") == -900 ]]
}

# Killed again and again, it is not started for ever.
restarts_are_limited() {
  local kills=0 pid
  systemctl reset-failed "$unit" && systemctl restart "$unit" || return
  until [[ $(show ActiveState) == failed ]]; do
    ((kills < 10)) || { echo "started again after $kills kills"; return 1; }
    # Not before it is ready, so that what is counted is starts of a whole daemon.
    eventually "$patience" active >/dev/null || { [[ $(show ActiveState) == failed ]] && break; return 1; }
    pid=$(main_pid) && kill -KILL "$pid" && kills=$((kills + 1))
    eventually 20 gone_or_failed "$pid" || return
  done
  echo "$kills kills, then: $(show Result)"
  systemctl status --no-pager "$unit" | grep -i 'start request repeated too quickly'
  # The limit counts starts, and the first one was ours.
  [[ $kills == 5 ]] || return
  systemctl reset-failed "$unit" && systemctl start "$unit" && active
}

gone_or_failed() { [[ ! -e /proc/$1 ]]; }

# A daemon in the foreground that is killed leaves its programs in the BPF file system. The
# doctor names it, cleanup removes what it left, and nothing of the service that lives.
cleans_up() {
  local left programs own words
  own=$(programs_of "$(main_pid)")
  install -d /tmp/left && : >/tmp/left/config
  sentinel run --config /tmp/left/config --data-dir /tmp/left/data --socket /tmp/left/sock 2>/tmp/left/log &
  left=$!
  eventually "$patience" sentinelctl --socket /tmp/left/sock mode || { cat /tmp/left/log; return 1; }
  programs=$(programs_of "$left")
  [[ $(sentinel cleanup) == 'no daemon left kernel programs behind' ]] || { echo 'it took a living one for gone'; return 1; }
  kill -KILL "$left"
  wait "$left"
  # They wait for the next daemon of that folder.
  sleep 1
  # shellcheck disable=SC2086
  if none_loaded $programs >/dev/null; then echo 'nothing was left'; return 1; fi
  words=$(sentinelctl doctor) || { echo "$words"; return 1; }
  grep '^warn  leftovers.*/tmp/left/data' <<<"$words" || { echo "$words"; return 1; }
  words=$(setpriv --reuid nobody --clear-groups sentinel cleanup 2>&1) && { echo "nobody may: $words"; return 1; }
  words=$(sentinel cleanup) || return
  echo "$words"
  grep '^removed /sys/fs/bpf/sentinel/.*, left by a daemon with data folder /tmp/left/data$' <<<"$words" || return
  [[ -z $(ls /sys/fs/bpf/sentinel) ]] || { ls -R /sys/fs/bpf/sentinel; return 1; }
  # shellcheck disable=SC2086
  eventually 20 none_loaded $programs || return
  sentinelctl doctor | grep '^good  leftovers' || return
  [[ $(sentinel cleanup) == 'no daemon left kernel programs behind' ]] || return
  active && [[ $(programs_of "$(main_pid)") == "$own" ]]
}

# Three days of a made-up host until now, imported and learned by root for the daemon's user.
relearns() {
  local data=/var/lib/sentinel words
  systemctl stop "$unit" || return
  mv "$data" "$data.before" && sentinelctl import /test/past.jsonl "$data" && chown sentinel:sentinel "$data" || return
  words=$(sentinel relearn "$data") || { echo "$words"; return 1; }
  echo "$words"
  grep -E 'generation [1-9]$' <<<"$words" || return
  [[ -z $(find "$data" ! -user sentinel) ]] || { find "$data" ! -user sentinel; return 1; }
  systemctl start "$unit" && active
}

# Nothing but the sandbox differs from other tests of this: the trainer must be found,
# started, and allowed its modesty, and what it leaves must be read.
trains() {
  local words watch status=0
  : >/tmp/trainer
  watch_trainer &
  watch=$!
  words=$(sentinelctl baseline fit 2>&1) || { kill "$watch"; echo "$words"; return 1; }
  echo "$words"
  eventually 300 trained || status=1
  kill "$watch" 2>/dev/null
  cat /tmp/trainer
  ((status == 0)) && grep -q '^seen$' /tmp/trainer && has_no_problems
}

# The trainer is a process of its own; it has nothing that the daemon has not. It may be
# there for a second only.
watch_trainer() {
  until bare_trainer; do sleep 0.02; done
}

bare_trainer() {
  local pid words
  for pid in $(processes); do
    [[ $(cat "/proc/$pid/comm" 2>/dev/null) == sentinel-train ]] || continue
    # One that ended meanwhile says nothing, neither good nor bad.
    if words=$(bare "$pid") && [[ -n $words ]]; then echo seen >>/tmp/trainer; return; fi
    [[ ! -d /proc/$pid ]] || echo "$words" >/tmp/trainer
  done
  return 1
}

trained() {
  local status
  status=$(sentinelctl --json status) || return
  jq '.learning.networks, .problems' <<<"$status"
  jq --exit-status '[.learning.networks[] | select(.trained != null)] | length == 3' <<<"$status" >/dev/null
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

reload_applies() {
  sed -i 's/^min_severity = .*/min_severity = "critical"/' "$config" && systemctl reload "$unit" || return
  eventually 20 origin_is file || return
  sed -i 's/^min_severity = .*/min_severity = "low"/' "$config" && sentinelctl reload | grep 'applied detect.min_severity'
}

origin_is() {
  sentinelctl --json config detect.min_severity | jq --exit-status '.settings[0] | .origin == "'"$1"'" and .value == "\"critical\""'
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

# Killed from outside, it is started again, and goes on with the same programs: what happened
# while there was no daemon is in the history, once.
recovers_from_kill() {
  local before programs ran
  before=$(main_pid) || return
  programs=$(programs_of "$before")
  [[ -n $programs ]] || { echo "the daemon holds no BPF programs"; return 1; }
  cp /bin/true /tmp/numbered && rm -f /tmp/numbered.ran
  numbers &
  ran=$!
  sleep 2
  kill -KILL "$before"
  eventually "$patience" restarted_since "$before" || { kill "$ran"; return 1; }
  sleep 2
  kill "$ran"
  wait "$ran"
  # The new daemon does not hold those that others call, but no program may be a new one.
  [[ -z $(comm -13 <(sort <<<"$programs") <(programs_of "$(main_pid)" | sort)) ]] || { echo "the programs are not the same"; return 1; }
  eventually 20 all_numbers_seen && mode_is detect
}

numbers() { for ((n = 1; ; n++)); do /tmp/numbered "$n" && echo "$n" >>/tmp/numbered.ran; sleep 0.05; done; }

all_numbers_seen() {
  sentinelctl --json events --since 10min --kind exec --exe /tmp/numbered | jq --raw-output '.argv[1]' | sort >/tmp/numbered.seen || return
  sort /tmp/numbered.ran | comm -23 - /tmp/numbered.seen >/tmp/numbered.missed
  uniq -d /tmp/numbered.seen >/tmp/numbered.twice
  echo "$(wc -l </tmp/numbered.ran) ran, missed: $(xargs </tmp/numbered.missed), twice: $(xargs </tmp/numbered.twice)"
  [[ $(wc -l </tmp/numbered.ran) -gt 20 && ! -s /tmp/numbered.missed && ! -s /tmp/numbered.twice ]]
}

restarted_since() {
  local now
  now=$(main_pid) && [[ $now != "$1" ]] && active
}

with_short_watchdog() {
  local status=0
  mkdir -p "/run/systemd/system/$unit.d"
  printf '[Service]\nWatchdogSec=5s\nTimeoutStopSec=5s\n' >"/run/systemd/system/$unit.d/watchdog.conf"
  systemctl daemon-reload && systemctl reset-failed "$unit" && systemctl restart "$unit" && "$@" || status=$?
  rm -r "/run/systemd/system/$unit.d"
  systemctl daemon-reload && systemctl reset-failed "$unit" && systemctl restart "$unit"
  return "$status"
}

# Only the pipeline's thread is stopped: all others go on, and the API still answers where it
# needs nothing of the pipeline, which may be stopped while it holds what others wait for.
pipeline_is_watched() {
  local before holder status=0
  before=$(main_pid) || return
  /test/hold "$before" pipeline &
  holder=$!
  sleep 3
  # On a busy machine the watchdog may come before the answer does; then nothing is held any more.
  if kill -0 "$holder"; then
    sentinelctl mode >/dev/null || { sleep 1; kill -0 "$holder" && status=1; }
  fi
  eventually $((patience * 2)) restarted_since "$before" || status=1
  kill "$holder" 2>/dev/null
  wait "$holder" 2>/dev/null
  journalctl --unit "$unit" | grep -i 'watchdog timeout' || status=1
  return "$status"
}

# A process that stands still stops telling the manager that it is alive.
watchdog_restarts() {
  local before
  # One that feeds the watchdog lives on.
  before=$(main_pid) || return
  sleep 8
  [[ $(main_pid) == "$before" ]] || { echo "restarted although it was alive"; return 1; }
  kill -STOP "$before"
  eventually "$patience" restarted_since "$before"
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
  eventually 20 none_loaded $programs
}

refuses_start() {
  local since words
  since=$(date '+%F %T')
  sleep 1
  if systemctl start "$unit"; then return 1; fi
  sleep 3
  words=$(journalctl --unit "$unit" --since "$since" --output cat --identifier=sentinel | grep '^sentinel: ')
  echo "$words"
  systemctl stop "$unit"
  # One sentence that names the key, and no second attempt.
  [[ $(show NRestarts) == 0 && $(show ExecMainStatus) == 78 ]] || return
  grep no_such_setting <<<"$words" >/dev/null && [[ $(wc -l <<<"$words") -eq 1 ]]
}

starts_again() { systemctl reset-failed "$unit" && systemctl start "$unit" && active; }
