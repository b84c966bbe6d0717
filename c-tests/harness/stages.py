# SPDX-License-Identifier: MIT OR Apache-2.0
"""Checks, one after the other: each with its time limit and its count, and the true sum at the end."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from . import unavailable
from .paths import ROOT

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
    needed: bool = False  # without it the stages that follow make no sense
    patience: int = PATIENCE  # seconds
    env: dict = field(default_factory=dict)  # besides ours
    packages: tuple = ()  # of Debian, without which it is skipped


# A script and not make, whose status would hide that the registry cannot be reached.
CRATES = Stage("crates", ["scripts/crates", "fetch", "--locked"], needed=True)
LIBRARY = [
    CRATES,
    Stage("the library", ["make", "library"], needed=True),
]


def end(process: subprocess.Popen) -> None:
    """Ends it and what it started, which has ten seconds to clean up."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=10)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            pass


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


def run(stage: Stage) -> Counts:
    print(f"\n=== {stage.name}: {' '.join(map(str, stage.command))}", flush=True)
    try:
        unavailable.need_package(*stage.packages)
    except unavailable.Unavailable as missing:
        print(f"--- skipped: {missing}", flush=True)
        counts = Counts()
        counts.skip(f"{stage.name}: {missing}")
        return counts
    started = time.monotonic()
    # In a session of its own, all that it started can be ended with it.
    process = subprocess.Popen(
        stage.command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", start_new_session=True, env={**os.environ, **stage.env},
    )
    hung = threading.Timer(stage.patience, end, [process])
    hung.start()
    output = []
    try:
        for line in process.stdout:
            output.append(line)
            sys.stdout.write(line)
            sys.stdout.flush()
        status = process.wait()
    except BaseException:  # interrupted or terminated: so is what we started, and it cleans up
        end(process)
        raise
    finally:
        hung.cancel()
    if time.monotonic() - started >= stage.patience:
        status = 1
        print(f"it did not end within {stage.patience // 60} minutes and was ended", flush=True)
    counts = outcome(stage, "".join(output), status)
    word = "FAILED" if counts.failed else "ok" if counts.passed else "skipped"
    print(f"--- {word} ({time.monotonic() - started:.0f} s)", flush=True)
    return counts


def run_all(stages: list) -> int:
    """The exit status: 0 where nothing failed, 75 where besides nothing could be tried."""
    # Those of the make that called us are not for these: a make that knows itself to be another's
    # prints its directory, even after the sum that is its last line.
    os.environ["MAKEFLAGS"] = ""
    os.environ.pop("MAKELEVEL", None)
    total = Counts()
    failed = []
    stages = list(stages)
    while stages:
        stage = stages.pop(0)
        counts = run(stage)
        total.add(counts)
        if counts.failed:
            failed.append(stage.name)
        if stage.needed and (counts.failed or not counts.passed):
            print(f"\nstopped: the rest needs {stage.name}")
            if stages and not counts.failed:
                total.skip(f"what needs {stage.name}", len(stages))
            break
    print()
    print(total.lines(tuple(failed)))
    if failed:
        return 1
    return 0 if total.passed else unavailable.STATUS


def script(main: Callable[[], int]) -> None:
    """Runs it as a script that may be interrupted or terminated: what it started ends with it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
