# SPDX-License-Identifier: MIT OR Apache-2.0
"""doc/output.md documents exactly the keys that a report may have."""

import re

from harness import paths

SOURCE = paths.ROOT / "cli" / "src"
CALLS = r'(?:\.finding|\.advised|\.fact|Finding::new|Subject::new|report_result|\btext|\bfact)\(\s*"([a-z_0-9]+)"'
OTHERS = (
    r'const \w*KEY: &str = "([a-z_0-9]+)"',
    r'"([a-z_0-9]+)",\s*(?:Level::|level)',
    r'\.kind = "([a-z_0-9]+)"',
    r'Metric::new\(\s*"([a-z_0-9]+)"',
    r'\("((?:extended_)?key_usage)"',
)
LEVELS = {"good", "note", "warning", "unknown", "wrong"}


def keys_of_source() -> set:
    found = set()
    for path in SOURCE.rglob("*.rs"):
        if path.name != "tests.rs":
            text = path.read_text().split("#[cfg(test)]")[0]
            for pattern in (CALLS, *OTHERS):
                found |= set(re.findall(pattern, text))
    return found - LEVELS


def keys_of_document() -> set:
    """Returns the words in the first column of all tables."""
    text = (paths.ROOT / "doc" / "output.md").read_text()
    tables = text.partition("### Kinds")[2]
    rows = re.findall(r"^\| (`[^|]*) \|", tables, re.MULTILINE)
    return {key for row in rows for key in re.findall(r"`([a-z_0-9]+)`", row)}


def test_the_document_and_the_source_have_the_same_keys():
    source, document = keys_of_source(), keys_of_document()
    assert len(source) > 60
    assert sorted(source - document) == [], "not in doc/output.md"
    assert sorted(document - source) == [], "not in the source"
