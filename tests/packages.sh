#!/usr/bin/env bash
# The packages: what is in them, what lintian and rpm say, and a life of the deb in a
# booted systemd. Building them needs no root; booting does, and where it is not to be had
# that part is skipped with its reason.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tests/checks.sh
source tests/checks.sh

# Debian keeps administration tools where users do not look.
PATH=$PATH:/usr/sbin:/sbin
staged=target/package
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

builds() {
  PACKAGE_FAST=1 packaging/package.sh && cp "$staged"/sentinel_*.deb "$work/sentinel.deb" && cp "$staged"/sentinel-*.rpm "$work/sentinel.rpm"
}

# The same with a later version, to upgrade to.
makes_upgrade() {
  dpkg-deb --raw-extract "$work/sentinel.deb" "$work/upgrade" &&
    sed -i 's/^Version: .*/Version: 99.0.0-1/' "$work/upgrade/DEBIAN/control" &&
    dpkg-deb -Znone --build "$work/upgrade" "$work/upgrade.deb"
}

files='usr/sbin/sentinel usr/bin/sentinelctl usr/libexec/sentinel/sentinel-train etc/sentinel/sentinel.toml
  usr/lib/systemd/system/sentinel.service usr/lib/sysusers.d/sentinel.conf usr/lib/tmpfiles.d/sentinel.conf
  usr/lib/systemd/catalog/sentinel.catalog usr/share/man/man8/sentinel.8.gz usr/share/man/man8/sentinel-cleanup.8.gz
  usr/share/man/man1/sentinelctl.1.gz usr/share/man/man1/sentinelctl-alerts-show.1.gz usr/share/bash-completion/completions/sentinelctl
  usr/share/fish/vendor_completions.d/sentinelctl.fish usr/share/sentinel/rules/NOTICE
  usr/share/sentinel/rules/lnx_shellshock.yml'

# holds FILE_LIST: names what is missing from a listing.
holds() {
  local file missing=0
  for file in $files; do
    grep -q "^\(\./\|/\)\?$file\$" "$1" || { echo "no $file"; missing=1; }
  done
  return "$missing"
}

deb_is_whole() {
  dpkg-deb --fsys-tarfile "$work/sentinel.deb" | tar --list >"$work/deb.list" && holds "$work/deb.list" &&
    [[ $(dpkg-deb --ctrl-tarfile "$work/sentinel.deb" | tar --extract --to-stdout ./conffiles) == /etc/sentinel/sentinel.toml ]]
}

lintian_finds_no_error() { lintian --allow-root --fail-on error "$work/sentinel.deb"; }

rpm_is_whole() {
  rpm --query --list --package "$work/sentinel.rpm" >"$work/rpm.list" && holds "$work/rpm.list" &&
    [[ $(rpm --query --configfiles --package "$work/sentinel.rpm") == /etc/sentinel/sentinel.toml ]] &&
    rpm --query --requires --package "$work/sentinel.rpm" | grep '^systemd >= 247$' &&
    rpm --query --scripts --package "$work/sentinel.rpm" | grep 'systemd-sysusers sentinel.conf'
}

rpm_unpacks_to_the_same() {
  local folder
  mkdir "$work/rpm" "$work/deb"
  dpkg-deb --extract "$work/sentinel.deb" "$work/deb" && rpm --checksig --nosignature "$work/sentinel.rpm" || return
  # Debian's rpm2cpio ends with 1 even when it has written everything, which the
  # comparison shows.
  { rpm2cpio "$work/sentinel.rpm" || true; } | (cd "$work/rpm" && cpio --quiet --extract --make-directories) || return
  for folder in etc usr/bin usr/sbin usr/lib usr/libexec usr/share/man; do
    diff --recursive "$work/deb/$folder" "$work/rpm/$folder" || return
  done
}

# Every page, and every page that one of them names. The generator's spare line breaks, which
# nobody sees, are the only thing that may be remarked.
man_pages_are_sound() {
  local page name words missing=0
  for page in "$work"/deb/usr/share/man/man?/*.gz; do
    words=$(mandoc -T lint -W warning "$page" | grep -v 'skipping paragraph macro: br')
    [[ -z $words ]] || { echo "$words"; return 1; }
    for name in $(mandoc -T ascii "$page" | col -b | grep -o '\bsentinel[a-z-]*([18])'); do
      name=${name%)}
      [[ -e $work/deb/usr/share/man/man${name#*(}/${name%(*}.${name#*(}.gz ]] || { echo "no page $name)"; missing=1; }
    done
  done
  return "$missing"
}

# Each shell completes a command and a value of its own accord.
bash_completes() {
  # shellcheck disable=SC2016
  bash --norc -c 'source "$1"; COMP_WORDS=(sentinelctl al) COMP_CWORD=1; _sentinelctl sentinelctl al sentinelctl
    [[ ${COMPREPLY[*]} == "alerts allow" ]] || { echo "${COMPREPLY[@]}"; exit 1; }
    COMP_WORDS=(sentinelctl mode "") COMP_CWORD=2; _sentinelctl sentinelctl "" mode
    [[ " ${COMPREPLY[*]} " == *" learn detect "* ]] || { echo "${COMPREPLY[@]}"; exit 1; }' \
    bash "$work/deb/usr/share/bash-completion/completions/sentinelctl"
}

zsh_completes() {
  # shellcheck disable=SC2016
  zsh -fc 'fpath=($1 $fpath); autoload -Uz compinit; compinit -u -D; (( $+_comps[sentinelctl] )) && autoload +X _sentinelctl' \
    zsh "$work/deb/usr/share/zsh/vendor-completions"
}

fish_completes() {
  local words
  words=$(HOME=$work fish --no-config -c "source $work/deb/usr/share/fish/vendor_completions.d/sentinelctl.fish; complete -C 'sentinelctl al'" | cut -f 1 | xargs)
  [[ $words == 'alerts allow' ]] || { echo "$words"; return 1; }
}

check 'packages are built' builds
check 'an upgrade is made' makes_upgrade
((checks_failed == 0)) || finish
check 'the deb holds everything, and the configuration is a conffile' deb_is_whole
check 'lintian finds no error in the deb' lintian_finds_no_error
check 'the rpm holds everything, and the configuration is a configuration file' rpm_is_whole
check 'the rpm unpacks to the same as the deb' rpm_unpacks_to_the_same
check 'man pages have no mistakes, and name no page that is missing' man_pages_are_sound
for shell in bash zsh fish; do check "$shell completes what can be typed" "${shell}_completes"; done

boots() {
  local status=0
  tests/systemd/rootfs.sh "$work/root"
  install -D -m 0644 "$work/sentinel.deb" "$work/root/test/sentinel.deb"
  install -D -m 0644 "$work/upgrade.deb" "$work/root/test/upgrade.deb"
  install -D -m 0644 tests/checks.sh "$work/root/test/checks.sh"
  install -D -m 0755 tests/systemd/package-life.sh "$work/root/test/package-life.sh"
  tests/systemd/boot.sh "$work/root" /test/package-life.sh || status=$?
  return "$status"
}
cannot_boot=$(tests/systemd/can-boot.sh) || {
  if [[ ${CI:-} == true ]]; then
    echo "in continuous integration the package must be tested: $cannot_boot" >&2
    exit 1
  fi
  skip 'the life of the deb in systemd' "$cannot_boot"
  finish
}
status=0
boots || status=1
(finish) || status=1
exit "$status"
