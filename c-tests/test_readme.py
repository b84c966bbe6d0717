# SPDX-License-Identifier: MIT OR Apache-2.0
"""The C examples in README.md compile and link."""

import re

import pytest
from toolchain import BUILD, LINK_CERTPICK, ROOT, compile_c

# Functions without a main become a shared object in which nothing may be undefined.
LIBRARY = ["-shared", "-fPIC", "-Wl,-z,defs"]


def examples() -> list:
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    return re.findall(r"^```c\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_readme_has_an_example_in_c():
    assert examples(), "no ```c block in README.md"


@pytest.mark.parametrize("number", range(len(examples())))
def test_an_example_of_the_readme_compiles_and_links(number):
    text = examples()[number]
    BUILD.mkdir(parents=True, exist_ok=True)
    source = BUILD / f"readme_{number + 1}.c"
    source.write_text(text, encoding="utf-8")
    is_program = re.search(r"\bmain\s*\(", text)
    compile_c(source.with_suffix(""), [source], flags=[] if is_program else LIBRARY, libs=LINK_CERTPICK)
