# SPDX-License-Identifier: MIT OR Apache-2.0
"""The files, tests and fuzz targets that doc/reliability.md names exist."""

import re

import pytest
from harness.toolchain import ROOT

TEXT = (ROOT / "doc" / "reliability.md").read_text(encoding="utf-8")
QUOTED = sorted(set(re.findall(r"`([^`\s]+)`", TEXT)))
FILES = [name for name in QUOTED if "/" in name and not name.startswith("target/")]
TESTS = [name for name in QUOTED if re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+){3,}", name)]
TARGETS = sorted(set(re.findall(r"`([a-z0-9]+)`", " ".join(re.findall(r"fuzz targets? ((?:`[a-z0-9]+`(?: and )?)+)", TEXT)))))


@pytest.fixture(scope="module")
def tests() -> set:
    """The names of all test functions."""
    files = [
        path
        for pattern in ("src/**/*.rs", "core/**/*.rs", "tests/**/*.rs", "cli/**/*.rs", "c-tests/**/*.py", "tests/**/*.py")
        for path in ROOT.glob(pattern)
    ]
    return {
        name
        for path in files
        for name in re.findall(r"^\s*(?:fn|def) (\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE)
    }


def test_the_document_names_files_tests_and_targets():
    assert len(FILES) > 20 and len(TESTS) > 8 and len(TARGETS) > 3


@pytest.mark.parametrize("name", FILES)
def test_a_file_exists(name):
    assert (ROOT / name).exists(), f"doc/reliability.md names {name}"


@pytest.mark.parametrize("name", TESTS)
def test_a_test_exists(name, tests):
    assert name in tests, f"doc/reliability.md names {name}"


@pytest.mark.parametrize("name", TARGETS)
def test_a_fuzz_target_exists(name):
    assert (ROOT / "fuzz" / "targets" / f"{name}.rs").exists(), f"doc/reliability.md names {name}"
