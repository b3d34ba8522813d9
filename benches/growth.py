#!/usr/bin/env python3
"""Measures how cost grows with the input: python3 benches/growth.py [--max-power 7]

Prints tables of processor time: `fit` over histories of 10^4 to 10^E events, in cascades of 1,000
events and in one cascade (up to the maximum line length), and `collect` over the same numbers of
tweets at a constant number of open cascades (benches/flood.py checks the counts). Where cost is
linear, the nanoseconds per unit are constant. The last table is the memory of collect by number of
open cascades.

    --max-power E    the largest power of ten (default 7; 8 takes some minutes)
"""
import argparse
import json
import subprocess
import tempfile

from compare import history
from flood import BINARY, finish, flood

MAX_LINE_BYTES = 60_000_000


def fit(lines, times):
    """Processor seconds and peak MB of a `fit` that reads these lines `times` times."""
    child = subprocess.Popen([BINARY, "fit", "--csv", "--estimator", "mle", "--quiet"],
                             stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    for _ in range(times):
        child.stdin.write(lines)
    child.stdin.close()
    return finish(child)


def open_cascades(count, events):
    """Peak MB of a `collect` with `count` open cascades of `events` events each, all windows open."""
    child = subprocess.Popen([BINARY, "collect", "--windows", "10m,20m", "--at-end", "drop", "--quiet"],
                             stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    text = "x" * 80
    for event in range(events):
        for i in range(count):
            cid = f"17286{i:014d}"
            if event == 0:
                child.stdin.write(f'{{"type":"tweet","cid":"{cid}","t":0,"m":9,"source":"0","msg":"{text}"}}\n')
            else:
                child.stdin.write(f'{{"type":"retweet","cid":"{cid}","t":{event},"m":9,"source":"0"}}\n')
    child.stdin.close()
    return finish(child)[1]


def row(power, count, seconds, memory):
    print(f"   10^{power}  {seconds:10.3f} s  {seconds / count * 1e9:8.1f} ns  {memory:8.1f} MB", flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--max-power", type=int, default=7)
    max_power = arguments.parse_args().max_power
    with tempfile.NamedTemporaryFile() as file:
        history(file.name, 1000, 1000)
        lines = file.readlines()
    print("fit, by events, in cascades of 1,000:  processor time, time per event, peak memory")
    for power in range(4, max_power + 1):
        count = 10 ** power // 1000
        few = b"".join(lines[:min(count, 1000)])
        row(power, 10 ** power, *fit(few, max(1, count // 1000)))
    print("fit, by events, in one cascade")
    points = [point for line in lines for point in json.loads(line)["tweets"]]
    for power in range(4, max_power + 1):
        # Concatenates the cascades on one time axis.
        at, ahead, last, chain = 0.0, 0.0, 0.0, []
        for t, m in points[:10 ** power]:
            ahead += last if t < at else 0.0
            at = last = t
            chain.append([round(ahead + t, 3), m])
        line = json.dumps({"cid": "1", "tweets": chain}, separators=(",", ":")).encode() + b"\n"
        if len(chain) < 10 ** power or len(line) > MAX_LINE_BYTES:
            break
        row(power, len(chain), *fit(line, 1))
    print("collect, by tweets, with 4,000 open cascades")
    for power in range(4, max_power + 1):
        it = flood(10 ** power)
        row(power, it["events"], it["collect"], it["collect_mb"])
    print("collect, by open cascades (ids of 19 digits, texts of 80 bytes, two windows open):  peak memory, bytes per cascade")
    for events in (1, 10, 30):
        empty = open_cascades(10, events)
        for power in range(4, 7 if events == 1 else 6):
            peak = open_cascades(10 ** power, events)
            print(f"   10^{power} of {events:2} events  {peak:8.1f} MB  {(peak - empty) * 2 ** 20 / 10 ** power:8.0f}", flush=True)


if __name__ == "__main__":
    main()
