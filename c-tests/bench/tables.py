# SPDX-License-Identifier: MIT OR Apache-2.0
"""The results as tables, for a terminal and for doc/performance.md."""

import statistics
from dataclasses import dataclass

from . import cases, figures, targets
from .figures import count, microseconds
from .results import Results


@dataclass
class Table:
    heading: str
    columns: list
    rows: list

    def text(self) -> str:
        cells = [self.columns, *self.rows]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]
        lines = [
            "  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                      for i, (cell, width) in enumerate(zip(row, widths)))
            for row in cells
        ]  # fmt: skip
        rule = "-" * max(map(len, lines))
        return "\n".join([self.heading, "", lines[0], rule, *lines[1:]])

    def markdown(self) -> str:
        rule = ["---", *["---:"] * (len(self.columns) - 1)]
        rows = [self.columns, rule, *self.rows]
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def of_targets(results: Results) -> Table:
    rows = [
        [target.case, target.limit, target.measured, target.floor or "-",
         target.verdict if target.reached else f"**{target.verdict}**"]
        for target in targets.table(results)
    ]  # fmt: skip
    columns = ["case", "at most", "measured", "floor", "verdict"]
    return Table("Targets: CPU of the client, to stock libpq with one plain key", columns, rows)


def of_connections(results: Results) -> Table:
    rows = []
    for case in cases.CASES:
        later, wall, first = (results.ratio(case, kind) for kind in ("later cpu", "later wall", "first cpu"))
        name = f"{case.way}: {case.label}"
        cpu = microseconds(results.microseconds(case))
        rows.append([name, later.text(), wall.text(), first.text(), cpu])
    columns = ["connections", "later, CPU", "later, wall", "first, CPU", "later, CPU"]
    return Table(
        f"Each to stock libpq with one plain key, median (quartiles) of {results.rounds} rounds",
        columns, rows,
    )  # fmt: skip


def of_connection_instructions(results: Results) -> Table:
    counted = results.instructions
    rows = []
    for part, chosen in (("later", cases.COUNTED_LATER), ("first", cases.COUNTED_FIRST)):
        for case in chosen:
            number = counted[part][case.name]
            reference = counted[part][cases.reference_of(case).name]
            name = f"{case.way}: {case.label}, {part}"
            rows.append([name, count(number), f"{number / reference:.2f}"])
    return Table("Instructions of the client per connection", ["connection", "instructions", "ratio"], rows)


def of_choice(results: Results) -> Table:
    rows = []
    for which in ("one", "all"):
        before = None
        for row in results.choice(which):
            each = row.get("each with each")
            size = row["n"] + row["m"]
            grown = f"{figures.exponent(before, (size, row['choice'])):.2f}" if before else "-"
            before = (size, row["choice"])
            rows.append(
                [f"{row['n']:,} × {row['m']:,}, {which} suit{'s' if which == 'one' else ''}", f"{row['choice']:,}",
                 count(each) if each else "-", f"{each / row['choice']:.1f}" if each else "-", grown]
            )  # fmt: skip
    columns = ["credentials × CA names", "instructions", "each with each", "ratio", "exponent of growth"]
    return Table("The choice, with setting the certificate on the SSL", columns, rows)


def of_building(results: Results) -> Table:
    rows = []
    for row in results.instructions["building"]:
        n = row["n"]
        cpu = [results.time(n, kind) for kind in ("cold", "warm", "parse", "read", "look")]
        warm_to_cold = figures.ratios(results.times[str(n)]["warm"], results.times[str(n)]["cold"])
        rows.append([f"{n:,}", count(row["cold"]), count(row["warm"]), *map(microseconds, cpu), warm_to_cold.text(3)])
    columns = ["credentials", "first, instructions", "second", "first, CPU", "second", "parse", "read", "stat"]
    return Table(
        "A selector built, attached and freed: the first of a process, and the second; beside it, reading "
        "and parsing\nthe certificates, reading their bytes, and stat(2) on each",
        [*columns, "second to first"], rows,
    )  # fmt: skip


def of_memory(results: Results) -> Table:
    rows = []
    for n, sizes in results.memory.items():
        for what, name in (("files", "without keys"), ("keys", "keys loaded")):
            size = sizes[what]
            rows.append([f"{int(n):,}, {name}", *(f"{size[kind]:,.0f}" for kind in ("first", "second", "resident"))])
    columns = ["credentials", "allocated", "a second selector", "resident"]
    return Table("Bytes per credential", columns, rows)


def of_programs(results: Results) -> Table:
    cpu = {kind: results.programs[kind] for kind in results.programs}
    pairs = [
        ("certpick probe; one connection of psql", "probe", "psql"),
        ("certpick check of 1,000; reading and parsing them and their keys", "check", "parse with keys"),
        ("certpick check of 1,000; the certificates alone", "check", "parse"),
    ]
    rows = [
        [name, *(microseconds(statistics.median(cpu[kind])) for kind in (ours, other)),
         figures.ratios(cpu[ours], cpu[other]).text()]
        for name, ours, other in pairs
    ]  # fmt: skip
    return Table("CPU of whole processes", ["program; beside it", "ours", "the other", "ratio"], rows)


def machine_text(results: Results) -> str:
    facts = results.machine
    return (
        f"{facts['cores']} cores of {facts['processor']}; {facts['system']}, {facts['openssl']}, "
        f"{facts['server']}; libpq of {facts['libpq']}, built twice from one source; {facts['rustc']}."
    )


def blocks(results: Results) -> dict:
    """By the names that they have in doc/performance.md."""
    return {
        "machine": machine_text(results),
        **{
            name: make(results).markdown()
            for name, make in (
                ("targets", of_targets),
                ("connections", of_connections),
                ("connection-instructions", of_connection_instructions),
                ("choice", of_choice),
                ("building", of_building),
                ("memory", of_memory),
                ("programs", of_programs),
            )
        },
    }


def all_text(results: Results) -> str:
    makers = [of_connections, of_choice, of_building, of_memory, of_programs]
    if not results.instructions:
        makers = [of_connections, of_memory, of_programs]
    elif results.instructions["later"]:
        makers.insert(1, of_connection_instructions)
    parts = [make(results).text() for make in [*makers, of_targets]]
    missed = [target for target in targets.table(results) if not target.reached]
    number = len(targets.table(results))
    last = f"{number - len(missed)} of {number} targets reached"
    if missed:
        last = "\n".join([*(f"NOT REACHED: {target.case}: {target.measured}, at most {target.limit}" for target in missed), last])
    return "\n\n".join([*parts, last]).replace("**", "")

