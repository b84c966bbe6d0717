# SPDX-License-Identifier: MIT OR Apache-2.0
"""A token with two keys and their certificates, which are also in files."""

from pathlib import Path

import pytest

from harness.token import Token
from harness.uri_clients import Client
from harness.uri_servers import https_servers, running_postgres, servers, state  # noqa: F401
from kinds import KINDS


@pytest.fixture(scope="session")
def softhsm(scratch) -> Token:
    return Token(scratch / "softhsm")


@pytest.fixture(scope="session")
def files(scratch, authorities, softhsm) -> Path:
    """The clients' directory, with KIND.crt and KIND.key for each key and certificate KIND in the token."""
    directory = scratch / "token-clients"
    directory.mkdir()
    for kind in KINDS:
        issued = authorities["alpha"].issue(kind, kind=kind, below=directory)
        softhsm.add(kind, issued.key, issued.certificate)
    authorities["beta"].issue("bert", below=directory)
    return directory


@pytest.fixture
def token(softhsm) -> Token:
    """The token. The log of its calls is empty."""
    softhsm.logins()
    return softhsm


@pytest.fixture
def client(way, token, files, servers, home, state) -> Client:  # noqa: F811
    return Client(way, files, home, state, token.cnf, servers)
