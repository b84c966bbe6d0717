# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rust libraries that tell gcc's ThreadSanitizer what they read and write.

rustc can do that with -Zsanitizer=thread, which a stable one takes with RUSTC_BOOTSTRAP=1. The
standard library stays as it came; of it, what is generic or inlined is compiled anew in our crates,
and so is seen: Arc, OnceBox, try_lock of Mutex. A Mutex's lock() that has to wait is not seen. The
library waits in one only to freeze a selector, and then reads nothing without OnceBox.
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
    """For rustc; what libtsan lacks is compiled first."""
    BUILD.mkdir(parents=True, exist_ok=True)
    between = BUILD / "for_libtsan.o"
    succeed([*CC, *STRICT, "-std=c99", "-O1", "-fPIC", "-c", "-o", between, HERE / "for_libtsan.c"])
    flags = ["-Zsanitizer=thread", f"-Clink-arg={between}", "-Clink-arg=-ltsan"]
    # Later ones will not mix with the standard library unless told that this is meant.
    if "unsafe-allow-abi-mismatch" in succeed([RUSTC, "-C", "help"], env=ENVIRONMENT):
        flags.append("-Cunsafe-allow-abi-mismatch=sanitizer")
    return flags


def build_library() -> Path:
    """certpick; gives the directory with libcertpick.so.0."""
    host = re.search(r"^host: (\S+)$", succeed([RUSTC, "-vV"]), re.MULTILINE)[1]
    environment = {
        **ENVIRONMENT,
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(rust_flags()),
        "CARGO_PROFILE_RELEASE_LTO": "off",
        "CARGO_PROFILE_RELEASE_DEBUG": "1",
        "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
    }
    command = ["cargo", "build", "--quiet", "--release", "--locked", "--package=certpick", "--lib"]
    # With --target the flags are not for build scripts.
    succeed([*command, f"--target={host}", f"--target-dir={BUILD}"], cwd=ROOT, env=environment, timeout=600)
    directory = BUILD / host / "release"
    with_soname = directory / "libcertpick.so.0"
    with_soname.unlink(missing_ok=True)
    with_soname.symlink_to("libcertpick.so")
    return directory


def build_has_races() -> Path:
    """The directory with libhas_races.so."""
    succeed(
        [RUSTC, "--edition=2024", "--crate-type=cdylib", "-O", "-g", *rust_flags()]
        + [f"--out-dir={BUILD}", HERE / "has_races.rs"],
        env=ENVIRONMENT,
    )
    return BUILD
