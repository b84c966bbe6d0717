# SPDX-License-Identifier: MIT OR Apache-2.0
"""What is to be reached, and whether it was."""

from dataclasses import dataclass

from . import cases, figures
from .cases import Case
from .results import Results

CHOICE_LIMIT = 1_000_000
MEMORY_LIMIT = 16 << 10
LIBRARY_LIMIT = 1 << 20
PROBE_LIMIT = 1.5


@dataclass
class Target:
    case: str
    limit: str
    measured: str
    reached: bool
    floor: str = ""  # what is left if certpick itself cost nothing

    @property
    def verdict(self) -> str:
        return "reached" if self.reached else "NOT REACHED"


def ratio(results: Results, words: str, case: Case, limit: float, floor: str, **of) -> Target:
    spread = results.ratio(case, **of)
    return Target(words, f"{limit:.2f}", spread.text(), spread.median <= limit, floor)


def later_floor(results: Results, count: int) -> str:
    """A handshake with a certificate at hand, and one stat(2) per certificate."""
    looked = Case(cases.LOOKED, count, later=3 if count >= 1000 else 6)
    return results.ratio(looked).text()


def first_floor(results: Results, count: int) -> str:
    """The same in a new process, and reading the bytes of each file."""
    read = results.time(1000, "read") / 1000
    cost = results.microseconds(cases.FLOOR, "first cpu") + count * read
    return f"{cost / results.microseconds(cases.REFERENCE, 'first cpu'):.2f}"


def of_connections(results: Results) -> list:
    pbkdf2 = Case(cases.PATCHED, 2, "site-pbkdf2.key", later=3)
    handshake = results.microseconds(cases.FLOOR) / results.microseconds(cases.STOCK_PBKDF2)
    later = [
        ratio(results, f"list of {count:,}, later connections", cases.patched(count), limit,
              later_floor(results, count))
        for count, limit in ((2, 0.80), (101, 0.82), (1000, 1.0))
    ]  # fmt: skip
    return [
        *later,
        ratio(results, "list of 101, first connection, to the first of stock", cases.patched(101), 1.6,
              first_floor(results, 101), kind="first cpu"),
        ratio(results, "list with a PBKDF2 key, later, to stock with that key", pbkdf2, 0.05,
              f"{handshake:.2f}", reference=cases.STOCK_PBKDF2),
    ]  # fmt: skip


def of_choice(results: Results) -> list:
    dearest = max(row["choice"] for row in results.instructions["choice"] if row["n"] == 1000)
    targets = [
        Target(
            "the choice, 1,000 credentials and 1,000 CAs, instructions", f"{CHOICE_LIMIT:,}",
            f"{dearest:,}", dearest <= CHOICE_LIMIT,
        )
    ]  # fmt: skip
    steps = [step for which in ("one", "all") for step in growth(results.choice(which))]
    worst = max(steps, key=lambda step: step[1] / step[2])
    targets.append(
        Target(
            f"its growth {worst[0]}, at most as n log n", f"× {worst[2]:.1f}", f"× {worst[1]:.1f}",
            worst[1] <= worst[2],
        )
    )  # fmt: skip
    return targets


def growth(rows: list) -> list:
    """For each step: which, by how much the cost grew, and by how much it may."""
    steps = []
    for before, after in zip(rows, rows[1:]):
        sizes = [row["n"] + row["m"] for row in (before, after)]
        words = f"from {before['n']:,} × {before['m']:,} to {after['n']:,} × {after['m']:,}"
        steps.append((words, after["choice"] / before["choice"], figures.n_log_n(*sizes)))
    return steps


def of_space(results: Results) -> list:
    kept = {n: sizes["keys"]["first"] for n, sizes in results.memory.items() if int(n) >= 1000}
    most = max(kept.values())
    return [
        Target(
            "memory per credential kept, key included", f"{MEMORY_LIMIT:,} bytes", f"{most:,.0f} bytes",
            most <= MEMORY_LIMIT,
        ),
        Target(
            "stripped libcertpick.so", f"{LIBRARY_LIMIT:,} bytes", f"{results.library:,} bytes",
            results.library <= LIBRARY_LIMIT,
        ),
    ]  # fmt: skip


def of_programs(results: Results) -> list:
    spread = figures.ratios(results.programs["probe"], results.programs["psql"])
    words = "certpick probe, to one connection of stock psql"
    return [Target(words, f"{PROBE_LIMIT:.2f}", spread.text(), spread.median <= PROBE_LIMIT)]


def table(results: Results) -> list:
    choice = of_choice(results) if results.instructions else []
    return [*of_connections(results), *choice, *of_space(results), *of_programs(results)]
