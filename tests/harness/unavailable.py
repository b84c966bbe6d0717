# SPDX-License-Identifier: MIT OR Apache-2.0
"""Skips tests that need something that cannot be downloaded or installed.

A script that finds no source for a download exits with 75 and writes the reason to a file `unavailable` in
the directory of the download. The tests that need it are skipped, and `make check` prints the reason at its
end. Tests are skipped for no other cause.
"""

import shutil
import unittest
from pathlib import Path
from typing import Optional

ROOT = Path(__file__).resolve().parents[2]
# Here scripts/setup records the Debian packages that cannot be installed.
PACKAGES = ROOT / "target" / "packages"
STATUS = 75  # EX_TEMPFAIL
# The Debian packages of programs that tests start.
PROGRAMS = {"c++": "g++", "col": "bsdextrautils", "curl": "curl", "mandoc": "mandoc", "valgrind": "valgrind"}


class Unavailable(unittest.SkipTest):
    """Makes pytest skip the test that raises it."""


def reason(directory: Path) -> Optional[str]:
    file = directory / "unavailable"
    return file.read_text().strip() if file.exists() else None


def need(directory: Path) -> None:
    """Raises Unavailable if the content of this directory could not be downloaded."""
    if why := reason(directory):
        raise Unavailable(why)


def need_package(*names: str) -> None:
    """Raises Unavailable if one of these Debian packages cannot be installed."""
    for name in names:
        need(PACKAGES / name)


def need_program(package: str, program: str) -> None:
    """Raises Unavailable if this program of a Debian package is missing."""
    need_package(package)
    if shutil.which(program) is None:
        raise Unavailable(f"{program} is not installed (Debian package {package})")


def need_packages_of(command: list) -> None:
    """Raises Unavailable if the package of a program in this command cannot be installed."""
    need_package(*(PROGRAMS[word] for word in map(str, command) if word in PROGRAMS))
