# shellcheck shell=bash
# What the test scripts share: one line per check, and one line of counts at the end.
# Sourced, also inside guests; needs nothing but bash.

checks_passed=0 checks_failed=0 checks_skipped=0
checks_output=$(mktemp)

# check SENTENCE COMMAND...: the command's output is shown only when it fails. The
# command runs in this shell, so it can wait for its children and set variables.
check() {
  local sentence=$1
  shift
  if "$@" >"$checks_output" 2>&1; then
    echo "ok      $sentence"
    checks_passed=$((checks_passed + 1))
  else
    echo "FAILED  $sentence"
    sed 's/^/        | /' "$checks_output"
    checks_failed=$((checks_failed + 1))
  fi
}

# skip SENTENCE REASON
skip() {
  echo "skipped: $1: $2"
  checks_skipped=$((checks_skipped + 1))
}

# Ends the script with the counts, and with an exit code that says the same.
finish() {
  rm -f "$checks_output"
  echo "$checks_passed passed, $checks_failed failed, $checks_skipped skipped"
  exit $((checks_failed > 0))
}

# eventually SECONDS COMMAND...: tries until it succeeds; shows the last attempt.
eventually() {
  local deadline=$((SECONDS + $1)) output
  shift
  until output=$("$@" 2>&1); do
    ((SECONDS < deadline)) || { echo "$output"; return 1; }
    sleep 0.2
  done
}
