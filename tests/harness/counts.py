# SPDX-License-Identifier: MIT OR Apache-2.0
"""Counts the tests that a command ran, from its output or its report."""

import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

MAX_FAILURES = 20


@dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    reasons: Counter = field(default_factory=Counter)  # the number of skipped tests by reason
    failures: list = field(default_factory=list)  # the names of failed tests, with the first line of each message

    def add(self, other: "Counts") -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.reasons += other.reasons
        self.failures += other.failures

    def skip(self, reason: str, number: int = 1) -> None:
        self.skipped += number
        self.reasons[reason] += number

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"

    def within(self, name: str) -> None:
        """Puts the name of what ran the tests before the names of those that failed."""
        self.failures = [f"{name}: {failure}" for failure in self.failures]
        if self.failed and not self.failures:
            self.failures = [name]

    def lines(self) -> str:
        """Returns the reasons for skipped tests, the names of failed tests, and the totals as the last line."""
        why = [f"skipped, {number}: {reason}" for reason, number in self.reasons.items()]
        return "\n".join([*why, *(f"failed: {name}" for name in self.failures), str(self)])


def some(failures: list) -> list:
    left_out = len(failures) - MAX_FAILURES
    return [*failures[:MAX_FAILURES], f"{left_out} more"] if left_out > 0 else failures


def one(output: str, ok: bool) -> Counts:
    """Counts the command itself as one test."""
    return Counts(passed=1) if ok else Counts(failed=1)


def cargo_tests(output: str, ok: bool) -> Counts:
    """Adds up the summaries of cargo's test programs."""
    counts = Counts()
    for passed, failed, ignored in re.findall(
        r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", output, re.MULTILINE
    ):
        counts.add(Counts(int(passed), int(failed), int(ignored)))
    counts.failures = some(re.findall(r"^test (\S+) (?:- .*)?\.\.\. FAILED", output, re.MULTILINE))
    return counts


def filtered(reason: str) -> Callable[[str, bool], Counts]:
    """Like cargo_tests, but counts the tests that were filtered out as skipped for this reason."""

    def count(output: str, ok: bool) -> Counts:
        counts = cargo_tests(output, ok)
        left_out = re.findall(r"^test result: .*; (\d+) filtered out", output, re.MULTILINE)
        counts.skip(f"Rust tests: {reason}", sum(map(int, left_out)))
        return counts

    return count


def failure(case: ElementTree.Element, found: ElementTree.Element) -> str:
    message = (found.get("message") or "no message").splitlines()[0]
    return f"{case.get('classname')}::{case.get('name')}: {message[:200]}"


def pytest_tests(report: Path) -> Callable[[str, bool], Counts]:
    """Reads pytest's JUnit report. An older report is removed first."""
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
                counts.failures += some([
                    failure(case, found) for case in suite.iter("testcase") for found in case
                    if found.tag in ("failure", "error")
                ])  # fmt: skip
        return counts

    return count


def own_sum(output: str, ok: bool) -> Counts:
    """Reads the last lines of a command that prints Counts.lines()."""
    found = re.search(
        r"^((?:skipped, \d+: .*\n)*)((?:failed: .*\n)*)(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*\Z",
        output, re.MULTILINE,
    )  # fmt: skip
    if found is None:
        return Counts()
    reasons, failures, *numbers = found.groups()
    counts = Counts(*(int(number or 0) for number in numbers))
    counts.failures = re.findall(r"^failed: (.*)$", failures, re.MULTILINE)
    for number, why in re.findall(r"^skipped, (\d+): (.*)$", reasons, re.MULTILINE):
        counts.reasons[why] += int(number)
    return counts
