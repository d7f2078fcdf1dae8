#!/usr/bin/env bash
# install.sh install|uninstall DESTDIR PREFIX: puts what was built where systemd and
# people look for it, or takes it away again.
#
# The daemon goes to sbin, since only systemd and root run it; the command line goes to
# bin, since everybody whom the socket lets in may use it.
set -euo pipefail

action=$1
dest=$2
prefix=$3
cd "$(dirname "$0")/.."
release=target/release
daemon=$prefix/sbin/sentinel
cli=$prefix/bin/sentinelctl
unit=$prefix/lib/systemd/system/sentinel.service
config=/etc/sentinel/sentinel.toml
# The configuration as it was shipped, to tell an edited file from an old one.
pristine=$prefix/share/sentinel/sentinel.toml

# Only a live system has a manager to talk to: not a package's build root.
systemd_runs() {
  [[ -z $dest && -d /run/systemd/system ]]
}

install_config() {
  local here=$dest$config
  if [[ ! -e $here ]] || cmp -s "$here" "$dest$pristine"; then
    install -D -m 0644 packaging/sentinel.toml "$here"
  elif ! cmp -s "$here" packaging/sentinel.toml; then
    echo "kept your $config; the new defaults are in $pristine"
  fi
  install -D -m 0644 packaging/sentinel.toml "$dest$pristine"
}

install_all() {
  [[ -x $release/sentinel && -x $release/sentinelctl ]] || {
    echo "nothing to install yet: run 'make build' first" >&2
    exit 1
  }
  install -D -m 0755 "$release/sentinel" "$dest$daemon"
  install -D -m 0755 "$release/sentinelctl" "$dest$cli"
  install -d "$(dirname "$dest$unit")"
  sed "s|/usr/sbin/sentinel|$daemon|g" systemd/sentinel.service >"$dest$unit"
  chmod 0644 "$dest$unit"
  install_config
  if systemd_runs; then
    systemctl daemon-reload
  fi
  echo "installed; start it now and at every boot with: systemctl enable --now sentinel"
}

uninstall_all() {
  if systemd_runs; then
    systemctl disable --now sentinel.service 2>/dev/null || true
  fi
  rm -f "$dest$daemon" "$dest$cli" "$dest$unit" "$dest$pristine"
  rmdir --ignore-fail-on-non-empty "$(dirname "$dest$pristine")" 2>/dev/null || true
  if systemd_runs; then
    systemctl daemon-reload
  fi
  echo "uninstalled; the configuration in /etc/sentinel and the data in /var/lib/sentinel are kept"
}

"${action}_all"
