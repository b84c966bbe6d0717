# SPDX-License-Identifier: MIT OR Apache-2.0
"""The module does not affect programs with their own certificate, servers, and other programs."""

import shutil
from pathlib import Path

import pytest

from clients import OWNERS, PROGRAMS
from harness import paths
from harness.daemon import directory_for, unprivileged_user
from harness.https import HttpsServer
from harness.openssl_cnf import certpick, text
from harness.pki import THREE
from harness.psql import NO_CERTIFICATE, run
from harness.server import OPTIONAL, Server
from harness.toolchain import LIBRARY

OWN_OPTIONS = {
    "curl": lambda name: ("--cert", f"{name}.crt", "--key", f"{name}.key"),
    "s_client": lambda name: ("-cert", f"{name}.crt", "-key", f"{name}.key"),
}
versions = pytest.mark.parametrize("tls", ["1.2", "1.3"])


@versions
@pytest.mark.parametrize("ca", OWNERS)
@pytest.mark.parametrize("name", OWN_OPTIONS)
def test_a_program_with_its_own_certificate_sends_it_for_any_request(
    name, servers, ca, tls, three, certificates, home
):
    """demo is not in the list, and its CA is not beta."""
    program = PROGRAMS[name]
    command = program.command(servers.https(ca, tls), home, *OWN_OPTIONS[name]("demo"))
    result = run(command, certificates, home, three, program.stdin)
    assert (result.status, program.received(result)) == (0, "demo"), result


@versions
@pytest.mark.parametrize("name", ["psql", "psycopg"])
def test_libpqs_sslcert_is_sent(name, servers, tls, three, certificates, home):
    """The module would send anna, because the user is anna."""
    own = {"user": "anna", "sslcert": "demo.crt", "sslkey": "demo.key"}
    program = PROGRAMS[name]
    result = program.connect(servers.postgres("alpha", tls), certificates, home, three, **own)
    assert (result.status, program.received(result), result.err) == (0, "demo", "")


@versions
def test_libpqs_sslcert_of_another_ca_is_sent_instead_of_the_list(servers, tls, three, certificates, home):
    own = {"sslcert": "carl.crt", "sslkey": "carl.key"}
    server = servers.postgres("alpha", tls, hba=OPTIONAL)
    result = PROGRAMS["psql"].connect(server, certificates, home, three, **own)
    assert result.status == 2 and "SSL error: tlsv1 alert unknown ca" in result.err


def test_libpqs_default_file_is_sent(servers, three, certificates, home):
    (home / ".postgresql").mkdir()
    for end in ("crt", "key"):
        shutil.copy(certificates / f"demo.{end}", home / ".postgresql" / f"postgresql.{end}")
    server = servers.postgres("alpha")
    result = PROGRAMS["psql"].connect(server, certificates, home, three, user="anna")
    assert (result.status, result.out, result.err) == (0, "/CN=demo\n", "")


@versions
@pytest.mark.parametrize("version", [15, 16, 17, 18])
def test_a_patched_libpq_uses_its_own_list(servers, version, tls, cnf, certificates, home):
    own = {"sslcert": "carl.crt,demo.crt", "sslkey": "carl.key,demo.key"}
    program, more = paths.psql(version)
    command = PROGRAMS["psql"].command(servers.postgres("alpha", tls), home, program, user="anna", **own)
    result = run(command, certificates, home, {**cnf(**THREE), **more})
    assert (result.status, result.out, result.err) == (0, "/CN=demo\n", "")


@versions
@pytest.mark.parametrize("version", [15, 16, 17, 18])
def test_a_patched_libpqs_own_list_is_not_replaced_if_no_entry_suits(
    servers, version, tls, three, certificates, home
):
    own = {"sslcert": "carl.crt,bert.crt", "sslkey": "carl.key,bert.key"}
    program, more = paths.psql(version)
    server = servers.postgres("alpha", tls, hba=OPTIONAL)
    command = PROGRAMS["psql"].command(server, home, program, **own)
    result = run(command, certificates, home, {**three, **more})
    assert (result.status, result.out) == (0, "\n"), result


def test_a_patched_libpq_without_a_list_behaves_like_a_stock_one(servers, three, certificates, home):
    program, more = paths.psql(15)
    command = PROGRAMS["psql"].command(servers.postgres("beta"), home, program)
    result = run(command, certificates, home, {**three, **more})
    assert (result.status, result.out, result.err) == (0, "/CN=bert\n", "")


@pytest.mark.parametrize("name", ["curl", "s_client", "python"])
def test_only_libpq_does_not_affect_other_programs(name, servers, cnf, certificates, home):
    """Even if the settings are wrong, because they are not used."""
    program = PROGRAMS[name]
    for wrong in ({}, {"sslcrt": "anna.crt"}):
        env = cnf(**THREE, only="libpq", **wrong)
        result = program.connect(servers.https("alpha"), certificates, home, env)
        assert (result.status, program.received(result)) == (0, ""), result


@pytest.mark.parametrize("name", ["psql", "pg_dump", "pgbench", "psycopg", "psycopg2"])
@pytest.mark.parametrize("only", ["libpq", "all"])
def test_only_libpq_and_all_apply_to_libpq(name, only, servers, cnf, certificates, home):
    program = PROGRAMS[name]
    result = program.connect(servers.postgres("beta"), certificates, home, cnf(**THREE, only=only))
    assert (result.status, program.received(result)) == (0, "bert"), result


@versions
def test_an_openssl_server_with_the_module_active_works_as_without(
    authorities, localhost, scratch, tls, three, certificates, home
):
    log, alpha, curl = scratch / "https.log", authorities["alpha"].certificate, PROGRAMS["curl"]
    with HttpsServer(localhost.certificate, localhost.key, log, alpha, tls, env=three) as server:
        for options, expected in (((), ""), (OWN_OPTIONS["curl"]("anna"), "anna")):
            result = run(curl.command(server, home, *options), certificates, home)
            assert (result.status, result.err, curl.received(result)) == (0, "", expected)


@pytest.fixture
def active_bindir():
    """PostgreSQL's programs, wrapped so that the module is active in the server."""
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


def test_a_postgresql_server_with_the_module_active_works_as_without(
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
