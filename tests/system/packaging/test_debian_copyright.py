# SPDX-License-Identifier: MIT OR Apache-2.0
"""debian/copyright has the licence that each crate gives itself."""

import fnmatch
import json
import re
import subprocess

import pytest

from harness import paths

TEXT = (paths.ROOT / "debian" / "copyright").read_text(encoding="utf-8")
STANZAS = re.findall(r"^Files: (.+)\nCopyright: .+\nLicense: (.+)$", TEXT, re.MULTILINE)


def crates() -> list:
    """The name, version and licence of each, whatever it is for."""
    told = subprocess.run(
        ["cargo", "metadata", "--locked", "--format-version", "1"], cwd=paths.ROOT, check=True, stdout=subprocess.PIPE
    ).stdout
    return [(p["name"], p["version"], p["license"]) for p in json.loads(told)["packages"] if p["source"]]


def alternatives(licence: str) -> set:
    """Of an SPDX expression or of Debian's, which writes some names in another way."""
    licence = licence.replace("WITH LLVM-exception", "with LLVM exception").replace("LGPL-2.1-or-later", "LGPL-2.1+")
    return set(re.split(r" or |, and |/", re.sub(r"\((.+)\) AND ", r"\1, and ", licence).replace(" OR ", " or ")))


def told_of(name: str, version: str) -> str:
    """By the last stanza that names the directory, as Debian's policy has it."""
    place = f"vendor/{name}-{version}/Cargo.toml"
    found = [licence for files, licence in STANZAS if any(fnmatch.fnmatch(place, f) for f in files.split())]
    return found[-1]


def test_each_crate_has_its_own_licence():
    every = crates()
    assert len(every) > 50
    wrong = [
        f"{name} {version}: {licence}, told is {told_of(name, version)}"
        for name, version, licence in every
        if alternatives(licence) != alternatives(told_of(name, version))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", sorted({n for _, told in STANZAS for n in re.split(r" or |, and ", told)}))
def test_each_licence_has_its_text(name):
    assert re.search(rf"^License: {re.escape(name)}\n ", TEXT, re.MULTILINE), f"no text for {name}"
