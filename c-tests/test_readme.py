# SPDX-License-Identifier: MIT OR Apache-2.0
"""The C examples in README.md are programs that compile."""

import re

import pytest
from toolchain import BUILD, LINK_CERTPICK, ROOT, compile_c


def examples() -> list:
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    return re.findall(r"^```c\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_readme_has_an_example_in_c():
    assert examples(), "no ```c block in README.md"


@pytest.mark.parametrize("number", range(len(examples())))
def test_an_example_of_the_readme_compiles_and_links(number):
    BUILD.mkdir(parents=True, exist_ok=True)
    source = BUILD / f"readme_{number + 1}.c"
    source.write_text(examples()[number], encoding="utf-8")
    compile_c(BUILD / f"readme_{number + 1}", [source], libs=LINK_CERTPICK)
