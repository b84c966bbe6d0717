# SPDX-License-Identifier: MIT OR Apache-2.0
"""The interface is the recorded one, and scripts/abi distinguishes additions from incompatible changes."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import paths

HEADER = paths.HEADER_DIR / "certpick.h"


def abi(action: str, root: Path = paths.ROOT, header: Path = HEADER) -> subprocess.CompletedProcess:
    library = paths.TARGET / "release" / "libcertpick.so"
    return subprocess.run(
        ["/usr/bin/python3", root / "scripts" / "abi", action],
        env={"PATH": os.environ["PATH"], "CERTPICK_HEADER": str(header), "CERTPICK_LIBRARY": str(library)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_interface_is_the_recorded_one():
    done = abi("check")
    assert (done.returncode, done.stdout) == (0, "as recorded\n"), done.stderr


def edited(tmp_path: Path, old: str, new: str) -> Path:
    text = HEADER.read_text()
    assert text.count(old) == 1, old
    header = tmp_path / "certpick.h"
    header.write_text(text.replace(old, new))
    return header


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("int certpick_is_list(const char *sslcert);", "", "gone: function int certpick_is_list(const char *)"),
        ("uint32_t certpick_verdict(", "uint64_t certpick_verdict(", "to: function uint64_t certpick_verdict("),
        ("size_t certpick_choice(const SSL *ssl)", "size_t certpick_choice(SSL *ssl)", "certpick_choice(SSL *)"),
        ("int64_t value);", "int64_t value, int more);", "int32_t, int64_t, int)"),
        ("typedef int32_t certpick_status", "typedef int64_t certpick_status", "certpick_status = int64_t"),
        ("#define CERTPICK_ERROR_FROZEN 4\n", "#define CERTPICK_ERROR_FROZEN 5\n", "CERTPICK_ERROR_FROZEN = 5"),
        ("#define CERTPICK_FLAWED_EXCLUDE 1\n", "", "gone: constant CERTPICK_FLAWED_EXCLUDE"),
        ("(char *buf, int size,", "(char *buf, long size,", "to: type int (*certpick_password_cb)(char *, long,"),
    ],
)
def test_an_incompatible_change_is_reported_and_not_recorded(tmp_path, old, new, words):
    header = edited(tmp_path, old, new)
    for action in ("check", "record"):
        done = abi(action, header=header)
        assert done.returncode == 1
        assert words in done.stdout and "breaks existing programs" in done.stdout


def test_a_function_that_is_no_longer_exported_is_an_incompatible_change(tmp_path):
    root = tree(tmp_path)
    with open(root / "abi" / "certpick.abi", "a") as record:
        record.write("export certpick_more\n")
    done = abi("check", root)
    assert done.returncode == 1 and "gone: export certpick_more" in done.stdout


def tree(below: Path) -> Path:
    for name in ("scripts/abi", "abi/certpick.abi"):
        (below / name).parent.mkdir()
        shutil.copy(paths.ROOT / name, below / name)
    return below


def test_an_addition_is_reported_and_recorded(tmp_path):
    root = tree(tmp_path)
    (tmp_path / "new").mkdir()
    header = edited(
        tmp_path / "new", "void certpick_cache_clear(void);", "void certpick_cache_clear(void);\nint certpick_more(int);"
    )
    done = abi("check", root, header)
    assert (done.returncode, done.stdout.splitlines()[0]) == (3, "new: function int certpick_more(int)")
    assert abi("record", root, header).returncode == 0
    assert abi("check", root, header).returncode == 0
    assert abi("check", root).returncode == 1  # and now its removal is an incompatible change


def test_names_of_parameters_do_not_matter(tmp_path):
    header = edited(tmp_path, "int certpick_is_list(const char *sslcert);", "int certpick_is_list(const char *text);")
    assert abi("check", header=header).returncode == 0
