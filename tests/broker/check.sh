#!/usr/bin/env bash
#
# Does broker.sh keep what its head promises? Asked with kcat, a client that is not Kafka's own.
#
#   check.sh [PORT]     default 19492; uses the seven ports from there
#
# Prints a line for each claim that holds, and stops at the first that does not. Exit status as broker.sh's;
# 69 also where kcat is missing.

set -Eeuo pipefail
trap 'echo "NOT line $LINENO: $BASH_COMMAND" >&2' ERR
unset CDPATH

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
port=${1:-19492}
# Every character that a path may have and a careless script, Java or Kafka would stumble over.
work=${here%/*/*}/target/broker-check.$$
dir="$work/a b,ü\\'&"
at=127.0.0.1:$port

command -v kcat >/dev/null || { echo "check.sh: kcat is missing" >&2; exit 69; }
trap '"$here/broker.sh" wipe "$dir" 2>/dev/null || true; rm -rf -- "$work"' EXIT
mkdir -p "$work"

broker() { local command=$1; shift; "$here/broker.sh" "$command" "$dir" "$@"; }
holds() { printf 'ok  %3d s  %s\n' "$SECONDS" "$1"; }
broken() { printf 'NOT %s\n' "$1" >&2; tail -n 20 "$dir/out.log" >&2 || true; exit 1; }
# same CLAIM EXPECTED ACTUAL
same() { if [ "$2" = "$3" ]; then holds "$1"; else printf 'expected: %.300s\nactual:   %.300s\n' "$2" "$3" >&2; broken "$1"; fi; }
# refuses CLAIM STATUS TEXT COMMAND...: the command ends with the status and says the text.
refuses() {
  local claim=$1 status=$2 text=$3 said actual=0; shift 3
  said=$("$@" 2>&1) || actual=$?
  if [ "$actual" -ne "$status" ] || [[ $said != *"$text"* ]]; then echo "status $actual: $said" >&2; broken "$claim"; fi
  holds "$claim"
}
# within SECONDS CLAIM COMMAND: the command succeeds in time.
within() {
  local deadline=$((SECONDS + $1))
  until "$3"; do
    if [ "$SECONDS" -ge "$deadline" ]; then broken "$2"; fi
    sleep 0.1
  done
}
write() { local topic=$1; shift; kcat -b "$at" -t "$topic" -P -X acks=all "$@" 2>>"$work/kcat.log"; }
# All of a topic, in numerical order; read_committed is the default of kcat's library.
read_all() { local topic=$1; shift; kcat -b "$at" -t "$topic" -C -e -q "$@" 2>>"$work/kcat.log" | sort -n; }

"$here/broker.sh" start "$dir" "$port" >"$work/address" || exit
same "start prints the address" "$at" "$(<"$work/address")"
refuses "a second start in the same place is refused" 1 "runs in $dir already" broker start "$port"
refuses "a busy port is refused by name" 75 "port $((port + 1)) is busy" "$here/broker.sh" start "$work/other" $((port + 1))

# A checkout that has fetched nothing yet, on a machine with little installed.
mkdir -p "$work/bin" "$work/checkout/tests"
cp -R "$here" "$work/checkout/tests/broker"
for program in cat cksum cut dirname env flock grep head mkdir mktemp rm sed tail; do
  if found=$(command -v "$program"); then ln -s "$found" "$work/bin/"; fi
done
machine() { printf '#!/bin/sh\n%s\n' "$2" >"$work/bin/$1"; chmod +x "$work/bin/$1"; }
there() { env JAVA_HOME= PATH="$work/bin" "$BASH" "$work/checkout/tests/broker/broker.sh" start "$work/there" $((port + 4)); }
refuses "a missing java is named" 69 "java is missing" there
machine java 'echo "openjdk version \"11.0.2\" 2019-01-15" >&2'
refuses "an old java is named" 69 '"11.0.2"' there
machine java 'echo "openjdk version \"17.0.2\" 2022-01-18" >&2'
refuses "a missing maven is named" 69 "(mvn) is missing" there
machine mvn 'echo "no route to the repository"; exit 1'
refuses "what maven cannot do is told" 69 "no route to the repository" there

broker topics create numbers 4 retention.ms=-1 cleanup.policy=compact,delete >/dev/null
broker topics create single 1 >/dev/null
broker topics create gone 1 >/dev/null
same "topics are listed" $'gone\nnumbers\nsingle' "$(broker topics list | sort)"
[[ $(broker topics describe numbers) == *"PartitionCount: 4"*"cleanup.policy=compact,delete"* ]] || broken "a topic is described"
broker topics delete gone >/dev/null
same "a deleted topic is gone" $'numbers\nsingle' "$(broker topics list | sort)"
refuses "an existing topic is not made again" 1 "already exists" broker topics create single 1
echo lost | timeout 20 kcat -b "$at" -t misspelt -P -X message.timeout.ms=2000 2>/dev/null && broken "a topic is not made by writing to it"
same "a topic is not made by writing to it" $'numbers\nsingle' "$(broker topics list | sort)"

seq 1000 | sed 's/.*/&:&/' | write numbers -X enable.idempotence=true -K: -z lz4
same "what is written is read" "$(seq 1000)" "$(read_all numbers | sort -nu)"
head -c 16000000 /dev/urandom >"$work/large"
write single -X message.max.bytes=16777216 "$work/large"
same "a record of 16 MB passes" 16000000 "$(read_all single -f '%S\n' -o -1)"

# kcat sends its whole input as one transaction and commits at the end of it.
broker topics create ledger 1 >/dev/null
seq 10 | write ledger -X transactional.id=kept
same "a committed transaction is read" "$(seq 10)" "$(read_all ledger)"
mkfifo "$work/open"
kcat -b "$at" -t ledger -P -X acks=all -X transactional.id=lost -X transaction.timeout.ms=2000 -X linger.ms=0 \
  <"$work/open" 2>>"$work/kcat.log" &
writer=$!
exec 8>"$work/open"
seq 11 9999 >&8 # kcat reads a pipe by the buffer, so some of this stays unread
some_is_written() { [ "$(read_all ledger -X isolation.level=read_uncommitted | wc -l)" -gt 10 ]; }
within 20 "an open transaction is written" some_is_written
kill -9 "$writer"
{ wait "$writer" || true; } 2>/dev/null
exec 8>&-
same "an open transaction is not read" "$(seq 10)" "$(read_all ledger)"
echo 0 | write ledger
what_follows_is_read() { [ "$(read_all ledger | head -n 1)" = 0 ]; }
within 20 "a dead producer's transaction ends after its timeout" what_follows_is_read
same "and it is aborted" "$(seq 0 10)" "$(read_all ledger)"

broker topics create work 1 >/dev/null
seq 1000 | write work
group() { kcat -b "$at" -G readers work -q -X auto.offset.reset=earliest "$@" 2>>"$work/kcat.log"; }
first=$(group -c 600)
broker kill9
refuses "a broker that is gone is not ended twice" 1 "no broker runs" broker kill9
refuses "nor asked for topics" 1 "no broker runs" broker topics list
broker restart >/dev/null
same "a restart after kill -9 has the data" "$(seq 1000)" "$(read_all work)"
same "and the transactions" "$(seq 0 10)" "$(read_all ledger)"
same "and the group's offsets" "$(seq 1000)" "$(printf '%s\n' "$first" && group -e)"

# kcat ends well only when all that it wrote was acknowledged. It gives up where a broker dies under it, so
# each kill comes right after.
broker topics create crash 1 >/dev/null
for round in 1 2 3; do
  seq "${round}00001" "${round}99999" | write crash -X enable.idempotence=true
  broker kill9
  broker restart >/dev/null
done
same "what was acknowledged outlives a kill -9 at once" \
  "$(for round in 1 2 3; do seq "${round}00001" "${round}99999"; done | cksum)" "$(read_all crash | cksum)"

broker stop
sleep 60 &
stranger=$!
echo "$stranger" >"$dir/pid"
refuses "a stranger with the broker's number is left alone" 1 "no broker runs" broker stop
kill "$stranger" || broken "a stranger with the broker's number is left alone"
"$here/broker.sh" start "$dir" "$port" --tls --sasl >"$work/address"
same "the other listeners are printed" "$at
tls 127.0.0.1:$((port + 2)) $dir/ca.pem
sasl 127.0.0.1:$((port + 3))" "$(<"$work/address")"
same "and the data is still there" "$(seq 1000)" "$(read_all work)"

cp "$dir/ca.pem" "$work/ca.pem"
tls=(-b "127.0.0.1:$((port + 2))" -X security.protocol=ssl -X ssl.endpoint.identification.algorithm=https)
same "TLS serves who knows the certificate" "$(seq 1000)" "$(kcat "${tls[@]}" -X ssl.ca.location="$work/ca.pem" -t work -C -e -q)"
refuses "TLS shows strangers a certificate that they refuse" 1 "certificate verify failed" timeout 20 kcat "${tls[@]}" -L
as() { local user=$1 secret=$2; shift 2; kcat -b "127.0.0.1:$((port + 3))" -X security.protocol=sasl_plaintext -X sasl.mechanisms=PLAIN \
  -X sasl.username="$user" -X sasl.password="$secret" "$@"; }
broker topics create forbidden 1 >/dev/null
echo 1 | as alice alice-secret -t forbidden -P
echo 2 | as bob bob-secret -t work -P
same "alice may write to forbidden, and bob read it" 1 "$(as bob bob-secret -t forbidden -C -e -q)"
refuses "bob may not write to forbidden" 1 "Topic authorization failed" as bob bob-secret -t forbidden -P "$work/address"
refuses "a wrong password is refused" 1 "Invalid username or password" as bob wrong -L

broker wipe
if [ -e "$dir" ]; then broken "wipe leaves nothing"; fi
holds "wipe leaves nothing"
