#!/usr/bin/env bash
# Installs what the tests need where it may, and runs them all.
#
# Needed beforehand: a Rust toolchain (1.89 or newer) and build-essential. With CI=true all that a
# test needs must be there; otherwise a test whose tools are missing reports that and is skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

began=$SECONDS
# Nothing is built twice with a change in between.
export CARGO_INCREMENTAL=${CARGO_INCREMENTAL:-0}
step() { printf '\n== %s (after %d s)\n' "$*" $((SECONDS - began)); }

step 'what the tests need'
bash tests/install.sh
bash tests/live/install.sh

# The system's OpenSSL where its headers are installed: building OpenSSL is a third of the whole build.
features=()
if pkg-config --exists openssl 2>/dev/null; then
  features=(--no-default-features --features kafka,http,tui,ssl,jemalloc)
fi

step 'format'
cargo fmt --all --check

step 'dependencies: licences, sources, unsafe code'
python3 deploy/package/dependencies.py check
TARGET=x86_64-unknown-linux-gnu python3 deploy/package/dependencies.py unsafe --check

step 'lints'
cargo clippy --locked "${features[@]}" --all-targets -- -D warnings

step 'documentation'
RUSTDOCFLAGS='-D warnings' cargo doc --locked "${features[@]}" --no-deps --quiet

step 'tests without the features kafka, http and tui, but with parquet'
cargo clippy --locked --no-default-features --all-targets -- -D warnings
# The program and the crate of its feature without optimisation, since they are built for few tests; the others run on
# the whole program below, with the same crates.
lean() {
  cargo test --locked --no-default-features --features parquet --config 'profile.dev.package.tweetoscope.opt-level=0' \
    --config 'profile.dev.package.parquet.opt-level=0' "$@"
}
lean --bins
# Small forests: these tests compare tables.
TWEETOSCOPE_TREES=5 lean --test stages parquet

step 'tests'
cargo test --locked "${features[@]}" --no-run
# The tests on a broker wait more than they work: four at a time on two cores, beside the others, which yield to them.
RUST_TEST_THREADS=4 cargo test --locked "${features[@]}" --test kafka >target/kafka.log 2>&1 &
kafka=$!
trap 'kill "$kafka" 2>/dev/null || true' EXIT
others=$(python3 tests/targets.py kafka live)
# shellcheck disable=SC2086
nice -n 10 cargo test --locked "${features[@]}" --lib --bins $others

step 'the book'
nice -n 10 bash tests/book.sh

step 'the snippets of docs/tools.md'
nice -n 10 bash tests/snippets.sh

step 'tests on a broker'
ended=0
wait "$kafka" || ended=$?
trap - EXIT
cat target/kafka.log
[ "$ended" = 0 ]

step 'tests of running services'
RUST_TEST_THREADS=4 cargo test --locked "${features[@]}" --test live

step 'processors without AVX'
bash tests/processors.sh "${features[@]}"

step 'the page in a browser'
if [ -d tests/e2e/node_modules ]; then
  # The program that the tests have built.
  cargo test --locked "${features[@]}" --no-run
  (cd tests/e2e && npm test)
elif [ "${CI:-}" = true ]; then
  echo 'missing: the npm packages of tests/e2e' >&2
  exit 1
else
  echo 'skipped: no npm packages in tests/e2e'
fi

step 'done'
