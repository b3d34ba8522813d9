#!/usr/bin/env bash
# Throughput beside rdkafka_performance and kcat, against a broker of our own on loopback.
#
#   benches/kafka.sh [RECORDS] [ROUNDS]      (default 1000000 records of 200 bytes, 5 rounds)
#
# All in one run, one after the other in each round, medians at the end: the machine is shared.
# rdkafka_performance is built from the librdkafka that cargo has built for us. Needs java, cc, kcat.

set -euo pipefail
cd "$(dirname "$0")/.."
records=${1:-1000000}
rounds=${2:-5}
dir=$(mktemp -d "${TMPDIR:-/tmp}/tweetoscope-bench.XXXXXX")
port=$((22000 + $$ % 2000 * 4))
target=${CARGO_TARGET_DIR:-target}

cargo bench -q --bench kafka --no-run
bench=$(ls -t "$target"/release/deps/kafka-* | grep -v '\.d$' | head -n 1)
out=$(ls -dt "$target"/release/build/rdkafka-sys-*/out | head -n 1)
libraries=$(find "$target"/release/build -name libssl.a -o -name libcrypto.a -o -name libz.a | sort -r)
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
clock() { local began=$EPOCHREALTIME; "$@" >/dev/null; echo "$EPOCHREALTIME $began" | awk '{print $1 - $2}'; }
say() { printf '%s %s\n' "$1" "$2" | tee -a "$dir/times"; }

topic collect_state
topic input
awk -v n=$((records / 10)) 'BEGIN { for (i = 0; i < n; i++) print "{\"type\":\"tweet\",\"cid\":\"1\",\"t\":1}" }' |
  kcat -P -b "$brokers" -t input
for round in $(seq "$rounds"); do
  for kind in ours peer transact; do topic "$kind-$round"; done
  idempotent=(-X enable.idempotence=true -X linger.ms=5 -z none)
  # Its own clock: from the first message to the last report.
  say produce-peer "$("$peer" -P -t "peer-$round" -s 200 -c "$records" -b "$brokers" "${idempotent[@]}" 2>&1 |
    sed -n 's/.*messages produced.*in \([0-9]*\)ms.*/\1/p' | tail -n 1 | awk '{print $1 / 1000}')"
  say produce-ours "$("$bench" produce "$brokers" "ours-$round" "$records" | seconds)"
  say transact-ours "$("$bench" transact "$brokers" input "transact-$round" "$records" | seconds)"
  say consume-peer "$(clock kcat -C -b "$brokers" -t "ours-$round" -e -q)"
  say consume-ours "$(clock "$bench" consume "$brokers" "ours-$round" "$records")"
done

median() { grep "^$1 " "$dir/times" | cut -d' ' -f2 | sort -g | awk '{a[NR] = $1} END {print (NR % 2) ? a[(NR + 1) / 2] : (a[NR / 2] + a[NR / 2 + 1]) / 2}'; }
row() {
  echo "$1|$2|$3" | awk -F'|' -v n="$records" -v o="$(median "$2")" -v p="$(median "$3")" \
    '{printf "%-38s %9.0f records/s   %-24s %9.0f records/s   ratio %.2f\n", $1, n / o, $3, n / p, p / o}'
}
row "produce, against rdkafka_performance" produce-ours produce-peer
row "transactions, against plain produce" transact-ours produce-ours
row "consume, against kcat" consume-ours consume-peer
