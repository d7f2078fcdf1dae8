#!/usr/bin/env bash
# install.sh install|uninstall DESTDIR PREFIX: puts what was built where systemd and
# people look for it, or takes it away again.
#
# The daemon goes to sbin, since only systemd and root run it; the command line goes to
# bin, since everybody whom the socket lets in may use it; the training program goes to
# libexec, since only these two start it.
set -euo pipefail

action=$1
dest=$2
prefix=$3
cd "$(dirname "$0")/.."
release=target/release
daemon=$prefix/sbin/sentinel
cli=$prefix/bin/sentinelctl
trainer=$prefix/libexec/sentinel/sentinel-train
unit=$prefix/lib/systemd/system/sentinel.service
sysusers=$prefix/lib/sysusers.d/sentinel.conf
tmpfiles=$prefix/lib/tmpfiles.d/sentinel.conf
catalog=$prefix/lib/systemd/catalog/sentinel.catalog
config=/etc/sentinel/sentinel.toml
rules=$prefix/share/sentinel/rules
# The configuration as it was shipped, to tell an edited file from an old one.
pristine=$prefix/share/sentinel/sentinel.toml

man=$prefix/share/man
# What each shell reads, and where it looks for it.
completions=(
  "bash $prefix/share/bash-completion/completions/sentinelctl"
  "zsh $prefix/share/zsh/vendor-completions/_sentinelctl"
  "fish $prefix/share/fish/vendor_completions.d/sentinelctl.fish"
)

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
  local program shell file
  for program in sentinel sentinelctl sentinel-train; do
    [[ -x $release/$program ]] || {
      echo "$program is not built yet: run 'make build' first" >&2
      exit 1
    }
  done
  install -D -m 0755 "$release/sentinel" "$dest$daemon"
  install -D -m 0755 "$release/sentinelctl" "$dest$cli"
  install -D -m 0755 "$release/sentinel-train" "$dest$trainer"
  install -d "$(dirname "$dest$unit")"
  sed "s|/usr/sbin/sentinel|$daemon|g" systemd/sentinel.service >"$dest$unit"
  chmod 0644 "$dest$unit"
  install -D -m 0644 systemd/sentinel.sysusers "$dest$sysusers"
  install -D -m 0644 systemd/sentinel.tmpfiles "$dest$tmpfiles"
  install -D -m 0644 systemd/sentinel.catalog "$dest$catalog"
  install -d "$dest$rules"
  install -m 0644 packaging/rules/* "$dest$rules"
  install -d "$dest$man/man8" "$dest$man/man1"
  "$release/sentinel" man "$dest$man/man8"
  "$release/sentinelctl" man "$dest$man/man1"
  for program in "${completions[@]}"; do
    read -r shell file <<<"$program"
    install -d "$(dirname "$dest$file")"
    "$release/sentinelctl" completions "$shell" >"$dest$file"
  done
  install_config
  if systemd_runs; then
    journalctl --update-catalog
    systemd-sysusers "$sysusers"
    systemd-tmpfiles --create "$tmpfiles"
    systemctl daemon-reload
  fi
  echo "installed; start it now and at every boot with: systemctl enable --now sentinel"
}

uninstall_all() {
  if systemd_runs; then
    systemctl disable --now sentinel.service 2>/dev/null || true
  fi
  rm -f "$dest$daemon" "$dest$cli" "$dest$trainer" "$dest$unit" "$dest$pristine" \
    "$dest$sysusers" "$dest$tmpfiles" "$dest$catalog"
  rm -rf "$dest$rules"
  rm -f "$dest$man"/man8/sentinel{,-*}.8 "$dest$man"/man1/sentinelctl{,-*}.1
  local entry
  for entry in "${completions[@]}"; do rm -f "$dest${entry#* }"; done
  local folder
  for folder in "$(dirname "$dest$pristine")" "$(dirname "$dest$trainer")"; do
    rmdir --ignore-fail-on-non-empty "$folder" 2>/dev/null || true
  done
  if systemd_runs; then
    systemctl daemon-reload
  fi
  echo "uninstalled; the configuration in /etc/sentinel and the data in /var/lib/sentinel are kept"
}

"${action}_all"
