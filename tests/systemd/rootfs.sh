#!/usr/bin/env bash
# rootfs.sh TARGET: makes TARGET a fresh Debian 12 with systemd and what the daemon
# links against. The first one is installed from the Debian archive and kept; later
# ones are copies of it.
set -euo pipefail

target=$1
cache=$(cd "$(dirname "$0")/../.." && pwd)/target/systemd
suite=bookworm
packages=systemd,systemd-sysv,dbus,libelf1,zlib1g,jq,bpftool
# What servers do by themselves and are told to do.
packages+=,openssh-server,libpam-systemd,cron,at,logrotate,sudo
# A change of what is installed makes a new cache; the old one is removed.
key=$suite-$(sha256sum "$0" | cut -c1-12)

# The archive that this machine uses already, or debootstrap's own default.
archive() {
  apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    awk -v suite=$suite '$1 == suite { print $2; exit }'
}

# Nothing in the guest may depend on the time of day or wait for a network.
quiet=(apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer
  fstrim.timer getty@tty1.service console-getty.service systemd-resolved.service
  systemd-networkd.service systemd-timesyncd.service)

make_base() {
  local base=$1 unit mirror
  mirror=$(archive)
  debootstrap --variant=minbase --include="$packages" "$suite" "$base" ${mirror:+"$mirror"} >"$base.log" 2>&1 ||
    { tail -n 20 "$base.log" >&2; return 1; }
  for unit in "${quiet[@]}"; do ln -sf /dev/null "$base/etc/systemd/system/$unit"; done
  rm -rf "$base"/var/cache/apt/archives/*.deb "$base"/var/lib/apt/lists/*
  echo sentinel-test >"$base/etc/hostname"
}

mkdir -p "$cache"
if [[ ! -d $cache/$key ]]; then
  find "$cache" -mindepth 1 -maxdepth 1 -name "$suite-*" -exec rm -rf {} +
  make_base "$cache/$key.partial"
  mv "$cache/$key.partial" "$cache/$key"
fi
rm -rf "$target"
cp -a --reflink=auto "$cache/$key" "$target"
# A machine id of its own, as a first boot would give it.
tr -d - </proc/sys/kernel/random/uuid >"$target/etc/machine-id"
