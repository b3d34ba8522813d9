#!/usr/bin/env bash
# Fuzzes each target for SECONDS (default 600), or the one that is named: tests/fuzz/run.sh [SECONDS] [TARGET].
# Needed: a nightly toolchain and a C++ compiler. Findings are in target/fuzz/TARGET.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-600}
targets=${2:-records models tables histories posts collector}
# The options of cargo-fuzz, without the command.
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Zsanitizer=address -Cdebug-assertions -Ccodegen-units=1"
host=$(rustc +nightly -vV | sed -n 's/^host: //p')
cargo +nightly build --manifest-path tests/fuzz/Cargo.toml --target-dir target/fuzz --release --target "$host"
for target in $targets; do
  mkdir -p "target/fuzz/$target"
  "target/fuzz/$host/release/$target" "target/fuzz/$target" "tests/fuzz/corpus/$target" \
    -max_total_time="$seconds" -max_len=65536 -artifact_prefix="target/fuzz/$target-" -print_final_stats=1
done
