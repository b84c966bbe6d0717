# SPDX-License-Identifier: MIT OR Apache-2.0
"""The parts of a document that a program writes, between <!-- begin NAME --> and <!-- end NAME -->."""

import re
from pathlib import Path


def renew(document: Path, blocks: dict) -> None:
    text = document.read_text()
    for name, content in blocks.items():
        block = re.compile(rf"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
        text, found = block.subn(lambda match: f"{match[1]}{content}\n{match[2]}", text)
        if found != 1:
            raise SystemExit(f"{document}: {found} blocks named {name}, there is to be one")
    document.write_text(text)
