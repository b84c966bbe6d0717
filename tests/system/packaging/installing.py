# SPDX-License-Identifier: MIT OR Apache-2.0
"""Calls make as a person would."""

import os
import subprocess

from harness import paths


def make(*words, **variables) -> subprocess.CompletedProcess:
    """make, without the variables of a make that may have called the tests."""
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "DESTDIR")}
    return subprocess.run(
        ["make", "--no-print-directory", *map(str, words), *(f"{k}={v}" for k, v in variables.items())],
        cwd=paths.ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
