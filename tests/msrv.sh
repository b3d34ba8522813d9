#!/usr/bin/env bash
# The oldest Rust that Cargo.toml promises compiles the program, its tests and its benches.
set -euo pipefail
cd "$(dirname "$0")/.."

oldest=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
rustup toolchain install "$oldest" --profile minimal --no-self-update
CARGO_TARGET_DIR=target/msrv cargo "+$oldest" check --locked --all-targets
