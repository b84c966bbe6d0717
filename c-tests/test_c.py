# SPDX-License-Identifier: MIT OR Apache-2.0
"""The C programs of this directory, run alone, under valgrind and with the sanitizers."""

import os
from functools import cache
from pathlib import Path

import pytest

from harness import checkers, paths
from harness.at_once import at_once, selected
from harness.toolchain import BUILD, CC, CXX, HEADER, INCLUDEDIR, LIBRARY, LINK_CERTPICK, OPENSSL_CFLAGS, STRICT
from harness.toolchain import C_TESTS, compile_c, has_quic_servers, succeed

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
    "rules": "rules are compared with what is known about the server and the user",
    "rules_verified": "a rule for verified servers matches only a server whose certificate and name were verified",
    "rules_lifecycle": "rules apply to the handshake that uses them",
    "config_file": "each handshake uses the present content of a configuration file",
    "sources": "directories, PKCS#12 files and configuration files are entries",
    "sources_followed": "changes of directories, PKCS#12 files and configuration files are followed",
    "in_memory": "credentials in memory are referenced, and issuers complete chains",
    "pem_text": "credentials from PEM text are used and not kept",
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
SUPPORT = ["support", "certificates", "handshake", "passwords"]
PARTS = {"quic": ["quic_link"]}


NEEDS = {"quic": pytest.mark.skipif(not has_quic_servers(), reason="OpenSSL has QUIC servers since 3.5")}


def sentences(without=frozenset()) -> list:
    return [
        pytest.param(name, id=f"{name}: {sentence}", marks=NEEDS.get(name, ()))
        for name, sentence in PROGRAMS.items()
        if name not in without
    ]


@pytest.fixture(scope="module")
def scratch():
    with paths.scratch(BUILD) as directory:
        directory.chmod(0o755)  # for programs that drop their privileges
        yield directory


@pytest.fixture(scope="module")
def build(scratch):
    """Compiles a program and its support code once for each checker. Returns its path."""

    @cache
    def support(name: str, checker) -> Path:
        """Compiled as C even for the C++ program."""
        out = scratch / f"{name}-{checker.name}.o"
        succeed(
            [*CC, "-std=c99", *STRICT, "-O1", "-g", f"-I{INCLUDEDIR}", *OPENSSL_CFLAGS, *checker.flags]
            + ["-c", "-o", out, C_TESTS / f"{name}.c"]
        )
        return out

    @cache
    def program(name: str, checker=checkers.PLAIN) -> Path:
        cplusplus = name == "cplusplus"
        standalone = name in WITHOUT_CERTPICK
        parts = SUPPORT if standalone else [*SUPPORT, "picking", "pkcs12", *PARTS.get(name, [])]
        return compile_c(
            scratch / f"{name}-{checker.name}",
            [C_TESTS / (name + (".cc" if cplusplus else ".c")), *(support(part, checker) for part in parts)],
            compiler=CXX if cplusplus else CC,
            flags=["-std=c++11" if cplusplus else "-std=c99", "-O1", "-g", f'-DCERTPICK_LIBRARY="{LIBRARY}"']
            + checker.flags,
            libs=[*([] if standalone else LINK_CERTPICK), "-pthread", "-ldl"],
        )

    return program


@pytest.fixture(scope="module")
def environment(scratch):
    """An environment without openssl.cnf, with work directories and RSA keys below target/."""
    keys = BUILD / "keys"
    keys.mkdir(exist_ok=True)
    return {**os.environ, "OPENSSL_CONF": "/dev/null", "TMPDIR": str(scratch), "CERTPICK_TEST_KEYS": str(keys)}


@pytest.mark.parametrize("name", sentences())
def test_program(name, build, environment):
    succeed([build(name)], env=environment)


@pytest.fixture(scope="module")
def under_valgrind(request, build, environment):
    names = selected(request, "test_program_under_valgrind")
    with at_once({name: ([*checkers.VALGRIND.command, build(name)], environment) for name in names}) as runs:
        yield runs


@pytest.mark.parametrize("name", sentences(without=WITHOUT_VALGRIND))
def test_program_under_valgrind(name, under_valgrind):
    output = under_valgrind[name].result()
    assert "== " not in output, f"valgrind reports errors:\n{output}"


@pytest.mark.parametrize("name", sentences(without=WITHOUT_SANITIZERS))
def test_program_with_sanitizers(name, build, environment):
    checker = checkers.SANITIZERS
    succeed([build(name, checker)], env={**environment, **checker.environment})


@pytest.mark.parametrize(
    "compiler, standard, language",
    [
        pytest.param(CC, "c99", "c", id="C99"),
        pytest.param(CC, "c11", "c", id="C11"),
        pytest.param(CXX, "c++11", "c++", id="C++11"),
        pytest.param(CXX, "c++17", "c++", id="C++17"),
    ],
)
def test_the_header_compiles_alone_and_if_included_twice(compiler, standard, language, scratch):
    source = scratch / "header.c"
    source.write_text(
        f'#include "{HEADER}"\n#include <certpick.h>\n'
        "certpick_status status = CERTPICK_OK;\n"
        "certpick_selector *selector;\n"
    )
    succeed(
        [*compiler, f"-std={standard}", "-x", language, *STRICT, f"-I{INCLUDEDIR}", *OPENSSL_CFLAGS]
        + ["-c", "-o", source.with_suffix(".o"), source]
    )
