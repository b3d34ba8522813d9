#!/usr/bin/env bash
# What metrics and the log cost collect: with --http (asked once a second) and --log-dir, against
# neither, in pairs on the same tweets; the order within a pair changes from pair to pair.
#
#   bash benches/overhead.sh [PAIRS] [CASCADES]
#
# TWEETOSCOPE names the binary; without it, the release build is made and taken.
# Prints the least, middle and largest ratio of the pairs, of elapsed and of processor time: on a
# machine that does other things too, the latter is the one to believe.
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

# Asks for the metrics of the process whose address it is given, until that is gone.
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
watched() {
  rm -rf "$dir/log" "$dir/stderr"
  scrape "$dir/stderr" &
  timed watched "$binary" collect -v --http 127.0.0.1:0 --log-dir "$dir/log"
  wait
}

plain && watched && rm "$dir/plain" "$dir/watched" # warm
for ((pair = 0; pair < pairs; pair++)); do
  if ((pair % 2)); then plain && watched; else watched && plain; fi
done
grep -q 'tweetoscope_cascades_open' "$dir/metrics" # it was asked, and answered
paste "$dir/plain" "$dir/watched" | awk '{ printf "%.4f %.4f\n", $3 / $1, $4 / $2 }' >"$dir/ratios"
for column in 1 2; do
  name=$([ $column = 1 ] && echo elapsed || echo processor)
  cut -d' ' -f$column "$dir/ratios" | sort -n |
    awk -v name=$name '{ a[NR] = $1 } END { printf "%-9s  least %.3f  middle %.3f  most %.3f\n", name, a[1], a[int((NR + 1) / 2)], a[NR] }'
done
