# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs stages, as many at the same time as there are processors, and prints the true sum at the end."""

import os
import queue
import resource
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import Callable, Optional

from . import unavailable
from .paths import ROOT
from .stages import Counts, Stage, outcome

GRACE = 10  # seconds


def end(*processes: subprocess.Popen) -> None:
    """Ends them and what they started, which have ten seconds to clean up."""
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


class Interruption(BaseException):
    """We were interrupted or terminated; its status is our own exit status."""

    def __init__(self, number: int):
        super().__init__(number)
        self.status = 128 + number


@contextmanager
def interruptions_into(events: queue.SimpleQueue):
    """Raised at any place, one could come between the start of a process and the moment at which we know of it."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda got, _: events.put(Interruption(got))) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before):
            signal.signal(number, handler)


class Output:
    """Prints what stages say, each in one piece and in the order in which they began: the first one line by
    line, the others when all before them have ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict = {}  # by stage, the text that is yet to be printed
        self._ended: set = set()

    def write(self, stage: int, text: str) -> None:
        with self._lock:
            self._held[stage] = self._held.get(stage, "") + text
            self._print()

    def end(self, stage: int) -> None:
        with self._lock:
            self._ended.add(stage)
            self._print()

    def _print(self) -> None:
        for stage in list(self._held):
            sys.stdout.write(self._held[stage])
            self._held[stage] = ""
            if stage not in self._ended:
                break
            del self._held[stage]
        sys.stdout.flush()

    def print_all(self) -> None:
        with self._lock:
            self._ended.update(self._held)
            self._print()


class Running:
    """A stage that was started. When it has ended, its number is put into `ended`."""

    def __init__(self, number: int, stage: Stage, output: Output, ended: queue.SimpleQueue):
        self._number, self._stage, self._output, self._ended = number, stage, output, ended
        self._started = time.monotonic()
        self._lines: list = []
        self._used = 0.0
        # In a session of its own, all that it started can be ended with it.
        self.process = subprocess.Popen(
            stage.command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", start_new_session=True, env={**os.environ, **stage.env},
        )  # fmt: skip
        self._hung = threading.Timer(stage.patience, end, [self.process])
        self._hung.daemon = True
        self._hung.start()
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        for line in self.process.stdout:
            self._lines.append(line)
            self._output.write(self._number, line)
        try:
            _, status, used = os.wait4(self.process.pid, 0)
            self.process.returncode = os.waitstatus_to_exitcode(status)
            self._used = used.ru_utime + used.ru_stime
        except ChildProcessError:  # `end` has waited for it
            pass
        self._hung.cancel()
        self._ended.put(self._number)

    def result(self) -> Counts:
        """Of one that has ended."""
        status = self.process.wait()
        seconds = time.monotonic() - self._started
        if seconds >= self._stage.patience:
            status = 1
            minutes = self._stage.patience // 60
            self._output.write(self._number, f"it did not end within {minutes} minutes and was ended\n")
        counts = outcome(self._stage, "".join(self._lines), status)
        word = "FAILED" if counts.failed else "ok" if counts.passed else "skipped"
        times = f"{seconds:.0f} s, {self._used:.0f} s of processor time"
        self._output.write(self._number, f"--- {word} ({times})\n")
        return counts


class Run:
    """Stages, and what is known of them by their numbers."""

    def __init__(self, stages: list, slots: int):
        self._stages, self._slots = stages, slots
        self._before = [self._waits_for(number) for number in range(len(stages))]
        self._output = Output()
        self._running: dict = {}
        self._ended: queue.SimpleQueue = queue.SimpleQueue()
        self._lacks: dict = {}  # of those that are not run: the stage without which they make no sense
        self.counts: dict = {}  # of those that are done or not run

    def _waits_for(self, number: int) -> list:
        """All are smaller numbers, so that no stage waits for ever."""
        after = self._stages[number].after
        names = [stage.name for stage in self._stages[:number]]
        return list(range(number)) if after is None else [names.index(name) for name in after]

    def run(self) -> None:
        with interruptions_into(self._ended):
            try:
                while len(self.counts) < len(self._stages):
                    while len(self._running) < self._slots and (number := self._next()) is not None:
                        self._start(number)
                    if self._running:
                        number = self._ended.get()
                        if isinstance(number, Interruption):
                            raise number
                        self._done(number, self._running[number].result())
            except BaseException:  # interrupted or terminated: so is what we started, and it cleans up
                end(*(running.process for running in self._running.values()))
                raise
            finally:
                self._output.print_all()

    def _next(self) -> Optional[int]:
        """The first that has not begun and has nothing to wait for."""
        for number, before in enumerate(self._before):
            begun = number in self.counts or number in self._running
            if not begun and all(other in self.counts for other in before):
                return number
        return None

    def _start(self, number: int) -> None:
        stage = self._stages[number]
        self._output.write(number, f"\n=== {stage.name}: {' '.join(map(str, stage.command))}\n")
        lacking = [other for other in self._before[number] if self._stages[other].needed and not self._passed(other)]
        if lacking:
            needed = self._lacks.setdefault(number, self._lacks.get(lacking[0], lacking[0]))
            name = self._stages[needed].name
            self._output.write(number, f"--- not run: it needs {name}\n")
            counts = Counts()
            if not self.counts[needed].failed:
                counts.skip(f"what needs {name}")
            self._done(number, counts)
            return
        try:
            unavailable.need_package(*stage.packages)
        except unavailable.Unavailable as missing:
            self._output.write(number, f"--- skipped: {missing}\n")
            counts = Counts()
            counts.skip(f"{stage.name}: {missing}")
            self._done(number, counts)
            return
        self._running[number] = Running(number, stage, self._output, self._ended)

    def _passed(self, number: int) -> bool:
        return self.counts[number].passed > 0 and not self.counts[number].failed

    def _done(self, number: int, counts: Counts) -> None:
        self._running.pop(number, None)
        self._output.end(number)
        self.counts[number] = counts


def run_all(stages: list, slots: int = 0) -> int:
    """The exit status: 0 where nothing failed, 75 where besides nothing could be tried."""
    # Those of the make that called us are not for these: a make that knows itself to be another's
    # prints its directory, even after the sum that is its last line.
    os.environ["MAKEFLAGS"] = ""
    os.environ.pop("MAKELEVEL", None)
    started = time.monotonic()
    run = Run(stages, slots or len(os.sched_getaffinity(0)))
    run.run()
    total = Counts()
    failed = []
    for number, stage in enumerate(stages):
        total.add(run.counts[number])
        if run.counts[number].failed:
            failed.append(stage.name)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"\n{time.monotonic() - started:.0f} s, {used.ru_utime + used.ru_stime:.0f} s of processor time\n")
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
    except Interruption as interruption:
        sys.exit(interruption.status)
