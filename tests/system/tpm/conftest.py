# SPDX-License-Identifier: MIT OR Apache-2.0
"""A TPM with keys, their certificates in files, and servers that require one of these."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from harness import paths
from harness.https import HttpsServer
from harness.server import Server
from harness.tpm import PASSWORD, Tpm, certify

# name: handle, algorithm, password
KEYS = {
    "p256": (0x81000010, "p256", ""),
    "rsa": (0x81000011, "rsa", ""),
    "secured": (0x81000012, "p256", PASSWORD),
}


@pytest.fixture(scope="session")
def tpm(scratch):
    with Tpm(scratch) as running:
        yield running


@pytest.fixture(scope="session")
def files(scratch, authorities, tpm) -> Path:
    """The clients' directory, with NAME.crt for each key, and blob.crt and blob.key, a key file of the TPM."""
    directory = scratch / "tpm"
    directory.mkdir()
    for name, (handle, kind, password) in KEYS.items():
        certify(authorities["alpha"], name, tpm.persistent_key(handle, directory, kind, password), directory)
    certify(authorities["alpha"], "blob", tpm.key_file(directory / "blob.key"), directory)
    authorities["beta"].issue("bert", below=directory)
    return directory


@pytest.fixture(scope="session")
def https_servers(scratch, authorities, localhost):
    """Returns the HTTPS server of a TLS version, which is started on first use."""
    with ExitStack() as running:
        started: dict = {}

        def server(tls: str) -> HttpsServer:
            if tls not in started:
                own, ca = (localhost.certificate, localhost.key), authorities["alpha"].certificate
                started[tls] = running.enter_context(HttpsServer(*own, scratch / "https.log", ca, tls, demand=True))
            return started[tls]

        yield server


@pytest.fixture(scope="session")
def postgres(authorities, localhost):
    with Server(paths.server_bindir(), paths.SCRATCH, localhost.certificate, localhost.key) as server:
        server.execute("create role demo login")
        server.configure([authorities["alpha"].certificate])
        yield server
