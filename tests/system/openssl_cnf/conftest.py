# SPDX-License-Identifier: MIT OR Apache-2.0
"""Certificates, servers that request them, and openssl.cnf files that activate the module."""

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
    """The directory in which clients run, so that file names are short."""
    return issue_clients(authorities, scratch / "openssl_cnf")


@pytest.fixture(scope="session")
def servers(scratch, authorities, localhost):
    """Servers, which are started on first use."""
    with ExitStack() as running:

        def start_postgres() -> Server:
            server = running.enter_context(
                Server(paths.server_bindir(), paths.SCRATCH, localhost.certificate, localhost.key)
            )
            server.execute(
                "create role anna login; create role bert login; create role demo login;"
                # pg_dump sees only the row of the certificate that arrived.
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
    """Writes an openssl.cnf that activates the module. Returns the environment that names the file."""

    def write(**settings) -> dict:
        path = Path(tempfile.mkdtemp(prefix="cnf-", dir=home)) / "openssl.cnf"
        return {"OPENSSL_CONF": str(openssl_cnf.write(path, settings))}

    return write


@pytest.fixture
def three(cnf) -> dict:
    return cnf(**THREE)


@pytest.fixture
def without(home) -> dict:
    """The environment for an openssl.cnf without the module."""
    return {"OPENSSL_CONF": str(openssl_cnf.write_without(home / "without.cnf"))}


@pytest.fixture(scope="session")
def build(scratch):
    """Compiles a program of this directory, linked with OpenSSL and these libraries."""
    built: dict = {}

    def once(name: str, flags: tuple = (), libs: tuple = ()) -> Path:
        kind = (name, flags, libs)
        if kind not in built:
            out = scratch / f"{name}-{len(built)}"
            built[kind] = compile_c(out, [HERE / f"{name}.c"], flags=["-std=c11", "-O1", "-g", *flags], libs=libs)
        return built[kind]

    return once


@pytest.fixture(params=[*PROGRAMS, "a C program"])
def program(request) -> Program:
    return PROGRAMS.get(request.param) or c_program(request.getfixturevalue("build")("tcp_client"))
