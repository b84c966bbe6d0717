# SPDX-License-Identifier: MIT OR Apache-2.0
"""The totals of `make architectures` are correct (scripts/cross-tests)."""

import subprocess
import sys

import pytest

from harness.paths import ROOT

RUN = "skipped, 74: programs under valgrind\n300 passed, 0 failed, 74 skipped\n"
NOT_RUN = "skipped, 1: no packages\n0 passed, 0 failed, 1 skipped\n"


@pytest.mark.parametrize(
    "logs, last, status",
    [
        pytest.param({"i386": RUN, "s390x": NOT_RUN}, "300 passed, 0 failed, 75 skipped", 0, id="one was not run"),
        pytest.param({"s390x": NOT_RUN}, "0 passed, 0 failed, 1 skipped", 75, id="none was run"),
        pytest.param({"i386": RUN, "arm64": "killed\n"}, "300 passed, 1 failed, 74 skipped", 1, id="one has no totals"),
        pytest.param({"i386": "failed: C tests\n2 passed, 3 failed\n"}, "2 passed, 3 failed", 1, id="one has failures"),
    ],
)
def test_the_sums_of_the_architectures_are_added(logs, last, status, tmp_path):
    for name, text in logs.items():
        (tmp_path / f"{name}.log").write_text(text)
    files = [tmp_path / f"{name}.log" for name in logs]
    command = [sys.executable, ROOT / "scripts" / "cross-tests", "total", *files]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    lines = done.stdout.splitlines()
    assert (lines[-1], done.returncode) == (last, status)
    for name, text in logs.items():
        assert any(line.startswith(f"{name}: ") for line in lines)
        if "skipped, " in text:
            assert any(f": {name}: " in line for line in lines if line.startswith("skipped, "))
        if "failed: " in text:
            assert f"failed: {name}: C tests" in lines
