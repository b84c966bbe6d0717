# SPDX-License-Identifier: MIT OR Apache-2.0
"""The tests that are not run with another architecture, each with its reason. See scripts/cross-tests.

pytest skips the C tests in these lists if it loads this file (-p harness.emulation). CERTPICK_EMULATED is set if
qemu-user runs the programs.
"""

import os

import pytest

TOO_SLOW = "emulation is too slow to read a file within 10 ms of its change"
# By name; cargo test leaves out the tests with this part in their names.
RUST_TESTS = {
    "stamps::content_that_is_read_just_after_a_change_is_not_cached": TOO_SLOW,
}
# By the beginning of pytest's node ID.
C_TESTS: dict = {}


def pytest_collection_modifyitems(items: list) -> None:
    if not os.environ.get("CERTPICK_EMULATED"):
        return
    for start, why in C_TESTS.items():
        found = [item for item in items if item.nodeid.startswith(start)]
        if not found:
            raise pytest.UsageError(f"harness/emulation.py names a test that does not exist: {start}")
        for item in found:
            item.add_marker(pytest.mark.skip(reason=f"{item.originalname}[{item.callspec.params['name']}]: {why}"))
