# SPDX-License-Identifier: MIT OR Apache-2.0
"""The Markdown documents name files, headings and make targets that exist."""

import re
import tomllib

import pytest
from harness.paths import ROOT

PAGES = sorted(
    path.relative_to(ROOT).as_posix() for below in ("", "doc", "patches", "patches/upstream") for path in (ROOT / below).glob("*.md")
)
# CHANGELOG.md names files as they were.
CURRENT_PAGES = [page for page in PAGES if page != "CHANGELOG.md"]
DIRECTORIES = {path.name for path in ROOT.iterdir() if path.is_dir()} - {"target", "vendor"}
# Directories of PostgreSQL's source.
FOREIGN = ("src/interfaces/", "src/test/")


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def anchors(page: str) -> set:
    """The names that a renderer gives to the headings."""
    headings = re.findall(r"^#+ (.+)$", text(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def missing_links(page: str) -> list:
    missing = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text(page)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (ROOT / page).parent / name if name else ROOT / page
        if not target.exists() or (anchor and anchor not in anchors(target.resolve().relative_to(ROOT).as_posix())):
            missing.append(link)
    return missing


def missing_paths(page: str) -> list:
    quoted = re.findall(r"`([\w.+-]+/[\w.+/-]*)`", text(page))
    ours = [path for path in quoted if path.split("/")[0] in DIRECTORIES and not path.startswith(FOREIGN)]
    return [path for path in ours if not (ROOT / path).exists()]


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_has_a_target(page):
    assert missing_links(page) == []


@pytest.mark.parametrize("page", CURRENT_PAGES)
def test_every_path_exists(page):
    assert missing_paths(page) == []


@pytest.mark.parametrize("page", CURRENT_PAGES)
def test_every_make_target_exists(page):
    named = set(re.findall(r"(?:`|^    )make ([a-z][a-z-]+)\b", text(page), re.MULTILINE))
    targets = set(re.findall(r"^([a-z][a-z-]+):", text("Makefile"), re.MULTILINE))
    assert sorted(named - targets) == []


def test_architecture_names_many_paths():
    assert len(re.findall(r"`(?:\w+/)+[\w./]*`", text("ARCHITECTURE.md"))) > 20


def test_the_readme_has_at_most_150_lines():
    assert len(text("README.md").splitlines()) <= 150


CORE = ROOT / "core" / "src"


def layers() -> dict:
    """The row of each module in the table of layers."""
    table = text("ARCHITECTURE.md").partition("| modules | contents |\n")[2].partition("\n\n")[0]
    rows = [re.findall(r"`(\w+)`", row.split("|")[1]) for row in table.splitlines()[1:]]
    return {module: number for number, modules in enumerate(rows) for module in modules}


def imports(module: str) -> set:
    """The other modules of the core that a module names, its tests aside."""
    files = [path for path in (CORE / module).rglob("*.rs") if "tests" not in path.relative_to(CORE).as_posix()]
    found = set()
    for path in [CORE / f"{module}.rs", *files]:
        code = path.read_text(encoding="utf-8").partition("\n#[cfg(test)]\nmod tests {")[0]
        code = re.sub(r"^\s*//.*$", "", code, flags=re.MULTILINE)
        found |= set(re.findall(r"\bcrate::(\w+)", code))
        for group in re.findall(r"\bcrate::\{(.*?)\};", code, re.DOTALL):
            found |= set(re.findall(r"(?:^|,)\s*(\w+)", group))
    return (found & set(layers())) - {module}


def test_the_table_of_layers_has_every_module():
    assert sorted(layers()) == sorted(path.stem for path in CORE.glob("*.rs") if path.stem != "lib")


def test_architecture_gives_a_reason_for_every_dependency():
    section = text("ARCHITECTURE.md").partition("\n## Dependencies\n")[2].partition("\n## ")[0]
    needed = set()
    for manifest in ("Cargo.toml", "core/Cargo.toml", "cli/Cargo.toml", "testkit/Cargo.toml"):
        for key in ("dependencies", "dev-dependencies"):
            needed |= set(tomllib.loads(text(manifest)).get(key, {}))
    named = set(re.findall(r"`([\w-]+)`", section))
    assert sorted(name for name in needed - named if not name.startswith("certpick") and name != "testkit") == []


@pytest.mark.parametrize("module", layers())
def test_a_module_imports_only_lower_layers(module):
    row = layers()
    assert sorted(other for other in imports(module) if row[other] <= row[module]) == []
