#!/usr/bin/env bash
# Measures the cost of metrics and logs in collect: with --http (scraped once per second) and
# --log-dir, relative to neither, in pairs on the same tweets. The order within a pair alternates.
#
#   bash benches/overhead.sh [PAIRS] [CASCADES]
#
# TWEETOSCOPE is the path of the binary; without it, the script builds and uses the release profile.
# Prints minimum, median and maximum of the ratios of elapsed time and of processor time. On a
# machine with other load, only the ratio of processor time is reliable.
set -euo pipefail
cd "$(dirname "$0")/.."
pairs=${1:-15} cascades=${2:-60000}

binary=${TWEETOSCOPE:-}
if [ -z "$binary" ]; then
  cargo build --release --locked --quiet
  binary=${CARGO_TARGET_DIR:-target}/release/tweetoscope
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$binary" generate --simulate "$cascades" --seed 1 >"$dir/tweets" 2>/dev/null
printf '%s tweets, %s pairs\n' "$(wc -l <"$dir/tweets")" "$pairs"

# Requests the metrics of the process whose address is in the file $1, until the process ends.
scrape() {
  until address=$(sed -n 's|.*Serving http://\([0-9.:]*\)/.*|\1|p' "$1" 2>/dev/null) && [ -n "$address" ]; do
    sleep 0.02
  done
  while exec 3<>"/dev/tcp/${address%:*}/${address#*:}"; do
    printf 'GET /metrics HTTP/1.1\r\nHost: %s\r\n\r\n' "$address" >&3
    cat <&3 >>"$dir/metrics" || break
    exec 3>&-
    sleep 1
  done 2>/dev/null
}

# Writes "elapsed processor" in seconds to $dir/$1.
timed() { # name, command...
  local name=$1 TIMEFORMAT='%R %U %S'
  shift
  { time "$@" "$dir/tweets" >/dev/null 2>"$dir/stderr"; } 2>"$dir/time"
  awk '{ print $1, $2 + $3 }' "$dir/time" >>"$dir/$name"
}

plain() { timed plain "$binary" collect; }
observed() {
  rm -rf "$dir/log" "$dir/stderr"
  scrape "$dir/stderr" &
  timed observed "$binary" collect -v --http 127.0.0.1:0 --log-dir "$dir/log"
  wait
}

plain && observed && rm "$dir/plain" "$dir/observed" # warm
for ((pair = 0; pair < pairs; pair++)); do
  if ((pair % 2)); then plain && observed; else observed && plain; fi
done
grep -q 'tweetoscope_cascades_open' "$dir/metrics" # at least one scrape succeeded
paste "$dir/plain" "$dir/observed" | awk '{ printf "%.4f %.4f\n", $3 / $1, $4 / $2 }' >"$dir/ratios"
for column in 1 2; do
  name=$([ $column = 1 ] && echo elapsed || echo processor)
  cut -d' ' -f$column "$dir/ratios" | sort -n |
    awk -v name=$name '{ a[NR] = $1 } END { printf "%-9s  minimum %.3f  median %.3f  maximum %.3f\n", name, a[1], a[int((NR + 1) / 2)], a[NR] }'
done
