# SPDX-License-Identifier: MIT OR Apache-2.0
"""Measures CPU time and memory of selectors, and the size of the library."""

import random
import subprocess

from harness import paths

from . import pki
from .client import run
from .instructions import SELECTOR_ENV

TIMES = ("cold", "warm", "parse", "read", "stat")
MEMORY = ("resident", "first", "second")


def selector(*words) -> list:
    printed = run([pki.BENCH / "selector", *words], SELECTOR_ENV)
    return [float(word) for word in printed.split()]


def times(sizes: list, rounds: int, progress) -> dict:
    """Returns the CPU times in microseconds by size and kind, one value per round."""
    result: dict = {n: {kind: [] for kind in TIMES} for n in sizes}
    order = random.Random(1)
    for number in range(rounds):
        progress(f"selectors: round {number + 1} of {rounds}")
        turns = [n for n in sizes if n <= 1000 or number < 3]
        order.shuffle(turns)
        for n in turns:
            for kind, value in zip(TIMES, selector("time", n)):
                result[n][kind].append(value)
    return result


def memory(sizes: list) -> dict:
    """Returns bytes per credential by size, without and with loaded keys."""
    return {
        n: {what: dict(zip(MEMORY, selector("memory", n, what))) for what in ("files", "keys")}
        for n in sizes
    }


def library_size() -> int:
    stripped = pki.BENCH / "libcertpick-stripped.so"
    library = paths.LIBRARY_DIR / "libcertpick.so.0"
    subprocess.run(["strip", "-o", stripped, library.resolve()], check=True)
    return stripped.stat().st_size
