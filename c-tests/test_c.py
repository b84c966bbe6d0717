# SPDX-License-Identifier: MIT OR Apache-2.0
"""The C programs of this directory, run alone, under valgrind and with the sanitizers."""

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
    "support_itself": "the support code of the C programs works",
    "lifecycle": "a selector is reference-counted, configured and frozen",
    "arguments": "every function rejects NULL and invalid arguments",
    "lists": "lists are parsed as documented",
    "bad_files": "an unusable file is an error that names the entry",
    "error_texts": "error messages are libpq's and contain no password",
    "attach": "each attach function sends the right certificate and chain",
    "post_handshake": "post-handshake authentication sends the right certificate",
    "chains": "chains are complete, ordered and finite",
    "choice": "reasons, ranks and options have their documented effect",
    "in_memory": "credentials in memory are referenced, and issuers complete chains",
    "password_callback": "the password callback is called once, and its result is checked",
    "failing_key": "an unusable key of the chosen credential ends the handshake",
    "error_queue": "the error queue is unchanged, or has one more entry",
    "error_queue_depths": "entries and marks of the program stay in a full error queue",
    "threads": "threads share a selector",
    "first_errors": "threads that fail at the same time register one error library",
    "reuse": "a reused, cleared or copied SSL sends the same as a new one",
    "ssl_objects": "SSL and SSL_CTX may be copied, cleared and freed in any order",
    "contexts": "ex_data of other libraries is unchanged in any library context",
    "quic": "the choice over QUIC is that of TLS 1.3",
    "unloaded": "callbacks work after dlclose",
    "secrets": "passwords are wiped",
    "guest": "the process state is unchanged",
    "forked": "a forked child can connect",
    "cache": "the cache serves unchanged files only",
    "cache_rights": "the cache gives nothing that the process may not read",
    "cache_threads": "threads that connect while files are replaced get the new files",
    "cache_fork": "a child that was forked while the cache was locked has a cache",
    "cplusplus": "the header and library work in C++",
}
# Linked with OpenSSL only; unloaded loads certpick at run time.
WITHOUT_CERTPICK = {"support_itself", "unloaded"}
# Checkers keep freed memory, which secrets searches; children of cache_fork leak the memory of the parent's
# threads, as any fork does; QUIC depends on real time.
NOT_WITH_CHECKERS = {"secrets", "cache_fork", "quic"}
# Takes minutes under valgrind; post_handshake and ssl_objects cover the same code.
NOT_WITH_VALGRIND = {"reuse"}
# Slow programs that call, according to callgrind, only functions of the library that other programs also call
# (except for the size of an RSA key, in choice). They run if checkers.ALL is set.
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
    """Returns (major, minor) of the headers. 1.1.1 does not define these macros."""
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
    """Locks the build directory against other runs of these tests."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with open(BUILD / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="module")
def objects(alone) -> list:
    """The support code, compiled as C even for the C++ program."""
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
    """Compiles a program once and returns its path."""
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
    """An environment without openssl.cnf, with work directories and RSA keys below target/."""
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
    assert "== " not in output, f"valgrind reports errors:\n{output}"


@pytest.fixture(scope="module")
def with_sanitizers(alone, environment):
    """Compiles a program and its support code with the sanitizers, and runs it."""
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
def test_the_header_compiles_alone_and_if_included_twice(compiler, standard, language, alone):
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
