#!/usr/bin/env bash
# A week of event time through Apache Kafka, as fast as the machine allows: one generate, 8 partitions, 4 instances of collect.
# The records in the topics are compared with those of a pipe.
#
#   benches/week.sh [TWEETS]      (default 20000000, 33 a second of event time)
#
# The broker is started on loopback. Requires java, maven and kcat, and 500 bytes of disk for each tweet.

set -euo pipefail
cd "$(dirname "$0")/.."
tweets=${1:-20000000}
dir=$(mktemp -d "${TMPDIR:-/tmp}/tweetoscope-week.XXXXXX")
port=$((22000 + $$ % 2000 * 4))
tweetoscope=${CARGO_TARGET_DIR:-target}/release/tweetoscope
cargo build -q --release --locked
export BROKER_JVM="-XX:TieredStopAtLevel=4 -Xmx1g" TWEETOSCOPE_BROKERS=127.0.0.1:$port

tests/broker/broker.sh start "$dir/broker" "$port" >/dev/null
trap 'tests/broker/broker.sh wipe "$dir/broker"; rm -rf "$dir"' EXIT
for topic in tweets cascade_series cascade_properties; do
  tests/broker/broker.sh topics "$dir/broker" create "$topic" 8 >/dev/null
done

tests/broker/broker.sh topics "$dir/broker" create collect_state 1 cleanup.policy=compact >/dev/null

# A source with so many open cascades has 20,000,000 tweets a week with 63 others; more tweets need more of them.
simulation=(--simulate 1000000000 --limit "$tweets" --sources 64 --live $((tweets * 207 / 20000000)) --seed 5)
options=(--windows 10m,1h --terminated 2h --min-size 10 --max-age 1d)
"$tweetoscope" generate -q "${simulation[@]}" | tee >(tail -n 1 >"$dir/last") |
  "$tweetoscope" collect -q --at-end drop "${options[@]}" >"$dir/expected"
echo "$tweets tweets; the last one: $(cat "$dir/last")"

began=$EPOCHREALTIME
"$tweetoscope" generate --kafka -q "${simulation[@]}" &
generate=$!
instances=()
for i in 1 2 3 4; do
  "$tweetoscope" collect --kafka -q "${options[@]}" --transactional-id "week-$i" &
  instances+=($!)
done
wait "$generate"
echo "written to 8 partitions in $(echo "$EPOCHREALTIME $began" | awk '{printf "%.0f", $1 - $2}') s, with 4 instances of collect beside it"

records() { kcat -C -b "$TWEETOSCOPE_BROKERS" -t "$1" -e -q -X isolation.level=read_committed; }
wanted=$(wc -l <"$dir/expected")
until [ "$(($(records cascade_series | wc -l) + $(records cascade_properties | wc -l)))" -ge "$wanted" ]; do
  kill -0 "${instances[@]}"
  sleep 1
done
echo "all read and committed after $(echo "$EPOCHREALTIME $began" | awk '{printf "%.0f", $1 - $2}') s"
for i in "${!instances[@]}"; do
  awk -v i="$i" '/VmHWM/ {print "instance", i + 1 ": at most", int($2 / 1024), "MB"}' "/proc/${instances[i]}/status"
done
sleep 2
kill "${instances[@]}"
wait "${instances[@]}"
records cascade_series >"$dir/found"
records cascade_properties >>"$dir/found"
difference=$(diff <(sort "$dir/expected") <(sort "$dir/found") | grep -c '^[<>]' || true)
echo "$wanted series and sizes; lines that differ from those of a pipe: $difference"
[ "$difference" -eq 0 ]
