#!/usr/bin/env bash
# What `make install` and `make uninstall` do to files; needs no root.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tests/checks.sh
source tests/checks.sh

dest=$(mktemp -d)
trap 'rm -rf "$dest"' EXIT
config=$dest/etc/sentinel/sentinel.toml
pristine=$dest/usr/share/sentinel/sentinel.toml

installs() {
  make --silent install DESTDIR="$dest" PREFIX=/usr &&
    [[ -x $dest/usr/sbin/sentinel && -x $dest/usr/bin/sentinelctl ]] &&
    "$dest/usr/libexec/sentinel/sentinel-train" --version &&
    [[ -s $dest/usr/share/man/man8/sentinel-run.8 && -s $dest/usr/share/man/man1/sentinelctl-alerts.1 &&
      -s $dest/usr/share/bash-completion/completions/sentinelctl ]] &&
    cmp systemd/sentinel.service "$dest/usr/lib/systemd/system/sentinel.service" &&
    cmp packaging/sentinel.toml "$config"
}

replaces_old_default() {
  # A default of an older version that nobody has touched.
  echo '# old' | tee "$config" >"$pristine"
  make --silent install DESTDIR="$dest" PREFIX=/usr && cmp packaging/sentinel.toml "$config"
}

keeps_edited() {
  echo '# mine' >>"$config"
  make install DESTDIR="$dest" PREFIX=/usr | grep 'kept your' && tail -n 1 "$config" | grep '# mine' &&
    cmp packaging/sentinel.toml "$pristine"
}

prefix_reaches_unit() {
  make --silent install DESTDIR="$dest/other" PREFIX=/opt/sentinel &&
    [[ -x $dest/other/opt/sentinel/sbin/sentinel ]] &&
    grep '^ExecStart=/opt/sentinel/sbin/sentinel run' "$dest/other/opt/sentinel/lib/systemd/system/sentinel.service" &&
    ! grep /usr/sbin/sentinel "$dest/other/opt/sentinel/lib/systemd/system/sentinel.service"
}

uninstall_keeps_what_is_yours() {
  mkdir -p "$dest/var/lib/sentinel"
  touch "$dest/var/lib/sentinel/data"
  make --silent uninstall DESTDIR="$dest" PREFIX=/usr
  local left
  left=$(cd "$dest" && find etc usr var -type f | sort | tr '\n' ' ')
  echo "left: $left"
  [[ $left == 'etc/sentinel/sentinel.toml var/lib/sentinel/data ' ]]
}

check 'install puts programs, unit and configuration where they belong' installs
check 'an upgrade replaces an old default configuration' replaces_old_default
check 'an upgrade keeps an edited configuration, and says so' keeps_edited
check 'the prefix reaches the unit' prefix_reaches_unit
check 'uninstall keeps configuration and data' uninstall_keeps_what_is_yours
finish
