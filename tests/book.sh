#!/usr/bin/env bash
# Builds the book of docs/ into target/book; a warning of mdBook is a failure. Links are checked by
# `cargo test --test docs`.
set -euo pipefail
cd "$(dirname "$0")/.."

mdbook=target/tools/bin/mdbook
if ! [ -x $mdbook ]; then
  CARGO_PROFILE_DEV_DEBUG=none cargo install mdbook --version 0.5.4 --locked --no-default-features --debug --quiet \
    --root target/tools --target-dir target/mdbook
fi
log=$($mdbook build docs 2>&1)
echo "$log"
if grep -qE 'WARN|ERROR' <<<"$log"; then
  echo 'mdBook reported a problem' >&2
  exit 1
fi
echo "$(find target/book -name '*.html' | wc -l) pages in target/book"
