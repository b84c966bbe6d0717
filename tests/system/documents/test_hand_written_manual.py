# SPDX-License-Identifier: MIT OR Apache-2.0
"""certpick(3), certpick.cnf(5) and certpick.toml(5) are well-formed and complete."""

import re
import subprocess

import pytest

from harness import paths
from harness.configurations import read_configurations
from harness.unavailable import need_package

PAGES = ("certpick.3", "certpick.cnf.5", "certpick.toml.5")


def text(page: str) -> str:
    return (paths.ROOT / "man" / page).read_text()


@pytest.mark.parametrize("page", PAGES)
def test_mandoc_reports_nothing(page):
    need_package("mandoc")
    # -W style is not used: its output depends on the installed manual pages.
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", paths.ROOT / "man" / page], capture_output=True, text=True
    )
    assert done.stdout + done.stderr == ""


def test_certpick_3_has_every_function_and_every_constant():
    header = (paths.HEADER_DIR / "certpick.h").read_text()
    code = re.sub(r"/\*.*?\*/|//[^\n]*", "", header, flags=re.DOTALL)
    functions = set(re.findall(r"\b(certpick_\w+)\(", code))
    constants = set(re.findall(r"^#define (CERTPICK_\w+) \S", code, re.MULTILINE))
    page = text("certpick.3")
    assert functions and functions == set(re.findall(r"^\.F[no] (certpick_\w+)", page.split(".Sh DESC")[0], re.M))
    found = set(re.findall(r"CERTPICK_\w+", page))
    assert constants - {"CERTPICK_OK"} <= found
    variables = set(re.findall(r"^\.It Ev (CERTPICK_\w+)", page, re.M))
    assert found <= constants | variables | {"CERTPICK_OK"}


def test_certpick_cnf_5_has_exactly_the_settings_of_the_module():
    source = (paths.ROOT / "src" / "provider" / "settings.rs").read_text()
    names = re.search(r"NAMES: \[&CStr; \d+\] = \[(.*?)\];", source, re.DOTALL)[1]
    tagged = re.findall(r"^\.It Cm (\w+)", text("certpick.cnf.5"), re.MULTILINE)
    assert set(tagged) - {"module", "activate"} == set(re.findall(r'c"(\w+)"', names))


def test_certpick_toml_5_has_exactly_the_keys_of_the_file():
    source = (paths.ROOT / "core" / "src" / "error" / "config.rs").read_text()
    keys = re.search(r"fn keys\(self\).*?\n    }\n", source, re.DOTALL)[0]
    tagged = re.findall(r"^\.It Cm (\w+)", text("certpick.toml.5"), re.MULTILINE)
    assert tagged == re.findall(r'\("(\w+)"', keys)


def test_certpick_toml_5_has_an_example_that_is_read():
    page = text("certpick.toml.5")
    example = re.search(r"^\.Bd -literal\n(.*?)^\.Ed", page, re.MULTILINE | re.DOTALL)[1].encode()
    [found] = read_configurations([example])
    assert found[0] == "ok" and len(found) == 2 + example.count(b"[[credential]]"), found
