# SPDX-License-Identifier: MIT OR Apache-2.0
"""Builds a patched libpq, and C programs that are linked with it and certpick."""

import os
import subprocess
from pathlib import Path

from .toolchain import CC, OPENSSL_CFLAGS, OPENSSL_LIBS

from . import paths
from .unavailable import STATUS, Unavailable


def any_psql(*variants: str) -> int:
    """Builds psql in these variants. Returns its version, the first that can be built."""
    for version in (15, 18, 17, 16):
        for variant in variants:
            env = {**os.environ, "PG": str(version), "VARIANT": variant}
            status = subprocess.run([paths.ROOT / "scripts" / "psql"], env=env).returncode
            if status not in (0, STATUS):
                raise SystemExit(status)
        try:
            for variant in variants:
                paths.psql(version, "" if variant == "certpick" else f"-{variant}")
            return version
        except Unavailable:
            pass
    raise Unavailable("no source of PostgreSQL 15, 16, 17 or 18 from which psql can be built")


def build(source: Path, version: int, output: Path, variant: str = "") -> Path:
    output.parent.mkdir(parents=True, exist_ok=True)
    prefix = paths.prefix(version, variant)
    libraries = [prefix / "lib", paths.LIBRARY_DIR]
    command = [*CC, "-std=c99", "-D_POSIX_C_SOURCE=200809L"]
    command += ["-Wall", "-Wextra", "-Werror", "-g", source, "-o", output]
    command += [f"-I{directory}" for directory in (paths.HEADER_DIR, prefix / "include")]
    command += OPENSSL_CFLAGS
    for directory in libraries:
        command += [f"-L{directory}", f"-Wl,-rpath,{directory}"]
    command += ["-lpq", "-lcertpick", *OPENSSL_LIBS]
    subprocess.run(list(map(str, command)), check=True)
    return output
