# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs make as a user does."""

import os
import subprocess

from harness import paths


def make(*words, **variables) -> subprocess.CompletedProcess:
    """Runs make without the variables that a make above the tests has set."""
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
