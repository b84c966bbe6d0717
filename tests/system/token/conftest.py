# SPDX-License-Identifier: MIT OR Apache-2.0
"""A token with two keys and their certificates, which are also in files, and servers that require one of them."""

from contextlib import ExitStack

import pytest

from harness import paths
from harness.https import HttpsServer
from harness.server import Server
from harness.token import Token
from token_files import KINDS, Files


@pytest.fixture(scope="session")
def files(scratch, authorities) -> Files:
    directory = scratch / "softhsm"
    token = Token(directory / "token")
    for kind in KINDS:
        issued = authorities["alpha"].issue(kind, kind=kind, below=directory)
        token.add(kind, issued.key, issued.certificate)
    authorities["beta"].issue("bert", below=directory)
    return Files(directory, token)


@pytest.fixture
def token(files) -> Token:
    """The token. The log of its calls is empty."""
    files.token.logins()
    return files.token


@pytest.fixture(scope="session")
def https_servers(scratch, authorities, localhost):
    """Returns the HTTPS server of a TLS version, which is started on first use."""
    with ExitStack() as running:
        started: dict = {}

        def server(tls: str) -> HttpsServer:
            if tls not in started:
                new = HttpsServer(
                    localhost.certificate, localhost.key, scratch / "https.log", authorities["alpha"].certificate, tls, demand=True
                )
                started[tls] = running.enter_context(new)
            return started[tls]

        yield server


@pytest.fixture(scope="session")
def running_postgres(localhost):
    with Server(paths.server_bindir(), paths.SCRATCH, localhost.certificate, localhost.key) as server:
        server.execute("create role demo login")
        yield server


@pytest.fixture
def postgres(running_postgres, authorities):
    """Returns the PostgreSQL server with a TLS version."""

    def configured(tls: str) -> Server:
        running_postgres.configure([authorities["alpha"].certificate], tls_max=f"TLSv{tls}")
        return running_postgres

    return configured
