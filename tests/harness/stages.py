# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs stages in parallel, one per processor, and prints the number of their tests as the last line.

make -j does not fit: a stage counts tests, has a time limit, is skipped with a reason, and may fail without
stopping the stages that only wait for it.
"""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Callable, Optional

from . import unavailable
from .counts import Counts, one
from .paths import ROOT

TIME_LIMIT = 25 * 60  # seconds
GRACE = 10  # seconds between SIGTERM and SIGKILL


@dataclass
class Stage:
    name: str
    command: list
    count: Callable[[str, bool], Counts] = one
    needed: bool = False  # stages that wait for this one run only if it passes
    after: Optional[tuple] = None  # names of earlier stages to wait for; None: all earlier stages
    time_limit: int = TIME_LIMIT  # seconds
    env: dict = field(default_factory=dict)  # in addition to our environment
    packages: tuple = ()  # Debian packages without which the stage is skipped


# scripts/crates and not make, because make hides exit status 75 (no registry).
CRATES = Stage("crates", ["scripts/crates", "fetch", "--locked"], needed=True, after=())
LIBRARY = [
    CRATES,
    Stage("the library", ["make", "library"], needed=True, after=(CRATES.name,)),
]


def outcome(stage: Stage, output: str, status: int) -> Counts:
    """Returns the counts of a stage that ended with this exit status."""
    ok = status == 0
    if status == unavailable.STATUS:
        counts = stage.count(output, ok) if stage.count is not one else Counts()
        if not counts.skipped:  # the last line has the reason
            counts.skip(f"{stage.name}: {(output.strip() or 'no reason given').splitlines()[-1]}")
        return counts
    counts = stage.count(output, ok)
    if not ok and counts.failed == 0:  # the command failed outside its tests
        counts.failed = 1
    if counts.passed + counts.failed + counts.skipped == 0:  # a command that ran no test is a failure
        counts.failed = 1
    if (unexplained := counts.skipped - sum(counts.reasons.values())) > 0:
        counts.reasons[f"{stage.name}: see its output for the reason"] += unexplained
    counts.within(stage.name)
    return counts


def end(*processes: subprocess.Popen) -> None:
    """Ends these process groups: by SIGTERM, and by SIGKILL if they still run after GRACE seconds."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in processes:
            try:
                os.killpg(process.pid, number)
            except ProcessLookupError:
                pass
        deadline = time.monotonic() + GRACE
        for process in processes:
            try:
                process.wait(timeout=max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                pass


SECONDS_TO_SIGNAL = 1  # until a signal is handled


@contextmanager
def recorded_signals():
    """Records SIGINT and SIGTERM. An exception in the handler could be raised in a callback, where Python ignores
    it, or while a process is being started."""
    received: list = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda got, _: received.append(got)) for number in numbers]
    try:
        yield received
    finally:
        for number, handler in zip(numbers, before):
            signal.signal(number, handler)


class Run:
    """One run of stages, which are identified by their index."""

    def __init__(self, stages: list, slots: int):
        self._stages, self._slots = stages, slots
        self._before = [self._predecessors(index) for index in range(len(stages))]
        # Stages that never overlap print their output line by line.
        self._live = slots == 1 or all(index - 1 in self._before[index] for index in range(1, len(stages)))
        self._lock = threading.Lock()  # for the next two, and for output
        self._running: set = set()
        self._stopping = False
        self._missing: dict = {}  # by index of a stage that did not run: the needed stage that did not pass
        self.counts: dict = {}  # by index of a stage that ended or did not run

    def _predecessors(self, index: int) -> list:
        """Only earlier stages, so that there is no cycle."""
        after = self._stages[index].after
        names = [stage.name for stage in self._stages[:index]]
        return list(range(index)) if after is None else [names.index(name) for name in after]

    def run(self) -> None:
        order = TopologicalSorter(dict(enumerate(self._before)))
        order.prepare()
        ready: list = []
        futures: dict = {}
        with ThreadPoolExecutor(self._slots) as pool, recorded_signals() as received:
            while order.is_active():
                ready = sorted([*ready, *order.get_ready()])
                while ready and len(futures) < self._slots:
                    index = ready.pop(0)
                    futures[pool.submit(self._stage, index)] = index
                done = wait(futures, timeout=SECONDS_TO_SIGNAL, return_when=FIRST_COMPLETED).done
                if received:
                    self._stop()
                    sys.exit(128 + received[0])
                for future in done:
                    index = futures.pop(future)
                    self.counts[index] = future.result()
                    order.done(index)

    def _stop(self) -> None:
        with self._lock:
            self._stopping = True
            running = list(self._running)
        end(*running)

    def _stage(self, index: int) -> Counts:
        """Runs a stage, or prints why it does not run."""
        stage = self._stages[index]
        title = f"\n=== {stage.name}: {' '.join(map(str, stage.command))}\n"
        lacking = [other for other in self._before[index] if self._stages[other].needed and not self._passed(other)]
        if lacking:
            needed = self._missing[index] = self._missing.get(lacking[0], lacking[0])
            name = self._stages[needed].name
            self._print(f"{title}--- not run: it needs {name}\n")
            counts = Counts()
            if not self.counts[needed].failed:
                counts.skip(f"it needs {name}")
            return counts
        try:
            unavailable.need_package(*stage.packages)
        except unavailable.Unavailable as missing:
            self._print(f"{title}--- skipped: {missing}\n")
            counts = Counts()
            counts.skip(f"{stage.name}: {missing}")
            return counts
        return self._execute(stage, title)

    def _execute(self, stage: Stage, title: str) -> Counts:
        started = time.monotonic()
        lines = []
        if self._live:
            self._print(title)
        with self._lock:
            if self._stopping:
                return Counts()
            process = subprocess.Popen(
                stage.command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                errors="replace", start_new_session=True, env={**os.environ, **stage.env},
            )  # fmt: skip
            self._running.add(process)
        timer = threading.Timer(stage.time_limit, end, [process])
        timer.start()
        for line in process.stdout:
            lines.append(line)
            if self._live:
                self._print(line)
        status = process.wait()
        timer.cancel()
        with self._lock:
            self._running.discard(process)
        seconds = time.monotonic() - started
        text = "".join(lines)
        hung = seconds >= stage.time_limit
        counts = outcome(stage, text, 1 if hung else status)
        last = f"ended after {stage.time_limit // 60} minutes, its time limit\n" if hung else ""
        word = "FAILED" if counts.failed else "ok" if counts.passed else "skipped"
        self._print(f"{'' if self._live else title + text}{last}--- {word} ({seconds:.0f} s)\n")
        return counts

    def _passed(self, index: int) -> bool:
        return self.counts[index].passed > 0 and not self.counts[index].failed

    def _print(self, text: str) -> None:
        with self._lock:
            sys.stdout.write(text)
            sys.stdout.flush()


def run_all(stages: list, slots: int = 0) -> int:
    """Returns the exit status: 1 if a stage failed, 75 if none failed and none passed, otherwise 0."""
    # A make that inherits these prints its directory, even after the totals, which must be the last line.
    os.environ["MAKEFLAGS"] = ""
    os.environ.pop("MAKELEVEL", None)
    started = time.monotonic()
    run = Run(stages, slots or len(os.sched_getaffinity(0)))
    run.run()
    total = Counts()
    for index in range(len(stages)):
        total.add(run.counts[index])
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"\n{time.monotonic() - started:.0f} s, {used.ru_utime + used.ru_stime:.0f} s of processor time\n")
    print(total.lines())
    if total.failed:
        return 1
    return 0 if total.passed else unavailable.STATUS


def script(main: Callable[[], int]) -> None:
    """Runs main() as a script. On SIGINT and SIGTERM the stages end first."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
