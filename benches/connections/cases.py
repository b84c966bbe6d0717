# SPDX-License-Identifier: MIT OR Apache-2.0
"""The ways to connect that are compared."""

from dataclasses import dataclass

from .pki import DIRECTORY, KINDS, MIXED

STOCK = "stock libpq"
PATCHED = "patched libpq"
MODULE = "stock libpq with the module"
NAIVE = "each file read at each connection"
UNCACHED = "certpick without its cache"
LOOKED = "kept by the program, each file of the list looked at"
SELECTOR = "one selector kept by the program"
COPIED = "stock libpq, no connection: the lists copied and freed"

WAY_NAMES = {NAIVE: "naive", UNCACHED: "uncached", LOOKED: "looked", SELECTOR: "selector"}
BURST = 24  # later connections of a process whose costs are held against each other
PAUSE = 2  # seconds


KIND_NAMES = {**KINDS, MIXED: "all of these in turn"}


@dataclass(frozen=True)
class Case:
    way: str
    count: int  # certificates in the list; 1: as with stock libpq
    key: str = "site.key"
    later: int = 6  # connections of one process after its first
    kind: str = MIXED  # of the certificates that the server does not want
    pause: int = 0  # seconds before each later connection

    @property
    def name(self) -> str:
        return f"{self.way}, {self.count}, {self.key}, {self.kind}, {self.pause}"

    @property
    def label(self) -> str:
        size = "one certificate" if self.count == 1 else f"list of {self.count:,}"
        key = {
            "site.key": "plain key" if self.count == 1 else "",
            "site-encrypted.key": "encrypted key",
            "site-pbkdf2.key": "PBKDF2 key",
            "rsa.key": "RSA key",
        }[self.key]
        kind = {MIXED: "", DIRECTORY: "all of one directory", **KINDS}[self.kind]
        pause = f"{self.pause} s apart" if self.pause else ""
        return ", ".join(filter(None, (size, key, kind, pause)))

    @property
    def encrypted(self) -> bool:
        return self.key in ("site-encrypted.key", "site-pbkdf2.key")


REFERENCE = Case(STOCK, 1, later=12)
STOCK_ENCRYPTED = Case(STOCK, 1, "site-encrypted.key")
STOCK_PBKDF2 = Case(STOCK, 1, "site-pbkdf2.key", later=2)
STOCK_RSA = Case(STOCK, 1, "rsa.key")
PBKDF2 = Case(PATCHED, 2, "site-pbkdf2.key", later=3)
# Of later connections: what is sent is looked at, and the rest of the list does not exist.
FLOOR = Case(LOOKED, 1, later=12)

LISTS = [Case(PATCHED, count, later=BURST) for count in (2, 101, 1000, 10_000)]
OF_DIRECTORY = Case(PATCHED, 10_000, later=BURST, kind=DIRECTORY)
SHORT, MIDDLE, LONG, _ = LISTS
COPIES = {case: Case(COPIED, case.count, later=100, kind=case.kind) for case in (*LISTS, OF_DIRECTORY)}
COPY_OF_ONE = Case(COPIED, 1, later=100)

# For each kind of the other certificates: certpick's connections, and what reading the files costs.
FIRST_SIZES = (101, 1000)
FIRST = {
    (way, kind, count): Case(way, count, later=6 if way == PATCHED and count == 1000 else 1, kind=kind)
    for way in (PATCHED, LOOKED) for kind in (*KINDS, MIXED) for count in FIRST_SIZES
}  # fmt: skip
FIRST.update({(PATCHED, MIXED, case.count): case for case in (MIDDLE, LONG)})

CASES = [
    REFERENCE,
    STOCK_ENCRYPTED,
    STOCK_PBKDF2,
    STOCK_RSA,
    Case(PATCHED, 1),
    *LISTS,
    OF_DIRECTORY,
    Case(PATCHED, 2, "site-encrypted.key"),
    PBKDF2,
    Case(PATCHED, 101, "rsa.key"),
    Case(MODULE, 101),
    Case(MODULE, 1000),
    Case(SELECTOR, 1000),
    Case(UNCACHED, 101),
    Case(UNCACHED, 1000, later=3),
    Case(NAIVE, 101, later=3),
    FLOOR,
    *(case for case in FIRST.values() if case not in LISTS),
    COPY_OF_ONE,
    *COPIES.values(),
]
SHOWN = CASES[: CASES.index(FLOOR) + 1]  # the others are in tables of their own
PAUSED = [
    Case(way, count, later=4, pause=PAUSE)
    for way, count in ((STOCK, 1), (PATCHED, 1000), (LOOKED, 1000), (PATCHED, 10_000))
]  # fmt: skip
STOCK_PAUSED, LONG_PAUSED, LOOKED_PAUSED, _ = PAUSED

# Of these the instructions are counted too, which takes a while.
COUNTED_LATER = [
    REFERENCE,
    STOCK_PBKDF2,
    STOCK_RSA,
    SHORT,
    MIDDLE,
    LONG,
    PBKDF2,
    Case(PATCHED, 101, "rsa.key"),
    Case(MODULE, 101),
    Case(UNCACHED, 101),
    Case(NAIVE, 101, later=3),
    FLOOR,
]
COUNTED_FIRST = [REFERENCE, *(case for case in FIRST.values() if case.way == PATCHED)]


def reference_of(case: Case) -> Case:
    """One certificate with stock libpq; RSA keys sign more slowly than P-256."""
    if case.pause:
        return STOCK_PAUSED
    return STOCK_RSA if case.key == "rsa.key" else REFERENCE
