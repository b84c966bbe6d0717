# SPDX-License-Identifier: MIT OR Apache-2.0
"""The results as Markdown tables, which the benchmark prints."""

import statistics
from dataclasses import dataclass

from . import cases, figures, pki, targets
from .cases import Case
from .figures import count, microseconds
from .results import Results


@dataclass
class Table:
    heading: str
    columns: list
    rows: list

    def text(self) -> str:
        """Returns heading and table in Markdown, padded so that it also reads well on a terminal."""
        cells = [self.columns, *self.rows]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]
        lines = [
            [cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))]
            for row in cells
        ]
        rule = ["-" * width if i == 0 else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
        return "\n".join([self.heading, "", *(f"| {' | '.join(line)} |" for line in [lines[0], rule, *lines[1:]])])


def of_targets(results: Results) -> Table:
    rows = [
        [target.case, target.limit, target.measured, target.floor or "-",
         target.verdict if target.reached else f"**{target.verdict}**"]
        for target in targets.table(results)
    ]  # fmt: skip
    columns = ["case", "limit", "measured", "floor", "verdict"]
    return Table("Targets: CPU time of the client, as a ratio to stock libpq with one plain key", columns, rows)


def of_connections(results: Results) -> Table:
    rows = []
    with_token = [case for case in cases.WITH_TOKEN if case.name in results.connections]
    for case in (*cases.SHOWN, *with_token, *cases.PAUSED):
        later, wall, first = (results.ratio(case, kind) for kind in ("later cpu", "later wall", "first cpu"))
        name = f"{case.way}: {case.label}"
        cpu = microseconds(results.microseconds(case))
        rows.append([name, later.text(), wall.text(), first.text(), cpu])
    columns = ["connections", "later, CPU", "later, wall", "first, CPU", "later, CPU"]
    return Table(
        f"Ratios to stock libpq with one plain key, median (quartiles) of {results.rounds} rounds",
        columns, rows,
    )  # fmt: skip


def of_kinds(results: Results) -> Table:
    counted = results.instructions.get("first", {})

    def instructions(case: Case) -> str:
        return count(counted[case.name]) if case.name in counted else "-"

    stock = instructions(cases.REFERENCE)
    rows = [["stock libpq, one certificate", "1.00", "-", "1.00", "-", "1.00", stock, stock]]
    for kind, name in cases.KIND_NAMES.items():
        ours, files = (
            [cases.FIRST[way, kind, size] for size in cases.FIRST_SIZES] for way in (cases.PATCHED, cases.STAT)
        )
        spreads = [results.ratio(case, "first cpu").text() for pair in zip(ours, files) for case in pair]
        rows.append([name, *spreads, results.ratio(ours[-1]).text(), *map(instructions, ours)])
    columns = ["the other certificates"]
    columns += [words for size in cases.FIRST_SIZES for words in (f"list of {size:,}, first", "files read")]
    columns += [f"list of {cases.FIRST_SIZES[-1]:,}, later"]
    columns += [f"first, {size:,}, instructions" for size in cases.FIRST_SIZES]
    return Table("Kinds of certificates: ratios to stock libpq with one plain key", columns, rows)


def of_copying(results: Results) -> Table:
    rows = []
    for case, copy in cases.COPIES.items():
        length = sum(map(len, pki.lists(case.count, case.key, case.kind)))
        cpu = results.connections[copy.name]["later cpu"]
        rows.append(
            [case.label, f"{length:,}", microseconds(statistics.median(cpu)), results.ratio(copy).text(3)]
        )
    columns = ["lists", "bytes", "CPU", "ratio to a connection of stock libpq"]
    return Table("Stock libpq copies the parameters, finds no socket, and frees the copies", columns, rows)


def of_connection_instructions(results: Results) -> Table:
    counted = results.instructions["later"]
    rows = []
    for case in (*cases.COUNTED_LATER, *cases.WITH_TOKEN):
        if case.name not in counted:
            continue  # without a token
        number = counted[case.name]
        ratio = number / counted[cases.reference_of(case).name]
        rows.append([f"{case.way}: {case.label}", count(number), f"{ratio:.2f}"])
    return Table("Instructions of the client per later connection", ["connection", "instructions", "ratio"], rows)


def of_peers(results: Results) -> Table:
    many = f"{results.peers['many']:,}"
    rows = []
    for name, shapes in results.peers["cpu"].items():
        later = {shape: costs["later"] for shape, costs in shapes.items()}
        rows.append(
            [name, *(microseconds(statistics.median(later[shape])) for shape in ("one", "names", "many")),
             figures.ratios(later["many"], later["one"]).text(),
             figures.ratios(later["many"], later["names"]).text(),
             figures.ratios(shapes["many"]["first"], shapes["one"]["first"]).text()]
        )  # fmt: skip
    columns = ["client", "1 × 1", f"1 × {many}", f"{many} × {many}", f"{many} × {many} to 1 × 1", f"to 1 × {many}"]
    return Table(
        "CPU of a later handshake by client certificates × CAs in the request; and of a process up to the end of\n"
        "its first handshake",
        [*columns, "first, to 1 × 1"], rows,
    )  # fmt: skip


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
    for row in results.instructions["rules"]:
        matching = "one rule matches" if row["which"] == "one" else "all rules match"
        rows.append([f"{row['n']:,} × {row['m']:,}, {matching}", f"{row['choice']:,}", "-", "-", "-"])
    columns = ["credentials × CA names", "instructions", "each with each", "ratio", "exponent of growth"]
    return Table("The choice, including the setting of the certificate on the SSL", columns, rows)


def of_building(results: Results) -> Table:
    rows = []
    for row in results.instructions["building"]:
        n = row["n"]
        cpu = [results.time(n, kind) for kind in ("cold", "warm", "parse", "read", "stat")]
        warm_to_cold = figures.ratios(results.times[n]["warm"], results.times[n]["cold"])
        rows.append([f"{n:,}", count(row["cold"]), count(row["warm"]), *map(microseconds, cpu), warm_to_cold.text(3)])
    columns = ["credentials", "first, instructions", "second", "first, CPU", "second", "parse", "read", "stat"]
    return Table(
        "A selector is built, attached and freed: the first of a process, and the second. For comparison: reading\n"
        "and parsing the certificates, reading them, and stat(2) on each",
        [*columns, "second to first"], rows,
    )  # fmt: skip


def of_memory(results: Results) -> Table:
    rows = []
    for n, sizes in results.memory.items():
        for what, name in (("files", "without keys"), ("keys", "keys loaded")):
            size = sizes[what]
            rows.append([f"{n:,}, {name}", *(f"{size[kind]:,.0f}" for kind in ("first", "second", "resident"))])
    columns = ["credentials", "allocated", "a second selector", "resident"]
    return Table("Bytes per credential", columns, rows)


def of_programs(results: Results) -> Table:
    cpu = {kind: results.programs[kind] for kind in results.programs}
    pairs = [
        ("certpick probe; one connection of psql", "probe", "psql"),
        ("certpick check of 1,000; reading and parsing certificates and keys", "check", "parse with keys"),
        ("certpick check of 1,000; reading and parsing certificates", "check", "parse"),
    ]
    rows = [
        [name, *(microseconds(statistics.median(cpu[kind])) for kind in (ours, other)),
         figures.ratios(cpu[ours], cpu[other]).text()]
        for name, ours, other in pairs
    ]  # fmt: skip
    return Table("CPU of processes", ["program; reference", "program", "reference", "ratio"], rows)


def machine_text(results: Results) -> str:
    facts = results.machine
    return (
        f"{facts['cores']} cores of {facts['processor']}; {facts['system']}, {facts['openssl']}, "
        f"{facts['server']}; libpq of {facts['libpq']}, built twice from one source; {facts['rustc']}."
    )


def all_text(results: Results) -> str:
    makers = [of_connections, of_kinds, of_copying]
    if results.instructions.get("later"):
        makers.append(of_connection_instructions)
    if results.instructions:
        makers += [of_choice, of_building]
    makers += [of_memory, of_programs, of_peers]
    parts = [machine_text(results), *(make(results).text() for make in [*makers, of_targets])]
    missed = [target for target in targets.table(results) if not target.reached]
    number = len(targets.table(results))
    last = f"{number - len(missed)} of {number} targets reached"
    if missed:
        last = "\n".join([*(f"NOT REACHED: {target.case}: {target.measured}, limit {target.limit}" for target in missed), last])
    return "\n\n".join([*parts, last])
