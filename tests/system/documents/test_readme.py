# SPDX-License-Identifier: MIT OR Apache-2.0
"""The C examples in README.md and doc/ compile and link."""

import re

import pytest
from harness.toolchain import BUILD, LINK_CERTPICK, ROOT, compile_c

# Code without main() is linked as a shared object without undefined symbols.
LIBRARY = ["-shared", "-fPIC", "-Wl,-z,defs"]
# OpenSSL 4.0 deprecates SSL_set1_host in favour of a function that earlier versions lack.
ANY_OPENSSL = ["-Wno-deprecated-declarations"]

PAGES = ("README.md", "doc/for-c-programmers.md")


def examples(page: str) -> list:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"^```c\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_the_page_has_an_example_in_c(page):
    assert examples(page), f"no ```c block in {page}"


@pytest.mark.parametrize("page, number", [(page, n) for page in PAGES for n in range(len(examples(page)))])
def test_an_example_compiles_and_links(page, number):
    text = examples(page)[number]
    BUILD.mkdir(parents=True, exist_ok=True)
    source = BUILD / f"{page.replace('/', '_').removesuffix('.md')}_{number + 1}.c"
    source.write_text(text, encoding="utf-8")
    is_program = re.search(r"\bmain\s*\(", text)
    flags = ANY_OPENSSL + ([] if is_program else LIBRARY)
    compile_c(source.with_suffix(""), [source], flags=flags, libs=LINK_CERTPICK)
