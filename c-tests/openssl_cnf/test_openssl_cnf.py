# SPDX-License-Identifier: MIT OR Apache-2.0
"""C programs on OpenSSL, client and server in one process, with the module active."""

import os
import shutil
from pathlib import Path

import pytest

from harness import checkers, openssl_cnf, paths
from harness.at_once import at_once, selected
from harness.toolchain import BUILD, C_TESTS, LIBDIR, LIBRARY, LINK_CERTPICK, compile_c, succeed

PROGRAMS = {
    "knows_nothing": "each server gets the certificate that it asks for",
    "own_ways": "certificates and callbacks of the program's own stand, and servers are left alone",
    "failures": "a file that cannot be used ends one handshake with its reason",
    "rotation": "files that are replaced are used by the next SSL_CTX",
    "many_threads": "threads with an SSL_CTX each or all with one",
    "forking": "a fork does no harm",
    "freed": "SSL and SSL_CTX may be freed, copied and resumed in any order",
    "used_again": "an SSL that is used again, and a later request, get what is asked for",
    "reuse": "an SSL that is cleared, copied, shared or used again sends what a fresh one sends",
    "contexts": "another library's ex_data is its own, whatever library context loads the module",
    "asked_twice": "a second request after the handshake gets what it asks for, or nothing",
    "own_selector": "a program that uses certpick itself sends what is in its own list",
    "other_copy": "a program that uses a copy of certpick itself sends what is in its own list",
    "many_errors": "the number of different failures in a process has no limit",
    "wiped": "the passwords of a file are wiped",
    "own_name": "an unknown setting is told wherever in openssl.cnf a program begins",
}
# Programs that are compiled with certpick as well.
FOR_BOTH = {"reuse", "contexts"}
# The program library_contexts, with its two last arguments.
CONTEXTS = {
    "loaded": ("none", "not"),
    "loaded-beside": ("none", "active"),
    "configured": ("two.cnf", "not"),
    "configured-beside": ("two.cnf", "active"),
}
UNDER_VALGRIND = ["failures", "freed", "used_again", "configured"]
if checkers.ALL:  # as callgrind tells, these call no function of the library that those do not call too
    UNDER_VALGRIND += ["knows_nothing", "own_ways", "loaded-beside"]


def sentences(names) -> list:
    return [pytest.param(name, id=f"{name}: {PROGRAMS[name]}") for name in names]


@pytest.fixture(scope="module")
def scratch():
    with paths.scratch(BUILD) as directory:
        yield directory


@pytest.fixture(scope="module")
def command(scratch):
    """The command for a program, compiled once for all of its runs, and its environment."""
    common = [C_TESTS / f"{name}.c" for name in ("support", "certificates", "handshake", "passwords")]
    here = Path(__file__).parent
    settings = {"sslcert": "a.crt,b.crt", "sslkey": "a.key,b.key", "sslpassword": ",secret"}
    active = openssl_cnf.write(scratch / "two.cnf", settings)
    many = [",".join(f"{i}.{end}" for i in range(80)) for end in ("crt", "key")]
    special = {
        "many_errors": openssl_cnf.write(scratch / "many.cnf", dict(zip(("sslcert", "sslkey"), many))),
        "wiped": openssl_cnf.write(
            scratch / "wiped.cnf",
            {"sslcert": "a.crt,b.crt", "sslkey": "a.key,b.key", "sslpasswordfile": "passwords"},
        ),
        "own_name": openssl_cnf.write(scratch / "own_name.cnf", {**settings, "sslcrt": "a.crt"}),
    }
    copied = Path(shutil.copy(LIBRARY, scratch / "certpick.so"))
    providers = {"certpick": openssl_cnf.certpick(settings, copied)}
    special["other_copy"] = scratch / "other_copy.cnf"
    special["other_copy"].write_text(openssl_cnf.text(providers))
    text = special["own_name"].read_text()
    special["own_name"].write_text(text.replace("openssl_conf =", "own_name ="))
    without = openssl_cnf.write_without(scratch / "nobody.cnf")
    keys = BUILD / "keys"
    keys.mkdir(parents=True, exist_ok=True)
    built: dict = {}

    def build(name: str):
        if name not in built:
            knows = name == "own_selector"
            source = (C_TESTS if name in FOR_BOTH else here) / f"{name}.c"
            sources = [source, C_TESTS / "picking.c" if knows else here / "two_cas.c", *common]
            flags = ["-std=c11", "-O1", "-g", "-DMODULE", f"-I{C_TESTS}", f"-I{here}"]
            libs = ["-pthread", *(LINK_CERTPICK if knows else [])]
            built[name] = compile_c(scratch / name, sources, flags=flags, libs=libs)
        return built[name]

    def make(name: str) -> tuple:
        words, conf = [name], special.get(name, active)
        if name in CONTEXTS:
            own, process = CONTEXTS[name]
            words = ["library_contexts", LIBDIR, own if own == "none" else scratch / own, process]
            conf = active if process == "active" else without
        if name == "other_copy":
            words = ["own_selector"]
        if name == "contexts":
            words, conf = [name, active], without
        env = {**os.environ, "TMPDIR": str(scratch), "CERTPICK_TEST_KEYS": str(keys), "OPENSSL_CONF": str(conf)}
        return [build(words[0]), *words[1:]], env

    return make


@pytest.fixture(scope="module", autouse=True)
def under_valgrind(request, command):
    """While the other tests run."""
    prepared = {name: command(name) for name in selected(request, "test_under_valgrind")}
    with at_once({name: ([*checkers.VALGRIND.command, *words], env) for name, (words, env) in prepared.items()}) as runs:
        yield runs


@pytest.mark.parametrize("name", sentences(PROGRAMS))
def test_program(name, command):
    words, env = command(name)
    succeed(words, env=env)


@pytest.mark.parametrize("name", CONTEXTS)
def test_the_module_in_a_library_context_of_the_programs_own(name, command):
    words, env = command(name)
    succeed(words, env=env)


@pytest.mark.parametrize("name", UNDER_VALGRIND)
def test_under_valgrind(name, under_valgrind):
    output = under_valgrind[name].result()
    assert "== " not in output, f"valgrind has something to say:\n{output}"
