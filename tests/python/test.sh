#!/usr/bin/env bash
# Lets programs that have nothing to do with Sentinel use it: buf calls the API with
# nothing but reflection, DuckDB and pyarrow read the files. The daemon that they use
# runs here for a few seconds, with its data in a temporary folder. Needs root; where it
# is not to be had, says so. In continuous integration it must not be skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/checks.sh
source tests/checks.sh

cannot_run() {
  if [[ ${CI:-} == true ]]; then
    echo "in continuous integration interoperability must be tested: $1" >&2
    exit 1
  fi
  skip 'interoperability' "$1"
  finish
}
((EUID == 0)) || cannot_run 'watching the kernel needs root'
[[ -e /sys/kernel/btf/vmlinux ]] || cannot_run 'this kernel has no BTF'

tests/python/venv.sh
work=$(mktemp -d)
daemon=''
stop_daemon() {
  [[ -z $daemon ]] || { kill "$daemon" 2>/dev/null && wait "$daemon"; } || true
  rm -rf "$work"
}
trap stop_daemon EXIT

socket=$work/sentinel.sock
service=sentinel.v1.Sentinel
# call METHOD [REQUEST]: one RPC, of which this client knows nothing beforehand.
call() {
  local request=${2-}
  echo "$1" >>"$work/called"
  timeout 20 target/venv/bin/buf curl --unix-socket "$socket" --http2-prior-knowledge --protocol grpc \
    --reflect --data "${request:-"{}"}" "http://localhost/$1"
}

answers() { call "$service/Status" | jq --exit-status '.version and .kernel and (.hooks | length > 0)'; }

lists_methods() {
  target/venv/bin/buf curl --unix-socket "$socket" --http2-prior-knowledge --protocol grpc \
    --list-methods http://localhost >"$work/methods" && cat "$work/methods"
  grep -q "^$service/Status\$" "$work/methods"
}

# Every method that reflection lists must have been called by now.
called_every_method() {
  local missed
  missed=$(grep "^$service/" "$work/methods" | sort | comm -23 - <(sort -u "$work/called"))
  [[ -z $missed ]] || { echo "never called: $missed"; return 1; }
}

# first METHOD [REQUEST]: the first message of a stream, which is left then.
first() {
  # The client is told that nobody reads on, which it calls an error.
  { call "$@" 2>/dev/null || true; } | jq --null-input 'input'
}

alerts_can_be_acknowledged() {
  local id
  id=$(call "$service/ListAlerts" '{"detection": "fileless_execution", "min_severity": "high", "limit": 1}' |
    jq --raw-output '.alerts[0].id') && [[ $id =~ ^[0-9a-f]{16}$ ]] || return
  call "$service/GetAlert" "{\"id\": \"$id\"}" | jq --exit-status '.summary and (has("acknowledged") | not)' || return
  call "$service/AcknowledgeAlert" "{\"id\": \"$id\", \"note\": \"a test\"}" |
    jq --exit-status '.acknowledged | .note == "a test" and .user == "root"' || return
  call "$service/ListAlerts" '{"unacknowledged": true}' | jq --exit-status --arg id "$id" '[.alerts[]? | select(.id == $id)] == []'
}

# Each message that is cut short is refused with a code, not with silence.
no_such_alert() {
  local words
  if words=$(call "$service/GetAlert" '{"id": "0000000000000000"}' 2>&1); then return 1; fi
  jq --exit-status '.code == "not_found"' <<<"$words"
}

settings_and_reload() {
  call "$service/GetConfig" | jq --exit-status '.settings | map(select(.key == "metrics.listen" and .origin == "file")) | length == 1' &&
    call "$service/Reload" | jq --exit-status '(has("applied") or has("needsRestart")) | not'
}

lists_rules() { call "$service/ReloadRules" && call "$service/ListRules" | jq --exit-status '.loaded'; }

allows_for_a_while() {
  local id
  id=$(call "$service/AddAllowRule" '{"rule": {"exe": "/opt/nothing", "reason": "a test"}}' | jq --exit-status --raw-output '.id') &&
    call "$service/ListAllowRules" | jq --exit-status --arg id "$id" '.rules | map(.id) | contains([$id])' &&
    call "$service/RemoveAllowRule" "{\"id\": \"$id\"}" | jq --exit-status '.reason == "a test"'
}

keeps_coverage() {
  call "$service/ReportCoverage" '{"results": [{"name": "a/b", "outcome": "caught", "latencyUs": "7"}]}' &&
    call "$service/GetCoverage" | jq --exit-status '.counts.reportedBy == "root" and .results[0].name == "a/b"' &&
    refused invalid_argument "$service/ReportCoverage" '{"results": [{"name": "a/b"}]}'
}

# refused CODE METHOD [REQUEST]
refused() {
  local code=$1 words
  shift
  if words=$(call "$@" 2>&1); then return 1; fi
  echo "$words"
  jq --exit-status --arg code "$code" '.code == $code' <<<"$words"
}

# A daemon that is a minute old has learned nothing yet, and says so.
tells_what_is_learned() {
  call "$service/GetBaseline" | jq --exit-status 'type == "object"' &&
    call "$service/ListGenerations" | jq --exit-status '.generations // [] == []' &&
    refused failed_precondition "$service/DiffGenerations" '{"old": 1, "new": 2}' &&
    refused failed_precondition "$service/RollBack" '{"generation": 1}' &&
    refused failed_precondition "$service/FitBaseline" &&
    refused not_found "$service/DecideBehaviour" '{"id": "0000000000000000", "approve": true}'
}

shows_tree() { call "$service/GetTree" "{\"pid\": $$}" | jq --exit-status --argjson pid $$ '.processes | map(.pid) | contains([$pid])'; }

audit_tells() {
  call "$service/ListAudit" | jq --exit-status '.entries | map(.action) | contains(["mode", "acknowledge", "reload"])'
}

events_stream() { first "$service/StreamEvents" '{"kinds": ["exec", "open"]}' | jq --exit-status '.event.kind'; }

# A parser that is not ours reads them, and finds what the API says too.
metrics_parse() {
  target/venv/bin/python - "$work/metrics.sock" <<'END'
import socket, sys
from prometheus_client.parser import text_string_to_metric_families

with socket.socket(socket.AF_UNIX) as client:
    client.connect(sys.argv[1])
    client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = b"".join(iter(lambda: client.recv(1 << 16), b"")).decode()
head, body = answer.split("\r\n\r\n", 1)
assert head.startswith("HTTP/1.1 200"), head
families = {family.name: family for family in text_string_to_metric_families(body)}
value = lambda name: sum(sample.value for sample in families[name].samples)
assert value("sentinel_events") > 0 and families["sentinel_events"].type == "counter"
assert value("sentinel_hook_running") > 5 and value("sentinel_alerts") > 0
assert value("sentinel_build_info") == 1 and value("sentinel_ring_sent") > 0
print(len(families), "families")
END
}

is_healthy() { call grpc.health.v1.Health/Check | jq --exit-status '.status == "SERVING"'; }

switches_mode() {
  call "$service/SetMode" '{"mode": "MODE_DETECT"}' && call "$service/GetMode" | jq --exit-status '.mode == "MODE_DETECT"'
}

refuses_no_mode() {
  local words
  if words=$(call "$service/SetMode" '{}' 2>&1); then return 1; fi
  echo "$words"
  jq --exit-status '.code == "invalid_argument"' <<<"$words"
}

# The stream is opened first: what it brings must have come live. Other attacks may be
# simulated on this machine at the same time: only an alert about this process counts.
streams_alert() {
  call "$service/StreamAlerts" >"$work/alerts" 2>"$work/stream-errors" &
  local stream=$! status=0 pid
  sleep 1
  pid=$(target/release/sentinelctl --json simulate fileless/memfd | jq .pid) &&
    eventually 10 has_streamed_alert "$pid" || status=1
  kill "$stream" 2>/dev/null || true
  cat "$work/stream-errors"
  return "$status"
}

has_streamed_alert() {
  jq --exit-status --slurp --argjson pid "$1" '
    map(.alert | select(.pid == $pid and .detection == "fileless_execution" and (.techniques | length > 0)))
    | length > 0' <"$work/alerts" || { cat "$work/alerts"; return 1; }
}

# A command of which everything is known, started by a shell that is its parent.
runs_known_command() {
  python3 - "$work/truth.json" "interoperability $RANDOM" <<'END'
import json, os, subprocess, sys, time

path, marker = sys.argv[1:]
argv = ["/bin/sh", "-c", "exit 7", marker, "two words", ""]
after = time.time()
child = subprocess.Popen(argv)
code = child.wait()
truth = dict(argv=argv, exe=os.path.realpath(argv[0]), pid=child.pid, ppid=os.getpid(),
             uid=os.getuid(), code=code, after=after, before=time.time())
json.dump(truth, open(path, "w"))
END
}

stops() {
  local status=0
  kill -TERM "$daemon"
  wait "$daemon" || status=$?
  daemon=''
  ((status == 0)) || { tail -n 20 "$work/log"; echo "exit code $status"; return 1; }
  [[ ! -e $socket ]] || { echo "the socket is still there"; return 1; }
}

printf '[metrics]\nlisten = "unix:%s"\n' "$work/metrics.sock" >"$work/config"
target/release/sentinel run --config "$work/config" --data-dir "$work/data" --socket "$socket" >"$work/log" 2>&1 </dev/null &
daemon=$!
check 'the daemon answers a client that knows only reflection' eventually 30 answers
((checks_failed == 0)) || { tail -n 20 "$work/log"; finish; }
check 'reflection lists every method' lists_methods
check 'the health service says that it serves' is_healthy
check 'the mode can be switched' switches_mode
check 'a request without a mode is refused' refuses_no_mode
check 'an alert arrives on the stream while the attack happens' streams_alert
check 'alerts can be listed, shown and acknowledged' eventually 10 alerts_can_be_acknowledged
check 'an alert that is not there is not found' no_such_alert
check 'settings are told, and read again' settings_and_reload
check 'rules are listed and read again' lists_rules
check 'something is allowed, and no more' allows_for_a_while
check 'what became of attacks is kept' keeps_coverage
check 'what is learned is told' tells_what_is_learned
check 'the tree shows a process of this test' shows_tree
check 'events arrive on the stream' events_stream
check 'the audit tells the changes' audit_tells
check 'every method was called' called_every_method
check 'a parser of Prometheus reads the metrics' metrics_parse
check 'a known command runs' runs_known_command
check 'the daemon ends with success when told to' stops
# This finds, counts and prints in the same form.
status=0
target/venv/bin/python tests/python/parquet.py "$work/data" "$work/truth.json" || status=1
(finish) || status=1
exit $status
