# SPDX-License-Identifier: MIT OR Apache-2.0
"""certpick reads configuration files as Python's tomllib does, and refuses everything that it does not know."""

import random
import re
import tomllib
import unicodedata
from pathlib import PurePosixPath

from harness import paths
from harness.configurations import read_configurations

DIRECTORY = PurePosixPath("/no/such")
STRINGS = {"sslcert", "sslkey", "sslpasswordfile"}
LISTS = {"hosts", "users"}
SEEDS = sorted((paths.ROOT / "fuzz" / "seeds" / "config").iterdir())
PIECES = [
    *"\"'\\#=,.[]{}\n\r\t \0a0é", "\r\n", '"""', "'''", "[[credential]]\n", "[credential]\n", "\\u0041", "\\n", "true",
    'issuers = "i"\n', 'sslcert = "a"\n', "hosts = ['a']\n", 'users = ["b", "c"]\n', "verified = false\n", "{a = 1}", "[1]",
    "1979-05-27", "0x1f", "[]", '""', "\N{BOM}", "\x7f", "\x85",
]  # fmt: skip


def is_string(value) -> bool:
    return isinstance(value, str) and value != "" and all(unicodedata.category(c) != "Cc" for c in value)


def is_uri(name: str) -> bool:
    return re.match(r"handle:|pkcs11:($|\?|(object|id|token)=)", name) is not None


def name(value: str) -> str:
    return value if is_uri(value) else str(DIRECTORY / value)


def credential(table: dict) -> str:
    """Returns the values of a credential like the example read_config. Raises ValueError if one is wrong."""
    for key, value in table.items():
        if key in STRINGS:
            right = is_string(value)
        elif key in LISTS:
            right = isinstance(value, list) and value != [] and all(map(is_string, value))
        else:
            right = key == "verified" and isinstance(value, bool)
        if not right:
            raise ValueError(key)
    sslcert = table.get("sslcert")
    if sslcert is None or sslcert.startswith("certpick:") or ("," in sslcert and not is_uri(sslcert)):
        raise ValueError("sslcert")
    names = [name(table[key]) if key in table else "" for key in ("sslcert", "sslkey", "sslpasswordfile")]
    lists = ["\x1e".join(table.get(key, [])) for key in ("hosts", "users")]
    return "\x1d".join([*names, *lists, str(table.get("verified", False)).lower()])


def expected(content: bytes):
    """Returns the fields that tomllib finds, or None if the content is an error."""
    try:
        document = tomllib.loads(content.decode())
        credentials = document.pop("credential", [])
        issuers = document.pop("issuers", None)
        if document or not isinstance(credentials, list) or not credentials or (issuers is not None and not is_string(issuers)):
            return None
        return ["ok", str(DIRECTORY / issuers) if issuers else "", *map(credential, credentials)]
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


def same(path: str) -> str:
    """Python drops "." and "//" in a path."""
    return re.sub(r"/(\./|/)+", "/", path)


def damaged(source: random.Random, content: str) -> str:
    for _ in range(source.choice([1, 1, 1, 2, 3])):
        at = source.randrange(len(content) + 1)
        end = at + source.choice([0, 0, 1, 1, 2, 8])
        content = content[:at] + source.choice(["", *PIECES]) + content[end:]
    return content


def test_certpick_agrees_with_tomllib():
    source = random.Random(15)
    seeds = [seed.read_text() for seed in SEEDS]
    contents = [text.encode() for text in seeds]
    right = [text for text in seeds if expected(text.encode())]
    contents += [damaged(source, source.choice(right)).encode() for _ in range(20_000)]
    accepted = 0
    for content, found in zip(contents, read_configurations(contents), strict=True):
        if re.search(r"credential[\"']?\s*=", content.decode()):
            # TOML has the same meaning for an array of inline tables, which certpick refuses.
            continue
        if found[0] == "error" and re.search(r": (hosts|users): ", found[1]):
            # A wrong pattern. Other tests cover patterns.
            continue
        wanted = expected(content)
        if wanted is None:
            assert found[0] == "error", (content, found)
        else:
            assert list(map(same, found)) == list(map(same, wanted)), content
            accepted += 1
    assert accepted > 1_000
