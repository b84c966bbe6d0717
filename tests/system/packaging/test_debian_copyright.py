# SPDX-License-Identifier: MIT OR Apache-2.0
"""debian/copyright has the licence of each crate."""

import fnmatch
import json
import re
import subprocess

import pytest

from harness import paths

TEXT = (paths.ROOT / "debian" / "copyright").read_text(encoding="utf-8")
STANZAS = re.findall(r"^Files: (.+)\nCopyright: .+\nLicense: (.+)$", TEXT, re.MULTILINE)


def crates() -> list:
    """Returns name, version and licence of each crate in Cargo.lock."""
    metadata = subprocess.run(
        ["cargo", "metadata", "--locked", "--format-version", "1"], cwd=paths.ROOT, check=True, stdout=subprocess.PIPE
    ).stdout
    return [(p["name"], p["version"], p["license"]) for p in json.loads(metadata)["packages"] if p["source"]]


def alternatives(licence: str) -> set:
    """Splits an SPDX expression, or Debian's, which has other names for some licences."""
    licence = licence.replace("WITH LLVM-exception", "with LLVM exception").replace("LGPL-2.1-or-later", "LGPL-2.1+")
    return set(re.split(r" or |, and |/", re.sub(r"\((.+)\) AND ", r"\1, and ", licence).replace(" OR ", " or ")))


def stated(name: str, version: str) -> str:
    """Returns the licence in the last stanza that matches, as in Debian's policy."""
    place = f"vendor/{name}-{version}/Cargo.toml"
    found = [licence for files, licence in STANZAS if any(fnmatch.fnmatch(place, f) for f in files.split())]
    return found[-1]


def test_each_crate_has_its_licence():
    every = crates()
    assert len(every) > 50
    wrong = [
        f"{name} {version}: {licence}, stated as {stated(name, version)}"
        for name, version, licence in every
        if alternatives(licence) != alternatives(stated(name, version))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", sorted({n for _, licence in STANZAS for n in re.split(r" or |, and ", licence)}))
def test_each_licence_has_its_text(name):
    assert re.search(rf"^License: {re.escape(name)}\n ", TEXT, re.MULTILINE), f"no text for {name}"
