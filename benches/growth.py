#!/usr/bin/env python3
"""How cost grows with the input: python3 benches/growth.py [--most 7]

Tables, in processor time: `fit` over histories of 10^4 to 10^MOST events, in cascades of 1,000
events and in one cascade of all of them (as far as a line may be long), and `collect` over floods of
as many tweets at a constant number of open cascades (benches/flood.py checks every count). Where
cost is linear, the nanoseconds a unit do not grow. Last, the memory of collect by open cascades.

    --most E    the largest power of ten (default 7; 8 takes some minutes)
"""
import argparse
import json
import subprocess
import tempfile

from compare import history
from flood import BINARY, finish, flood

LONGEST_LINE = 60_000_000


def fit(lines, times):
    """Processor seconds and peak MB of a fit of these lines, sent so many times."""
    child = subprocess.Popen([BINARY, "fit", "--csv", "--estimator", "mle", "--quiet"],
                             stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    for _ in range(times):
        child.stdin.write(lines)
    child.stdin.close()
    return finish(child)


def open_cascades(count, events):
    """Peak MB of a collect that has so many open cascades, each of so many events, in its windows."""
    child = subprocess.Popen([BINARY, "collect", "--windows", "10m,20m", "--at-end", "drop", "--quiet"],
                             stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    said = "x" * 80
    for event in range(events):
        for i in range(count):
            cid = f"17286{i:014d}"
            if event == 0:
                child.stdin.write(f'{{"type":"tweet","cid":"{cid}","t":0,"m":9,"source":"0","msg":"{said}"}}\n')
            else:
                child.stdin.write(f'{{"type":"retweet","cid":"{cid}","t":{event},"m":9,"source":"0"}}\n')
    child.stdin.close()
    return finish(child)[1]


def row(power, count, seconds, memory):
    print(f"   10^{power}  {seconds:10.3f} s  {seconds / count * 1e9:8.1f} ns  {memory:8.1f} MB", flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--most", type=int, default=7)
    most = arguments.parse_args().most
    with tempfile.NamedTemporaryFile() as file:
        history(file.name, 1000, 1000)
        lines = file.readlines()
    print("fit, by events, in cascades of 1,000:  processor time, that of an event, peak memory")
    for power in range(4, most + 1):
        count = 10 ** power // 1000
        few = b"".join(lines[:min(count, 1000)])
        row(power, 10 ** power, *fit(few, max(1, count // 1000)))
    print("fit, by events, in one cascade")
    points = [point for line in lines for point in json.loads(line)["tweets"]]
    for power in range(4, most + 1):
        # Cascade after cascade, on one clock.
        at, ahead, last, chain = 0.0, 0.0, 0.0, []
        for t, m in points[:10 ** power]:
            ahead += last if t < at else 0.0
            at = last = t
            chain.append([round(ahead + t, 3), m])
        line = json.dumps({"cid": "1", "tweets": chain}, separators=(",", ":")).encode() + b"\n"
        if len(chain) < 10 ** power or len(line) > LONGEST_LINE:
            break
        row(power, len(chain), *fit(line, 1))
    print("collect, by tweets, with 4,000 cascades going on")
    for power in range(4, most + 1):
        it = flood(10 ** power)
        row(power, it["events"], it["collect"], it["collect_mb"])
    print("collect, by open cascades (ids of 19 digits, texts of 80 bytes, two windows open):  peak memory, bytes a cascade")
    for events in (1, 10, 30):
        nothing = open_cascades(10, events)
        for power in range(4, 7 if events == 1 else 6):
            peak = open_cascades(10 ** power, events)
            print(f"   10^{power} of {events:2} events  {peak:8.1f} MB  {(peak - nothing) * 2 ** 20 / 10 ** power:8.0f}", flush=True)


if __name__ == "__main__":
    main()
