#!/usr/bin/env bash
# package.sh: makes a deb and an rpm of what was built, in target/package.
#
# Man pages and completions come from the programs' own definitions. The two tools that
# write packages are built once into target/tools.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo=${CARGO:-cargo}
release=target/release
staged=target/package
tools=$PWD/target/tools

for program in sentinel sentinelctl sentinel-train; do
  [[ -x $release/$program ]] || { echo "$program is not built yet: run 'make build' first" >&2; exit 1; }
done

# Versions that are known to work; --locked takes the dependencies that they were tested with.
tool() {
  [[ -x $tools/bin/$1 ]] || "$cargo" install --quiet --locked --root "$tools" "$1@$2"
}
tool cargo-deb 3.8.0
tool cargo-generate-rpm 0.21.1

rm -rf "$staged"
mkdir -p "$staged"/{bin,man,completions}
for program in sentinel sentinelctl sentinel-train; do
  strip --strip-all -o "$staged/bin/$program" "$release/$program"
done
"$release/sentinel" man "$staged/man"
"$release/sentinelctl" man "$staged/man"
gzip --best --no-name "$staged"/man/*
"$release/sentinelctl" completions bash >"$staged/completions/sentinelctl"
"$release/sentinelctl" completions zsh >"$staged/completions/_sentinelctl"
"$release/sentinelctl" completions fish >"$staged/completions/sentinelctl.fish"

# PACKAGE_FAST=1 compresses less, for tests.
PATH=$tools/bin:$PATH "$cargo" deb --quiet --no-build --no-strip ${PACKAGE_FAST:+--fast} --output "$staged/"
PATH=$tools/bin:$PATH "$cargo" generate-rpm --output "$staged/"
ls -1 "$staged"/*.deb "$staged"/*.rpm
