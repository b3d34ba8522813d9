#!/usr/bin/env python3
"""Peak memory of a conversion of a long stream of posts.

Usage: benches/memory.py [BINARY] [GIGABYTES]   (default: target/release/tweetoscope, 5)

Writes Jetstream lines to `generate --format jetstream -` and prints the number of bytes, the peak resident memory
of the process after each fifth, and the speed. Each post, author and repost has an id of its own.
"""

import subprocess
import sys
import time

binary = sys.argv[1] if len(sys.argv) > 1 else "target/release/tweetoscope"
total = int(float(sys.argv[2] if len(sys.argv) > 2 else 5) * 1e9)

CID = "bafyreidwaivazkwu67xztlmuobx35hs2lnfh3kolmgfmucldvhd3sgzcqi"
START = 1_725_911_162_329_308
LINE = (
    '{"did":"did:plc:%s","time_us":%d,"kind":"commit","commit":{"rev":"3l3qo2vutsw2b","operation":"create",'
    '"collection":"app.bsky.feed.%s","rkey":"%s","record":{"$type":"app.bsky.feed.%s",'
    '"createdAt":"2024-09-09T19:46:02.102Z",%s},"cid":"' + CID + '"}}\n'
)
TEXT = '"text":"the gauge at the bridge reads four metres and the road along the river is closed","langs":["en"]'


def block(first, count):
    """Lines `first` to `first + count`: of eight, a post, three reposts of posts of the last minutes, four likes."""
    lines = []
    for i in range(first, first + count):
        kind = ("post", "like", "repost", "like")[min(i % 8, 3) if i % 8 < 2 else 2 + i % 2]
        subject = max(0, i - i % 8 - 8 * (i * 7919 % 5000))
        record = TEXT
        if kind != "post":
            record = '"subject":{"cid":"%s","uri":"at://did:plc:%024d/app.bsky.feed.post/3l%011d"}' % (
                CID, subject, subject)
        lines.append(LINE % ("%024d" % i, START + i * 20_000, kind, "3l%011d" % i, kind, record))
    return "".join(lines).encode()


def peak(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


command = [binary, "generate", "--format", "jetstream", "-"]
process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
written, lines, reported, began = 0, 0, 0, time.monotonic()
while written < total:
    data = block(lines, 20_000)
    process.stdin.write(data)
    written, lines = written + len(data), lines + 20_000
    if written * 5 // total > reported:
        reported = written * 5 // total
        print(f"{written / 1e9:.1f} GB, {lines:,} lines: {peak(process.pid) / 1024:.1f} MB", flush=True)
process.stdin.close()
status = process.wait()
print(f"status {status}, {written / 1e6 / (time.monotonic() - began):.0f} MB/s with the time to make the lines")
sys.exit(status)
