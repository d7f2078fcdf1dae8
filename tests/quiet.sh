# shellcheck shell=bash
# What the tests of honest work share. Sourced; needs jq and a function ctl that calls
# sentinelctl.

# is_quiet EXPECTED PID: whether no alert of medium severity or worse is about a process
# that descends from PID, except those in the file EXPECTED: lines of a detection, a
# regular expression for the summary, and why it is right to be raised, with | between.
is_quiet() {
  local expected=$1 pid=$2 detection summary wrong=0
  while IFS=$'\t' read -r detection summary; do
    is_expected "$expected" "$detection" "$summary" && continue
    echo "$detection: $summary"
    wrong=1
  done < <(ctl --json alerts --min-severity medium | jq --raw-output --argjson pid "$pid" '
    select(.pid == $pid or any(.ancestors[]; .pid == $pid)) | [.detection, .summary + " (" + .severity + ": " + .reason + ")"] | @tsv')
  return "$wrong"
}

is_expected() {
  local detection pattern why
  while IFS='|' read -r detection pattern why; do
    pattern=${pattern# }
    [[ -n $why && $2 == "${detection// /}" && $3 =~ ${pattern% } ]] && return 0
  done < <(grep -v '^#' "$1")
  return 1
}
