# SPDX-License-Identifier: MIT OR Apache-2.0
"""Valgrind and the sanitizers find planted bugs."""

import os

import pytest

from harness import checkers
from harness.toolchain import BUILD, C_TESTS, compile_c, run

FOUND = [
    (checkers.VALGRIND, "overflow", "Invalid write of size 1"),
    (checkers.VALGRIND, "use-after-free", "Invalid read of size 1"),
    (checkers.VALGRIND, "uninitialised", "depends on uninitialised value"),
    (checkers.VALGRIND, "leak", "definitely lost"),
    (checkers.SANITIZERS, "overflow", "heap-buffer-overflow"),
    (checkers.SANITIZERS, "use-after-free", "heap-use-after-free"),
    (checkers.SANITIZERS, "leak", "LeakSanitizer: detected memory leaks"),
    (checkers.SANITIZERS, "undefined", "signed integer overflow"),
    (checkers.THREAD_SANITIZER, "race", "ThreadSanitizer: data race"),
]


def start(checker, bug: str):
    program = compile_c(
        BUILD / f"has_bugs-{checker.name}",
        [C_TESTS / "faults" / "has_bugs.c"],
        flags=["-std=c99", "-O0", "-g", "-pthread", *checker.flags],
    )
    return run([*checker.command, program, bug], env={**os.environ, **checker.environment})


@pytest.mark.parametrize(
    "checker, bug, words", [pytest.param(*f, id=f"{f[0].name} finds: {f[1]}") for f in FOUND]
)
def test_a_checker_finds_the_bug(checker, bug, words):
    done = start(checker, bug)
    assert done.returncode != 0 and words in done.stdout, done.stdout


@pytest.mark.parametrize("checker", [checkers.VALGRIND, checkers.SANITIZERS, checkers.THREAD_SANITIZER],
                         ids=lambda c: c.name)
def test_a_checker_reports_nothing_for_a_program_without_bugs(checker):
    done = start(checker, "none")
    assert done.returncode == 0 and done.stdout == "2147483647\n", done.stdout
