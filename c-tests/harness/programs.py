# SPDX-License-Identifier: MIT OR Apache-2.0
"""Build a C program against a patched libpq and the library."""

import subprocess
from pathlib import Path

from toolchain import CC, OPENSSL_CFLAGS, OPENSSL_LIBS

from . import paths


def build(source: Path, version: int, output: Path) -> Path:
    output.parent.mkdir(parents=True, exist_ok=True)
    prefix = paths.prefix(version)
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
