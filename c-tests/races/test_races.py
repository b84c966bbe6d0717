# SPDX-License-Identifier: MIT OR Apache-2.0
"""ThreadSanitizer finds no data race in the library, and finds planted ones."""

import os

import pytest

from harness import checkers
from harness import openssl_cnf
from races import instrumented
from harness.toolchain import BUILD, C_TESTS, compile_c, run, succeed

CHECKER = checkers.THREAD_SANITIZER
ENVIRONMENT = {**os.environ, **CHECKER.environment}
ENVIRONMENT["TSAN_OPTIONS"] += f":suppressions='{instrumented.HERE / 'openssl.suppressions'}'"
PROGRAMS = {
    "threads": "threads share a selector",
    "first_errors": "threads fail at the same time",
    "cache_threads": "threads connect while files are replaced",
    "faults/rotating": "ten threads share a selector while files are replaced",
    "openssl_cnf/many_threads": "threads of a program that uses only the module",
}
WORDS = "WARNING: ThreadSanitizer: data race"
BAD = ["without_a_lock", "a_box_that_is_not_released", "a_reference_that_was_dropped"]
GOOD = ["with_a_lock", "a_box_that_is_released", "counted_references"]


@pytest.fixture(scope="module")
def has_races(tmp_path_factory):
    """Runs a program in which two threads share memory."""
    directory = instrumented.build_has_races()
    program = compile_c(
        tmp_path_factory.mktemp("races") / "has_races",
        [instrumented.HERE / "has_races.c"],
        flags=["-std=c99", "-O1", "-g", *CHECKER.flags],
        libs=[f"-L{directory}", f"-Wl,-rpath,{directory}", "-lhas_races", "-pthread", "-ldl"],
    )

    def start(way: str):
        return run([*CHECKER.command, program, way], env=ENVIRONMENT)

    return start


@pytest.mark.parametrize("way", BAD)
def test_a_race_in_rust_is_found(has_races, way):
    done = has_races(way)
    assert done.returncode != 0 and WORDS in done.stdout and "has_races.rs" in done.stdout, done.stdout


@pytest.mark.parametrize("way", GOOD)
def test_synchronized_access_is_not_a_race(has_races, way):
    for _ in range(20):
        done = has_races(way)
        assert (done.returncode, done.stdout) == (0, "done\n"), done.stdout


@pytest.fixture(scope="module")
def library():
    return instrumented.build_library()


@pytest.fixture(scope="module")
def start(library, tmp_path_factory):
    """Runs a program with the instrumented library."""
    scratch = tmp_path_factory.mktemp("races")
    keys = BUILD / "keys"
    keys.mkdir(parents=True, exist_ok=True)
    lists = {"sslcert": "a.crt,b.crt", "sslkey": "a.key,b.key", "sslpassword": ",secret"}
    module = openssl_cnf.certpick(lists, library / "libcertpick.so.0")
    active = scratch / "active.cnf"
    active.write_text(openssl_cnf.text({"certpick": module}))

    def start_program(name: str) -> str:
        knows_nothing = name.startswith("openssl_cnf/")
        support = ["support", "certificates", "handshake", "openssl_cnf/two_cas" if knows_nothing else "picking"]
        linked = [] if knows_nothing else [f"-L{library}", f"-Wl,-rpath,{library}", "-lcertpick"]
        program = compile_c(
            scratch / name.replace("/", "-"),
            [C_TESTS / f"{source}.c" for source in [name, *support]],
            flags=["-std=c11", "-O1", "-g", f"-I{C_TESTS}", *CHECKER.flags],
            libs=[*linked, "-pthread", "-ldl"],
        )
        env = {**ENVIRONMENT, "TMPDIR": str(scratch), "CERTPICK_TEST_KEYS": str(keys)}
        env["OPENSSL_CONF"] = str(active) if knows_nothing else "/dev/null"
        env["CERTPICK_HANDSHAKES"] = "400"
        return succeed([*CHECKER.command, program], env=env)

    return start_program


@pytest.mark.parametrize("name", [pytest.param(n, id=f"{n}: {s}") for n, s in PROGRAMS.items()])
def test_program_has_no_race(name, start):
    output = start(name)
    assert WORDS not in output, output


def test_the_library_is_instrumented(library):
    symbols = succeed(["nm", "--dynamic", "--undefined-only", library / "libcertpick.so"])
    hooks = {f"__tsan_{kind}" for kind in ("read8", "write8", "func_entry", "atomic64_fetch_add")}
    assert hooks <= set(symbols.split()), symbols
