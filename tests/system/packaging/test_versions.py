# SPDX-License-Identifier: MIT OR Apache-2.0
"""All files that contain the version agree with Cargo.toml."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from harness import paths

VERSION = tomllib.loads((paths.ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]


def first(pattern: str, path: Path) -> str:
    found = re.search(pattern, path.read_text(), re.MULTILINE)
    assert found, f"nothing in {path} is like {pattern}"
    return found[1]


def test_the_dependency_between_the_crates():
    dependencies = tomllib.loads((paths.ROOT / "Cargo.toml").read_text())["workspace"]["dependencies"]
    assert dependencies["certpick-core"]["version"] == VERSION


def test_header():
    assert first(r'^#define CERTPICK_VERSION "(.*)"$', paths.HEADER_DIR / "certpick.h") == VERSION


def test_installed_library(prefix):
    names = {path.name for path in (prefix / "lib/some-triple").iterdir()}
    assert f"libcertpick.so.{VERSION}" in names


def test_pkg_config(prefix):
    assert first(r"^Version: (.*)$", prefix / "lib/some-triple/pkgconfig/certpick.pc") == VERSION


@pytest.mark.parametrize("page", ["man3/certpick.3", "man5/certpick.cnf.5", "man5/certpick.toml.5"])
def test_hand_written_manual_page(prefix, page):
    assert first(r"^\.Os certpick (.*)$", prefix / "share/man" / page) == VERSION


@pytest.mark.parametrize("page", ["certpick", "certpick-check", "certpick-probe", "certpick-run"])
def test_manual_page_of_the_program(prefix, page):
    assert first(r"^\.TH .*certpick ([0-9][^\" ]*)", prefix / "share/man/man1" / f"{page}.1") == VERSION


def test_program(prefix):
    done = subprocess.run([prefix / "bin/certpick", "--version"], capture_output=True, text=True)
    assert done.stdout == f"certpick {VERSION}\n"


def test_changelog():
    assert first(r"^## \[([0-9][^\]]*)\]", paths.ROOT / "CHANGELOG.md") == VERSION


def test_debian_package():
    assert first(r"^certpick \((.*)-[0-9]+\)", paths.ROOT / "debian" / "changelog") == VERSION


def test_fedora_package():
    assert first(r"^Version: +(.*)$", paths.ROOT / "packaging" / "certpick.spec") == VERSION


def test_debians_symbols_are_those_of_the_interface():
    recorded = re.findall(r"^export (\w+)$", (paths.ROOT / "abi" / "certpick.abi").read_text(), re.MULTILINE)
    symbols = (paths.ROOT / "debian" / "libcertpick0.symbols").read_text()
    assert sorted(re.findall(r"^ (\w+)@Base ", symbols, re.MULTILINE)) == sorted(recorded)


def test_no_placeholder_is_left_in_installed_files(prefix):
    made = [path for place in ("share", "include", "lib/some-triple/pkgconfig") for path in (prefix / place).rglob("*")]
    for path in made:
        if path.is_file():
            assert not re.search(r"@[A-Z_]{4,}@", path.read_text()), path
