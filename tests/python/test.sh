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
  timeout 20 target/venv/bin/buf curl --unix-socket "$socket" --http2-prior-knowledge --protocol grpc \
    --reflect --data "${request:-"{}"}" "http://localhost/$1"
}

answers() { call "$service/Status" | jq --exit-status '.version and .kernel and (.hooks | length > 0)'; }

lists_methods() {
  target/venv/bin/buf curl --unix-socket "$socket" --http2-prior-knowledge --protocol grpc \
    --list-methods http://localhost >"$work/methods" && cat "$work/methods"
  local method
  for method in Status GetMode SetMode StreamAlerts StreamEvents; do
    grep -q "^$service/$method\$" "$work/methods" || { echo "no $method"; return 1; }
  done
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

target/release/sentinel run --data-dir "$work/data" --socket "$socket" >"$work/log" 2>&1 </dev/null &
daemon=$!
check 'the daemon answers a client that knows only reflection' eventually 30 answers
((checks_failed == 0)) || { tail -n 20 "$work/log"; finish; }
check 'reflection lists every method' lists_methods
check 'the health service says that it serves' is_healthy
check 'the mode can be switched' switches_mode
check 'a request without a mode is refused' refuses_no_mode
check 'an alert arrives on the stream while the attack happens' streams_alert
check 'a known command runs' runs_known_command
check 'the daemon ends with success when told to' stops
# This finds, counts and prints in the same form.
status=0
target/venv/bin/python tests/python/parquet.py "$work/data" "$work/truth.json" || status=1
(finish) || status=1
exit $status
