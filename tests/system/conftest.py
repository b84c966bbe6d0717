# SPDX-License-Identifier: MIT OR Apache-2.0
"""Fixtures that all system tests share. Each directory defines `scratch`, its own temporary directory."""

import tempfile
from pathlib import Path

import pytest

from harness import terminated  # noqa: F401


@pytest.fixture
def home(scratch) -> Path:
    """An empty home directory."""
    return Path(tempfile.mkdtemp(prefix="home-", dir=scratch))
