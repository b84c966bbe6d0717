# SPDX-License-Identifier: MIT OR Apache-2.0
"""Compiles C programs with the header and the library.

Environment variables select another build or another OpenSSL: CERTPICK_TARGET (instead of target/),
CERTPICK_LIBDIR, CERTPICK_INCLUDEDIR, CC, CXX, OPENSSL_CFLAGS, OPENSSL_LIBS (with -L and -Wl,-rpath). Emulators
are slow: CERTPICK_MAX_SECONDS is the time limit of a program.
"""

import contextlib
import os
import re
import shlex
import signal
import subprocess
from pathlib import Path

from .paths import ROOT, TARGET
from .unavailable import need_packages_of

C_TESTS = ROOT / "c-tests"
BUILD = TARGET / "c-tests"
LIBDIR = Path(os.environ.get("CERTPICK_LIBDIR", TARGET / "lib")).absolute()
INCLUDEDIR = Path(os.environ.get("CERTPICK_INCLUDEDIR", ROOT / "include")).absolute()
HEADER = INCLUDEDIR / "certpick.h"
LIBRARY = LIBDIR / "libcertpick.so.0"

CC = shlex.split(os.environ.get("CC", "cc"))
CXX = shlex.split(os.environ.get("CXX", "c++"))
OPENSSL_CFLAGS = shlex.split(os.environ.get("OPENSSL_CFLAGS", ""))
OPENSSL_LIBS = shlex.split(os.environ.get("OPENSSL_LIBS", "-lssl -lcrypto"))
MAX_SECONDS = int(os.environ.get("CERTPICK_MAX_SECONDS", "300"))
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
LINK_CERTPICK = [f"-L{LIBDIR}", f"-Wl,-rpath,{LIBDIR}", "-lcertpick"]


def run(command: list, timeout=MAX_SECONDS, **options) -> subprocess.CompletedProcess:
    """Runs a command for at most `timeout` seconds, with stderr in its stdout."""
    command = [str(part) for part in command]
    need_packages_of(command)
    # In its own process group, so that its children can be ended too.
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        **options,
    ) as process:
        try:
            output, _ = process.communicate(timeout=timeout)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, process.returncode, output)


def succeed(command: list, **options) -> str:
    """Runs a command and returns its output. Fails the test if the status is not 0."""
    done = run(command, **options)
    line = shlex.join(str(part) for part in command)
    assert done.returncode == 0, f"status {done.returncode} from: {line}\n{done.stdout}"
    return done.stdout


def compile_c(output: Path, sources: list, *, compiler=None, flags=(), libs=()) -> Path:
    """Compiles and links a program. An earlier one is removed first."""
    output.parent.mkdir(parents=True, exist_ok=True)
    output.unlink(missing_ok=True)
    succeed(
        [*(compiler or CC), *STRICT, *flags, f"-I{INCLUDEDIR}", *OPENSSL_CFLAGS]
        + ["-o", output, *sources, *libs, *OPENSSL_LIBS]
    )
    return output


def openssl_version() -> tuple:
    """Returns (major, minor) of the headers. 1.1.1 does not define these macros."""
    macros = succeed([*CC, *OPENSSL_CFLAGS, "-E", "-dM", "-include", "openssl/opensslv.h", "-x", "c", "/dev/null"])
    numbers = dict(re.findall(r"^#define OPENSSL_VERSION_(MAJOR|MINOR)\s+(\d+)", macros, re.MULTILINE))
    return int(numbers.get("MAJOR", 1)), int(numbers.get("MINOR", 1))


def has_quic_servers() -> bool:
    return openssl_version() >= (3, 5)
