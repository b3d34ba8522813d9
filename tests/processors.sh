#!/usr/bin/env bash
# Results do not depend on the processor: the laws about instruction sets and a whole `run` give the same
# on this processor and on one without AVX, which qemu-user emulates. Arguments go to cargo.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v qemu-x86_64 >/dev/null; then
  [ "${CI:-}" != true ] || { echo 'missing: qemu-x86_64 (Debian: qemu-user)' >&2; exit 1; }
  echo 'skipped: qemu-x86_64 is not installed (Debian: qemu-user)'
  exit 0
fi
[ "$(uname -m)" = x86_64 ] || { echo "skipped: the binaries are for $(uname -m)"; exit 0; }

# `cargo build` would compile everything again: without the tests, dependencies have other features.
cargo test --locked "$@" --no-run
laws=$(cargo test --locked "$@" --lib --no-run --message-format=json 2>/dev/null |
  sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
qemu-x86_64 -cpu Nehalem "$laws" same_bits

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
replay=(target/debug/tweetoscope run --history testdata/tideh.jsonl.gz --windows 10m,1h --terminated 1d)
"${replay[@]}" >"$folder/native.jsonl" 2>"$folder/native.txt"
qemu-x86_64 -cpu Nehalem "${replay[@]}" >"$folder/nehalem.jsonl" 2>"$folder/nehalem.txt"
cmp "$folder/native.jsonl" "$folder/nehalem.jsonl"
cmp "$folder/native.txt" "$folder/nehalem.txt"
[ -s "$folder/native.jsonl" ] || { echo 'the run wrote nothing' >&2; exit 1; }
echo "the same $(wc -l <"$folder/native.jsonl") records with and without AVX"
