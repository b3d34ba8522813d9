#!/usr/bin/env bash
# Follows the documentation as a newcomer would: a fresh clone, the commands of README.md and of the tutorial, in a
# home directory of its own.
#
#   tests/newcomer.sh [PROGRAM]
#
# Builds the program as README.md says; with PROGRAM, uses that one and skips the commands that build (minutes).
# Needs Java 17 and Maven for the chapters on Kafka; tests/release.sh does the same for the packages.
set -euo pipefail
cd "$(dirname "$0")/.."

program=${1:+$(realpath "$1")}
work=$(mktemp -d "${TMPDIR:-/tmp}/tweetoscope-newcomer.XXXXXX")
cleanup() {
  for broker in "$work"/clone/target/broker "$work"/clone/target/tutorial-broker; do
    [ ! -d "$broker" ] || bash "$work/clone/tests/broker/broker.sh" stop "$broker" >/dev/null 2>&1 || true
  done
  rm -rf "$work"
}
trap cleanup EXIT

git clone --quiet --no-local . "$work/clone"
mkdir -p "$work/home/.cargo/bin" "$work/clone/target"
if [ -n "$program" ]; then
  cp "$program" "$work/home/.cargo/bin/tweetoscope"
fi
# The jars of the broker are fetched once for all clones.
for kit in target/kafka-*; do
  [ ! -d "$kit" ] || cp -R "$kit" "$work/clone/target/"
done

# The commands of the blocks of a page, console and sh, in their order.
commands() {
  awk '/^```(console|sh)$/ { kind = $0; next } /^```/ { kind = ""; next }
       kind == "```sh" { print } kind == "```console" && sub(/^\$ /, "") { print }' "$1"
}

# What is not for a script: installing packages of the system, the whole test suite, a view that does
# not end.
unsuitable='^(apt-get|bash tests/all|tweetoscope dashboard --kafka *#)'
if [ -n "$program" ]; then
  unsuitable="$unsuitable|^cargo install"
fi

walk() { # page
  local page=$1 script=$work/script.sh
  {
    echo 'set -eu'
    # A refused record is an exit status of 1, as the page explains.
    commands "$page" | grep -vE "$unsuitable" | sed 's/--dead-letter refused.jsonl$/& || test $? = 1/'
    # Stages that the page leaves in the background.
    # shellcheck disable=SC2016 # for the script
    echo 'kill $(jobs -p) 2>/dev/null || true; wait'
  } | if [ -n "$program" ]; then sed 's/^cargo run --release -- /tweetoscope /'; else cat; fi >"$script"
  echo "== $page: $(grep -c . "$script") lines"
  # bash: `jobs -p` of the tutorial lists the stages.
  (cd "$work/clone" && env -i HOME="$work/home" LC_ALL=C CARGO_HOME="${CARGO_HOME:-$HOME/.cargo}" RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}" \
    M2="$HOME/.m2" PATH="$work/home/.cargo/bin:$HOME/.cargo/bin:/usr/local/bin:/usr/bin:/bin" timeout 1800 bash -x "$script") >"$work/log" 2>&1 || {
    tail -30 "$work/log" >&2
    echo "FAILED: $page" >&2
    exit 1
  }
}

walk docs/tutorial.md
rm -rf "$work"/clone/{models,tweets.jsonl,predictions.jsonl,refused.jsonl}
walk README.md
for file in run.jsonl predictions.jsonl models; do
  [ -e "$work/clone/$file" ] || { echo "FAILED: no $file" >&2; exit 1; }
done
printf '2 passed, 0 failed\n'
