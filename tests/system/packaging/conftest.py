# SPDX-License-Identifier: MIT OR Apache-2.0
"""An installation by `make install`, and certificates."""

from pathlib import Path

import pytest

from installing import make


@pytest.fixture(scope="session")
def built():
    """Builds the manual pages, which `make library` does not build."""
    done = make("man")
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="session")
def prefix(built, scratch) -> Path:
    """An installation that is used in place, with Debian's layout of library directories."""
    place = scratch / "prefix"
    done = make("install", PREFIX=place, LIBDIR=place / "lib" / "some-triple")
    assert done.returncode == 0, done.stdout
    return place


@pytest.fixture(scope="session")
def pki(scratch, authorities, localhost) -> dict:
    """CAs by name; "localhost" is the server's certificate; "files" has anna and demo of alpha, bert of beta."""
    files = scratch / "packaging"
    files.mkdir()
    for ca, name in (("alpha", "anna"), ("alpha", "demo"), ("beta", "bert")):
        authorities[ca].issue(name, below=files)
    return {**authorities, "files": files, "localhost": localhost}
