# SPDX-License-Identifier: MIT OR Apache-2.0
"""C programs that simulate faults, run alone, under valgrind and with the sanitizers."""

import os
from functools import cache

import pytest

from harness import checkers
from harness.at_once import at_once, selected
from harness.toolchain import BUILD, C_TESTS, LINK_CERTPICK, MAX_SECONDS, compile_c, succeed

HERE = C_TESTS / "faults"
PROGRAMS = {
    "allocations": "each of OpenSSL's allocations fails once",
    "files": "files change, disappear or become unreadable",
    "unreadable": "reads fail or return few bytes",
    "file_calls": "each call for a file or directory fails once",
    "stopped": "the handshake stops at each byte, or arrives byte by byte",
    "requests": "requests with 5,000 names and malformed requests",
    "requests_13": "malformed requests of TLS 1.3",
    "rotating": "ten threads share a selector while files are replaced",
    "odd_entries": "directories and PKCS#12 files are odd, of others, or become something else",
    "large_entries": "directories and PKCS#12 files are at their limits and beyond them",
    "moving": "ten threads connect while the files of a directory are replaced and removed",
}
# Slow programs that call, according to callgrind, only functions of the library that other programs and those of
# test_c.py also call. They run with the sanitizers, and under valgrind if checkers.ALL is set.
IN_ALL_WITH_VALGRIND = {"files", "requests", "rotating", "odd_entries", "large_entries", "moving"}
# Additional source files.
PARTS = {
    "allocations": ["failing_allocations", "clients"],
    "odd_entries": ["entries"],
    "large_entries": ["entries"],
}
# Libraries for LD_PRELOAD.
PRELOADED = {"unreadable": "failing_reads", "file_calls": "failing_calls"}
# The amount of work. `make check-long` sets CERTPICK_LONG.
LONG = bool(os.environ.get("CERTPICK_LONG"))
AMOUNT = {
    "CERTPICK_ALLOCATION_STEP": "1" if LONG else "97",
    "CERTPICK_BYTE_STEP": "1",
    "CERTPICK_CALL_STEP": "1",
    "CERTPICK_HANDSHAKES": "100000" if LONG else "2000",
}
LESS = {
    "valgrind": {
        "CERTPICK_ALLOCATION_STEP": "5003",
        "CERTPICK_BYTE_STEP": "97",
        "CERTPICK_CALL_STEP": "13",
        "CERTPICK_HANDSHAKES": "80",
    },
    "sanitizers": {
        "CERTPICK_ALLOCATION_STEP": "499",
        "CERTPICK_BYTE_STEP": "5",
        "CERTPICK_CALL_STEP": "3",
        "CERTPICK_HANDSHAKES": "500",
    },
}


@pytest.fixture(scope="module")
def build(scratch_dir):
    """Compiles a program for a checker. Returns its command and environment."""
    sources = [C_TESTS / f"{name}.c" for name in ("support", "certificates", "handshake", "picking", "pkcs12")]
    for name in PRELOADED.values():
        flags = ["-std=c99", "-fPIC", "-shared"]
        compile_c(scratch_dir / f"{name}.so", [HERE / f"{name}.c"], flags=flags, libs=["-ldl"])
    keys = BUILD / "keys"
    keys.mkdir(parents=True, exist_ok=True)

    @cache
    def compiled(name: str, *flags):
        return compile_c(
            scratch_dir / "-".join([name, *(["instrumented"] if flags else [])]),
            [HERE / f"{name}.c", *(HERE / f"{other}.c" for other in PARTS.get(name, [])), *sources],
            flags=["-std=c99", "-O1", "-g", f"-I{C_TESTS}", *flags],
            libs=[*LINK_CERTPICK, "-pthread", "-ldl"],
        )

    def build_for(name: str, checker=checkers.PLAIN):
        program = compiled(name, *checker.flags)
        env = {**os.environ, "OPENSSL_CONF": "/dev/null", "TMPDIR": str(scratch_dir)}
        env.update(checker.environment, CERTPICK_TEST_KEYS=str(keys))
        # scripts/cross-tests sets CERTPICK_EMULATED.
        env.update(AMOUNT, **LESS.get("valgrind" if os.environ.get("CERTPICK_EMULATED") else checker.name, {}))
        if name in PRELOADED:
            env["LD_PRELOAD"] = " ".join([*checker.preload(), str(scratch_dir / f"{PRELOADED[name]}.so")])
        return [*checker.command, program], env

    return build_for


@pytest.fixture(scope="module")
def scratch_dir(tmp_path_factory):
    path = tmp_path_factory.mktemp("faults")
    path.chmod(0o755)  # for a process that dropped its privileges
    return path


def sentences(without=frozenset()) -> list:
    return [
        pytest.param(name, id=f"{name}: {sentence}") for name, sentence in PROGRAMS.items() if name not in without
    ]


@pytest.fixture(scope="module", autouse=True)
def under_valgrind(request, build):
    """Runs in parallel with the other tests."""
    names = selected(request, "test_program_under_valgrind")
    with at_once({name: build(name, checkers.VALGRIND) for name in names}, timeout=900) as runs:
        yield runs


@pytest.mark.parametrize("name", sentences())
def test_program(name, build):
    command, env = build(name)
    print(succeed(command, env=env, timeout=7200 if LONG else max(600, MAX_SECONDS)))


@pytest.mark.parametrize("name", sentences(without=() if checkers.ALL else IN_ALL_WITH_VALGRIND))
def test_program_under_valgrind(name, under_valgrind):
    output = under_valgrind[name].result()
    assert "== " not in output, f"valgrind reports errors:\n{output}"


@pytest.mark.parametrize("name", sentences())
def test_program_with_sanitizers(name, build):
    command, env = build(name, checkers.SANITIZERS)
    succeed(command, env=env, timeout=600)
