#!/usr/bin/env bash
# Compares the throughput with rdkafka_performance and kcat, on a broker that this script starts on loopback.
#
#   benches/kafka.sh [RECORDS] [ROUNDS]      (default 1000000 records of 200 bytes, 5 rounds)
#
# A short run first checks that each topic holds exactly the records that were to be written. Then
# every round runs all jobs one after the other, because the machine may be shared, and the script
# prints medians of the elapsed and of the processor time. The start of a producer, which waits half a
# second for its id, is in neither: for rdkafka_performance, the time of a run with one record is
# subtracted. Our jobs write tweets as JSON, keyed by source; rdkafka_performance writes constant bytes
# without a key. It is compiled with the librdkafka that cargo built. Requires java, maven, cc and
# kcat. BENCH_X="linger.ms=50 ..." sets properties of librdkafka for our jobs.

set -euo pipefail
cd "$(dirname "$0")/.."
records=${1:-1000000}
rounds=${2:-5}
dir=$(mktemp -d "${TMPDIR:-/tmp}/tweetoscope-bench.XXXXXX")
port=$((22000 + $$ % 2000 * 4))
target=${CARGO_TARGET_DIR:-target}

cargo build -q --release --locked
cargo bench -q --locked --bench kafka --no-run
bench=$(ls -t "$target"/release/deps/kafka-* | grep -v '\.d$' | head -n 1)
tweetoscope=$target/release/tweetoscope
out=$(ls -dt "$target"/release/build/rdkafka-sys-*/out | head -n 1)
libraries=$(find "$target"/release/build -name libssl.a -o -name libcrypto.a -o -name libz.a -o -name 'libzstd*.a' | sort -r)
peer=$dir/rdkafka_performance
# shellcheck disable=SC2086 # a list of files
cc -O2 -w -I "$out/src" "$out/examples/rdkafka_performance.c" "$out/src/librdkafka.a" $libraries \
  -lpthread -lm -ldl -o "$peer"

export BROKER_JVM="-XX:TieredStopAtLevel=4 -Xmx1g"
tests/broker/broker.sh start "$dir/broker" "$port" >/dev/null
trap 'tests/broker/broker.sh wipe "$dir/broker"; rm -rf "$dir"' EXIT
brokers=127.0.0.1:$port
topic() { tests/broker/broker.sh topics "$dir/broker" create "$1" 4 >/dev/null; }
seconds() { sed -n 's/.*"seconds":\([0-9.e-]*\).*/\1/p'; }
# measure NAME COMMAND...: the seconds that the command prints, else its elapsed time, and its processor time.
measure() {
  local name=$1 printed elapsed user system
  shift
  TIMEFORMAT='%R %U %S'
  { time "$@" >"$dir/printed" 2>"$dir/messages"; } 2>"$dir/time"
  read -r elapsed user system <"$dir/time"
  printed=$(awk 'NF == 1 && $1 ~ /^[0-9.e-]+$/ && NR == 1' "$dir/printed")
  echo "$name ${printed:-$elapsed} $user $system" | awk '{print $1, $2, $3 + $4}' | tee -a "$dir/times"
}

# --- The jobs; each has its own topic.

# Measured by rdkafka_performance: from the first message to the last delivery report.
produce_peer() {
  "$peer" -P -t "$1" -s 200 -c "$2" -b "$brokers" -X enable.idempotence=true -X linger.ms=5 -z none 2>&1 |
    sed -n 's/.*messages produced.*in \([0-9]*\)ms.*/\1/p' | tail -n 1 | awk '{print $1 / 1000}'
}
produce_ours() { "$bench" produce "$brokers" "$1" "$2" | seconds; }
# The baseline of the transactions: the same records without transactions.
alerts_ours() { "$bench" alerts "$brokers" "$1" "$2" | seconds; }
# A daemon that writes ten records for each record it reads, and commits every 100 ms.
transact_ours() { "$bench" transact "$brokers" input "$1" "$2" | seconds; }
# The same daemon without transactions (--at-least-once).
repeat_ours() { "$bench" repeat "$brokers" input "$1" "$2" | seconds; }
collect_ours() {
  "$tweetoscope" collect --kafka -q -b "$brokers" --exit-eof --windows 10m,20m --min-size 3 \
    --topic "cascade_series=$1" --topic "cascade_properties=$1" --group "$1"
}
holds() { kcat -C -b "$brokers" -t "$1" -e -q -f '%S\n' | awk '{n++; b += $1} END {print n + 0, b + 0}'; }
expect() { [ "$2" = "$3" ] || { echo "$1: $2 records and bytes, not $3" >&2; exit 1; }; }

# --- The input: tweets for collect, and a topic of initial tweets for the daemon of transact_ours.

topic collect_state
topic input
awk -v n=$((records / 10)) 'BEGIN { for (i = 0; i < n; i++) print "{\"type\":\"tweet\",\"cid\":\"1\",\"t\":1}" }' |
  kcat -P -b "$brokers" -t input
topic tweets
# 64 sources spread evenly over the partitions. The cascades end within the input.
"$tweetoscope" generate --simulate 100000000 --limit "$records" --sources 64 --seed 3 >"$dir/tweets"
"$tweetoscope" collect --at-end drop --max-age 1d --windows 10m,20m --min-size 3 "$dir/tweets" >"$dir/series"
"$tweetoscope" generate --kafka -q -b "$brokers" --simulate 100000000 --limit "$records" --sources 64 --seed 3

# --- Checks of the output of each job.

few=$((records / 20 * 10))
for kind in ours peer alerts transact collect; do topic "$kind-0"; done
produce_ours ours-0 "$few" >/dev/null
expect produce-ours "$(holds ours-0)" "$few $((few * 200))"
produce_peer peer-0 "$few" >/dev/null
expect produce-peer "$(holds peer-0)" "$few $((few * 200))"
alerts_ours alerts-0 "$few" >/dev/null
expect alerts-ours "$(holds alerts-0)" "$few $((few * 200))"
transact_ours transact-0 "$few" >/dev/null
read -r written bytes <<<"$(holds transact-0)"
# The job stops at the end of the batch that reaches the number of records.
[ "$written" -ge "$few" ] && [ "$bytes" -eq $((written * 200)) ] || { echo "transact-ours: $written" >&2; exit 1; }
expect consume-ours "$("$bench" consume "$brokers" alerts-0 "$few" | sed 's/.*"bytes":\([0-9]*\),"records":\([0-9]*\),.*/\2 \1/')" "$few $((few * 200))"
collect_ours collect-0
expect collect-ours "$(kcat -C -b "$brokers" -t collect-0 -e -q | sort | cksum)" "$(sort "$dir/series" | cksum)"
echo "equal: $few records of 200 bytes by every job; collect's $(wc -l <"$dir/series") records as from a pipe"

# --- Measurements.

for round in $(seq "$rounds"); do
  for kind in ours peer alerts transact repeat collect; do topic "$kind-$round"; done
  measure produce-start produce_peer "peer-$round" 1
  measure produce-peer produce_peer "peer-$round" "$records"
  measure produce-ours produce_ours "ours-$round" "$records"
  measure alerts-ours alerts_ours "alerts-$round" "$records"
  measure transact-ours transact_ours "transact-$round" "$records"
  measure repeat-ours repeat_ours "repeat-$round" "$records"
  measure consume-peer kcat -C -b "$brokers" -t "alerts-$round" -e -q
  measure consume-ours "$bench" consume "$brokers" "alerts-$round" "$records"
  measure tweets-peer kcat -C -b "$brokers" -t tweets -e -q
  measure collect-ours collect_ours "collect-$round"
  measure collect-pipe "$tweetoscope" collect -q --at-end drop --max-age 1d --windows 10m,20m --min-size 3 "$dir/tweets"
done

# median NAME COLUMN: 2 for the elapsed time, 3 for the processor time
median() { grep "^$1 " "$dir/times" | cut -d' ' -f"$2" | sort -g | awk '{a[NR] = $1} END {print (NR % 2) ? a[(NR + 1) / 2] : (a[NR / 2] + a[NR / 2 + 1]) / 2}'; }
# The median time without the start of the producer.
net() { [ "$1" != produce-peer ] || set -- "$1" "$2" "$(median produce-start "$2")"; echo "$(median "$1" "$2") ${3:-0}" | awk '{print $1 - $2}'; }
row() {
  echo "$1|$2|$3" | awk -F'|' -v n="$records" -v o="$(net "$2" 2)" -v p="$(net "$3" 2)" -v c="$(net "$2" 3)" -v d="$(net "$3" 3)" \
    '{printf "%-38s %9.0f records/s %5.2f s/M   %-14s %9.0f records/s %5.2f s/M   ratio %.2f\n", $1, n / o, 1e6 * c / n, $3, n / p, 1e6 * d / n, p / o}'
}
echo
echo "s/M: processor time of the program for a million records"
row "produce, against rdkafka_performance" produce-ours produce-peer
row "transactions, against plain produce" transact-ours alerts-ours
row "transactions, against at least once" transact-ours repeat-ours
row "consume, against kcat" consume-ours consume-peer
row "collect --kafka, against kcat" collect-ours tweets-peer
row "collect --kafka, against a pipe" collect-ours collect-pipe
