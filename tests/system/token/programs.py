# SPDX-License-Identifier: MIT OR Apache-2.0
"""The C programs in this directory."""

from pathlib import Path

from harness.toolchain import C_TESTS, LINK_CERTPICK, compile_c

HERE = Path(__file__).parent


def compile_program(name: str, directory: Path, *flags: str) -> Path:
    """Compiles NAME.c with the support code of c-tests."""
    common = ["support", "certificates", "handshake", "passwords", "picking"]
    sources = [HERE / f"{name}.c", *(C_TESTS / f"{part}.c" for part in common)]
    flags = ["-std=c99", "-O1", "-g", f"-I{C_TESTS}", *flags]
    return compile_c(directory / name, sources, flags=flags, libs=LINK_CERTPICK)
