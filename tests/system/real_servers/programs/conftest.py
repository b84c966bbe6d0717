# SPDX-License-Identifier: MIT OR Apache-2.0
"""Servers, and the programs of doc/programs.md."""

import shutil
from contextlib import ExitStack
from typing import Optional

import pytest

from harness import openssl_cnf, paths
from harness.daemon import directory_for, put, unprivileged_user
from real_program import KNOWN, Servers, Setting


@pytest.fixture(scope="session")
def servers(own, authorities, issuer):
    with ExitStack() as running:
        yield Servers(running, own, authorities, issuer)


@pytest.fixture
def setting(servers, clients):
    """Returns how a program is set up with an environment."""
    made = []

    def with_environment(env: dict, lists: Optional[dict] = None) -> Setting:
        directory = directory_for(None, paths.SCRATCH, "program-")
        directory.chmod(0o755)
        made.append(directory)
        return Setting(servers, directory, env, clients, lists or {})

    yield with_environment
    for directory in made:
        shutil.rmtree(directory)


@pytest.fixture(scope="session")
def known(clients, authorities, scratch) -> None:
    """Issues the certificates by which KNOWN tells what a rule knows."""
    for name in KNOWN:
        if name and not (clients / f"{name}.crt").exists():
            issued = authorities["alpha"].issue(name, below=scratch)
            put(unprivileged_user(), clients / f"{name}.crt", issued.certificate.read_text())
            put(unprivileged_user(), clients / f"{name}.key", issued.key.read_text())


@pytest.fixture
def without(clients) -> dict:
    """The environment for an openssl.cnf without the module."""
    return {"OPENSSL_CONF": str(openssl_cnf.write_without(clients / "without.cnf"))}
