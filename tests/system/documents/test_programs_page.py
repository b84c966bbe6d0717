# SPDX-License-Identifier: MIT OR Apache-2.0
"""doc/programs.md is what scripts/programs-page writes."""

from harness.program_page import PAGE, versions_on, written
from harness.program_table import ROWS, SECTIONS


def test_the_page_has_the_table():
    text = PAGE.read_text()
    assert text == written(versions_on(text)), "run scripts/programs-page"


def test_the_page_has_a_version_of_each_program():
    versions = versions_on(PAGE.read_text())
    assert [name for name in ROWS if not versions.get(name)] == []


def test_each_program_is_in_the_table_once():
    assert len(ROWS) == sum(len(rows) for _, rows in SECTIONS.values())
