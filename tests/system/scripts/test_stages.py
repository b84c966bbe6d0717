# SPDX-License-Identifier: MIT OR Apache-2.0
"""The totals and the exit status of `make check` are correct (harness/stages.py, harness/counts.py)."""

import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.paths import ROOT
from harness.unavailable import PACKAGES

TESTS = ROOT / "tests"  # the directory of the package harness

RUN = """
import sys
from pathlib import Path
from harness.counts import cargo_tests, own_sum, pytest_tests
from harness.stages import Stage, run_all, script
script(lambda: run_all([{stages}], slots={slots}))
"""


def run(*stages: str, slots=2, under_make=None, env=None):
    """Runs stages, which are Python expressions. Returns the last line, the exit status and the output."""
    program = RUN.format(stages=", ".join(stages), slots=slots)
    command = [sys.executable, "-c", program]
    if under_make:
        under_make.write_text("all:\n\t@exec $(PYTHON) -c '$(PROGRAM)'\nsum:\n\t@echo '3 passed, 0 failed'\n")
        env = {**(env or {}), "PROGRAM": program.replace("\n", ";").strip(";"), "PYTHON": sys.executable}
        command = ["make", "-s", "-f", str(under_make), "-e"]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, **(env or {}), "PYTHONPATH": str(TESTS)},
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line and not line.startswith("make")]
    return lines[-1] if lines else "", done.returncode, done.stdout


def shell(text: str, *more: str) -> str:
    return f"Stage({text!r}, ['sh', '-c', {text!r}]{''.join(', ' + word for word in more)})"


@pytest.mark.parametrize(
    "stages, last, status",
    [
        ([shell("true"), shell("true")], "2 passed, 0 failed", 0),
        ([shell("true"), shell("exit 3"), shell("true")], "2 passed, 1 failed", 1),
        ([shell("kill -9 $$")], "0 passed, 1 failed", 1),
        ([shell("echo '5 passed, 0 failed'", "own_sum"), shell("true")], "6 passed, 0 failed", 0),
        ([shell("echo '5 passed, 0 failed, 2 skipped'", "own_sum")], "5 passed, 0 failed, 2 skipped", 0),
        # 75: a download of the stage has no source.
        ([shell("exit 75"), shell("true")], "1 passed, 0 failed, 1 skipped", 0),
        ([shell("exit 75"), shell("exit 1")], "0 passed, 1 failed, 1 skipped", 1),
        ([shell("echo '0 passed, 0 failed, 3 skipped'; exit 75", "own_sum"), shell("true")],
         "1 passed, 0 failed, 3 skipped", 0),
        ([shell("echo '4 passed, 1 failed'; exit 75", "own_sum")], "4 passed, 1 failed, 1 skipped", 1),
        ([shell("exit 75", "own_sum"), shell("true")], "1 passed, 0 failed, 1 skipped", 0),
        # Stages that need it are skipped.
        ([shell("true"), shell("exit 75", "needed=True"), shell("false"), shell("true")],
         "1 passed, 0 failed, 3 skipped", 0),
        # No stage ran.
        ([shell("exit 75", "needed=True"), shell("true")], "0 passed, 0 failed, 2 skipped", 75),
        ([shell("echo '5 passed, 1 failed'; exit 1", "own_sum")], "5 passed, 1 failed", 1),
        # Sum and status contradict each other.
        ([shell("echo '5 passed, 0 failed'; exit 1", "own_sum")], "5 passed, 1 failed", 1),
        ([shell("echo '5 passed, 1 failed'", "own_sum")], "5 passed, 1 failed", 1),
        # A stage that runs no test, or prints no totals, fails.
        ([shell("echo '0 passed, 0 failed'", "own_sum")], "0 passed, 1 failed", 1),
        ([shell("true", "own_sum")], "0 passed, 1 failed", 1),
        ([shell("echo '5 passed, 0 failed'; echo more", "own_sum")], "0 passed, 1 failed", 1),
        ([shell("false", "needed=True"), shell("true")], "0 passed, 1 failed", 1),
        # Invalid UTF-8.
        ([shell(r"printf '\377\n7 passed, 0 failed\n'", "own_sum")], "7 passed, 0 failed", 0),
    ],
)
def test_the_last_line_and_the_exit_status_are_correct(stages, last, status):
    printed, code, output = run(*stages)
    assert (printed, code) == (last, status), output


def ends(pid: str) -> bool:
    """Returns whether a process has ended. Waits a little, because a signal takes effect later."""
    try:
        process = os.pidfd_open(int(pid))
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], 10)[0])
    finally:
        os.close(process)


def lines_above_the_totals(output: str) -> list:
    return output.rstrip().rsplit("\n\n", 1)[1].splitlines()[:-1]


def test_reasons_for_skips_are_printed_above_the_sum_even_from_nested_runs():
    inner = RUN.format(slots=2, stages=", ".join([shell("echo 'psql: no source'; exit 75"), shell("true")]))
    stages = [
        f"Stage('inner', [sys.executable, '-c', {inner!r}], own_sum)",
        "Stage('OpenSSL', ['sh', '-c', 'echo no source; exit 75'])",
        shell("echo '5 passed, 0 failed, 2 skipped'", "own_sum"),
        shell("false"),
    ]
    printed, code, output = run(*stages)
    assert (printed, code) == ("6 passed, 1 failed, 4 skipped", 1), output
    assert lines_above_the_totals(output) == [
        "skipped, 1: echo 'psql: no source'; exit 75: psql: no source",
        "skipped, 1: OpenSSL: no source",
        "skipped, 2: echo '5 passed, 0 failed, 2 skipped': see its output for the reason",
        "failed: false",
    ]


FAILING = """
import pytest

@pytest.mark.parametrize("number", range(22))
def test_number(number):
    assert number == 100
"""


def test_failed_tests_are_named_above_the_sum_even_from_nested_runs(tmp_path):
    test, report = tmp_path / "test_failing.py", tmp_path / "report.xml"
    test.write_text(FAILING)
    options = ["-q", "--noconftest", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", f"--junitxml={report}"]
    pytests = f"Stage('pytest', {[sys.executable, '-m', 'pytest', *options, str(test)]}, pytest_tests(Path({str(report)!r})))"
    inner = RUN.format(slots=1, stages=pytests)
    cargo = "test a::b ... FAILED\ntest c - should panic ... FAILED\ntest result: FAILED. 1 passed; 2 failed; 0 ignored"
    prints = f"echo '{cargo}'; exit 1"
    stages = [
        f"Stage('inner', [sys.executable, '-c', {inner!r}], own_sum)",
        f"Stage('Rust', ['sh', '-c', {prints!r}], cargo_tests)",
    ]
    printed, code, output = run(*stages)
    assert (printed, code) == ("1 passed, 24 failed", 1), output
    named = lines_above_the_totals(output)
    assert named[0] == "failed: inner: pytest: test_failing::test_number[0]: assert 0 == 100"
    assert named[20:] == ["failed: inner: pytest: 2 more", "failed: Rust: a::b", "failed: Rust: c"]


NEEDS = """
from pathlib import Path
import pytest
from harness.unavailable import need

@pytest.fixture(params=["psql-15", "psql-17"])
def client(request):
    need(Path(__file__).parent / request.param)

@pytest.mark.parametrize("number", range(3))
def test_of_a_client(client, number):
    pass

def test_of_nothing():
    need(Path(__file__).parent / "nowhere")
"""


def test_tests_whose_download_has_no_source_are_skipped_and_counted_by_reason(tmp_path):
    (tmp_path / "test_needs.py").write_text(NEEDS)
    (tmp_path / "psql-17").mkdir()
    (tmp_path / "psql-17" / "unavailable").write_text("psql-17: no source\n")
    report = tmp_path / "report.xml"
    command = f"[sys.executable, '-m', 'pytest', '-c', '/dev/null', '--junitxml={report}', '{tmp_path}']"
    stage = f"Stage('tests', {command}, pytest_tests(Path('{report}')))"
    printed, code, output = run(stage)
    assert (printed, code) == ("4 passed, 0 failed, 3 skipped", 0), output
    assert lines_above_the_totals(output) == ["skipped, 3: psql-17: no source"]


def test_a_stage_is_skipped_if_a_package_cannot_be_installed(tmp_path):
    package = PACKAGES / f"no-such-package-{os.getpid()}"
    package.mkdir(parents=True)
    (package / "unavailable").write_text("it cannot be installed\n")
    try:
        printed, code, output = run(shell("false", f"packages=('{package.name}',)"), shell("true", "packages=('gcc',)"))
    finally:
        shutil.rmtree(package)
    assert (printed, code) == ("1 passed, 0 failed, 1 skipped", 0), output
    assert lines_above_the_totals(output) == ["skipped, 1: false: it cannot be installed"]


def test_a_stage_that_hangs_is_ended_with_its_children_and_fails(tmp_path):
    pid = tmp_path / "pid"
    hangs = f"tail -f /dev/null & echo $! > {pid}; wait"
    printed, code, output = run(shell(hangs, "time_limit=1"), shell("true"))
    assert (printed, code) == ("1 passed, 1 failed", 1), output
    assert "failed: tail -f" in output and "its time limit" in output
    assert ends(pid.read_text().strip())


@pytest.fixture
def meeting(tmp_path):
    """Two commands that wait for each other between their two lines of output, so that they must run in parallel."""
    for name in ("left", "right"):
        os.mkfifo(tmp_path / name)
    tell, wait = f"echo > {tmp_path}/left", f"read x < {tmp_path}/right"
    answer = f"read x < {tmp_path}/left; echo > {tmp_path}/right"
    return f"echo one; {tell}; {wait}; echo two", f"echo three; {answer}; echo four"


def test_independent_stages_run_in_parallel_and_their_output_is_not_mixed(meeting):
    first, second = meeting
    stages = [shell(first, "after=()", "time_limit=60"), shell(second, "after=()", "time_limit=60"), shell("echo five")]
    printed, code, output = run(*stages)
    assert (printed, code) == ("3 passed, 0 failed", 0), output
    own = " ".join(line for line in output.splitlines() if line in ("one", "two", "three", "four", "five"))
    assert own in ("one two three four five", "three four one two five"), output


def test_no_more_stages_run_than_there_are_slots(tmp_path):
    alone = f"mkdir {tmp_path}/busy && rmdir {tmp_path}/busy"
    printed, code, output = run(*[shell(alone, "after=()") for _ in range(9)], slots=1)
    assert (printed, code) == ("9 passed, 0 failed", 0), output


@pytest.mark.parametrize(
    "stages, last, status, named",
    [
        # A stage that waits for a failed one runs.
        ([("exit 1", "after=()"), ("true", "after=('exit 1',)")], "1 passed, 1 failed", 1, ["failed: exit 1"]),
        # A stage that needs a failed one does not run, directly or indirectly; others do.
        ([("exit 1", "needed=True"), ("exit 2", "needed=True, after=('exit 1',)"), ("exit 3", "after=('exit 2',)"),
          ("true", "after=()")], "1 passed, 1 failed", 1, ["failed: exit 1"]),
        # If the needed one is skipped, they are counted as skipped.
        ([("exit 75", "needed=True"), ("exit 2", "needed=True, after=('exit 75',)"), ("exit 3", "after=('exit 2',)"),
          ("true", "after=()")], "1 passed, 0 failed, 3 skipped", 0,
         ["skipped, 1: exit 75: no reason given", "skipped, 2: it needs exit 75"]),
        # Failed stages are listed in the order of the stages.
        ([("cat WAIT; exit 1", "after=()"), ("echo > WAIT; exit 2", "after=()")], "0 passed, 2 failed", 1,
         ["failed: cat WAIT; exit 1", "failed: echo > WAIT; exit 2"]),
    ],
)  # fmt: skip
def test_a_stage_runs_after_those_for_which_it_waits(stages, last, status, named, tmp_path):
    wait = tmp_path / "wait"
    os.mkfifo(wait)
    texts = [shell(text.replace("WAIT", str(wait)), options) for text, options in stages]
    printed, code, output = run(*texts)
    assert (printed, code) == (last, status), output
    assert lines_above_the_totals(output) == [line.replace("WAIT", str(wait)) for line in named]


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_ends_all_stages_and_lets_them_clean_up(number, status, tmp_path):
    texts = []
    for name in ("left", "right"):
        place = tmp_path / name
        place.mkdir()
        os.mkfifo(place / "begun")
        cleaning = f"echo cleaned up > {place}/cleaned; exit 1"
        texts.append(f"trap '{cleaning}' TERM; tail -f /dev/null & echo $! > {place}/begun; wait")
    program = RUN.format(slots=2, stages=", ".join(shell(text, "after=()") for text in texts))
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(TESTS)}
    ) as process:
        children = [(tmp_path / name / "begun").read_text().strip() for name in ("left", "right")]
        process.send_signal(number)
        output = process.stdout.read().decode()
    assert process.returncode == status, output
    assert [(tmp_path / name / "cleaned").exists() for name in ("left", "right")] == [True, True], output
    assert all(ends(child) for child in children), output
    assert "passed" not in output


def test_the_totals_of_a_nested_make_are_its_last_line(tmp_path):
    makefile = tmp_path / "Makefile"
    stage = f'Stage("sum", ["make", "-f", "{makefile}", "sum"], own_sum)'
    printed, code, output = run(stage, under_make=makefile)
    assert (printed, code) == ("3 passed, 0 failed", 0), output
