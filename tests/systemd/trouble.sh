# shellcheck shell=bash disable=SC2317,SC2154
# What goes wrong on a host, and access from another; sourced after service.sh.

# with_settings COMMAND...: runs it with the lines on standard input in place of the
# settings of the same name, and puts back what was there.
with_settings() {
  local status=0 line
  cp "$config" /tmp/settings.toml
  while read -r line; do sed -i "s|^${line%% *} = .*|$line|" "$config"; done
  "$@" || status=$?
  cp /tmp/settings.toml "$config"
  return "$status"
}

# A history on a file system so small that it can be filled.
on_small_disk() {
  local status=0
  systemctl stop "$unit" &&
    mount -t tmpfs -o "size=64m,mode=0750,uid=$(id -u sentinel),gid=$(id -g sentinel)" tmpfs /var/lib/sentinel || return
  with_settings filled_and_emptied <<<'min_free_bytes = 1048576' || status=$?
  systemctl stop "$unit"
  umount /var/lib/sentinel
  systemctl start "$unit" && active || return
  return "$status"
}

filled_and_emptied() {
  local before
  systemctl start "$unit" && active && has_no_problems && before=$(main_pid) || return
  # Until nothing more fits, which dd calls a failure.
  dd if=/dev/zero of=/var/lib/sentinel/filler bs=64k status=none 2>/dev/null
  # Work goes on meanwhile, all of it too much for the disk.
  eventually 60 loses || return
  sentinelctl status || return
  simulates && eventually 20 alert_in_journal || return
  # A change that cannot be recorded is not made, and says so.
  if words=$(sentinelctl mode detect 2>&1); then echo "$words"; return 1; fi
  grep 'nothing was changed' <<<"$words" || return
  rm /var/lib/sentinel/filler
  eventually 60 writes_again && [[ $(main_pid) == "$before" ]]
}

# The status says what is wrong, and how much was lost of it.
loses() {
  for _ in {1..50}; do /bin/true; done
  sentinelctl --json status | jq --exit-status '
    .store.problem != "" and (.store.dropped_total | tonumber) > 0 and (.problems | length > 0)'
}

writes_again() {
  local marker
  marker=$(mktemp /tmp/marker.XXXXXX)
  install -m 0755 /bin/true "$marker" && "$marker"
  sentinelctl --json status | jq --exit-status '.store.problem == ""' &&
    eventually 10 seen_in_history "$marker"
}

seen_in_history() { sentinelctl --json events --since 5min --kind exec --exe "$1" | grep "$1"; }

# What an operator writes for access from other hosts; the certificates are the test's.
with_network() {
  local status=0
  mkdir -p "/run/systemd/system/$unit.d"
  printf '[Service]\n%s\n' PrivateNetwork=no IPAddressAllow=localhost \
    'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6' >"/run/systemd/system/$unit.d/network.conf"
  install -d /etc/sentinel/tls && cp /test/tls/* /etc/sentinel/tls/ && chown -R sentinel /etc/sentinel/tls || return
  chmod 0400 /etc/sentinel/tls/*.key
  systemctl daemon-reload
  with_settings "$@" <<'END' || status=$?
listen = "127.0.0.1:9443"
certificate = "/etc/sentinel/tls/server.pem"
key = "/etc/sentinel/tls/server.key"
client_ca = "/etc/sentinel/tls/ca.pem"
readers = ["CN=reader"]
END
  rm -r "/run/systemd/system/$unit.d"
  systemctl daemon-reload && systemctl restart "$unit"
  return "$status"
}

from_afar() {
  sentinelctl --endpoint https://127.0.0.1:9443 --cert /test/tls/reader.pem --key /test/tls/reader.key \
    --ca /test/tls/ca.pem "$@"
}

serves_certificates() {
  local words
  # The metrics have a setting of the same name, which may not be an address of TLS.
  sed -i '/^\[metrics\]/,/^$/s/^listen = .*/listen = ""/' "$config"
  systemctl restart "$unit" && active && from_afar status || return
  if words=$(from_afar mode learn 2>&1); then return 1; fi
  echo "$words"
  grep 'the certificate of CN=reader may not change anything' <<<"$words" || return
  journalctl --unit "$unit" --output json SENTINEL_CALLER_CERTIFICATE=CN=reader | jq --exit-status --slurp 'length > 0' || return
  # Read again although the capabilities are gone.
  systemctl reload "$unit" && eventually 5 from_afar status && holds_no_capability
}
