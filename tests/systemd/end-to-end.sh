#!/usr/bin/env bash
# Runs inside the guest: the life of the service as an operator sees it, from the first
# start to a refused configuration. Each check builds on the ones before it.
set -uo pipefail
# shellcheck source=tests/checks.sh
source /test/checks.sh
# shellcheck source=tests/systemd/service.sh
source /test/service.sh
# shellcheck source=tests/systemd/trouble.sh
source /test/trouble.sh

check 'the unit is sound' unit_is_sound
check 'its users and groups are made' has_users
check 'systemctl enable --now starts it' starts
((checks_failed == 0)) || finish
check 'sentinelctl status shows running hooks, and a reason for each other one' status_answers
check 'nothing is wrong with it inside its sandbox' has_no_problems
check 'sentinelctl doctor finds nothing that must be mended' nothing_to_mend
check 'its exposure is at most 2.0' is_closed
check 'it runs as its own user and holds no capability' holds_no_capability
check 'its limits are those of the unit' is_limited
check 'groups decide who may ask and who may change' groups_decide
check 'sentinelctl mode detect switches the mode' switches_to_detect
check 'sentinelctl simulate fileless runs' simulates
check 'the alert arrives over gRPC' eventually 30 alert_in_api
check 'the alert arrives in the journal with its fields' eventually 30 alert_in_journal
check 'systemctl status shows its own words' has_status_line
check 'a reload keeps the process' reloads
check 'a reload applies what can be applied' reload_applies
check 'a reload with a wrong configuration is refused and changes nothing' with_bad_config refuses_reload
check 'a restart keeps the mode' restart_keeps_mode
check 'a restart keeps the alerts' history_survives
check 'it comes back after kill -9, and nothing was missed or told twice' recovers_from_kill
check 'the watchdog restarts it when it stands still' with_short_watchdog watchdog_restarts
check 'the watchdog restarts it when only its pipeline stands still' with_short_watchdog pipeline_is_watched
check 'it is not started for ever' restarts_are_limited
check 'what a killed daemon in the foreground left is told, and cleaned up' cleans_up
check 'over TCP, certificates decide, within its sandbox' with_network serves_certificates
check 'on a full disk it goes on, counts what is lost, and writes again' on_small_disk
check 'it stops with success, and nothing stays in the kernel' stops_cleanly
check 'a wrong configuration is refused in one sentence' with_bad_config refuses_start
check 'with the right configuration it starts again' starts_again
check 'it learns from history, as its own user' relearns
check 'it fits models, and its sandbox lets it train the networks' trains
finish
