#!/usr/bin/env bash
# furnish.sh ROOTFS: installs what was built into a guest's root, and what tests in it
# need: the scripts that are sourced, a program that holds a thread, and certificates.
set -euo pipefail
cd "$(dirname "$0")/../.."

root=$1
packaging/install.sh install "$root" /usr
for script in tests/checks.sh tests/quiet.sh tests/noise.expected tests/systemd/service.sh tests/systemd/trouble.sh; do
  install -D -m 0644 "$script" "$root/test/$(basename "$script")"
done
cc -O1 -Wall -Wextra -Werror -o "$root/test/hold" tests/systemd/hold.c

python3 -B tests/weeks/generate.py --seed 4 --no-chains --until-now 5 "$root/test/past.jsonl" /dev/null

tls=$root/test/tls
mkdir -p "$tls"
key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
openssl req -x509 "${key[@]}" -days 2 -subj /CN=authority -keyout "$tls/ca.key" -out "$tls/ca.pem" 2>/dev/null

# issue NAME EXTENSION: without an extension, openssl makes certificates of the first
# version, which nobody accepts any more.
issue() {
  openssl req "${key[@]}" -subj "/CN=$1" -keyout "$tls/$1.key" -out "$tls/$1.csr" 2>/dev/null
  openssl x509 -req -in "$tls/$1.csr" -CA "$tls/ca.pem" -CAkey "$tls/ca.key" -CAcreateserial -days 2 \
    -extfile <(echo "$2") -out "$tls/$1.pem" 2>/dev/null
}
issue server subjectAltName=IP:127.0.0.1
issue reader extendedKeyUsage=clientAuth
rm "$tls"/*.csr "$tls/ca.key"
