#!/usr/bin/env bash
# fetch.sh VERSION: makes sure that Debian's kernel of this version is below
# target/kernels/VERSION: `vmlinuz`, `config`, and in `modules` the few modules that a
# guest needs, named in the order in which they must be loaded. The package is taken from
# the Debian archive that this machine uses, with lists and cache of its own: nothing is
# installed and the machine's package state is not touched.
set -euo pipefail

version=$1
cache=$(cd "$(dirname "$0")/../.." && pwd)/target/kernels/$version

die() {
  echo "fetch: $*" >&2
  exit 1
}

# Where Debian keeps the kernel of a version.
case $version in
5.10) suite=bullseye-security ;;
6.1) suite=bookworm-security ;;
6.12) suite=bookworm-backports ;;
7.x) suite=trixie-backports ;;
*) die "no suite is known for kernel $version" ;;
esac

# Another version of this script may keep something else of the package.
stamp=$(sha256sum <"$0")
[[ ! -e $cache/stamp || $(<"$cache/stamp") != "$stamp" ]] || exit 0
PATH=$PATH:/usr/sbin:/sbin

# The archive is the one in the machine's own sources. Mirrors keep security updates
# beside it, under a name of which this is the usual one.
command -v apt-get >/dev/null || die "this machine has no apt to fetch Debian's kernels with"
uri=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
  awk '$1 !~ /-security$/ { print $2; exit }')
[[ -n $uri ]] || die "no Debian archive in this machine's package sources"
[[ $suite != *-security ]] || uri=${uri%/}-security

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{lists,archives}/partial "$work/unpacked"
touch "$work/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $suite main" >"$work/sources.list"
apt=(-o Dir::State="$work" -o Dir::State::status="$work/status" -o Dir::Cache="$work"
  -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=-
  -o Acquire::Languages=none -o APT::Architecture=amd64 -o APT::Architectures=amd64
  -o APT::Sandbox::User=root -qq)

depends() {
  apt-cache "${apt[@]}" show --no-all-versions "$1" | sed -n 's/^Depends: //p' | tr ',' '\n' | sed 's/^ *//; s/ .*//'
}

apt-get "${apt[@]}" update
# The package linux-image-amd64 stands for the newest one, whose name has its version.
# Since 7.x that one only collects the parts in which image and configuration lie.
image=$(depends linux-image-amd64 | grep '^linux-image-')
mapfile -t packages < <(echo "$image"; depends "$image" | grep -E '^linux-(binary|base|modules)-[0-9]' || true)
(cd "$work" && apt-get "${apt[@]}" download "${packages[@]}")
for package in "$work"/*.deb; do dpkg-deb --extract "$package" "$work/unpacked"; done

rm -rf "$cache"
mkdir -p "$cache/modules"
for file in config vmlinuz; do
  found=$(find "$work/unpacked" -type f \( -name "$file" -o -name "$file-*" \) | head -n 1)
  [[ -n $found ]] || die "no $file in ${packages[*]}"
  cp "$found" "$cache/$file"
done
grep -q '^CONFIG_DEBUG_INFO_BTF=y' "$cache/config" || die "$image has no BTF"

# A disk, the file system on it, and its checksums, which ext4 asks for only when it
# mounts. Some are built into some kernels.
[[ -d $work/unpacked/lib ]] || ln -s usr/lib "$work/unpacked/lib"
release=${image#linux-image-}
depmod --basedir "$work/unpacked" "$release"
number=100
for module in virtio_pci virtio_blk crc32c_generic crc32c-intel ext4 overlay; do
  while read -r path; do
    name=$(basename "${path%.xz}")
    if compgen -G "$cache/modules/*-$name" >/dev/null; then continue; fi
    number=$((number + 1))
    case $path in
    *.xz) xz --decompress --stdout "$path" >"$cache/modules/$number-$name" ;;
    *) cp "$path" "$cache/modules/$number-$name" ;;
    esac
  done < <(modprobe --dirname "$work/unpacked" --set-version "$release" --show-depends "$module" 2>/dev/null |
    sed -n 's/^insmod //p' | sed 's/ *$//')
done
compgen -G "$cache/modules/*-ext4.ko" >/dev/null || die "no ext4 in ${packages[*]}"
echo "$image" >"$cache/package"
# Written last: without it the rest is not complete.
echo "$stamp" >"$cache/stamp"
