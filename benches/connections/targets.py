# SPDX-License-Identifier: MIT OR Apache-2.0
"""Targets of the benchmark."""

import statistics
from dataclasses import dataclass

from . import cases, figures
from .cases import Case
from .figures import Spread
from .results import Results

CHOICE_LIMIT = 700_000
RULES_CHOICE_LIMIT = 1_000_000
RULES_LATER_LIMIT = 1.05  # to the same list without rules
MEMORY_LIMIT = 16 << 10
LIBRARY_LIMIT = 768 << 10
PROBE_LIMIT = 1.5
LATER_LIMIT = 0.80
APART_LIMIT = 1.05  # of the most expensive list to the cheapest
FIRST_LIMITS = {101: 1.25, 1000: 2.5}
PAUSED_LIMIT = 1.6
# Ratios to the same credentials in PEM files.
PKCS12_LIMIT = 1.05
FOLDER_LIMIT = 1.05
TOKEN_LIMIT = 1.3


@dataclass
class Target:
    case: str
    limit: str
    measured: str
    reached: bool
    floor: str = ""  # the value if certpick's own cost were zero

    @property
    def verdict(self) -> str:
        return "reached" if self.reached else "NOT REACHED"


def ratio(results: Results, words: str, case: Case, limit: float, floor: str, **of) -> Target:
    spread = results.ratio(case, **of)
    return Target(words, f"{limit:.2f}", spread.text(), spread.median <= limit, floor)


def copying(results: Results, case: Case) -> list:
    """Returns the cost of copying lists of this length in libpq, per round, in microseconds."""
    long, short = (results.connections[copy.name]["later cpu"] for copy in (cases.COPIES[case], cases.COPY_OF_ONE))
    return [a - b for a, b in zip(long, short)]


def later_floor(results: Results, case: Case) -> Spread:
    """Returns the cost of a handshake with loaded files, stat(2) on both, and libpq's copying."""
    handshake, stock = (results.connections[other.name]["later cpu"] for other in (cases.FLOOR, cases.REFERENCE))
    costs = [a + b for a, b in zip(handshake, copying(results, case))]
    return figures.ratios(costs, stock)


def of_lists(results: Results) -> list:
    targets = []
    for case in cases.LISTS:
        words = f"{case.label}, later connections in a burst"
        targets.append(ratio(results, words, case, LATER_LIMIT, later_floor(results, case).text()))
    costs = [results.connections[case.name]["later cpu"] for case in cases.LISTS]
    means = [statistics.mean(of_round) for of_round in zip(*costs)]
    shares = [figures.ratios(of_case, means).median for of_case in costs]
    apart = max(shares) / min(shares)
    floors = [results.microseconds(cases.FLOOR) + statistics.median(copying(results, case)) for case in cases.LISTS]
    targets.append(
        Target("the most expensive of these lists, ratio to the cheapest", f"{APART_LIMIT:.2f}", f"{apart:.3f}",
               apart <= APART_LIMIT, f"{max(floors) / min(floors):.3f}")
    )  # fmt: skip
    return targets


def of_first(results: Results) -> list:
    """For each length, the most expensive kind of certificates."""
    targets = []
    for count, limit in FIRST_LIMITS.items():
        kinds = [kind for way, kind, size in cases.FIRST if way == cases.PATCHED and size == count]
        worst_kind = max(
            kinds, key=lambda kind: results.ratio(cases.FIRST[cases.PATCHED, kind, count], "first cpu").median
        )
        ours, floor = (cases.FIRST[way, worst_kind, count] for way in (cases.PATCHED, cases.STAT))
        words = f"list of {count:,}, first connection, the most expensive kind: {cases.KIND_NAMES[worst_kind]}"
        targets.append(
            ratio(results, words, ours, limit, results.ratio(floor, "first cpu").text(), kind="first cpu")
        )
    return targets


def of_connections(results: Results) -> list:
    handshake = results.microseconds(cases.FLOOR) / results.microseconds(cases.STOCK_PBKDF2)
    return [
        *of_first(results),
        *of_lists(results),
        ratio(results, f"list of 1,000, later connections {cases.PAUSE} s apart", cases.LONG_PAUSED, PAUSED_LIMIT,
              results.ratio(cases.STAT_PAUSED).text()),
        ratio(results, "1,000 with rules, later connections in a burst, ratio to the same list without rules",
              cases.WITH_RULES, RULES_LATER_LIMIT, "", reference=cases.WITHOUT_RULES),
        *of_entries(results),
        ratio(results, "list with a PBKDF2 key, later, ratio to stock with that key", cases.PBKDF2, 0.05,
              f"{handshake:.2f}", reference=cases.STOCK_PBKDF2),
    ]  # fmt: skip


def of_entries(results: Results) -> list:
    """Later connections in a burst with other entries than PEM files."""
    compared = [
        ("a PKCS#12 file of 600,000 iterations, later, ratio to a PEM file", cases.OF_PKCS12, PKCS12_LIMIT, cases.SHORT),
        ("a directory of 1,000 pairs, later, ratio to the list of its files", cases.OF_FOLDER, FOLDER_LIMIT, cases.OF_FILES),
        ("a key in SoftHSM, later, ratio to the same key in a file", cases.OF_TOKEN, TOKEN_LIMIT, cases.SHORT),
    ]  # fmt: skip
    return [
        ratio(results, words, case, limit, "", reference=reference)
        for words, case, limit, reference in compared if case.name in results.connections
    ]  # fmt: skip


def of_choice(results: Results) -> list:
    highest = max(row["choice"] for row in results.instructions["choice"] if row["n"] == 1000)
    targets = [
        Target(
            "the choice, 1,000 credentials and 1,000 CAs, instructions", f"{CHOICE_LIMIT:,}",
            f"{highest:,}", highest <= CHOICE_LIMIT,
        )
    ]  # fmt: skip
    with_rules = max(row["choice"] for row in results.instructions["rules"])
    targets.append(
        Target(
            "the choice, 1,000 credentials with rules, 1,000 CAs or none, instructions", f"{RULES_CHOICE_LIMIT:,}",
            f"{with_rules:,}", with_rules <= RULES_CHOICE_LIMIT,
        )
    )  # fmt: skip
    steps = [step for which in ("one", "all") for step in growth(results.choice(which))]
    worst = max(steps, key=lambda step: step[1] / step[2])
    targets.append(
        Target(
            f"its growth {worst[0]}, at most n log n", f"× {worst[2]:.1f}", f"× {worst[1]:.1f}",
            worst[1] <= worst[2],
        )
    )  # fmt: skip
    return targets


def growth(rows: list) -> list:
    """Returns (description, growth, allowed growth) for each step."""
    steps = []
    for before, after in zip(rows, rows[1:]):
        sizes = [row["n"] + row["m"] for row in (before, after)]
        words = f"from {before['n']:,} × {before['m']:,} to {after['n']:,} × {after['m']:,}"
        steps.append((words, after["choice"] / before["choice"], figures.n_log_n(*sizes)))
    return steps


def of_space(results: Results) -> list:
    kept = {n: sizes["keys"]["first"] for n, sizes in results.memory.items() if n >= 1000}
    largest = max(kept.values())
    return [
        Target(
            "memory per kept credential, including the key", f"{MEMORY_LIMIT:,} bytes", f"{largest:,.0f} bytes",
            largest <= MEMORY_LIMIT,
        ),
        Target(
            "stripped libcertpick.so", f"{LIBRARY_LIMIT:,} bytes", f"{results.library:,} bytes",
            results.library <= LIBRARY_LIMIT,
        ),
    ]  # fmt: skip


def of_programs(results: Results) -> list:
    spread = figures.ratios(results.programs["probe"], results.programs["psql"])
    words = "certpick probe, ratio to one connection of stock psql"
    return [Target(words, f"{PROBE_LIMIT:.2f}", spread.text(), spread.median <= PROBE_LIMIT)]


def table(results: Results) -> list:
    choice = of_choice(results) if results.instructions else []
    return [*of_connections(results), *choice, *of_space(results), *of_programs(results)]
