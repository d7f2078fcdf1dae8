#!/usr/bin/env bash
# Installs the packages that a Debian machine lacks for a purpose:
#
#   install-dependencies.sh build     what compiling needs
#   install-dependencies.sh test      what `make test` needs beyond that
#   install-dependencies.sh kernels   what booting other kernels under QEMU needs
#
# What is there already is found by using it, not by asking the package manager,
# so a compiler from elsewhere counts. Where nothing is missing, nothing is said
# and nobody is asked for a password.
set -euo pipefail

# One package a line, then the command that succeeds where it is not needed.
packages() {
  case $1 in
  build)
    cat <<'END'
clang           command -v clang
pkg-config      command -v pkg-config
libelf-dev      pkg-config --exists libelf
zlib1g-dev      pkg-config --exists zlib
END
    ;;
  test)
    cat <<'END'
clang-format    command -v clang-format
shellcheck      command -v shellcheck
python3-venv    python3 -c "import ensurepip"
jq              command -v jq
debootstrap     command -v debootstrap
bpftool         command -v bpftool
gcc-multilib    echo 'int main(void) { return 0; }' | cc -m32 -x c -o /dev/null -
lintian         command -v lintian
rpm             command -v rpm2cpio
cpio            command -v cpio
btrfs-progs     command -v mkfs.btrfs
openssl         command -v openssl
gdb             command -v gdb
strace          command -v strace
tmux            command -v tmux
logrotate       command -v logrotate
mandoc          command -v mandoc
bsdextrautils   command -v col
zsh             command -v zsh
fish            command -v fish
END
    ;;
  kernels)
    cat <<'END'
qemu-system-x86 command -v qemu-system-x86_64
kmod            command -v modprobe && command -v depmod
xz-utils        command -v xz
e2fsprogs       command -v mke2fs
busybox-static  command -v busybox && ! ldd "$(command -v busybox)"
cpio            command -v cpio
jq              command -v jq
END
    ;;
  *) die "unknown purpose '$1'" ;;
  esac
}

# Debian keeps administration tools where users do not look.
PATH=$PATH:/usr/sbin:/sbin

die() {
  echo "install-dependencies: $*" >&2
  exit 1
}

missing() {
  local package check
  while read -r package check; do
    bash -c "$check" >/dev/null 2>&1 || echo "$package"
  done < <(packages "$1")
}

command -v cargo >/dev/null || die "Rust is missing; its home page, www.rust-lang.org, says how to install it"
command -v gcc >/dev/null || command -v cc >/dev/null || die "a C compiler is missing; install gcc"

purpose=${1:?purpose: build, test or kernels}
packages "$purpose" >/dev/null
mapfile -t packages < <(missing "$purpose")
((${#packages[@]})) || exit 0

command -v apt-get >/dev/null || die "these Debian packages, or what your system calls them, are missing: ${packages[*]}"
as_root=()
if ((EUID != 0)); then
  command -v sudo >/dev/null || die "missing packages; run this as root: apt-get update && apt-get install ${packages[*]}"
  as_root=(sudo)
fi

echo "installing what is missing: ${packages[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Package managers are chatty; their words are shown only when something fails.
if ! { "${as_root[@]}" apt-get update &&
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}"; } \
  >"$log" 2>&1 </dev/null; then
  tail -n 20 "$log" >&2
  die "could not install ${packages[*]}"
fi
mapfile -t packages < <(missing "$purpose")
((${#packages[@]} == 0)) || die "still missing after the installation: ${packages[*]}"
