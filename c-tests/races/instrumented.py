# SPDX-License-Identifier: MIT OR Apache-2.0
"""Builds Rust libraries that are instrumented for gcc's ThreadSanitizer.

rustc instruments with -Zsanitizer=thread, which a stable rustc accepts if RUSTC_BOOTSTRAP=1. The standard
library is not instrumented, except for generic and inlined code, which is compiled in our crates: Arc, OnceBox,
Mutex::try_lock. A Mutex::lock that waits is not seen. The library waits in one only to freeze a selector, and
then reads nothing except through OnceBox.
"""

import os
import re
from pathlib import Path

from harness.toolchain import C_TESTS, CC, ROOT, STRICT, succeed

BUILD = ROOT / "target" / "thread-sanitizer"
HERE = C_TESTS / "races"
ENVIRONMENT = {**os.environ, "RUSTC_BOOTSTRAP": "1"}
RUSTC = os.environ.get("RUSTC", "rustc")


def rust_flags() -> list:
    """Returns the flags for rustc. Compiles the functions that libtsan lacks."""
    BUILD.mkdir(parents=True, exist_ok=True)
    between = BUILD / "for_libtsan.o"
    succeed([*CC, *STRICT, "-std=c99", "-O1", "-fPIC", "-c", "-o", between, HERE / "for_libtsan.c"])
    flags = ["-Zsanitizer=thread", f"-Clink-arg={between}", "-Clink-arg=-ltsan"]
    # Newer versions of rustc refuse to mix with an uninstrumented standard library without this flag.
    if "unsafe-allow-abi-mismatch" in succeed([RUSTC, "-C", "help"], env=ENVIRONMENT):
        flags.append("-Cunsafe-allow-abi-mismatch=sanitizer")
    return flags


def build_library() -> Path:
    """Builds certpick. Returns the directory of libcertpick.so.0."""
    host = re.search(r"^host: (\S+)$", succeed([RUSTC, "-vV"]), re.MULTILINE)[1]
    environment = {
        **ENVIRONMENT,
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(rust_flags()),
        "CARGO_PROFILE_RELEASE_LTO": "off",
        "CARGO_PROFILE_RELEASE_DEBUG": "1",
        "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
    }
    command = ["cargo", "build", "--quiet", "--release", "--locked", "--package=certpick", "--lib"]
    # With --target the flags do not apply to build scripts.
    succeed([*command, f"--target={host}", f"--target-dir={BUILD}"], cwd=ROOT, env=environment, timeout=600)
    directory = BUILD / host / "release"
    with_soname = directory / "libcertpick.so.0"
    with_soname.unlink(missing_ok=True)
    with_soname.symlink_to("libcertpick.so")
    return directory


def build_has_races() -> Path:
    """Builds libhas_races.so. Returns its directory."""
    succeed(
        [RUSTC, "--edition=2024", "--crate-type=cdylib", "-O", "-g", *rust_flags()]
        + [f"--out-dir={BUILD}", HERE / "has_races.rs"],
        env=ENVIRONMENT,
    )
    return BUILD
