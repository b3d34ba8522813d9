#!/usr/bin/env bash
# Installs what the tests need where it may, and runs them all.
#
# Needed beforehand: a Rust toolchain (1.89 or newer) and build-essential. With CI=true all that a
# test needs must be there; else a test whose tools are missing says so and is passed over.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

step 'what the tests need'
bash tests/install.sh
bash tests/live/install.sh

step 'format'
cargo fmt --all --check

step 'lints'
cargo clippy --locked --all-targets -- -D warnings

step 'documentation'
RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --quiet

step 'tests'
# The storms wait more than they work: three at a time on two cores.
RUST_TEST_THREADS=${RUST_TEST_THREADS:-3} cargo test --locked

step 'processors without AVX'
bash tests/processors.sh

step 'the page in a browser'
if [ -d tests/e2e/node_modules ]; then
  cargo build --locked
  (cd tests/e2e && npm test)
elif [ "${CI:-}" = true ]; then
  echo 'missing: the npm packages of tests/e2e' >&2
  exit 1
else
  echo 'passed over: no npm packages in tests/e2e'
fi
