# SPDX-License-Identifier: MIT OR Apache-2.0
"""What these tests have: certificates, servers that ask for them, openssl.cnf files."""

import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from clients import PROGRAMS, Program, Servers, c_program
from harness import openssl_cnf, paths
from harness.pki import THREE, issue_clients
from harness.server import Server
from harness.toolchain import compile_c

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def certificates(scratch, authorities) -> Path:
    """The directory in which the clients run: short names, short texts."""
    return issue_clients(authorities, scratch / "openssl_cnf")


@pytest.fixture(scope="session")
def servers(scratch, authorities, localhost):
    """Each kind of server for each CA, started when it is first wanted."""
    with ExitStack() as running:

        def start_postgres() -> Server:
            server = running.enter_context(
                Server(paths.server_bindir(), paths.SCRATCH, localhost.certificate, localhost.key)
            )
            server.execute(
                "create role anna login; create role bert login; create role demo login;"
                # What pg_dump sees of it depends on the certificate that arrived.
                "create table arrivals (subject text); grant select on arrivals to public;"
                "insert into arrivals select '/CN=' || name"
                " from unnest('{anna,bert,carl,demo}'::text[]) name;"
                "alter table arrivals enable row level security;"
                "create policy arrived on arrivals for select to public using (subject ="
                " (select client_dn from pg_stat_ssl where pid = pg_backend_pid()))"
            )
            return server

        yield Servers(running, start_postgres, authorities, localhost, scratch)


@pytest.fixture
def cnf(home):
    """Writes an openssl.cnf with the library in effect, and gives the environment that names it."""

    def write(**settings) -> dict:
        path = Path(tempfile.mkdtemp(prefix="cnf-", dir=home)) / "openssl.cnf"
        return {"OPENSSL_CONF": str(openssl_cnf.write(path, settings))}

    return write


@pytest.fixture
def three(cnf) -> dict:
    return cnf(**THREE)


@pytest.fixture
def without(home) -> dict:
    """The environment for an openssl.cnf in which the library does not appear."""
    return {"OPENSSL_CONF": str(openssl_cnf.write_without(home / "without.cnf"))}


@pytest.fixture(scope="session")
def build(scratch):
    """Compiles a program of this directory against OpenSSL alone."""
    built: dict = {}

    def once(name: str) -> Path:
        if name not in built:
            built[name] = compile_c(scratch / name, [HERE / f"{name}.c"], flags=["-std=c11", "-O1", "-g"])
        return built[name]

    return once


@pytest.fixture(params=[*PROGRAMS, "a C program"])
def program(request) -> Program:
    return PROGRAMS.get(request.param) or c_program(request.getfixturevalue("build")("tcp_client"))
