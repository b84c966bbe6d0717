# SPDX-License-Identifier: MIT OR Apache-2.0
"""The connections that are compared."""

from dataclasses import dataclass

from .pki import CONFIGURED, DIRECTORY, KINDS, MIXED

STOCK = "stock libpq"
PATCHED = "patched libpq"
MODULE = "stock libpq with the module"
RULES = "stock libpq with the module and a configuration file with rules"
NAIVE = "each file read at each connection"
UNCACHED = "certpick without its cache"
STAT = "kept by the program, each file of the list checked"
SELECTOR = "one selector kept by the program"
COPIED = "stock libpq, no connection: the lists copied and freed"

WAY_NAMES = {NAIVE: "naive", UNCACHED: "uncached", STAT: "stat", SELECTOR: "selector"}
# What the last entry of a list is, or what the list is instead.
PEM = ""
PKCS12 = "the last in a PKCS#12 file of 600,000 iterations"
TOKEN = "the last key in a token of SoftHSM"
PROVIDER = "with pkcs11-provider in openssl.cnf"
FOLDER = "the same files as one directory"
BURST = 24  # later connections of a process, for comparing lists of different lengths
PAUSE = 2  # seconds


KIND_NAMES = {**KINDS, MIXED: "all of these in turn"}


@dataclass(frozen=True)
class Case:
    way: str
    count: int  # certificates in the list; with 1, certpick is not used
    key: str = "site.key"
    later: int = 6  # connections of a process after its first
    kind: str = MIXED  # of the certificates that the server does not request
    pause: int = 0  # seconds before each later connection
    form: str = PEM

    @property
    def name(self) -> str:
        return f"{self.way}, {self.count}, {self.key}, {self.kind}, {self.pause}, {self.form}"

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
        return ", ".join(filter(None, (size, key, kind, self.form, pause)))

    @property
    def encrypted(self) -> bool:
        return self.key in ("site-encrypted.key", "site-pbkdf2.key")


REFERENCE = Case(STOCK, 1, later=12)
STOCK_ENCRYPTED = Case(STOCK, 1, "site-encrypted.key")
STOCK_PBKDF2 = Case(STOCK, 1, "site-pbkdf2.key", later=2)
STOCK_RSA = Case(STOCK, 1, "rsa.key")
PBKDF2 = Case(PATCHED, 2, "site-pbkdf2.key", later=3)
# The minimum for later connections: stat(2) on the files of the certificate that is sent.
FLOOR = Case(STAT, 1, later=12)

# The same 1,000 credentials, as a list and as a configuration file with rules.
WITHOUT_RULES, WITH_RULES = (Case(way, CONFIGURED, later=BURST) for way in (MODULE, RULES))

OF_PKCS12 = Case(PATCHED, 2, later=BURST, form=PKCS12)
# A directory accepts no self-signed certificates of CAs, so all are of version 3. With the module libpq does not
# copy the list.
OF_FILES, OF_FOLDER = (Case(MODULE, CONFIGURED, later=BURST, kind="v3", form=form) for form in (PEM, FOLDER))
# Measured only if there is a token. The provider alone makes a connection more expensive.
OF_PROVIDER, OF_TOKEN = (Case(PATCHED, 2, later=BURST, form=form) for form in (PROVIDER, TOKEN))
WITH_TOKEN = [OF_PROVIDER, OF_TOKEN]

LISTS = [Case(PATCHED, count, later=BURST) for count in (2, 101, 1000, 10_000)]
OF_DIRECTORY = Case(PATCHED, 10_000, later=BURST, kind=DIRECTORY)
SHORT, MIDDLE, LONG, _ = LISTS
COPIES = {case: Case(COPIED, case.count, later=100, kind=case.kind) for case in (*LISTS, OF_DIRECTORY)}
COPY_OF_ONE = Case(COPIED, 1, later=100)

# For each kind of the other certificates: certpick's connections, and the cost of reading the files.
FIRST_SIZES = (101, 1000)
FIRST = {
    (way, kind, count): Case(way, count, later=6 if way == PATCHED and count == 1000 else 1, kind=kind)
    for way in (PATCHED, STAT) for kind in (*KINDS, MIXED) for count in FIRST_SIZES
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
    OF_PKCS12,
    OF_FILES,
    OF_FOLDER,
    Case(PATCHED, 101, "rsa.key"),
    Case(MODULE, 101),
    WITHOUT_RULES,
    WITH_RULES,
    Case(SELECTOR, 1000),
    Case(UNCACHED, 101),
    Case(UNCACHED, 1000, later=3),
    Case(NAIVE, 101, later=3),
    FLOOR,
    *(case for case in FIRST.values() if case not in LISTS),
    COPY_OF_ONE,
    *COPIES.values(),
]
SHOWN = CASES[: CASES.index(FLOOR) + 1]  # the others have separate tables
PAUSED = [
    Case(way, count, later=4, pause=PAUSE)
    for way, count in ((STOCK, 1), (PATCHED, 1000), (STAT, 1000), (PATCHED, 10_000))
]  # fmt: skip
STOCK_PAUSED, LONG_PAUSED, STAT_PAUSED, _ = PAUSED

# Cases whose instructions are counted, which is slow.
COUNTED_LATER = [
    REFERENCE,
    STOCK_PBKDF2,
    STOCK_RSA,
    SHORT,
    MIDDLE,
    LONG,
    PBKDF2,
    OF_PKCS12,
    OF_FILES,
    OF_FOLDER,
    Case(PATCHED, 101, "rsa.key"),
    Case(MODULE, 101),
    WITHOUT_RULES,
    WITH_RULES,
    Case(UNCACHED, 101),
    Case(NAIVE, 101, later=3),
    FLOOR,
]
COUNTED_FIRST = [REFERENCE, *(case for case in FIRST.values() if case.way == PATCHED)]


def reference_of(case: Case) -> Case:
    """Returns the case of stock libpq with one certificate with which this case is compared."""
    if case.pause:
        return STOCK_PAUSED
    return STOCK_RSA if case.key == "rsa.key" else REFERENCE
