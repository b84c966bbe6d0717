# SPDX-License-Identifier: MIT OR Apache-2.0
"""A check: its command, its time limit, what it waits for, and how its tests are counted."""

import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Optional

from . import unavailable

# Of a stage that takes a few minutes: one that hangs is to fail here, and to be named.
PATIENCE = 25 * 60


@dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    reasons: Counter = field(default_factory=Counter)  # of those skipped: how many for each

    def add(self, other: "Counts") -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.reasons += other.reasons

    def skip(self, reason: str, number: int = 1) -> None:
        self.skipped += number
        self.reasons[reason] += number

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"

    def lines(self, failed: tuple = ()) -> str:
        """The sum; above it why tests were skipped, and the stages that failed."""
        why = [f"skipped, {number}: {reason}" for reason, number in self.reasons.items()]
        return "\n".join([*why, *(f"failed: {name}" for name in failed), str(self)])


def one(output: str, ok: bool) -> Counts:
    """A stage that is one check in itself."""
    return Counts(passed=1) if ok else Counts(failed=1)


def cargo_tests(output: str, ok: bool) -> Counts:
    """The sum of the summaries; each test program prints one."""
    counts = Counts()
    for passed, failed, ignored in re.findall(
        r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", output, re.MULTILINE
    ):
        counts.add(Counts(int(passed), int(failed), int(ignored)))
    return counts


def filtered(reason: str) -> Callable[[str, bool], Counts]:
    """cargo's tests, those that it was told to leave out counted as skipped."""

    def count(output: str, ok: bool) -> Counts:
        counts = cargo_tests(output, ok)
        left_out = re.findall(r"^test result: .*; (\d+) filtered out", output, re.MULTILINE)
        counts.skip(f"Rust tests: {reason}", sum(map(int, left_out)))
        return counts

    return count


def pytest_tests(report: Path) -> Callable[[str, bool], Counts]:
    """Of a pytest that writes this report."""
    report.unlink(missing_ok=True)

    def count(output: str, ok: bool) -> Counts:
        counts = Counts()
        if report.exists():
            for suite in ElementTree.parse(report).iter("testsuite"):
                total, failures, errors, skipped = (
                    int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")
                )
                bad = failures + errors
                counts.add(Counts(total - bad - skipped, bad, skipped))
                counts.reasons += Counter(found.get("message") for found in suite.iter("skipped"))
        return counts

    return count


def own_sum(output: str, ok: bool) -> Counts:
    """Of a stage whose last lines are like those that `Counts.lines` makes."""
    found = re.search(
        r"^((?:skipped, \d+: .*\n)*)(?:failed: .*\n)*(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*\Z",
        output, re.MULTILINE,
    )  # fmt: skip
    if found is None:
        return Counts()
    reasons, *numbers = found.groups()
    counts = Counts(*(int(number or 0) for number in numbers))
    for number, why in re.findall(r"^skipped, (\d+): (.*)$", reasons, re.MULTILINE):
        counts.reasons[why] += int(number)
    return counts


@dataclass
class Stage:
    name: str
    command: list
    count: Callable[[str, bool], Counts] = one
    needed: bool = False  # without it those that wait for it make no sense, and are not run
    after: Optional[tuple] = None  # the names of those that it waits for; None: all that stand before it
    patience: int = PATIENCE  # seconds
    env: dict = field(default_factory=dict)  # besides ours
    packages: tuple = ()  # of Debian, without which it is skipped


# A script and not make, whose status would hide that the registry cannot be reached.
CRATES = Stage("crates", ["scripts/crates", "fetch", "--locked"], needed=True, after=())
LIBRARY = [
    CRATES,
    Stage("the library", ["make", "library"], needed=True, after=(CRATES.name,)),
]


def outcome(stage: Stage, output: str, status: int) -> Counts:
    """What a stage that ended with this status adds to the sum."""
    ok = status == 0
    if status == unavailable.STATUS:
        counts = stage.count(output, ok) if stage.count is not one else Counts()
        if not counts.skipped:  # the last line says why
            counts.skip(f"{stage.name}: {(output.strip() or 'no reason given').splitlines()[-1]}")
        return counts
    counts = stage.count(output, ok)
    if not ok and counts.failed == 0:  # it did not come as far as its tests
        counts.failed = 1
    if counts.passed + counts.failed + counts.skipped == 0:  # a runner that ran nothing proves nothing
        counts.failed = 1
    if (unexplained := counts.skipped - sum(counts.reasons.values())) > 0:
        counts.reasons[f"{stage.name}: its own output says why"] += unexplained
    return counts
