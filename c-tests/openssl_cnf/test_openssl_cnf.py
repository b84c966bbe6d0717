# SPDX-License-Identifier: MIT OR Apache-2.0
"""C programs with client and server in one process and the provider module active."""

import os
import shutil
from pathlib import Path

import pytest

from harness import checkers, openssl_cnf, paths
from harness.at_once import at_once, selected
from harness.toolchain import BUILD, C_TESTS, LIBDIR, LIBRARY, LINK_CERTPICK, compile_c, has_quic_servers, succeed

PROGRAMS = {
    "knows_nothing": "each server gets the certificate that it requests",
    "own_ways": "certificates and callbacks of the program take precedence, and servers are unaffected",
    "failures": "an unusable file ends the handshake with an error",
    "rotation": "the next SSL_CTX uses replaced files",
    "many_threads": "threads use one SSL_CTX each, or share one",
    "forking": "a forked child can connect",
    "freed": "SSL and SSL_CTX may be freed, copied and resumed in any order",
    "used_again": "a reused SSL and a later request get the requested certificate",
    "reuse": "a reused, cleared or copied SSL sends the same as a new one",
    "contexts": "ex_data of other libraries is unchanged in any library context",
    "asked_twice": "a second request after the handshake gets the requested certificate, or none",
    "own_selector": "a program that links certpick sends from its own list",
    "other_copy": "a program that links another copy of certpick sends from its own list",
    "many_errors": "the number of different errors in a process is unlimited",
    "wiped": "the passwords of sslpasswordfile are wiped",
    "over_quic": "each QUIC server gets the certificate that it requests",
    "omitted": "if OpenSSL does not send the chosen certificate, an explanation says so",
    "own_name": "an unknown setting is an error for any application name in openssl.cnf",
}
# Programs of the parent directory, which also run without the module.
FOR_BOTH = {"reuse", "contexts"}
NEEDS = {"over_quic": pytest.mark.skipif(not has_quic_servers(), reason="OpenSSL has QUIC servers since 3.5")}
# The last two arguments of the program library_contexts.
CONTEXTS = {
    "loaded": ("none", "not"),
    "loaded-beside": ("none", "active"),
    "configured": ("two.cnf", "not"),
    "configured-beside": ("two.cnf", "active"),
}
UNDER_VALGRIND = ["failures", "freed", "used_again", "configured"]
if checkers.ALL:  # slow, and according to callgrind these call no further functions
    UNDER_VALGRIND += ["knows_nothing", "own_ways", "loaded-beside"]


def sentences(names) -> list:
    return [pytest.param(name, id=f"{name}: {PROGRAMS[name]}", marks=NEEDS.get(name, ())) for name in names]


@pytest.fixture(scope="module")
def scratch():
    with paths.scratch(BUILD) as directory:
        yield directory


@pytest.fixture(scope="module")
def command(scratch):
    """Compiles a program once. Returns its command and environment."""
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
        "omitted": openssl_cnf.write(
            scratch / "omitted.cnf", {**settings, "explain": "always", "explain_file": scratch / "explained"}
        ),
        "own_name": openssl_cnf.write(scratch / "own_name.cnf", {**settings, "sslcrt": "a.crt"}),
    }
    copied = Path(shutil.copy(LIBRARY, scratch / "certpick.so"))
    providers = {"certpick": openssl_cnf.certpick(settings, copied)}
    special["other_copy"] = scratch / "other_copy.cnf"
    special["other_copy"].write_text(openssl_cnf.text(providers))
    text = special["own_name"].read_text()
    special["own_name"].write_text(text.replace("openssl_conf =", "own_name ="))
    without = openssl_cnf.write_without(scratch / "without.cnf")
    keys = BUILD / "keys"
    keys.mkdir(parents=True, exist_ok=True)
    built: dict = {}

    def build(name: str):
        if name not in built:
            knows = name == "own_selector"
            source = (C_TESTS if name in FOR_BOTH else here) / f"{name}.c"
            sources = [source, C_TESTS / "picking.c" if knows else here / "two_cas.c", *common]
            sources += [C_TESTS / "quic_link.c"] if name == "over_quic" else []
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
        if name == "omitted":
            words = [name, scratch / "explained"]
        if name == "other_copy":
            words = ["own_selector"]
        if name == "contexts":
            words, conf = [name, active], without
        env = {**os.environ, "TMPDIR": str(scratch), "CERTPICK_TEST_KEYS": str(keys), "OPENSSL_CONF": str(conf)}
        return [build(words[0]), *words[1:]], env

    return make


@pytest.fixture(scope="module", autouse=True)
def under_valgrind(request, command):
    """Runs in parallel with the other tests."""
    prepared = {name: command(name) for name in selected(request, "test_under_valgrind")}
    with at_once({name: ([*checkers.VALGRIND.command, *words], env) for name, (words, env) in prepared.items()}) as runs:
        yield runs


@pytest.mark.parametrize("name", sentences(PROGRAMS))
def test_program(name, command):
    words, env = command(name)
    succeed(words, env=env)


@pytest.mark.parametrize("name", CONTEXTS)
def test_the_module_in_a_library_context_of_the_program(name, command):
    words, env = command(name)
    succeed(words, env=env)


@pytest.mark.parametrize("name", UNDER_VALGRIND)
def test_under_valgrind(name, under_valgrind):
    output = under_valgrind[name].result()
    assert "== " not in output, f"valgrind reports errors:\n{output}"
