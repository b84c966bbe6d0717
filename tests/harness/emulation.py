# SPDX-License-Identifier: MIT OR Apache-2.0
"""The tests that are not run on another architecture than that of `make check`, each with its reason.

scripts/cross-tests leaves out those in Rust. pytest loads this file (-p harness.emulation) and skips those in C.
CERTPICK_EMULATED is set if qemu-user runs the programs.
"""

import os

EMULATED = bool(os.environ.get("CERTPICK_EMULATED"))
# By a part of the name, as in `cargo test -- --skip`.
RUST_TESTS = {
    "stamps::content_that_is_read_just_after_a_change_is_not_cached": "emulated handshakes take longer than its 10 ms",
} if EMULATED else {}  # fmt: skip
# By the beginning of pytest's node ID.
C_TESTS = {
    "c-tests/test_elf.py::test_the_size_of_the_stripped_library_is_bounded": "the limit is that of amd64",
}


def pytest_collection_modifyitems(items: list) -> None:
    import pytest  # only here: scripts/cross-tests runs without pytest, too

    for start, why in C_TESTS.items():
        found = [item for item in items if item.nodeid.startswith(start)]
        if not found:
            raise pytest.UsageError(f"harness/emulation.py names a test that does not exist: {start}")
        for item in found:
            item.add_marker(pytest.mark.skip(reason=f"{start.partition('::')[2]}: {why}"))
