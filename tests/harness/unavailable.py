# SPDX-License-Identifier: MIT OR Apache-2.0
"""What could not be downloaded or installed, and why.

A script that fetches something and can reach no source of it exits with 75. It leaves a file `unavailable`
with the reason in the directory where the thing would be. Tests that need it are then skipped, and the
last lines of `make check` give the reason. A test is skipped for no other cause.
"""

import unittest
from pathlib import Path
from typing import Optional

ROOT = Path(__file__).resolve().parents[2]
# scripts/setup: of each Debian package that cannot be installed.
PACKAGES = ROOT / "target" / "packages"
STATUS = 75  # EX_TEMPFAIL
# The packages of the programs that tests start.
PROGRAMS = {"c++": "g++", "col": "bsdextrautils", "curl": "curl", "mandoc": "mandoc", "valgrind": "valgrind"}


class Unavailable(unittest.SkipTest):
    """pytest skips the test that raises it."""


def reason(directory: Path) -> Optional[str]:
    file = directory / "unavailable"
    return file.read_text().strip() if file.exists() else None


def need(directory: Path) -> None:
    """Raises Unavailable if there is no source of what would be in this directory."""
    if why := reason(directory):
        raise Unavailable(why)


def need_package(*names: str) -> None:
    """Raises Unavailable if one of these Debian packages cannot be installed."""
    for name in names:
        need(PACKAGES / name)


def need_packages_of(command: list) -> None:
    """Raises Unavailable if a program in this command is of such a package."""
    need_package(*(PROGRAMS[word] for word in map(str, command) if word in PROGRAMS))
