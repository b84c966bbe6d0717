# SPDX-License-Identifier: MIT OR Apache-2.0
"""The manual pages and completions that are generated from the program's options."""

import os
import subprocess
from pathlib import Path

import pytest

from harness import paths
from harness.unavailable import need_package

PAGES = ("certpick", "certpick-check", "certpick-probe", "certpick-run")


@pytest.fixture(scope="module")
def manual() -> Path:
    subprocess.run(["make", "-s", "man"], cwd=paths.ROOT, check=True)
    return paths.TARGET / "manual"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_well_formed_and_complete(manual, name):
    need_package("mandoc", "bsdextrautils")
    page = manual / "man" / f"{name}.1"
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "error", page], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    text = subprocess.run(
        ["mandoc", "-T", "ascii", "-O", "width=80", page], capture_output=True, text=True, check=True
    ).stdout
    plain = subprocess.run(["col", "-b"], input=text, capture_output=True, text=True, check=True).stdout
    wanted = ["NAME", "SYNOPSIS", "OPTIONS", "SEE ALSO"]
    if name != "certpick":
        wanted += ["EXAMPLES", "EXIT STATUS"]
    headings = [line for line in plain.splitlines() if line and not line.startswith(" ")]
    assert [heading for heading in wanted if heading not in headings] == [], plain
    # The page has every option of --help.
    command = [paths.TARGET / "release" / "certpick", *name.split("-")[1:], "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    options = {word.split("=")[0] for word in shown.split() if word.startswith("--") and len(word) > 2}
    options = {option.strip("[].,;:'\"`)<") for option in options}
    assert [option for option in sorted(options) if option not in plain] == []


def complete(manual, *words) -> list:
    """Returns bash's completions of these words."""
    script = (
        f'source "{manual}/completions/certpick.bash"\n'
        'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))\n'
        '_certpick certpick "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"\n'
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        ["bash", "-c", script, "bash", *words],
        env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.split()


def test_bash_completes_commands_and_options(manual):
    assert set(complete(manual, "certpick", "")) >= {"check", "probe", "run"}
    assert complete(manual, "certpick", "probe", "--min") == ["--min-days"]
    assert "--fix-order" in complete(manual, "certpick", "check", "--f")
    for shell in ("certpick.fish", "_certpick"):
        assert "min-days" in (manual / "completions" / shell).read_text()
