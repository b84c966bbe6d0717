# SPDX-License-Identifier: MIT OR Apache-2.0
"""The ways to connect that are compared."""

from dataclasses import dataclass

STOCK = "stock libpq"
PATCHED = "patched libpq"
MODULE = "stock libpq with the module"
NAIVE = "each file read at each connection"
UNCACHED = "certpick without its cache"
KEPT = "certificate and key kept by the program"
LOOKED = "kept, and each file of the list looked at"
SELECTOR = "one selector kept by the program"

WAY_NAMES = {NAIVE: "naive", UNCACHED: "uncached", KEPT: "kept", LOOKED: "looked", SELECTOR: "selector"}


@dataclass(frozen=True)
class Case:
    way: str
    count: int  # certificates in the list; 1: as with stock libpq
    key: str = "site.key"
    later: int = 6  # connections of one process after its first

    @property
    def name(self) -> str:
        return f"{self.way}, {self.count}, {self.key}"

    @property
    def label(self) -> str:
        what = {
            "site.key": "plain key",
            "site-encrypted.key": "encrypted key",
            "site-pbkdf2.key": "PBKDF2 key",
            "rsa.key": "RSA key",
        }[self.key]
        size = "one certificate" if self.count == 1 else f"list of {self.count:,}"
        return size if self.key == "site.key" and self.count > 1 else f"{size}, {what}"

    @property
    def encrypted(self) -> bool:
        return self.key in ("site-encrypted.key", "site-pbkdf2.key")


REFERENCE = Case(STOCK, 1)
STOCK_ENCRYPTED = Case(STOCK, 1, "site-encrypted.key")
STOCK_PBKDF2 = Case(STOCK, 1, "site-pbkdf2.key", later=2)
STOCK_RSA = Case(STOCK, 1, "rsa.key")
FLOOR = Case(KEPT, 1)


def patched(count: int) -> Case:
    return Case(PATCHED, count, later=3 if count >= 1000 else 6)


CASES = [
    REFERENCE,
    STOCK_ENCRYPTED,
    STOCK_PBKDF2,
    STOCK_RSA,
    *[patched(count) for count in (1, 2, 10, 101, 1000)],
    Case(PATCHED, 2, "site-encrypted.key"),
    Case(PATCHED, 2, "site-pbkdf2.key", later=3),
    Case(PATCHED, 101, "rsa.key"),
    *[Case(MODULE, count, later=3 if count >= 1000 else 6) for count in (2, 101, 1000)],
    *[Case(NAIVE, count, later=2 if count >= 1000 else 3) for count in (2, 10, 101, 1000)],
    *[Case(UNCACHED, count, later=2 if count >= 1000 else 3) for count in (2, 10, 101, 1000)],
    Case(SELECTOR, 101),
    Case(SELECTOR, 1000),
    *[Case(LOOKED, count, later=3 if count >= 1000 else 6) for count in (2, 101, 1000)],
    FLOOR,
]

# Of these the instructions are counted too, which takes a while.
COUNTED_LATER = [
    REFERENCE,
    STOCK_PBKDF2,
    STOCK_RSA,
    *[patched(count) for count in (2, 10, 101, 1000)],
    Case(PATCHED, 2, "site-pbkdf2.key", later=3),
    Case(PATCHED, 101, "rsa.key"),
    Case(MODULE, 101),
    Case(NAIVE, 101, later=3),
    Case(UNCACHED, 101, later=3),
    FLOOR,
]
COUNTED_FIRST = [REFERENCE, *[patched(count) for count in (2, 101)], Case(NAIVE, 101, later=3)]


def reference_of(case: Case) -> Case:
    """One certificate with stock libpq; RSA keys sign more slowly than P-256."""
    return STOCK_RSA if case.key == "rsa.key" else REFERENCE
