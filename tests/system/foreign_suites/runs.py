# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs suites, several at a time."""

import os
import subprocess
import tempfile
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from harness.stages import end

MAX_SECONDS = 15 * 60
AT_ONCE = 8  # most of the time the tests wait


@dataclass
class Run:
    results: dict
    explanations: str
    log: str

    def count(self) -> str:
        ends = [result for tests in self.results.values() for _, result in tests]
        return ", ".join(f"{ends.count(word):,} {word}" for word in ("passed", "failed", "skipped"))


def isolation() -> list:
    """Returns the words before a command that give it a network of its own, with the loopback interface alone.

    It also has its own process IDs, so that no process survives it. Where a user may not have that (containers), the
    tests run without: the suites' own options leave out the network.
    """
    for user in ([], ["--map-root-user"]):
        words = ["unshare", *user, "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
        # The exit keeps the shell, which as process 1 waits for orphans.
        words += ["sh", "-c", 'ip link set lo up && "$@"; exit $?', "sh"]
        if subprocess.run([*words, "true"], capture_output=True).returncode == 0:
            return words
    return []


class Runner:
    def __init__(self, below: Path):
        self._below = below
        self._before = isolation()
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._lock = threading.Lock()
        self._running: set = set()
        self._closed = False

    def start(self, suite, configure, units: tuple = ()) -> Future:
        """Runs these units of a suite, or all. configure writes an openssl.cnf for a file of explanations."""
        return self._pool.submit(self._run, suite, configure, units)

    def _run(self, suite, configure, units: tuple) -> Run:
        directory = Path(tempfile.mkdtemp(prefix="suite-", dir=self._below))
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        for name in ("HOME", "TMPDIR"):
            (directory / name).mkdir()
            environment[name] = str(directory / name)
        explanations = directory / "explanations"
        environment["OPENSSL_CONF"] = str(configure(directory / "openssl.cnf", explanations))
        command, working = suite.command(directory, units)
        with open(directory / "output", "wb") as output:
            with self._lock:
                if self._closed:
                    raise InterruptedError
                process = subprocess.Popen(
                    [*self._before, *map(str, command)], cwd=working, env=environment, start_new_session=True,
                    stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                )  # fmt: skip
                self._running.add(process)
            try:
                process.wait(timeout=MAX_SECONDS)
            except BaseException:  # timeout
                end(process)
                raise
            finally:
                self._running.discard(process)
        text = (directory / "output").read_text(errors="replace")
        try:
            results = suite.results(directory, text)
        except (AssertionError, OSError) as wrong:  # it crashed, for example
            raise AssertionError(f"{suite.name} ended with {process.returncode}: {wrong}\n{text[-3000:]}") from wrong
        return Run(results, explanations.read_text() if explanations.exists() else "", text)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            running = list(self._running)
        end(*running)
        self._pool.shutdown(cancel_futures=True)
