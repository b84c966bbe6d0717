# SPDX-License-Identifier: MIT OR Apache-2.0
"""The benchmark's programs and certificates, below target/bench."""

import hashlib
import shutil
import subprocess
import time
from functools import cache
from pathlib import Path

from harness import paths, programs
from toolchain import LINK_CERTPICK, compile_c

HERE = Path(__file__).resolve().parent
BENCH = paths.TARGET / "bench"
PKI = BENCH / "pki"
COUNT = 10_000
USER_SUBJECT = "/O=Example/CN=user 0"  # of site.crt and rsa.crt
PASSWORD = "secret"
# A cache may not trust files that are as young as the clock is coarse.
SETTLED_SECONDS = 5
FLAGS = ["-std=c99", "-D_GNU_SOURCE", "-O2"]


@cache
def libpq_version() -> int:
    """Of the two libpqs that are compared, the patched one and the stock one."""
    return programs.any_psql("certpick", "stock")


def libpq(variant: str = "") -> Path:
    return paths.prefix(libpq_version(), variant)


def program(name: str, sources: list, libs=(), flags=()) -> Path:
    sources = [HERE / source for source in sources]
    return compile_c(BENCH / name, sources, flags=[*FLAGS, *flags], libs=libs)


def libpq_program(name: str, ways: str, libs=()) -> Path:
    """Against stock libpq; the patched one has the same interface."""
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
    program("selector", ["selector.c", "memory_link.c"], LINK_CERTPICK)


def make() -> None:
    """Makes them once for this version of pki.c."""
    stamp = BENCH / "pki.stamp"
    wanted = f"{COUNT} {hashlib.sha256((HERE / 'pki.c').read_bytes()).hexdigest()}"
    if not stamp.exists() or stamp.read_text() != wanted:
        maker = program("pki-make", ["pki.c"])
        print(f"making {COUNT:,} certificates and keys", flush=True)
        stamp.unlink(missing_ok=True)
        shutil.rmtree(PKI, ignore_errors=True)
        PKI.mkdir()
        subprocess.run([maker, str(COUNT)], cwd=PKI, check=True)
        stamp.write_text(wanted)
    time.sleep(max(0.0, stamp.stat().st_mtime + SETTLED_SECONDS - time.time()))


def lists(count: int, key: str = "site.key") -> tuple:
    """Certificates and keys, so many; only the last was issued by the CA that the server names."""
    others = range(1, count)
    last = "rsa.crt" if key == "rsa.key" else "site.crt"
    return (
        ",".join([*(f"{i}.crt" for i in others), last]),
        ",".join([*(f"{i}.key" for i in others), key]),
    )
