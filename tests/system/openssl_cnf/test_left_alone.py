# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the library leaves alone: programs with a certificate of their own, servers, other programs."""

import shutil
from pathlib import Path

import pytest

from clients import OWNERS, PROGRAMS, run
from harness import paths
from harness.https import HttpsServer
from harness.openssl_cnf import certpick, text
from harness.pki import THREE
from harness.psql import NO_CERTIFICATE
from harness.server import OPTIONAL, Server, directory_for, unprivileged_user
from harness.toolchain import LIBRARY

OWN_OPTIONS = {
    "curl": lambda name: ("--cert", f"{name}.crt", "--key", f"{name}.key"),
    "s_client": lambda name: ("-cert", f"{name}.crt", "-key", f"{name}.key"),
}
versions = pytest.mark.parametrize("tls", ["1.2", "1.3"])


@versions
@pytest.mark.parametrize("ca", OWNERS)
@pytest.mark.parametrize("name", OWN_OPTIONS)
def test_a_program_with_its_own_certificate_sends_it_whatever_the_server_asks_for(
    name, servers, ca, tls, three, certificates, home
):
    """demo is in no list, and beta did not issue it."""
    program = PROGRAMS[name]
    command = program.command(servers.https(ca, tls), home, *OWN_OPTIONS[name]("demo"))
    result = run(command, certificates, home, three, program.stdin)
    assert (result.status, program.told(result)) == (0, "demo"), result


@versions
@pytest.mark.parametrize("name", ["psql", "psycopg"])
def test_libpqs_sslcert_is_what_it_sends(name, servers, tls, three, certificates, home):
    """Of the list it would be anna: the user is anna."""
    own = {"user": "anna", "sslcert": "demo.crt", "sslkey": "demo.key"}
    program = PROGRAMS[name]
    result = program.connect(servers.postgres("alpha", tls), certificates, home, three, **own)
    assert (result.status, program.told(result), result.err) == (0, "demo", "")


@versions
def test_libpqs_sslcert_of_another_ca_is_sent_too_and_nothing_of_ours(servers, tls, three, certificates, home):
    own = {"sslcert": "carl.crt", "sslkey": "carl.key"}
    server = servers.postgres("alpha", tls, hba=OPTIONAL)
    result = PROGRAMS["psql"].connect(server, certificates, home, three, **own)
    assert result.status == 2 and "SSL error: tlsv1 alert unknown ca" in result.err


def test_libpqs_default_file_is_what_it_sends(servers, three, certificates, home):
    (home / ".postgresql").mkdir()
    for end in ("crt", "key"):
        shutil.copy(certificates / f"demo.{end}", home / ".postgresql" / f"postgresql.{end}")
    server = servers.postgres("alpha")
    result = PROGRAMS["psql"].connect(server, certificates, home, three, user="anna")
    assert (result.status, result.out, result.err) == (0, "/CN=demo\n", "")


@versions
@pytest.mark.parametrize("version", [15, 16, 17, 18])
def test_a_patched_libpq_with_a_list_of_its_own_takes_that_one(servers, version, tls, cnf, certificates, home):
    own = {"sslcert": "carl.crt,demo.crt", "sslkey": "carl.key,demo.key"}
    program, more = paths.psql(version)
    command = PROGRAMS["psql"].command(servers.postgres("alpha", tls), home, program, user="anna", **own)
    result = run(command, certificates, home, {**cnf(**THREE), **more})
    assert (result.status, result.out, result.err) == (0, "/CN=demo\n", "")


@versions
@pytest.mark.parametrize("version", [15, 16, 17, 18])
def test_a_patched_libpqs_own_list_that_does_not_suit_is_not_replaced(
    servers, version, tls, three, certificates, home
):
    own = {"sslcert": "carl.crt,bert.crt", "sslkey": "carl.key,bert.key"}
    program, more = paths.psql(version)
    server = servers.postgres("alpha", tls, hba=OPTIONAL)
    command = PROGRAMS["psql"].command(server, home, program, **own)
    result = run(command, certificates, home, {**three, **more})
    assert (result.status, result.out) == (0, "\n"), result


def test_a_patched_libpq_without_a_list_is_like_any_other(servers, three, certificates, home):
    program, more = paths.psql(15)
    command = PROGRAMS["psql"].command(servers.postgres("beta"), home, program)
    result = run(command, certificates, home, {**three, **more})
    assert (result.status, result.out, result.err) == (0, "/CN=bert\n", "")


@pytest.mark.parametrize("name", ["curl", "s_client", "python"])
def test_only_libpq_leaves_the_others_alone(name, servers, cnf, certificates, home):
    """Also where the settings are wrong: they are not needed."""
    program = PROGRAMS[name]
    for wrong in ({}, {"sslcrt": "anna.crt"}):
        env = cnf(**THREE, only="libpq", **wrong)
        result = program.connect(servers.https("alpha"), certificates, home, env)
        assert (result.status, program.told(result)) == (0, ""), result


@pytest.mark.parametrize("name", ["psql", "pg_dump", "pgbench", "psycopg", "psycopg2"])
@pytest.mark.parametrize("only", ["libpq", "all"])
def test_only_libpq_and_all_are_for_libpq(name, only, servers, cnf, certificates, home):
    program = PROGRAMS[name]
    result = program.connect(servers.postgres("beta"), certificates, home, cnf(**THREE, only=only))
    assert (result.status, program.told(result)) == (0, "bert"), result


@versions
def test_an_openssl_server_in_which_the_library_is_active_serves_as_ever(
    authorities, localhost, scratch, tls, three, certificates, home
):
    log, alpha, curl = scratch / "https.log", authorities["alpha"].certificate, PROGRAMS["curl"]
    with HttpsServer(localhost.certificate, localhost.key, log, alpha, tls, env=three) as server:
        for options, expected in (((), ""), (OWN_OPTIONS["curl"]("anna"), "anna")):
            result = run(curl.command(server, home, *options), certificates, home)
            assert (result.status, result.err, curl.told(result)) == (0, "", expected)


@pytest.fixture
def active_bindir():
    """Server programs in whose environment the library is in effect; root's servers run as nobody."""
    user = unprivileged_user()
    directory = directory_for(user, paths.SCRATCH, "active-")
    shutil.copy(LIBRARY, directory)
    library = certpick(THREE, directory / LIBRARY.name)
    (directory / "openssl.cnf").write_text(text({"certpick": library}))
    for name in ("initdb", "postgres", "psql"):
        real = paths.server_bindir() / name
        script = f'#!/bin/sh\nOPENSSL_CONF="{directory}/openssl.cnf" exec "{real}" "$@"\n'
        (directory / name).write_text(script)
        (directory / name).chmod(0o755)
    yield directory
    shutil.rmtree(directory)


def test_a_postgresql_server_in_which_the_library_is_active_serves_as_ever(
    active_bindir, authorities, localhost, certificates, home
):
    psql = PROGRAMS["psql"]
    with Server(active_bindir, paths.SCRATCH, localhost.certificate, localhost.key) as server:
        server.execute("create role demo login")
        server.configure([authorities["alpha"].certificate])
        refused = psql.connect(server, certificates, home, {})
        assert refused.status == 2 and NO_CERTIFICATE in refused.err
        result = psql.connect(server, certificates, home, {}, sslcert="demo.crt", sslkey="demo.key")
        assert (result.status, result.out, result.err) == (0, "/CN=demo\n", "")
        memory = Path(f"/proc/{server.pid}/maps").read_text()
        assert str(active_bindir / LIBRARY.name) in memory, "the library was never loaded"
