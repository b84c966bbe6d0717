# SPDX-License-Identifier: MIT OR Apache-2.0
"""Counts instructions with callgrind, which do not depend on the load of the machine."""

import os
import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness.unavailable import need_package

from . import pki
from .cases import COUNTED_FIRST, COUNTED_LATER, WITH_TOKEN, Case
from .client import Client, run

VALGRIND = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "-q"]
SELECTOR_ENV = {"PATH": os.environ["PATH"], "LC_ALL": "C"}


def dumps(directory: Path) -> dict:
    """Returns the sum of each dump by its name."""
    found = {}
    for file in directory.iterdir():
        text = file.read_text(errors="replace")
        name = re.search(r"^desc: Trigger: Client Request: (.*)$", text, re.MULTILINE)
        total = re.search(r"^totals: (\d+)$", text, re.MULTILINE)
        if name and total:
            found[name[1]] = int(total[1])
    return found


def counted(command: list, env: dict) -> tuple:
    """Runs a command under callgrind. Returns its output and the sums of its dumps."""
    with tempfile.TemporaryDirectory(dir=pki.BENCH) as directory:
        output = Path(directory) / "callgrind.out"
        printed = run([*VALGRIND, f"--callgrind-out-file={output}", *command], env)
        return printed, dumps(Path(directory))


def of_connection(client: Client, case: Case, part: str) -> float:
    """Returns the instructions of the first connection of a process, or of a later one."""
    later = min(case.later, 2)
    count = 1 if part == "first" else 1 + later
    command = client.command(case, count, "-p", part)
    total = counted(command, client.environment(case))[1]["connections"]
    return total if part == "first" else total / later


def of_choice(n: int, m, which: str, *config: Path) -> dict:
    printed, sums = counted([pki.BENCH / "choice", n, m, which, *config], SELECTOR_ENV)
    return {"n": n, "m": int(printed), "which": which, **sums}


def of_building(n: int) -> dict:
    return {"n": n, **counted([pki.BENCH / "selector", "build", n], SELECTOR_ENV)[1]}


def measure(client: Client, sizes: list, connections: bool, progress) -> dict:
    """Runs two processes in parallel, the longest first."""
    need_package("valgrind")
    jobs = {("building", n): (of_building, n) for n in reversed(sizes)}
    for n in reversed(sizes):
        for which in ("one", "all"):
            jobs["choice", n, which] = (of_choice, n, n if n <= 1000 else 0, which)
    n = pki.CONFIGURED
    for m in ("none", n):
        for which in ("all", "one"):
            jobs["rules", m, which] = (of_choice, n, m, which, pki.write_configuration(n, which))
    if connections:
        later = [*COUNTED_LATER, *(WITH_TOKEN if client.token else [])]
        parts = [(case, "later") for case in later] + [(case, "first") for case in COUNTED_FIRST]
        for case, part in sorted(parts, key=lambda job: -job[0].count):
            jobs["connection", case.name, part] = (of_connection, client, case, part)
    done: dict = {"building": [], "choice": [], "rules": [], "first": {}, "later": {}}
    with ThreadPoolExecutor(2) as pool:
        futures = {key: pool.submit(*job) for key, job in jobs.items()}
        try:
            for number, (key, future) in enumerate(futures.items()):
                progress(f"instructions: {number + 1} of {len(jobs)}")
                if key[0] == "connection":
                    done[key[2]][key[1]] = future.result()
                else:
                    done[key[0]].insert(0, future.result())
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return done
