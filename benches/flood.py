#!/usr/bin/env python3
"""Sends many simulated tweets through `generate | collect`: python3 benches/flood.py [EVENTS]

Prints the memory of both processes over time, and tweets per second of real time and of processor
time. Checks the counts: collect reads every tweet that generate sends, and the final sizes plus the
dropped tweets add up to their number. docs/capacity.md quotes the results.

    --live N      open cascades per source (default 1000)
    --sources N   number of sources (default 4)
    --every S     seconds between two measurements of the memory (default 10)
"""
import argparse
import os
import re
import subprocess
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BINARY = os.environ.get("TWEETOSCOPE", ROOT / "target/release/tweetoscope")


def megabytes(child, field):
    """VmRSS, the current resident memory of a process, or VmHWM, its peak."""
    try:
        found = re.search(rf"{field}:\s+(\d+)", Path(f"/proc/{child.pid}/status").read_text())
    except OSError:
        return 0.0
    return int(found[1]) / 1024 if found else 0.0


def finish(child):
    """Waits for a process: its processor seconds and its peak memory in MB.

    The maximum that wait4 returns includes the memory of this script before the fork.
    """
    peak = 0.0
    while True:
        peak = max(peak, megabytes(child, "VmHWM"))
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            child.returncode = os.waitstatus_to_exitcode(status)
            assert child.returncode == 0, child.args
            return usage.ru_utime + usage.ru_stime, peak
        time.sleep(0.01)


def counter(metrics, name):
    found = re.findall(rf"^tweetoscope_{name}(?:{{[^}}]*}})? (\d+)$", metrics, re.MULTILINE)
    assert found, f"collect exposes no {name}"
    return sum(map(int, found))


def flood(events, live=1000, sources=4, every=10.0, report=lambda _: None):
    """Sends `events` tweets, checks the counts and returns the measurements."""
    with tempfile.TemporaryDirectory() as folder:
        metrics_file = Path(folder) / "metrics"
        began = time.perf_counter()
        generate = subprocess.Popen(
            [BINARY, "generate", "--simulate", "1000000000", "--limit", str(events), "--quiet",
             "--sources", str(sources), "--live", str(live), "--start-range", "1h", "--seed", "7"],
            stdout=subprocess.PIPE)
        # With --min-size 1 every cascade reaches the window, so every cascade has a size.
        collect = subprocess.Popen(
            [BINARY, "collect", "--windows", "10m", "--min-size", "1", "--terminated", "2h",
             "--quiet", "--metrics-textfile", metrics_file], stdin=generate.stdout, stdout=subprocess.PIPE)
        generate.stdout.close()
        used = {generate: None, collect: None}
        counted = []

        def count():
            sizes = cascades = 0
            for line in collect.stdout:
                if line.startswith(b'{"type":"size"'):
                    place = line.index(b'"n_tot":') + 8
                    sizes += int(line[place:line.index(b",", place)])
                    cascades += 1
            counted.append((sizes, cascades))

        threads = [threading.Thread(target=count)]
        threads += [threading.Thread(target=lambda it=it: used.update({it: finish(it)})) for it in used]
        for thread in threads:
            thread.start()
        samples, next_sample = [], every
        while any(thread.is_alive() for thread in threads):
            time.sleep(0.05)
            now = time.perf_counter() - began
            if now >= next_sample:
                next_sample += every
                samples.append((now, megabytes(generate, "VmRSS"), megabytes(collect, "VmRSS")))
                report(f"   {now:7.0f} s   generate {samples[-1][1]:7.1f} MB   collect {samples[-1][2]:7.1f} MB")
        wall = time.perf_counter() - began
        assert None not in used.values(), "generate or collect failed"
        metrics = metrics_file.read_text()
    (sizes, cascades), = counted
    read = counter(metrics, "records_read_total")
    dropped = sum(counter(metrics, name) for name in (
        "orphan_retweets_total", "duplicate_tweets_total", "before_root_retweets_total",
        "over_limit_records_total"))
    assert read == events, f"{events} were sent, {read} read"
    assert sizes + dropped == events, f"{sizes} in cascades and {dropped} dropped are not {events}"
    assert cascades == counter(metrics, "cascades_opened_total"), "a cascade has no size"
    return {"events": events, "cascades": cascades, "dropped": dropped, "wall": wall,
            "generate": used[generate][0], "collect": used[collect][0],
            "generate_mb": used[generate][1], "collect_mb": used[collect][1], "samples": samples}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("events", nargs="?", type=int, default=1_000_000)
    arguments.add_argument("--live", type=int, default=1000)
    arguments.add_argument("--sources", type=int, default=4)
    arguments.add_argument("--every", type=float, default=10.0)
    options = arguments.parse_args()
    it = flood(options.events, options.live, options.sources, options.every, print)
    print(f"{it['events']} tweets of {it['cascades']} cascades, {it['dropped']} of them dropped after the end of their cascade: counts exact")
    print(f"in {it['wall']:.1f} s: {it['events'] / it['wall']:.0f} tweets per second on this machine")
    for side in ("generate", "collect"):
        print(f"{side}: {it['events'] / it[side]:.0f} tweets per second and core "
              f"({it[side] / it['events'] * 1e9:.0f} ns of processor time per tweet), peak memory {it[side + '_mb']:.1f} MB")


if __name__ == "__main__":
    main()
