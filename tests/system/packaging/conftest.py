# SPDX-License-Identifier: MIT OR Apache-2.0
"""What these tests have: certpick as `make install` installs it, and certificates."""

from pathlib import Path

import pytest

from harness import paths
from harness.pki import Authority
from installing import make

HERE = paths.TARGET / "packaging"


@pytest.fixture(scope="session")
def built():
    """The manual pages are not made by `make library`."""
    done = make("man")
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="session")
def prefix(built) -> Path:
    """An installation of its own, used in place, with a library directory as Debian has it."""
    with paths.scratch(HERE) as place:
        done = make("install", PREFIX=place, LIBDIR=place / "lib" / "some-triple")
        assert done.returncode == 0, done.stdout
        yield place


@pytest.fixture(scope="session")
def scratch():
    with paths.scratch(HERE) as directory:
        yield directory


@pytest.fixture(scope="session")
def pki(scratch) -> dict:
    """CAs by name. anna and demo are clients of alpha, bert of beta; localhost is the server."""
    cas = {name: Authority(scratch / "authorities", name) for name in ("alpha", "beta", "server")}
    files = scratch / "certificates"
    files.mkdir()
    for ca, name in (("alpha", "anna"), ("alpha", "demo"), ("beta", "bert")):
        cas[ca].issue(name, below=files)
    cas["files"] = files
    cas["localhost"] = cas["server"].issue("localhost")
    return cas
