#!/usr/bin/env bash
# What honest work looks like: packages, compilers, interpreters with compilers of their
# own, debuggers, terminals, namespaces. A daemon watches, and whatever it raises of medium
# severity or worse about this script's descendants must be in noise.expected with a
# reason.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
# shellcheck source=tests/checks.sh
source tests/checks.sh
# shellcheck source=tests/quiet.sh
source tests/quiet.sh

# Debian keeps administration tools where users do not look.
PATH=$PATH:/usr/sbin:/sbin
root=$PWD
release=$root/target/release
((EUID == 0)) || { skip 'noise' 'watching needs root'; finish; }
cannot_watch=$("$release/sentinel" probe 2>&1 >/dev/null) || { skip 'noise' "$cannot_watch"; finish; }

# Where a developer's files would lie: what is in /tmp is looked at with less trust.
work=$(mktemp -d /root/noise.XXXXXX)
daemon=''
clean_up() {
  if [[ -n $daemon ]]; then kill "$daemon" && wait "$daemon"; fi
  rm -rf "$work"
}
trap clean_up EXIT
mkdir "$work/watch"
: >"$work/watch/config"
"$release/sentinel" run --config "$work/watch/config" --data-dir "$work/watch/data" --socket "$work/watch/sock" >"$work/watch/log" 2>&1 &
daemon=$!
ctl() { "$release/sentinelctl" --socket "$work/watch/sock" "$@"; }
eventually 60 ctl status || { cat "$work/watch/log"; exit 1; }
cd "$work" || exit

has() { command -v "$1" >/dev/null; }

# does SENTENCE COMMAND TOOL...: a check if the tools are there.
does() {
  local sentence=$1 action=$2 tool
  shift 2
  for tool in "$@"; do
    has "$tool" || { skip "$sentence" "$tool is not installed"; return; }
  done
  check "$sentence" "$action"
}

# The smallest package there is; without a network nothing is proven and nothing is wrong.
installs_packages() {
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends hello &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y --reinstall hello && hello && apt-get purge -y hello
}

compiles_c() {
  printf '#include <stdio.h>\nint main(void) { return puts("hello") < 0; }\n' >hello.c
  cc -g -O2 -o hello hello.c && ./hello && make -f - <<<'all: ; cc -c hello.c && ar rcs libhello.a hello.o'
}

compiles_rust() {
  cargo new --quiet --vcs none --lib greet && (cd greet && cargo test --quiet --offline)
}

runs_node() {
  # Hot enough for every compiler of V8, regular expressions included, and a second thread.
  cat >hot.js <<'JS'
const { Worker, isMainThread } = require('worker_threads');
let sum = 0;
for (let i = 0; i < 3e6; i++) sum += /^(a|b)+[0-9]$/.test('ab' + (i % 10)) ? i % 7 : 1;
require('child_process').execFileSync('/bin/true');
if (isMainThread) new Worker(__filename).on('exit', (code) => process.exit(code));
JS
  node hot.js
}

runs_java() {
  cat >Hot.java <<'JAVA'
public class Hot {
  public static void main(String[] arguments) throws Exception {
    long sum = 0;
    for (int i = 0; i < 50_000_000; i++) sum += i % 7;
    Runnable lambda = () -> System.out.println("hello");
    lambda.run();
    System.exit(new ProcessBuilder("/bin/true").start().waitFor() + (sum > 0 ? 0 : 1));
  }
}
JAVA
  javac Hot.java && java -cp . Hot
}

runs_python() {
  # A callback is code that libffi makes while the program runs.
  python3 - <<'PY'
import ctypes, subprocess, multiprocessing, re, sqlite3, ssl
compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
numbers = (ctypes.c_int * 3)(3, 1, 2)
ctypes.CDLL(None).qsort(numbers, 3, ctypes.sizeof(ctypes.c_int), compare(lambda a, b: a[0] - b[0]))
assert list(numbers) == [1, 2, 3]
subprocess.run("ls / | head -1", shell=True, check=True)
sqlite3.connect(":memory:").execute("select 1")
with multiprocessing.Pool(2) as pool:
    assert pool.map(abs, [-1, -2]) == [1, 2]
PY
}

runs_numpy() { "$numpy" -c 'import numpy; a = numpy.random.rand(200, 200); numpy.linalg.inv(a @ a.T + numpy.eye(200))'; }

debugs() {
  [[ -x hello ]] || compiles_c || return
  gdb --batch --nx -ex 'break main' -ex run -ex 'set var $rax = 1' -ex next -ex 'print (int) puts("from gdb")' -ex kill ./hello
}

traces() { strace --follow-forks --output=trace sh -c 'ls / | wc -l' && [[ -s trace ]]; }

isolates() {
  unshare --mount --pid --fork --uts --ipc --net --cgroup sh -c '
    mount -t proc proc /proc && mount -t tmpfs tmpfs /mnt && hostname inside && ip link set lo up 2>/dev/null
    ls /proc >/dev/null && id'
  unshare --user --map-root-user id
}

uses_terminals() {
  local socket=$work/tmux
  tmux -S "$socket" -f /dev/null new-session -d 'sh' && tmux -S "$socket" split-window 'sh' &&
    tmux -S "$socket" send-keys 'ls; exit' Enter && sleep 1
  tmux -S "$socket" kill-server
  script --quiet --command 'id' /dev/null
}

keeps_history() {
  git init --quiet repository && (cd repository && commits)
}

commits() {
  git config user.name noise && git config user.email noise@localhost
  for i in 1 2 3; do echo "$i" >file && git add file && git commit --quiet -m "$i" || return; done
  git gc --quiet && git clone --quiet . ../clone && git -C ../clone pull --quiet && git rebase --quiet HEAD~2
}

rotates_logs() {
  mkdir -p logs && seq 1000 >logs/app.log && chmod 755 logs
  printf '%s/logs/app.log {\n  rotate 2\n  compress\n  create\n}\n' "$work" >rotate.conf
  logrotate --force --state "$work/state" rotate.conf && [[ -e logs/app.log.1.gz ]]
}

serves_files() {
  local port=28431 server status
  python3 -m http.server --bind 127.0.0.1 "$port" >/dev/null 2>&1 &
  server=$!
  eventually 5 curl --silent --output page "http://127.0.0.1:$port/"
  status=$?
  kill "$server"
  return "$status"
}

packs_and_sorts() {
  tar czf all.tgz hello.c && tar xzf all.tgz -O >/dev/null && seq 200000 | sort --random-sort | sort -n | tail -1 | xargs echo
  find /usr/share/doc -maxdepth 2 -name '*.gz' -exec zcat {} + >/dev/null
}

numpy=python3
[[ -x $root/target/venv/bin/python ]] && numpy=$root/target/venv/bin/python
does 'a package is installed, reinstalled and removed' installs_packages apt-get
does 'C is compiled' compiles_c cc make
does 'Rust is compiled and tested' compiles_rust cargo
does 'node compiles what is hot' runs_node node
does 'java compiles what is hot' runs_java javac java
does 'python calls C, and is called by it' runs_python python3
if "$numpy" -c 'import numpy' 2>/dev/null; then check 'numpy computes' runs_numpy; else skip 'numpy computes' 'numpy is not installed'; fi
does 'gdb debugs a program that it started' debugs gdb cc
does 'strace follows a shell' traces strace
does 'namespaces are made, as for a container' isolates unshare
does 'tmux and script hold terminals' uses_terminals tmux script
does 'git keeps history' keeps_history git
does 'logs are rotated' rotates_logs logrotate
does 'a page is served and fetched' serves_files curl python3
does 'files are packed, sorted and searched' packs_and_sorts tar sort

# What is under way arrives within a second.
sleep 2
check 'nothing of it is worth a medium alert' is_quiet "$root/tests/noise.expected" "$$"
finish
