# SPDX-License-Identifier: MIT OR Apache-2.0
"""Fixtures that all system tests share."""

import tempfile
from pathlib import Path

import pytest

from harness import paths, terminated  # noqa: F401
from harness.pki import Authority, Credential


@pytest.fixture(scope="session")
def scratch():
    with paths.scratch(paths.SCRATCH) as directory:
        yield directory


@pytest.fixture(scope="session")
def authorities(scratch) -> dict:
    names = ("alpha", "beta", "gamma", "server")
    return {name: Authority(scratch / "authorities", name) for name in names}


@pytest.fixture(scope="session")
def localhost(authorities) -> Credential:
    """A certificate for servers."""
    return authorities["server"].issue("localhost")


@pytest.fixture
def home(scratch) -> Path:
    """An empty home directory."""
    return Path(tempfile.mkdtemp(prefix="home-", dir=scratch))
