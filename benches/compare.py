#!/usr/bin/env python3
"""Compares tweetoscope with other programs: python3 benches/compare.py [--pairs 5] [--quick]

Every job runs in pairs (ours, theirs, ours, theirs, ...), because the speed of a machine varies; the
script reports the ratio of each pair. It compares the results of a job before it measures time. A
program that is not installed is skipped with a message. The programs:

    pip install duckdb numpy numba scipy orjson scikit-learn HawkesPyLib tick intensify==0.3.3

Threads: one for a job "on one core", two otherwise.
"""
import argparse
import importlib.util
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from flood import finish

ROOT = Path(__file__).resolve().parent.parent
BINARY = ROOT / "target/release/tweetoscope"


def has(*modules):
    missing = [m for m in modules if importlib.util.find_spec(m) is None]
    if missing:
        print(f"   skipped: {', '.join(missing)} not installed")
    return not missing


def build():
    run = subprocess.run
    run(["cargo", "build", "--release", "--locked", "--quiet"], cwd=ROOT, check=True)
    out = run(["cargo", "bench", "--bench", "jobs", "--no-run", "--locked", "--message-format=json"],
              cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for line in out.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == "jobs":
            return message["executable"]
    sys.exit("cargo built no benchmark")


def job(jobs, *arguments):
    out = subprocess.run([jobs, *map(str, arguments)], check=True, capture_output=True, text=True)
    return json.loads(out.stdout)


def command(arguments, stdin=None):
    """Wall seconds and peak memory in MB of a whole command."""
    before = time.perf_counter()
    with open(stdin or os.devnull) as source:
        child = subprocess.Popen(list(map(str, arguments)), stdin=source, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        _, _, usage = os.wait4(child.pid, 0)
    return time.perf_counter() - before, usage.ru_maxrss / 1024


def shell(text):
    before = time.perf_counter()
    subprocess.run(["sh", "-c", text], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - before


def spread(values):
    return f"{min(values):9.3f} {statistics.median(values):9.3f} {max(values):9.3f}"


SUMMARY = []


def report(name, unit, ours, theirs, target):
    print(f"   {name}")
    print(f"     ours   [{unit}]  {spread(ours)}   (minimum, median, maximum)")
    print(f"     theirs [{unit}]  {spread(theirs)}")
    ratios = [b / a for a, b in zip(ours, theirs)]
    print(f"     times faster      {spread(ratios)}   to reach: {target}")
    SUMMARY.append((name, ratios, target))


def summary():
    """Prints the measurements as a table in Markdown."""
    if SUMMARY:
        print("\n| job | times faster: minimum | median | maximum | to reach |\n|---|---|---|---|---|")
    for name, ratios, target in SUMMARY:
        low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
        print(f"| {name} | {low:.2f} | {middle:.2f} | {high:.2f} | {target} |")


def history(path, cascades, events, seed=1):
    """Cascades of an exact number of events, simulated independently of the code under test."""
    rng = random.Random(seed)
    with open(path, "w") as out:
        made = 0
        while made < cascades:
            points, t, x, m = [], 0.0, 0.0, 50.0
            while len(points) < events:
                points.append([round(t, 3), round(m, 1)])
                x += m
                spent = rng.expovariate(1.0) / 0.027
                if spent >= x:
                    # An extinct cascade restarts with a new event: only the length matters here.
                    x = spent + 1000.0
                t -= math.log1p(-spent / x) * 3600.0
                x -= spent
                m = 10.0 * (1.0 - rng.random()) ** (-1 / 1.4)
            out.write(json.dumps({"cid": str(made), "tweets": points}) + "\n")
            made += 1


PEER_FIT = r'''
import json, resource, sys, time, math
import numpy as np, numba
from scipy.optimize import minimize
try:
    import orjson
    loads = orjson.loads
except ImportError:
    loads = json.loads
@numba.njit
def negative(x, t, m, T):
    p, beta = math.exp(x[0]), math.exp(x[1])
    a = 0.0; ll = 0.0; n = len(t); total = 0.0
    for i in range(n):
        if i:
            a *= math.exp(-beta * (t[i] - t[i-1]))
            if a <= 0.0: return 1e300
            ll += math.log(p * beta * a)
        a += m[i]; total += m[i]
    return -(ll - p * (total - a * math.exp(-beta * (T - t[n-1]))))
def fit(t, m):
    unit = (m == 1).all()
    mean = 1.0 if unit else (m[1:].sum() + 700.0) / (len(m) - 1 + 20)
    bounds = [(math.log(1e-8), math.log(0.99 / mean)), (math.log(1/864000), math.log(1/60))]
    start = [min(math.log(0.5 / mean), bounds[0][1]), math.log(1/3600)]
    r = minimize(negative, start, args=(t, m, t[-1]), method="L-BFGS-B", bounds=bounds)
    return -r.fun
# Compiles before the measurement.
fit(np.array([0.0, 10.0, 30.0]), np.array([5.0, 20.0, 12.0]))
began = time.process_time()
data = [np.array(loads(l)["tweets"], dtype=float) for l in open(sys.argv[1], "rb")]
cascades = [(np.ascontiguousarray(d[:,0]), np.ascontiguousarray(d[:,1])) for d in data]
middle = time.process_time()
lls = [fit(t, m) for t, m in cascades]
ended = time.process_time()
print(json.dumps({"seconds": ended - middle, "log_likelihoods": lls, "reading": middle - began, "whole": ended - began,
                  "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
'''


def peer(code, *arguments):
    out = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], check=True,
                         capture_output=True, text=True)
    return json.loads(out.stdout)


def bench_fits(jobs, folder, pairs, quick):
    print("== fit: fits only, n = 10,000, one thread, beside numba with scipy's L-BFGS-B; processor time")
    if not has("numba", "scipy"):
        return
    path = folder / "long.jsonl"
    history(path, 4 if quick else 16, 10_000)
    ours, theirs = job(jobs, "fits", path, 1), peer(PEER_FIT, path)
    short = [b - a for a, b in zip(ours["log_likelihoods"], theirs["log_likelihoods"])]
    assert max(short) < 1e-3, f"we missed an optimum by {max(short)}"
    rows = [(job(jobs, "fits", path, 1), peer(PEER_FIT, path)) for _ in range(pairs)]
    per = lambda it: it["seconds"] * 1e3 / len(ours["log_likelihoods"])
    report("fits of 10,000 events", "ms", [per(a) for a, _ in rows], [per(b) for _, b in rows], "12 x")
    steps = statistics.median(a["seconds"] / a["evaluations"] * 1e9 for a, _ in rows)
    alone = statistics.median(a["exponential_ns"] for a, _ in rows)
    print(f"     {ours['evaluations'] / ours['events']:.1f} evaluations a fit, the grid's included: {steps:.2f} ns an event and "
          f"evaluation; the exponential alone {alone:.2f} ns, a rate of {alone / steps:.0%} (to reach: 50 %)")
    print("== fit: a corpus, the whole command on two threads; theirs: reading and fitting, compiled before, one thread")
    path = folder / "corpus.jsonl"
    history(path, 200 if quick else 2000, 1000)
    mine = job(jobs, "fits", path, 1)
    rows = []
    for _ in range(pairs):
        seconds, memory = command([BINARY, "fit", "--csv", "--estimator", "mle", path])
        rows.append((seconds, peer(PEER_FIT, path)))
    report("corpus of 1,000 events each", "s", [a for a, _ in rows], [b["whole"] for _, b in rows], "25 x")
    theirs = rows[0][1]
    print(f"     reading takes {mine['read_seconds'] / (mine['read_seconds'] + mine['seconds']):.0%} of our reading and fitting "
          f"(to reach: 70 %), {theirs['reading'] / theirs['whole']:.0%} of theirs; "
          f"peak memory {memory:.0f} MB, theirs {theirs['memory']:.0f} MB")


PEER_KERNEL = r'''
import json, sys, time
import numpy as np, numba
from scipy.optimize import minimize
@numba.njit
def negative(x, t):
    K, c, theta = np.exp(x[0]), np.exp(x[1]), np.exp(x[2])
    n = len(t); value = 0.0; gc = 0.0; gt = 0.0
    for i in range(1, n):
        s = 0.0; sc = 0.0; st = 0.0
        for j in range(i):
            d = t[i] - t[j] + c
            log = np.log(d)
            phi = np.exp(-(1 + theta) * log)
            s += phi; sc -= (1 + theta) * phi / d; st -= log * phi
        value += np.log(K * s); gc += sc / s; gt += st / s
    total = 0.0; tc = 0.0; tt = 0.0
    for j in range(n):
        far = t[n-1] - t[j] + c
        a, b = c ** -theta, far ** -theta
        total += (a - b) / theta
        tc += b / far - a / c
        tt += (b * np.log(far) - a * np.log(c)) / theta - (a - b) / theta ** 2
    grad = np.array([-(n - 1) + K * total, -(gc - K * tc) * c, -(gt - K * tt) * theta])
    return -(value - K * total), grad
def fit(t):
    bounds = [(np.log(1e-8), np.log(1e8)), (0.0, np.log(8640000.0)), (np.log(0.01), np.log(10.0))]
    start = np.array([np.log(0.5 * 0.5 * 300.0 ** 0.5), np.log(300.0), np.log(0.5)])
    return -minimize(negative, start, args=(t,), jac=True, method="L-BFGS-B", bounds=bounds).fun
# Compiles before the measurement.
fit(np.array([0.0, 10.0, 30.0, 31.0]))
data = [np.array(json.loads(line)["tweets"], dtype=float)[:, 0] for line in open(sys.argv[1])][: int(sys.argv[2])]
began = time.process_time()
lls = [fit(np.ascontiguousarray(t)) for t in data]
print(json.dumps({"seconds": time.process_time() - began, "log_likelihoods": lls}))
'''


def power_law_history(path, cascades, events, seed=2):
    """Cascades of an exact number of events with power-law delays (theta 0.6, c 200 s), simulated by generations."""
    rng = random.Random(seed)
    with open(path, "w") as out:
        for number in range(cascades):
            times, queue = [0.0], [0.0]
            while len(times) < 4 * events:
                # An extinct cascade goes on with another child of the root: only the shape matters here.
                parent = queue.pop() if queue else 0.0
                children = sum(rng.random() < 0.3 for _ in range(3)) or (0 if queue else 1)
                born = [parent + 200.0 * (rng.random() ** (-1 / 0.6) - 1) for _ in range(children)]
                # A year, as recordings have an end.
                born = [time for time in born if time < 3e7]
                times += born
                queue += born
            points = [[round(t, 3), 1.0] for t in sorted(times)[:events]]
            out.write(json.dumps({"cid": str(number), "tweets": points}) + "\n")


def bench_kernels(folder, pairs, quick):
    cascades, sample = (40, 4) if quick else (2000, 20)
    print(f"== fit --kernel power-law: {cascades} cascades of 1,000 events, the whole command on two threads, beside numba with "
          f"scipy's L-BFGS-B and the exact gradient on one thread; theirs from the first {sample}, reading excluded")
    if not has("numba", "scipy"):
        return
    path = folder / "power-law.jsonl"
    power_law_history(path, cascades, 1000)
    fit = [BINARY, "fit", "--csv", "--kernel", "power-law", "--mark-exponent", "none", path]
    rows = subprocess.run(list(map(str, fit)), check=True, capture_output=True, text=True).stdout.splitlines()
    column = rows[0].split(",").index("kernel_log_likelihood")
    ours = [float(row.split(",")[column]) for row in rows[1:]]
    theirs = peer(PEER_KERNEL, path, sample)
    short = max(b - a for a, b in zip(ours, theirs["log_likelihoods"]))
    ahead = max(a - b for a, b in zip(ours, theirs["log_likelihoods"]))
    print(f"     log-likelihoods of ours: at most {max(short, 0):.1e} below theirs, and up to {max(ahead, 0):.1e} above")
    assert short < 1e-3, f"we missed an optimum by {short}"
    pairs = [(command(fit)[0], peer(PEER_KERNEL, path, sample)["seconds"] * cascades / sample) for _ in range(pairs)]
    report("power-law fits of 1,000 events each", "s", [a for a, _ in pairs], [b for _, b in pairs], "50 x")


PEER_INTENSIFY = r'''
import json, math, sys, time, warnings
import numpy as np
from intensify import ExponentialKernel, PowerLawKernel, UnivariateHawkes
warnings.filterwarnings("ignore")
kernel, own, repeats = sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4])
times = np.array(json.loads(open(sys.argv[1]).readline())["tweets"], dtype=float)[:, 0]
# Its optimiser needs times of about 1.
scale = times[-1] / len(times)
times /= scale
K, theta, c = own.get("K"), own.get("theta"), own.get("c", 0.0) / scale
def process(mu, K, theta, c):
    kernels = {"exp": lambda: ExponentialKernel(K, theta * scale), "power-law": lambda: PowerLawKernel(K * scale ** -theta, theta, c)}
    return UnivariateHawkes(mu, kernels[kernel]())
# Its model has a background, ours the first event.
value = process(1e-12, K, theta, c).log_likelihood(times, times[-1]) - math.log(1e-12)
spent = []
for _ in range(repeats):
    made = process(0.1, 0.5, *((1.0 / scale, 0.0) if kernel == "exp" else (0.5, 1.0)))
    began = time.process_time()
    found = made.fit(times, T=times[-1])
    spent.append(time.process_time() - began)
print(json.dumps({"seconds": min(spent), "log_likelihood_of_ours": value - (len(times) - 1) * math.log(scale),
                  "message": str(found.convergence_info.get("iterations")) + " iterations"}))
'''


def bench_intensify(jobs, folder, pairs, quick):
    events = 1000 if quick else 7560
    print(f"== one cascade of {events:,} events on one thread, the fit alone, beside intensify 0.3")
    if not has("intensify", "scipy"):
        return
    exponential, power_law = folder / "exp.jsonl", folder / "pl.jsonl"
    history(exponential, 1, events)
    power_law_history(power_law, 1, events)
    for name, kernel, path, limit, repeats, target in (
        ("exponential fit", "exp", exponential, 500, 20, "15 x"),
        ("power-law fit over all pairs", "power-law", power_law, 10**9, 1, "20 x"),
        ("approximated power-law fit", "power-law", power_law, 500, 1, "500 x"),
    ):
        ours = job(jobs, "kernel", path, kernel, limit)
        named = json.dumps(dict(ours["parameters"]))
        theirs = peer(PEER_INTENSIFY, path, kernel, named, repeats)
        short = abs(ours["log_likelihood"] - theirs["log_likelihood_of_ours"])
        print(f"     log-likelihood at our maximum: ours {ours['log_likelihood']:.6f}, by intensify "
              f"{theirs['log_likelihood_of_ours']:.6f}; {ours['evaluations']} evaluations, theirs {theirs['message']}")
        assert short < 1e-6 * abs(ours["log_likelihood"]), "the likelihoods differ"
        timed = [(job(jobs, "kernel", path, kernel, limit), peer(PEER_INTENSIFY, path, kernel, named, repeats))
                 for _ in range(pairs)]
        report(f"{name}, {events:,} events", "ms", [1e3 * a["seconds"] for a, _ in timed], [1e3 * b["seconds"] for _, b in timed], target)


PEER_GROUP = r'''
import duckdb, json, resource, sys, time
con = duckdb.connect(); con.execute("SET threads=1"); con.execute("SET enable_progress_bar=false")
# Reads the declared fields and skips others, as ours does. The second run is measured.
query = f"""select cid, count(*), max(t) from read_json('{sys.argv[1]}', format='newline_delimited',
  columns={{type:'VARCHAR',cid:'VARCHAR',t:'DOUBLE',m:'DOUBLE',source:'VARCHAR'}}) where type <> 'watermark' group by cid"""
con.execute(query).fetchall()
began = time.process_time()
rows = con.execute(query).fetchall()
print(json.dumps({"seconds": time.process_time() - began, "cascades": len(rows), "events": sum(r[1] for r in rows),
                  "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
'''

WORDS = ("the of to and a in is it you that he was for on are with as his they be at one have this from or had by hot "
         "but some what there we can out other were all your when up use word how said an each she which do their time").split()


def text(rng):
    """A text of 20 to 110 letters; one in five has letters outside ASCII, one in ten has escapes."""
    length, words = rng.randint(20, 110), []
    while length > 0:
        words.append(rng.choice(WORDS))
        length -= len(words[-1]) + 1
    message = " ".join(words)
    return message + rng.choice(["", "", "", " \u00e9t\u00e9", " \U0001f389"]) + rng.choice([""] * 9 + ['\n"so"'])


def tweets(folder, quick):
    """The same simulated tweets in five forms: as generate writes them (80 bytes, without text), with a
    text in each (157 bytes, the form of the reference values), as another program may write them (other
    order, blanks, unknown fields), the same where each of three fields is left out in 30 % of the lines, and
    with a different order of fields in every line."""
    limit = 500_000 if quick else 4_000_000
    forms = [folder / f"{name}.jsonl" for name in ("bare", "texts", "other", "partial", "shuffled")]
    bare = forms[0]
    with open(bare, "w") as out:
        subprocess.run([BINARY, "generate", "--simulate", "100000000", "--limit", str(limit), "--quiet"],
                       stdout=out, check=True)
    rng = random.Random(1)
    few = [(json.dumps(text(rng), ensure_ascii=False), rng.sample(range(8), 8)) for _ in range(10_000)]
    always = [1, 4, 5, 6, 3, 2, 7, 0]
    with open(bare) as lines, ExitStack() as files:
        out, foreign, partial, mixed = (files.enter_context(open(path, "w")) for path in forms[1:])
        for i, line in enumerate(lines):
            message, order = few[i % len(few)]
            out.write(f'{line[:-2]},"msg":{message}}}\n')
            fields = line[1:-2].split(",")[:5] + [f'"msg": {message}', '"lang": "en"', '"place": {"at": [2.5, 48.25]}']
            foreign.write("{" + ", ".join(fields[place] for place in always) + "}\n")
            kept = (place for place in always if place < 5 or rng.random() > 0.3)
            partial.write("{" + ", ".join(fields[place] for place in kept) + "}\n")
            mixed.write("{" + ", ".join(fields[place] for place in order) + "}\n")
    return forms


def spent(arguments):
    """Processor seconds and peak memory in MB of a whole command."""
    return finish(subprocess.Popen(list(map(str, arguments)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL))


def bench_reading(jobs, folder, pairs, quick):
    print("== reading, one core, in seconds of processor time, beside DuckDB on one thread")
    bare, texts, other, partial, shuffled = tweets(folder, quick)
    forms = [("as generate writes them", bare, "2.5 x"), ("with a text each", texts, "2.5 x"),
             ("any layout, validating", other, "1.5 x"), ("fields left out", partial, "1.5 x"),
             ("an order of fields a line", shuffled, "1.5 x")]
    for name, path, target in forms:
        size = path.stat().st_size
        ours, limit = job(jobs, "group", path), job(jobs, "memchr", path)
        print(f"   {name}: {size / 1e6:.0f} MB, {size / ours['events']:.0f} bytes a tweet: parse and group "
              f"{ours['seconds'] / ours['events'] * 1e9:.0f} ns a tweet, {size / ours['seconds'] / 1e9:.2f} GB/s; ends of lines "
              f"alone {size / limit['seconds'] / 1e9:.2f} GB/s: a share of {limit['seconds'] / ours['seconds']:.0%} (to reach: "
              + ("0.8 GB/s)" if path not in (bare, texts) else "30 %)"))
        if not has("duckdb"):
            continue
        theirs = peer(PEER_GROUP, path)
        assert (ours["events"], ours["cascades"]) == (theirs["events"], theirs["cascades"]), (ours, theirs)
        rows = [(job(jobs, "group", path)["seconds"], peer(PEER_GROUP, path)["seconds"]) for _ in range(pairs)]
        report(f"parse and group by cascade, {name}", "s", [a for a, _ in rows], [b for _, b in rows], target)
        rows = []
        for _ in range(pairs):
            mine, memory = spent(["taskset", "-c", "0", BINARY, "collect", "--quiet", path])
            rows.append((mine, peer(PEER_GROUP, path)["seconds"]))
        report(f"the whole of collect, {name}", "s", [a for a, _ in rows], [b for _, b in rows], "1.3 x")
        print(f"     our peak memory {memory:.0f} MB, theirs {theirs['memory']:.0f} MB; "
              f"{statistics.median(a for a, _ in rows) / ours['events'] * 1e9:.0f} ns a tweet")


def chain(commands, output):
    """Runs commands in a pipe into a file: wall seconds, then processor seconds and peak MB of each."""
    began, children, source = time.perf_counter(), [], None
    for i, arguments in enumerate(commands):
        to = output if i + 1 == len(commands) else subprocess.PIPE
        child = subprocess.Popen(list(map(str, arguments)), stdin=source, stdout=to, stderr=subprocess.DEVNULL)
        if source:
            source.close()
        source = child.stdout
        children.append(child)
    with ThreadPoolExecutor() as threads:
        used = list(threads.map(finish, children))
    return time.perf_counter() - began, used


def alerts(path):
    return sorted(line for line in open(path) if line.startswith('{"type":"alert"'))


def bench_pipe(folder, pairs, quick):
    cascades = 5_000 if quick else 60_000
    print("== the whole pipe: generate | collect | fit | predict, and run --no-learn, two cores")
    simulated = ["--simulate", cascades, "--sources", 4, "--live", 200, "-q"]
    stages = [[BINARY, "generate", *simulated], *([BINARY, it, "-q"] for it in ("collect", "fit", "predict"))]
    whole = [[BINARY, "run", "--no-learn", *simulated]]
    events = int(subprocess.run(["sh", "-c", " ".join(map(str, stages[0])) + " | grep -c tweet"], check=True,
                                capture_output=True, text=True).stdout)
    rates, runs, memories, run_memory = [], [], [], 0
    for _ in range(pairs):
        with open(folder / "piped", "w") as out:
            seconds, used = chain(stages, out)
        rates.append(events / seconds)
        memories.append([memory for _, memory in used])
        with open(folder / "run", "w") as out:
            seconds, [(_, run_memory)] = chain(whole, out)
        runs.append(events / seconds)
        assert alerts(folder / "piped") == alerts(folder / "run"), "run and the pipe have different alerts"
    print(f"   {events} tweets, {len(alerts(folder / 'run'))} alerts, the same of both")
    print(f"   pipe, tweets a second {spread(rates)}   to reach: 60000")
    print(f"     peak memory of each {', '.join(f'{max(it):.0f}' for it in zip(*memories))} MB")
    print("     processor ns a tweet of each " + ", ".join(f"{seconds / events * 1e9:.0f}" for seconds, _ in used))
    print(f"   run, tweets a second  {spread(runs)}")
    print(f"     peak memory {run_memory:.0f} MB")


PEER_FOREST = r'''
import json, sys, time
import numpy as np
from sklearn.ensemble import RandomForestRegressor
rows, ys = [], []
for line in open(sys.argv[1]):
    s = json.loads(line)
    if s.get("type") == "sample" and s["T_obs"] == float(sys.argv[2]):
        rows.append(list(s["features"].values())); ys.append(np.log(s["n_tot"] / s["n_obs"]))
X, y = np.array(rows), np.array(ys); held = np.arange(len(y)) % 5 == 0
most = min(int(sys.argv[3]), int((~held).sum()))
forest = RandomForestRegressor(100, min_samples_leaf=5, max_features=1/3, max_samples=most, n_jobs=2, random_state=1)
began = time.perf_counter(); forest.fit(X[~held], y[~held]); seconds = time.perf_counter() - began
forest.n_jobs = 1
began = time.process_time(); forest.predict(X[held]); predict = time.process_time() - began
began = time.process_time(); [forest.predict(X[i:i+1]) for i in range(20)]; single = (time.process_time() - began) / 20
print(json.dumps({"seconds": seconds, "predict_seconds": predict, "single": single, "rows": int(held.sum()),
                  "features": X.shape[1], "r2": forest.score(X[held], y[held])}))
'''


def bench_forest(jobs, folder, pairs, quick):
    print("== train and predict, 100 trees, at least 5 rows a leaf, a third of the features, two threads, beside scikit-learn")
    print("   (ours is learn() whole: rows at earlier ages, at most 4,096 rows a tree, errors and intervals on what the trees "
          "have not seen; theirs is fit(), once on all rows and once on 4,096 a tree)")
    if not has("sklearn"):
        return
    path = folder / "samples.jsonl"
    count = 20_000 if quick else 200_000
    with open(path, "w") as out:
        subprocess.run(["sh", "-c", f"{BINARY} generate --simulate {count} --p 0.005..0.027 --beta 1/7200..1/600 -q "
                        f"| {BINARY} collect --windows 10m -q | {BINARY} fit -q | {BINARY} predict -q "
                        "| grep '\"type\":\"sample\"'"], stdout=out, check=True)
    lines = path.read_text().splitlines(keepends=True)
    for count in (1_000, 4_000):
        few = folder / f"samples-{count}.jsonl"
        few.write_text("".join(lines[: count * 5 // 4]))
        rows = [(job(jobs, "learn", few, 600), peer(PEER_FOREST, few, 600, 10**9)) for _ in range(pairs)]
        ours, theirs = rows[0]
        report(f"train on {count} samples, R2 {ours['r2']:.3f}, theirs {theirs['r2']:.3f}", "s",
               [a["seconds"] for a, _ in rows], [b["seconds"] for _, b in rows], "2 x")
    rows = [(job(jobs, "learn", path, 600), peer(PEER_FOREST, path, 600, 10**9), peer(PEER_FOREST, path, 600, 4096))
            for _ in range(pairs)]
    ours, full, few = rows[0]
    print(f"   {sum(1 for _ in open(path))} samples of {ours['features']} features, a fifth held out; R2 of ln(N/n), both by the mean: "
          f"ours {ours['r2']:.3f}, theirs {full['r2']:.3f}, on 4,096 rows a tree {few['r2']:.3f}")
    mine = [a["seconds"] for a, _, _ in rows]
    report("train, beside all rows", "s", mine, [b["seconds"] for _, b, _ in rows], "5 x")
    report("train, beside 4,096 rows a tree", "s", mine, [c["seconds"] for _, _, c in rows], "")
    per = lambda it: it["predict_seconds"] / it["rows"] * 1e6
    mine = [per(a) for a, _, _ in rows]
    report("predict, a row in batch", "us", mine, [per(b) for _, b, _ in rows], "1 x")
    report("predict, a single row", "us", mine, [b["single"] * 1e6 for _, b, _ in rows], "")


PEER_SIMULATE = r'''
import json, sys, time
import numpy as np, numba
@numba.njit
def draw(events, seed):
    # The thinning of Ogata (1981), event by event, as the peers' compiled samplers do it.
    np.random.seed(seed); n = 0
    while n < events:
        lam = 0.02 / 3600.0 * 1000.0; beta = 1.0 / 3600.0; n += 1
        while lam > 1e-12:
            w = np.random.exponential(1.0 / lam); decayed = lam * np.exp(-beta * w)
            if np.random.random() * lam <= decayed:
                lam = decayed + 0.02 * beta * 10.0 * np.random.random() ** (-1 / 1.4); n += 1
            else: lam = decayed
    return n
draw(1000, 1)
began = time.process_time(); n = draw(int(sys.argv[1]), 1)
print(json.dumps({"seconds": time.process_time() - began, "events": n}))
'''


# Compiled code of public libraries. They have no marks, so they draw one number less per event.
PEER_LIBRARY = r'''
import json, sys, time
from HawkesPyLib.simulation import ExpHawkesProcessSimulation
sampler = ExpHawkesProcessSimulation(1.0, 0.7, 3600.0)
sampler.simulate(1000.0, seed=1)
began = time.process_time(); n = len(sampler.simulate(int(sys.argv[1]) * 0.3, seed=1))
print(json.dumps({"seconds": time.process_time() - began, "events": n}))
'''
PEER_TICK = r'''
import json, sys, time
import numpy as np
from tick.hawkes import SimuHawkesExpKernels
sampler = SimuHawkesExpKernels(adjacency=np.array([[0.7]]), decays=1 / 3600, baseline=np.array([1.0]),
                               end_time=int(sys.argv[1]) * 0.3, seed=1, verbose=False)
began = time.process_time(); sampler.simulate()
print(json.dumps({"seconds": time.process_time() - began, "events": int(sampler.n_total_jumps)}))
'''


def bench_simulate(jobs, folder, pairs, quick):
    events = 1_000_000 if quick else 10_000_000
    print(f"== simulate {events} events, one thread, beside thinning compiled by numba (marked), and two libraries (without "
          "marks); processor time")
    per = lambda it: it["seconds"] / it["events"] * 1e9
    for name, code, needs in [("numba", PEER_SIMULATE, "numba"), ("HawkesPyLib", PEER_LIBRARY, "HawkesPyLib"), ("tick", PEER_TICK, "tick")]:
        if has(needs):
            rows = [(job(jobs, "simulate", events), peer(code, events)) for _ in range(pairs)]
            report(f"simulate an event, beside {name}", "ns", [per(a) for a, _ in rows], [per(b) for _, b in rows], "2 x")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--pairs", type=int, default=5, help="pairs per job (default 5)")
    arguments.add_argument("--quick", action="store_true", help="use small inputs, to check that the script works")
    arguments.add_argument("--only", default="", help="fits, kernels, intensify, reading, pipe, forest or simulate")
    given = arguments.parse_args()
    jobs = build()
    with tempfile.TemporaryDirectory(dir=ROOT / "target") as folder:
        folder = Path(folder)
        benches = {
            "fits": lambda: bench_fits(jobs, folder, given.pairs, given.quick),
            "kernels": lambda: bench_kernels(folder, given.pairs, given.quick),
            "intensify": lambda: bench_intensify(jobs, folder, given.pairs, given.quick),
            "reading": lambda: bench_reading(jobs, folder, given.pairs, given.quick),
            "pipe": lambda: bench_pipe(folder, given.pairs, given.quick),
            "forest": lambda: bench_forest(jobs, folder, given.pairs, given.quick),
            "simulate": lambda: bench_simulate(jobs, folder, given.pairs, given.quick),
        }
        for name, bench in benches.items():
            if given.only in ("", name):
                bench()
    summary()


if __name__ == "__main__":
    main()
