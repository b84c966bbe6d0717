# SPDX-License-Identifier: MIT OR Apache-2.0
"""Fixtures: servers that require a certificate of the CA alpha, for the clients of uri_clients.py."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from . import paths, private
from .https import HttpsServer
from .server import Server


@pytest.fixture(scope="session")
def https_servers(scratch, authorities, localhost):
    """Returns the HTTPS server with a TLS version, which is started on first use."""
    with ExitStack() as running:
        started: dict = {}

        def server(tls: str) -> HttpsServer:
            if tls not in started:
                own, ca = (localhost.certificate, localhost.key), authorities["alpha"].certificate
                started[tls] = running.enter_context(HttpsServer(*own, scratch / "https.log", ca, tls, demand=True))
            return started[tls]

        yield server


@pytest.fixture(scope="session")
def running_postgres(localhost):
    with Server(paths.server_bindir(), paths.SCRATCH, localhost.certificate, localhost.key) as server:
        server.execute("create role demo login")
        yield server


@pytest.fixture
def servers(running_postgres, https_servers, authorities):
    """Returns the server of a kind, postgres or https, with a TLS version."""

    def server(kind: str, tls: str):
        if kind == "https":
            return https_servers(tls)
        running_postgres.configure([authorities["alpha"].certificate], tls_max=f"TLSv{tls}")
        return running_postgres

    return server


@pytest.fixture(scope="session")
def state() -> Path:
    """A private directory, for `certpick run`."""
    with private.directory() as directory:
        yield directory
