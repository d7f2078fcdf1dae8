#!/usr/bin/env bash
# Runs inside the guest: the life of the deb, from installation to purge.
set -uo pipefail
# shellcheck source=tests/checks.sh
source /test/checks.sh

unit=sentinel.service
config=/etc/sentinel/sentinel.toml
main_pid() { systemctl show --property MainPID --value "$unit"; }
active() { systemctl is-active "$unit" && sentinelctl status >/dev/null; }

installs() {
  dpkg --install /test/sentinel.deb && id sentinel && getent group sentinel-admin &&
    [[ $(stat -c '%U %a' /var/lib/sentinel) == 'sentinel 750' ]] && journalctl --list-catalog | grep 'Sentinel is watching'
}

# A sensor starts when its operator says so.
waits_to_be_enabled() {
  ! systemctl is-active "$unit" && [[ $(systemctl is-enabled "$unit") == disabled ]]
}

starts() { systemctl enable --now "$unit" && active; }

raises() {
  local pid
  pid=$(sentinelctl --json simulate fileless/memfd | jq .pid) && eventually 30 alert_about "$pid"
}

alert_about() { sentinelctl --json alerts | jq --exit-status --slurp --argjson pid "$1" 'map(select(.pid == $pid)) | length > 0'; }

alerts() { sentinelctl --json alerts | wc -l; }

# Something that happens all the time, each time under a name of its own: the uptime.
ticks() {
  local now
  cp /bin/true /tmp/tick
  while sleep 0.2; do
    read -r now _ </proc/uptime
    /tmp/tick "$now" && echo "$now" >>/tmp/ran
  done
}

# The service goes on with the new programs, its history and its mode, and the file that
# the operator has changed is kept.
upgrades() {
  local before count words ticker status=0
  sentinelctl mode detect && echo '# mine' >>"$config" || return
  before=$(main_pid)
  count=$(alerts)
  ticks &
  ticker=$!
  sleep 3
  words=$(dpkg --install /test/upgrade.deb 2>&1 </dev/null) || status=$?
  echo "$words"
  active || status=1
  sleep 3
  kill "$ticker"
  wait "$ticker"
  ((status == 0)) && [[ $(main_pid) != "$before" ]] && [[ $(sentinelctl --json mode | jq --raw-output .mode) == detect ]] &&
    (($(alerts) >= count && count > 0)) && tail -n 1 "$config" | grep '^# mine$' &&
    dpkg --status sentinel | grep '^Version: 99'
}

# The new daemon goes on with the programs of the old one, when they are the same: nothing
# that ran is missing.
seen_over_the_upgrade() {
  sentinelctl --json events --since 10min --kind exec --exe /tmp/tick | jq --raw-output '.argv[1]' | sort >/tmp/seen || return
  sort /tmp/ran | comm -23 - /tmp/seen >/tmp/missed
  uniq -d /tmp/seen >/tmp/twice
  echo "$(wc -l </tmp/ran) ran, missed: $(xargs </tmp/missed), twice: $(xargs </tmp/twice)"
  [[ $(wc -l </tmp/ran) -gt 10 && ! -s /tmp/missed && ! -s /tmp/twice ]]
}

removes() {
  dpkg --remove sentinel || return
  ! systemctl is-active "$unit" && [[ ! -e /usr/sbin/sentinel && ! -e /run/sentinel && -e $config && -e /var/lib/sentinel/mode.json ]]
}

installs_again() { dpkg --install /test/upgrade.deb && systemctl enable --now "$unit" && active && (($(alerts) > 0)); }

purges() {
  local left
  dpkg --purge sentinel || return
  left=$(find / -xdev -name '*sentinel*' -not -path '/test/*' -not -path '/proc/*' -not -path '/sys/*' -not -path '/var/lib/dpkg/*' \
    -not -path '/var/log/*' -not -path '/tmp/*' -not -path '/run/*' 2>/dev/null)
  echo "left: $left"
  [[ -z $left ]] && getent passwd sentinel
}

check 'it installs, with its users and its texts for the journal' installs
check 'it does not start by itself' waits_to_be_enabled
check 'it starts when enabled' starts
((checks_failed == 0)) || finish
check 'it raises alerts' raises
check 'an upgrade keeps the service, history, mode and configuration' upgrades
check 'events continue over the upgrade' eventually 20 seen_over_the_upgrade
check 'it raises alerts after the upgrade' raises
check 'removing it stops it and keeps configuration and history' removes
check 'installed again, it goes on where it was' installs_again
check 'purging it leaves nothing but its user' purges
finish
