#!/usr/bin/env bash
# Runs everything that must pass before a change lands, all of it even when a part
# fails, and ends with what was skipped and why, what failed, and one line of counts.
#
# A part is a command. Its exit code says whether it passed; its output says how many
# tests that were, in cargo's words or as "N passed, N failed, N skipped"; a part without
# such a line is one test. A line "skipped: WHAT: WHY" names a skipped test.
#
# Not set -e: a part that fails must not hide the ones after it.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

logs=target/test-logs
mkdir -p "$logs"
passed=0 failed=0 skipped=0
failures=() skips=()

# Adds up what one log says; prints "passed failed skipped". Cargo has no word for a
# test that finds out while running that it cannot run: it counts as passed there, and is
# told apart by the line in which it gives its name and says why. A line with another
# name is about a part of a test, which is skipped beside a test that passed.
counts() {
  awk '
    /^test .* \.\.\. ok$/ { name = $2; sub(/.*::/, "", name); ok[name] = 1 }
    /^test result: / { p += $4; f += $6; s += $8 + said; said = 0; cargo = 1 }
    /^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ { p += $1; f += $3; s += $5; own = 1 }
    /^skipped: / { name = $2; sub(/:$/, "", name); said++; p -= (name in ok) }
    END { if (cargo || own) print p + 0, f + 0, s + 0 }
  ' "$1"
}

# The reasons in a log: those of harnesses and running tests, and those of #[ignore].
reasons() {
  sed -nE 's/^skipped: //p; s/^test (.*) \.\.\. ignored(, (.*))?$/\1: \3/p' "$1"
}

# On a terminal everything is shown as it comes. Elsewhere the output is read after a
# failure, often cut short, so it holds what failed and nothing else.
shown() { if [[ -t 1 ]]; then cat; else cat >/dev/null; fi; }

# The parts of a log that tell of failures, or its end where none are marked.
what_failed() {
  if grep -qE '^(error|FAILED|failures:$)' "$1"; then
    # Passing tests also explain themselves, before the list of failures begins.
    awk '/^failures:$/ { on = 1 } /^test result: / { on = 0 } on; /^(error|FAILED)/ { left = 40 } left && !on { print; left-- }' "$1" | head -n 300
  else
    tail -n 60 "$1"
  fi
}

part() {
  local name=$1 log=$logs/${1// /-}.log status=0 p f s began=$SECONDS line
  shift
  echo "== $name"
  "$@" </dev/null 2>&1 | tee "$log" | shown || status=${PIPESTATUS[0]}
  read -r p f s < <(counts "$log") || { p=$((status == 0)) f=$((status != 0)) s=0; }
  # A part that stops before it could count its failure has failed all the same.
  if ((status != 0 && f == 0)); then f=1; fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  if ((f)); then
    failures+=("$name: exit code $status, log in $log")
    [[ -t 1 ]] || what_failed "$log"
  fi
  while read -r line; do skips+=("$line"); done < <(reasons "$log")
  echo "== $name: $p passed, $f failed, $s skipped in $((SECONDS - began)) s"
}

rust_format() { cargo fmt --all --check; }
c_format() { clang-format --dry-run -Werror bpf/*.[ch] crates/sentineld/sensor/tasks/*.c crates/simulate/attack/*.[ch] tests/bench/*.c; }
shell_lint() { git ls-files -z '*.sh' .ci/run | xargs -0 shellcheck; }
rust_lint() { cargo clippy --release --locked --workspace --all-targets -- -D warnings; }
# All at once, tests included: built apart, dependencies would be compiled again for each
# set of features that they are asked for.
build() { cargo build --release --locked --workspace --all-targets; }
# The captured output is shown because tests explain in it why they skipped.
rust_tests() { cargo test --release --locked --workspace --no-fail-fast -- --show-output; }
# Private items are documented, so links to them work.
rust_docs() { RUSTDOCFLAGS='-D warnings -A rustdoc::private-intra-doc-links' cargo doc --release --locked --workspace --no-deps --document-private-items; }

for purpose in build test kernels; do
  packaging/install-dependencies.sh $purpose || exit
done

part 'rust format' rust_format
part 'c format' c_format
part 'shell lint' shell_lint
part 'build' build
part 'rust lint' rust_lint
# Before the tests in Rust, some of which let Python read what they wrote.
part 'python packages' tests/python/venv.sh
part 'rust tests' rust_tests
part 'rust docs' rust_docs
part 'installation' tests/install.sh
part 'made-up weeks' python3 -B tests/weeks/test_generate.py
# What is learned in a week, judged by two more: some 15 s for each of two hosts, on each of
# which another attack happened once while learning went on.
part 'learned weeks' python3 -B tests/weeks/evaluate.py --seeds 2 --plant each
part 'interoperability' tests/python/test.sh
part 'packages' tests/packages.sh
part 'systemd' tests/systemd/test.sh
part 'noise' tests/noise.sh
# The sensor in brief, emulated: some two to four minutes for each of two kernels.
part 'other kernels' tests/kernels/around.sh
part 'noise of a server' tests/systemd/test.sh honest-work.sh

echo
for line in "${skips[@]}"; do echo "skipped: $line"; done
for line in "${failures[@]}"; do echo "failed: $line"; done
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
