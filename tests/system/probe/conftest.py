# SPDX-License-Identifier: MIT OR Apache-2.0
"""Certificates, and servers that use them."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from harness import paths
from harness.https import HttpsServer
from harness.pki import Authority
from harness.server import Server


@pytest.fixture(scope="session")
def pki(scratch) -> SimpleNamespace:
    root = Authority(scratch, "root")
    issuing = Authority(scratch, "issuing", parent=root)
    people = Authority(scratch, "people")
    others = Authority(scratch, "others")
    localhost = issuing.issue("localhost")
    full = scratch / "localhost.pem"
    full.write_text(localhost.certificate.read_text() + issuing.certificate.read_text())
    return SimpleNamespace(
        root=root, issuing=issuing, people=people, others=others, localhost=localhost, full=full,
        joe=people.issue("joe"), ann=others.issue("ann"),
        late=people.issue("late", common_name="joe", valid_days=(-10, -1)),
        locked=people.issue("locked", common_name="joe", password="open sesame"),
    )  # fmt: skip


@pytest.fixture(scope="session", params=(15, 18))
def postgres(request, scratch, pki):
    """The distribution's server, and one that supports direct TLS."""
    bindir = paths.server_bindir() if request.param == 15 else paths.direct_server()
    with Server(bindir, scratch, pki.full, pki.localhost.key) as server:
        server.execute("create role joe login")
        server.execute("create role sue login password 'secret'")
        server.execute("create database shop")
        server.version = request.param
        yield server


@pytest.fixture
def tls(scratch, pki):
    """Returns a context manager for a TLS server."""

    @contextmanager
    def start(certificate=None, key=None, chain="issuing", **settings):
        own = certificate or pki.localhost.certificate
        chain = pki.issuing.certificate if chain == "issuing" else chain
        with HttpsServer(
            own, key or pki.localhost.key, scratch / "tls.log", chain=chain, **settings
        ) as server:  # fmt: skip
            server.address = f"localhost:{server.port}"
            yield server

    return start
