#!/usr/bin/env python3
"""Draws the figures of the documentation from the output of the program, as SVG, with the standard library only.

    draw.py [PROGRAM]           writes prediction.svg and learning.svg beside this file
    draw.py --check [PROGRAM]   compares them; exit status 1 where one is out of date

prediction.svg  predicted against final size of the 50 recorded cascades, after 10 minutes, an hour, six hours
learning.svg    error of the newest predictions of simulated cascades, with and without learning from finished ones
"""

import json
import math
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
HISTORY = HERE.parents[1] / "testdata/tideh.jsonl.gz"
# Distinguishable without colour vision, on white and on black paper.
COLOURS = {600: "#d55e00", 1200: "#0072b2", 3600: "#0072b2", 21600: "#009e73"}
NAMES = {600: "10 min", 1200: "20 min", 3600: "1 h", 21600: "6 h"}
STYLE = "font-family:sans-serif;font-size:13px"
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 480, 380, 62, 16, 34, 48


def run(program, *options):
    output = subprocess.run([program, "run", *options], check=True, capture_output=True, text=True).stdout
    records = [json.loads(line) for line in output.splitlines()]
    return [it for it in records if it["type"] == "stat"]


class Plot:
    def __init__(self, title, x, y, width=WIDTH):
        self.width, self.x, self.y = width, x, y
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" style="{STYLE}" role="img">',
            f"<title>{title}</title>",
            f'<rect width="{width}" height="{HEIGHT}" fill="white"/>',
            f'<text x="{LEFT}" y="20" font-weight="bold">{title}</text>',
        ]

    def at(self, x, y):
        (x0, x1), (y0, y1) = self.x, self.y
        px = LEFT + (x - x0) / (x1 - x0) * (self.width - LEFT - RIGHT)
        py = HEIGHT - BOTTOM - (y - y0) / (y1 - y0) * (HEIGHT - TOP - BOTTOM)
        return f"{px:.1f}", f"{py:.1f}"

    def axes(self, xs, ys, x_title, y_title):
        for value, label in xs:
            x, bottom = self.at(value, self.y[0])
            _, top = self.at(value, self.y[1])
            self.parts.append(f'<path d="M{x} {bottom}V{top}" stroke="#ddd"/>')
            self.parts.append(f'<text x="{x}" y="{float(bottom) + 17:.1f}" text-anchor="middle">{label}</text>')
        for value, label in ys:
            left, y = self.at(self.x[0], value)
            right, _ = self.at(self.x[1], value)
            self.parts.append(f'<path d="M{left} {y}H{right}" stroke="#ddd"/>')
            self.parts.append(f'<text x="{LEFT - 6}" y="{float(y) + 4:.1f}" text-anchor="end">{label}</text>')
        middle = (LEFT + self.width - RIGHT) / 2
        self.parts.append(f'<text x="{middle:.0f}" y="{HEIGHT - 10}" text-anchor="middle">{x_title}</text>')
        self.parts.append(f'<text transform="translate(16 {HEIGHT / 2:.0f}) rotate(-90)" text-anchor="middle">{y_title}</text>')

    def line(self, points, colour, dash=""):
        path = "L".join(" ".join(self.at(x, y)) for x, y in points)
        self.parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="1.8" stroke-dasharray="{dash}"/>')

    def dot(self, x, y, colour):
        px, py = self.at(x, y)
        self.parts.append(f'<circle cx="{px}" cy="{py}" r="3.4" fill="{colour}" fill-opacity="0.75"/>')

    def legend(self, entries):
        for i, (colour, label) in enumerate(entries):
            y = TOP + 16 + 18 * i
            self.parts.append(f'<circle cx="{LEFT + 14}" cy="{y}" r="4" fill="{colour}"/>')
            self.parts.append(f'<text x="{LEFT + 24}" y="{y + 4}">{label}</text>')

    def svg(self):
        return "\n".join([*self.parts, "</svg>", ""])


def prediction(program):
    stats = run(program, "--history", str(HISTORY), "--windows", "10m,1h,6h", "--terminated", "1d")
    plot = Plot("Predicted against final size, 50 recorded cascades", (2.5, 4.5), (2.5, 4.5))
    ticks = [(n, f"{10 ** n:,}") for n in (3, 4)]
    plot.axes(ticks, ticks, "final size (events)", "predicted size (events)")
    plot.line([(2.5, 2.5), (4.5, 4.5)], "#333", "4 3")
    for window in (600, 3600, 21600):
        for it in stats:
            if it["T_obs"] == window:
                plot.dot(math.log10(it["n_tot"]), math.log10(it["n_pred"]), COLOURS[window])
    errors = {w: statistics.median(it["ARE"] for it in stats if it["T_obs"] == w) for w in (600, 3600, 21600)}
    plot.legend([(COLOURS[w], f"after {NAMES[w]}: median error {100 * errors[w]:.0f} %") for w in errors])
    return plot.svg()


def learning(program):
    last, curves = 100, []
    simulated = ["--simulate", "2000", "--seed", "4", "--windows", "10m,20m"]
    for options in (["--no-learn"], []):
        stats = [it for it in run(program, *simulated, *options) if it["T_obs"] == 1200]
        errors = [100 * it["ARE"] for it in stats]
        curves.append([(i, statistics.fmean(errors[i - last:i])) for i in range(last, len(errors) + 1, 5)])
    heights = [y for curve in curves for _, y in curve]
    low, high = 10 * math.floor(min(heights) / 10), 10 * math.ceil(max(heights) / 10 + 0.5)
    end = len(stats)
    plot = Plot("Error while the program learns, simulated cascades", (last, end), (low, high))
    plot.axes([(x, f"{x:,}") for x in range(last, end + 1, 100)], [(y, f"{y} %") for y in range(low, high + 1, 10)],
              "finished cascades", f"mean error of the last {last}")
    for curve, colour in zip(curves, ("#d55e00", "#0072b2")):
        plot.line(curve, colour)
    plot.legend([("#d55e00", "20 min after the tweet, without learning"), ("#0072b2", "the same, learning from finished cascades")])
    return plot.svg()


def main(arguments):
    check = "--check" in arguments
    programs = [it for it in arguments if it != "--check"]
    program = programs[0] if programs else "tweetoscope"
    for name, draw in (("prediction", prediction), ("learning", learning)):
        path, svg = HERE / f"{name}.svg", draw(program)
        if not check:
            path.write_text(svg)
        elif not path.exists() or path.read_text() != svg:
            sys.exit(f"{path.name} is out of date: run docs/figures/draw.py")
        print(path.name)


if __name__ == "__main__":
    main(sys.argv[1:])
