# SPDX-License-Identifier: MIT OR Apache-2.0
"""doc/programs.md: the table of programs, with the versions that the tests ran."""

import json
import re
import subprocess

from . import paths
from .program_table import INTRODUCTION, NOT, ROWS, SECTIONS

PAGE = paths.ROOT / "doc" / "programs.md"
RECORDS = paths.TARGET / "programs"  # a file for each program that the tests ran


def version_of_package(package: str) -> str:
    """Returns the installed version without its epoch and Debian's revision."""
    command = ["dpkg-query", "--show", "--showformat=${Version}", package]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return re.sub(r"^\d+:|[-+~].*$", "", found)


def record(name: str, version: str = "") -> None:
    """Records that a program behaves as the table says. Without a version, it is that of its first package."""
    RECORDS.mkdir(parents=True, exist_ok=True)
    text = json.dumps({name: version or version_of_package(ROWS[name].packages.split()[0])})
    (RECORDS / f"{re.sub('[^a-z0-9]+', '-', name.lower())}.json").write_text(text)


def recorded() -> dict:
    """Returns the versions that the tests ran by program."""
    versions: dict = {}
    for file in sorted(RECORDS.glob("*.json")):
        versions.update(json.loads(file.read_text()))
    return versions


def versions_on(page: str) -> dict:
    """Returns the versions on a page by program."""
    return dict(re.findall(r"^\| ([^|]+) \| ([^|]*) \|", page, re.MULTILINE))


def line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"


def table(rows: list, versions: dict) -> str:
    """Returns a table without the columns that do not apply to these rows."""
    columns = {
        "program": [row.name for row in rows],
        "version": [versions.get(row.name, "") for row in rows],
        "way": [row.way for row in rows if row.way != NOT],
        "rules know": [row.rules for row in rows] if any(row.rules for row in rows) else [],
        "reason" if rows[0].way == NOT else "what to know": [row.know for row in rows],
    }
    shown = {name: cells for name, cells in columns.items() if cells}
    lines = [line(*shown), line(*["---"] * len(shown)), *(line(*cells) for cells in zip(*shown.values()))]
    return "".join(lines)


def written(versions: dict) -> str:
    """Returns the page."""
    sections = (f"\n## {title}\n\n{about}{table(rows, versions)}" for title, (about, rows) in SECTIONS.items())
    return INTRODUCTION + "".join(sections)
