# SPDX-License-Identifier: MIT OR Apache-2.0
"""A TPM with keys, their certificates in files."""

from pathlib import Path

import pytest

from harness.tpm import PASSWORD, Tpm, certify
from harness.uri_clients import Client
from harness.uri_servers import https_servers, running_postgres, servers, state  # noqa: F401

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
    """The clients' directory, with NAME.crt for each key, and with two key files of the TPM."""
    directory = scratch / "tpm"
    directory.mkdir()
    for name, (handle, kind, password) in KEYS.items():
        certify(authorities["alpha"], name, tpm.persistent_key(handle, directory, kind, password), directory)
    for name, password in (("file", ""), ("secured_file", PASSWORD)):
        certify(authorities["alpha"], name, tpm.key_file(directory / f"{name}.key", password), directory)
    authorities["beta"].issue("bert", below=directory)
    return directory


@pytest.fixture
def client(way, tpm, files, servers, home, state) -> Client:  # noqa: F811
    return Client(way, files, home, state, tpm.cnf, servers)
