# SPDX-License-Identifier: MIT OR Apache-2.0
"""The C programs of this directory, each compiled once, run plainly and under valgrind."""

import fcntl
import os
import re
import shutil

import pytest

from harness import checkers
from harness.at_once import at_once, selected
from harness.toolchain import BUILD, CC, CXX, HEADER, INCLUDEDIR, LIBRARY, LINK_CERTPICK, OPENSSL_CFLAGS, STRICT
from harness.toolchain import C_TESTS, compile_c, succeed

PROGRAMS = {
    "support_itself": "certificates, handshakes and the error queue of these tests are what they seem",
    "lifecycle": "a selector is counted, shared, configured and frozen",
    "arguments": "NULL and nonsense are refused by every function",
    "lists": "lists are split, matched and refused as documented",
    "bad_files": "what is no good file is an error that names the entry",
    "error_texts": "errors have libpq's words and no password",
    "attach": "each way to attach sends the right certificate and its chain",
    "post_handshake": "a second request gets what it asks for",
    "chains": "chains are complete, in order, and come to an end",
    "choice": "reasons, rank and options decide as documented",
    "in_memory": "credentials in memory are referenced, and issuers fill gaps",
    "password_callback": "the password callback is asked once and never trusted",
    "failing_key": "a chosen key that cannot be used ends the handshake",
    "error_queue": "the error queue is left as found, or has one entry more",
    "error_queue_depths": "the program's entries and marks stay, however full the error queue is",
    "threads": "threads share a selector",
    "first_errors": "threads that fail at the same time have one number and its texts",
    "reuse": "an SSL that is cleared, copied, shared or used again sends what a fresh one sends",
    "ssl_objects": "SSL and SSL_CTX may be copied, cleared and freed in any order",
    "contexts": "another library's ex_data is its own, whatever library context a thread has",
    "quic": "over QUIC the choice is that of TLS 1.3",
    "unloaded": "callbacks outlive dlclose",
    "secrets": "passwords are wiped",
    "guest": "the process is left as it was",
    "forked": "a fork does no harm",
    "cache": "what files held is kept for the next selector, and no longer than they hold it",
    "cache_rights": "a process that has dropped its rights gets no more from the cache than from files",
    "cache_threads": "threads that connect while files are replaced never get what was replaced",
    "cache_fork": "a child that was forked while the cache was in use goes on, with a cache",
    "cplusplus": "a C++ program can use it",
}
# What is linked against OpenSSL alone; the second loads certpick at run time.
WITHOUT_CERTPICK = {"support_itself", "unloaded"}
# Valgrind and AddressSanitizer keep what was freed, and much memory of their own, in what one of
# them searches; in the other's children, what threads of the parent had is lost, as it must be.
# OpenSSL's QUIC works by the clock.
NOT_WITH_CHECKERS = {"secrets", "cache_fork", "quic"}
# It takes valgrind many minutes; post_handshake and ssl_objects use the same code under it.
NOT_WITH_VALGRIND = {"reuse"}
# What takes long under a checker and, as callgrind tells, calls no function of the library that the others do not
# call too, but the one that reads the size of an RSA key (choice). ThreadSanitizer sees the threads (races/), and
# the sanitizers here all of these but reuse. checkers.ALL: these too.
IN_ALL_WITH_SANITIZERS = {"reuse"}
IN_ALL_WITH_VALGRIND = {
    "support_itself", "attach", "choice", "failing_key", "error_queue_depths", "threads", "first_errors",
    "guest", "forked", "cache_rights", "cache_threads", "cplusplus",
}  # fmt: skip
WITHOUT_SANITIZERS = NOT_WITH_CHECKERS | (set() if checkers.ALL else IN_ALL_WITH_SANITIZERS)
WITHOUT_VALGRIND = NOT_WITH_CHECKERS | NOT_WITH_VALGRIND | (set() if checkers.ALL else IN_ALL_WITH_VALGRIND)
COMMON = ["support.c", "certificates.c", "handshake.c", "passwords.c"]

VALGRIND = checkers.VALGRIND.command


def openssl_version() -> tuple:
    """That of the headers: (major, minor); 1.1.1 does not define these numbers."""
    macros = succeed([*CC, *OPENSSL_CFLAGS, "-E", "-dM", "-include", "openssl/opensslv.h", "-x", "c", "/dev/null"])
    numbers = dict(re.findall(r"^#define OPENSSL_VERSION_(MAJOR|MINOR)\s+(\d+)", macros, re.MULTILINE))
    return int(numbers.get("MAJOR", 1)), int(numbers.get("MINOR", 1))


NEEDS = {"quic": pytest.mark.skipif(openssl_version() < (3, 5), reason="OpenSSL has QUIC servers since 3.5")}


def sentences(without=frozenset()) -> list:
    return [
        pytest.param(name, id=f"{name}: {sentence}", marks=NEEDS.get(name, ()))
        for name, sentence in PROGRAMS.items()
        if name not in without
    ]


@pytest.fixture(scope="module")
def alone():
    """Two runs at once would overwrite each other's programs: the second one waits."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with open(BUILD / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="module")
def objects(alone) -> list:
    """The support code, compiled as C, also for the C++ program."""
    made = []
    for source in [*COMMON, "picking.c"]:
        out = BUILD / source.replace(".c", ".o")
        out.unlink(missing_ok=True)
        succeed(
            [*CC, "-std=c99", *STRICT, "-O1", "-g", f"-I{INCLUDEDIR}", *OPENSSL_CFLAGS]
            + ["-c", "-o", out, C_TESTS / source]
        )
        made.append(out)
    return made


@pytest.fixture(scope="module")
def build(objects):
    """Gives the program's path; a program is compiled once for both of its runs."""
    built = {}

    def build_once(name: str):
        if name not in built:
            built[name] = compile_program(name, objects)
        return built[name]

    return build_once


def compile_program(name: str, objects: list, checker=checkers.PLAIN):
    cplusplus = name == "cplusplus"
    standalone = name in WITHOUT_CERTPICK
    return compile_c(
        BUILD / (name if checker is checkers.PLAIN else f"{name}-{checker.name}"),
        [C_TESTS / (name + (".cc" if cplusplus else ".c")), *(objects[:-1] if standalone else objects)],
        compiler=CXX if cplusplus else CC,
        flags=[
            "-std=c++11" if cplusplus else "-std=c99",
            "-O1",
            "-g",
            f'-DCERTPICK_LIBRARY="{LIBRARY}"',
            *checker.flags,
        ],
        libs=[*([] if standalone else LINK_CERTPICK), "-pthread", "-ldl"],
    )


@pytest.fixture(scope="module")
def environment(alone):
    """OpenSSL without the machine's configuration; work directories and RSA keys below target/."""
    keys, work = BUILD / "keys", BUILD / "work"
    keys.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    return {
        **os.environ,
        "OPENSSL_CONF": "/dev/null",
        "TMPDIR": str(work),
        "CERTPICK_TEST_KEYS": str(keys),
    }


@pytest.mark.parametrize("name", sentences())
def test_program(name, build, environment):
    succeed([build(name)], env=environment)


@pytest.fixture(scope="module")
def under_valgrind(request, build, environment):
    names = selected(request, "test_program_under_valgrind")
    with at_once({name: ([*VALGRIND, build(name)], environment) for name in names}) as runs:
        yield runs


@pytest.mark.parametrize("name", sentences(without=WITHOUT_VALGRIND))
def test_program_under_valgrind(name, under_valgrind):
    output = under_valgrind[name].result()
    assert "== " not in output, f"valgrind has something to say:\n{output}"


@pytest.fixture(scope="module")
def with_sanitizers(alone, environment):
    """The programs again, compiled with the sanitizers, each with its support code."""
    checker = checkers.SANITIZERS

    def run_one(name: str):
        objects = []
        for source in COMMON + ([] if name in WITHOUT_CERTPICK else ["picking.c"]):
            out = BUILD / source.replace(".c", "-sanitizers.o")
            if out not in made:
                succeed(
                    [*CC, "-std=c99", *STRICT, "-O1", "-g", f"-I{INCLUDEDIR}", *OPENSSL_CFLAGS]
                    + [*checker.flags, "-c", "-o", out, C_TESTS / source]
                )
                made.add(out)
            objects.append(out)
        program = compile_program(name, [*objects, None] if name in WITHOUT_CERTPICK else objects, checker)
        return succeed([program], env={**environment, **checker.environment})

    made: set = set()
    return run_one


@pytest.mark.parametrize("name", sentences(without=WITHOUT_SANITIZERS))
def test_program_with_sanitizers(name, with_sanitizers):
    with_sanitizers(name)


@pytest.mark.parametrize(
    "compiler, standard, language",
    [
        pytest.param(CC, "c99", "c", id="C99"),
        pytest.param(CC, "c11", "c", id="C11"),
        pytest.param(CXX, "c++11", "c++", id="C++11"),
        pytest.param(CXX, "c++17", "c++", id="C++17"),
    ],
)
def test_the_header_stands_alone_and_may_come_twice(compiler, standard, language, alone):
    source = BUILD / "header.c"
    source.write_text(
        f'#include "{HEADER}"\n#include <certpick.h>\n'
        "certpick_status status = CERTPICK_OK;\n"
        "certpick_selector *selector;\n"
    )
    succeed(
        [*compiler, f"-std={standard}", "-x", language, *STRICT, f"-I{INCLUDEDIR}", *OPENSSL_CFLAGS]
        + ["-c", "-o", source.with_suffix(".o"), source]
    )
