# SPDX-License-Identifier: MIT OR Apache-2.0
"""Two figures as SVG for light and dark backgrounds, drawn by gnuplot."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from harness.unavailable import need_program

# distinguishable on white and on black
COLOURS = ("#2f81d8", "#d9730d", "#2a9d5c", "#a35fd0", "#c0504d")
STYLE = "svg{color:#24292f}@media(prefers-color-scheme:dark){svg{color:#d0d7de}}"


@dataclass
class Line:
    title: str
    points: list  # (x, y)
    dashed: bool = False


def script(lines: list, title: str, x: str, y: str, x_tics: str) -> str:
    out = [
        'set terminal svg size 680,420 font "sans-serif,12" noenhanced',
        "set logscale xy",
        f'set title "{title}"',
        f'set xlabel "{x}"',
        f'set ylabel "{y}"',
        f"set xtics ({x_tics})",
        "unset mxtics",
        "unset mytics",
        "set grid",
        "set border 3",
        "set tics nomirror",
        "set key outside below horizontal maxcols 2 samplen 2",
        "set offsets graph 0.03, graph 0.03, 0, 0",
    ]
    plots = []
    for number, line in enumerate(lines):
        style = "dashtype 2" if line.dashed else "pointtype 7 pointsize 0.5"
        kind = "lines" if line.dashed else "linespoints"
        colour = COLOURS[number % len(COLOURS)]
        plots.append(f"'-' with {kind} linecolor rgb \"{colour}\" linewidth 2 {style} title \"{line.title}\"")
    out.append("plot " + ", ".join(plots))
    for line in lines:
        out += [f"{a} {b}" for a, b in line.points] + ["e"]
    return "\n".join(out) + "\n"


def normal(svg: str) -> str:
    """Removes gnuplot's comments and unused definitions, and replaces black by the text colour."""
    svg = re.sub(r"<\?xml.*?\?>|<!--.*?-->|<title>.*?</title>|<desc>.*?</desc>", "", svg, flags=re.DOTALL)
    definitions = re.search(r"<defs>.*?</defs>", svg, re.DOTALL)
    if definitions:
        rest = svg.replace(definitions[0], "")
        used = set(re.findall(r"xlink:href='#(\w+)'", rest))
        # A definition may use earlier ones.
        lines = re.findall(r"<(?:circle|path|rect|use)[^>]*/>", definitions[0])
        for line in reversed(lines):
            if re.search(r"id='(\w+)'", line)[1] in used:
                used.update(re.findall(r"xlink:href='#(\w+)'", line))
        kept = [line for line in lines if re.search(r"id='(\w+)'", line)[1] in used]
        svg = svg.replace(definitions[0], f"<style>{STYLE}</style><defs>{''.join(kept)}</defs>")
    svg = re.sub(r"""\s(color)\s*=\s*["'](black|white|gray)["']""", "", svg)
    svg = re.sub(r"""(stroke|fill)=["']black["']""", r'\1="currentColor"', svg)
    svg = re.sub(r"""(stroke)=["']gray["']""", r'\1="#8888"', svg)
    svg = re.sub(r"(\d+)\.00\b", r"\1", svg)
    svg = re.sub(r"\s+", " ", svg)
    empty = r"<g[^>]*>\s*</g>|<text>\s*</text>"
    while re.search(empty, svg):
        svg = re.sub(empty, "", svg)
    svg = re.sub(r"\s*(<|/?>)\s*", r"\1", svg)
    return re.sub(r"(</g>|</style>|</defs>)", r"\1\n", svg).strip() + "\n"


def draw(path: Path, *arguments) -> None:
    need_program("gnuplot-nox", "gnuplot")
    done = subprocess.run(["gnuplot"], input=script(*arguments), capture_output=True, text=True)
    if done.returncode != 0 or "</svg>" not in done.stdout:
        raise SystemExit(f"bench: gnuplot: {done.stderr}")
    path.write_text(normal(done.stdout))


def cost_of_connections(path: Path, results) -> None:
    from . import cases

    def points(chosen: list, kind: str) -> list:
        return [(case.count, results.ratio(case, kind).median) for case in chosen]

    read = [cases.FIRST[cases.STAT, cases.MIXED, size] for size in cases.FIRST_SIZES]
    lines = [
        Line("first connection", points(cases.LISTS, "first cpu")),
        Line("reading the files (floor of the first)", points(read, "first cpu"), dashed=True),
        Line("later connections", points(cases.LISTS, "later cpu")),
        Line("key and certificate in memory (floor)", [(n, results.ratio(cases.FLOOR).median) for n in (2, 10_000)],
             dashed=True),
    ]  # fmt: skip
    draw(
        path, lines, "CPU of the client per connection, patched libpq", "certificates in the list, all kinds in turn",
        "stock libpq, one certificate = 1", '"2" 2, "10" 10, "101" 101, "1,000" 1000, "10,000" 10000',
    )  # fmt: skip


def instructions(path: Path, results) -> None:
    choice = results.choice("all")
    building = results.instructions["building"]
    lines = [
        Line("building a selector, the first", [(row["n"], row["cold"]) for row in building]),
        Line("building a selector, the second", [(row["n"], row["warm"]) for row in building]),
        Line("the choice", [(row["n"], row["choice"]) for row in choice]),
        Line(
            "comparing each with each",
            [(row["n"], row["each with each"]) for row in choice if "each with each" in row],
            dashed=True,
        ),
    ]
    draw(
        path, lines, "Instructions", "credentials in the selector, and CAs that the server names (at most 1,400)",
        "instructions", '"10" 10, "100" 100, "1,000" 1000, "10,000" 10000',
    )  # fmt: skip
