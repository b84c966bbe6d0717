# SPDX-License-Identifier: MIT OR Apache-2.0
"""Builds the benchmark's programs and certificates in target/bench."""

import hashlib
import os
import shutil
import subprocess
import time
from functools import cache
from pathlib import Path

from harness import paths, programs, token
from harness.toolchain import C_TESTS, LINK_CERTPICK, compile_c

HERE = Path(__file__).resolve().parent
BENCH = paths.TARGET / "bench"
PKI = BENCH / "pki"
COUNT = 10_000
CONFIGURED = 1000  # credentials of a configuration file
# In the order of pki.c: file N has kind (N - 1) % 7.
KINDS = {
    "v3": "version 3, by a CA, P-256",
    "v1": "version 1 with text, RSA and P-256",
    "self-signed": "self-signed, RSA and P-256",
    "multi-valued": "two attributes in one RDN",
    "mixed keys": "version 3, RSA and P-256, SHA-512",
    "RSA-PSS": "RSA-PSS keys and signatures",
    "old strings": "T61 and BMP strings in names",
}
MIXED = "mixed"  # all kinds in turn
DIRECTORY = "directory"  # the same, as the result of a shell's ../pki/*.crt
FOLDER = "folder"  # with the certificates and keys of a list of CONFIGURED
USER_SUBJECT = "/O=Example/CN=user 0"  # of site.crt and rsa.crt
PASSWORD = "secret"
# certpick does not cache files that were just written (racy timestamps).
MIN_AGE_SECONDS = 5
FLAGS = ["-std=c99", "-D_GNU_SOURCE", "-O2"]


@cache
def libpq_version() -> int:
    """Returns the version of the patched and the stock libpq."""
    return programs.any_psql("certpick", "stock")


def libpq(variant: str = "") -> Path:
    return paths.prefix(libpq_version(), variant)


def program(name: str, sources: list, libs=(), flags=()) -> Path:
    sources = [HERE / source for source in sources]
    return compile_c(BENCH / name, sources, flags=[*FLAGS, *flags], libs=libs)


def libpq_program(name: str, ways: str, libs=()) -> Path:
    """Compiles a program with stock libpq. The patched one has the same interface."""
    prefix = libpq("-stock")
    return program(
        name,
        ["connect.c", ways],
        flags=[f"-I{prefix / 'include'}"],
        libs=[f"-L{prefix / 'lib'}", "-lpq", *libs],
    )


def build_programs() -> None:
    BENCH.mkdir(parents=True, exist_ok=True)
    libpq_program("connect", "no_ways.c")
    libpq_program("connect-ways", "ways.c", LINK_CERTPICK)
    for name in ("choice", "selector"):
        program(name, [f"{name}.c", "credentials.c", "memory_link.c"], LINK_CERTPICK)


def write_configuration(count: int, which: str) -> Path:
    """Writes a configuration file with the credentials of a list, each with a rule. Returns its path.

    Of all rules or only of the last one, a pattern matches the host db{count}.example. The last rule also matches
    127.0.0.1.
    """
    path = PKI / f"rules-{which}-{count}.toml"
    tables = []
    for number, name in enumerate([*others(count - 1, MIXED), "site"], 1):
        hosts = [f"*.site{number}.example:5432", "*.example" if which == "all" else f"db{number}.example"]
        hosts += ["127.0.0.1"] if number == count else []
        quoted = ", ".join(f'"{host}"' for host in hosts)
        tables.append(f'[[credential]]\nhosts = [{quoted}]\nsslcert = "{name}.crt"\nsslkey = "{name}.key"\n')
    text = "".join(tables)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    return path


def make_folder() -> Path:
    """Creates a directory of linked certificates and keys, which are those of a list."""
    directory = PKI / FOLDER
    if not directory.exists():
        unfinished = PKI / f"{FOLDER}.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        for name in [*others(CONFIGURED - 1, "v3"), "site"]:
            for suffix in ("crt", "key"):
                os.link(PKI / f"{name}.{suffix}", unfinished / f"{name}.{suffix}")
        unfinished.rename(directory)
    return directory


def make_token() -> token.Token:
    """Returns a new token with the key of site.crt, and writes the openssl.cnf that activates it."""
    directory = BENCH / "token"
    shutil.rmtree(directory, ignore_errors=True)
    made = token.Token(directory)
    made.add("site", PKI / "site.key")
    made.cnf(directory / "openssl.cnf", logged=False)
    return made


def make() -> None:
    """Creates the certificates, once for each version of the sources."""
    stamp = BENCH / "pki.stamp"
    sources = [HERE / "pki.c", *(C_TESTS / name for name in ("certificates.c", "support.c"))]
    wanted = f"{COUNT} {hashlib.sha256(b''.join(source.read_bytes() for source in sources)).hexdigest()}"
    if not stamp.exists() or stamp.read_text() != wanted:
        maker = program("pki-make", sources, flags=[f"-I{C_TESTS}"])
        print(f"making {COUNT:,} certificates and keys", flush=True)
        stamp.unlink(missing_ok=True)
        shutil.rmtree(PKI, ignore_errors=True)
        PKI.mkdir()
        subprocess.run([maker, str(COUNT)], cwd=PKI, check=True)
        stamp.write_text(wanted)
    written = [stamp, make_folder(), *(write_configuration(CONFIGURED, which) for which in ("one", "all"))]
    newest = max(file.stat().st_mtime for file in written)
    time.sleep(max(0.0, newest + MIN_AGE_SECONDS - time.time()))


def others(count: int, kind: str) -> list:
    """Returns the names, without suffixes, of certificates that the server does not request."""
    if kind == MIXED:
        return [str(i) for i in range(1, count + 1)]
    if kind == DIRECTORY:
        return sorted(f"../{PKI.name}/{i}" for i in range(1, count + 1))
    kinds = list(KINDS)
    numbers = range(1 + kinds.index(kind), COUNT + 1, len(kinds))
    return [str(i) for i in numbers[:count]]


def lists(count: int, key: str = "site.key", kind: str = MIXED, certificate: str = "site.crt") -> tuple:
    """Returns lists of certificates and keys. Only the last one was issued by the CA that the server names."""
    names = others(count - 1, kind)
    place = f"../{PKI.name}/" if kind == DIRECTORY else ""
    last = "rsa.crt" if key == "rsa.key" else certificate
    return (
        ",".join([*(f"{name}.crt" for name in names), f"{place}{last}"]),
        ",".join([*(f"{name}.key" for name in names), f"{place}{key}"]),
    )
