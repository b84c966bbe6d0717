# SPDX-License-Identifier: MIT OR Apache-2.0
"""Valgrind and the sanitizers, as ways to run a C program."""

import os
import subprocess
from dataclasses import dataclass, field

from .toolchain import CC

# `make check-long` also runs the slow programs that reach no additional code.
ALL = os.environ.get("CERTPICK_CHECKERS") == "all"


@dataclass(eq=False)  # hashable
class Checker:
    name: str
    flags: list = field(default_factory=list)  # for the compiler
    command: list = field(default_factory=list)  # before the program
    environment: dict = field(default_factory=dict)
    library: str = ""  # must be loaded first

    def preload(self) -> list:
        """Returns the libraries that must come first in LD_PRELOAD."""
        if not self.library:
            return []
        found = subprocess.run([*CC, f"-print-file-name={self.library}"], stdout=subprocess.PIPE, text=True)
        return [found.stdout.strip()]


PLAIN = Checker("plain")

VALGRIND = Checker(
    "valgrind",
    command=[
        "valgrind",
        "--quiet",
        "--error-exitcode=99",
        "--leak-check=full",
        "--show-leak-kinds=definite",
        "--errors-for-leak-kinds=definite",
        "--num-callers=40",
        "--vgdb=no",
        "--fair-sched=yes",
    ],
)

# AddressSanitizer, with leaks, and UndefinedBehaviorSanitizer. No suppressions.
SANITIZERS = Checker(
    "sanitizers",
    flags=["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"],
    environment={
        "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:detect_stack_use_after_return=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "LSAN_OPTIONS": "report_objects=1",
    },
    library="libasan.so",
)

# Older ThreadSanitizers fail with the address randomization of newer kernels. Some containers do not allow
# setarch(8) to disable it.
_AT_FIXED_ADDRESSES = ["setarch", "-R"]
_may_fix = subprocess.run([*_AT_FIXED_ADDRESSES, "true"], stderr=subprocess.DEVNULL).returncode == 0

THREAD_SANITIZER = Checker(
    "threads",
    command=_AT_FIXED_ADDRESSES if _may_fix else [],
    flags=["-fsanitize=thread"],
    environment={"TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1"},
    library="libtsan.so",
)
