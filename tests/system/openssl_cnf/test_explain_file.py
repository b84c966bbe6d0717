# SPDX-License-Identifier: MIT OR Apache-2.0
"""The settings explain and explain_file: explanations go to a file and never to a terminal."""

import os
import stat

import pytest

from clients import PROGRAMS
from harness.pki import THREE
from harness.psql import NONE_SUITABLE, NO_CERTIFICATE
from harness.server import OPTIONAL

psql, curl = PROGRAMS["psql"], PROGRAMS["curl"]
SENT, NONE, FAILED, NOT_ASKED = "sent", "none suits", "failed", "not asked"
# Runs a program with a file size limit of 4,096 bytes. Python ignores SIGXFSZ, and the program inherits that.
LIMITED = """
import os, resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
os.execvp(sys.argv[1], sys.argv[1:])
"""
WRONG_PASSWORD = {**THREE, "sslpassword": ",wrong-secret,"}


@pytest.fixture
def outcome(servers, certificates, home, cnf):
    """Runs psql in one of the four cases, and compares its output with that of psql without explanations."""

    def connect(case: str, before=(), **explain):
        ca = {SENT: "beta", NONE: "server", FAILED: "beta", NOT_ASKED: None}[case]
        lists = WRONG_PASSWORD if case == FAILED else THREE
        server = servers.postgres(ca, hba=OPTIONAL)
        result = psql.connect(server, certificates, home, cnf(**lists, **explain), before)
        if case == FAILED:
            assert (result.status, result.out) == (2, "")
            error = 'SSL error: entry 2: could not load private key file "bert.key": '
            assert error in result.err and result.err.count("\n") == 1
        else:
            expected = "/CN=bert\n" if case == SENT else "\n"
            assert (result.status, result.out, result.err) == (0, expected, "")

    return connect


@pytest.mark.parametrize("case", [SENT, NONE, FAILED, NOT_ASKED])
@pytest.mark.parametrize(
    ("explain", "written"),
    [(None, []), ("never", []), ("failure", [NONE, FAILED]), ("always", [SENT, NONE, FAILED])],
)
def test_never_failure_and_always_write_as_documented(outcome, home, case, explain, written):
    file = home / "explained"
    outcome(case, explain=explain, explain_file=file)
    assert file.exists() == (case in written)


def test_the_request_and_each_certificate_are_explained(outcome, home):
    file = home / "explained"
    outcome(SENT, explain="always", explain_file=file)
    text = file.read_text()
    for part in ("beta", "anna.crt", "bert.crt", "carl.crt", "127.0.0.1", "demo"):
        assert part in text, text


def test_the_file_is_created_for_its_owner_only_and_appended_to(outcome, home):
    file = home / "explained"
    mask = os.umask(0)
    try:
        outcome(SENT, explain="always", explain_file=file)
    finally:
        os.umask(mask)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first = file.read_text()
    outcome(NONE, explain="always", explain_file=file)
    assert file.read_text().startswith(first)
    assert NONE_SUITABLE not in first and NONE_SUITABLE in file.read_text()


def test_an_existing_file_keeps_its_mode_and_content(outcome, home):
    file = home / "explained"
    file.write_text("before\n")
    file.chmod(0o640)
    outcome(SENT, explain="always", explain_file=file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert file.read_text().startswith("before\n") and "bert.crt" in file.read_text()


@pytest.mark.parametrize("case", [SENT, FAILED])
def test_no_password_is_written(outcome, home, case):
    file = home / "explained"
    outcome(case, explain="always", explain_file=file)
    assert "secret" not in file.read_text()


@pytest.mark.parametrize("place", ["missing/file", "directory", "fifo", "/dev/full", "/dev/null/file"])
@pytest.mark.parametrize("case", [SENT, NONE, FAILED])
def test_a_file_that_cannot_be_written_does_not_affect_the_program(outcome, home, case, place):
    (home / "directory").mkdir()
    os.mkfifo(home / "fifo")
    outcome(case, explain="always", explain_file=home / place)


@pytest.mark.parametrize("case", [SENT, NONE, FAILED])
def test_a_symbolic_link_is_not_followed(outcome, home, case):
    """Otherwise a process of root could append a server's text to a file that another user chose."""
    (home / "victim").write_text("as it was\n")
    (home / "symbolic").symlink_to(home / "victim")
    (home / "dangling").symlink_to(home / "made")
    os.link(home / "victim", home / "hard")
    for name in ("symbolic", "dangling", "hard"):
        outcome(case, explain="always", explain_file=home / name)
    assert (home / "victim").read_text() == "as it was\n"
    assert not (home / "made").exists()


def test_nothing_is_written_to_a_fifo(outcome, home):
    os.mkfifo(home / "fifo")
    reader = os.open(home / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    outcome(SENT, explain="always", explain_file=home / "fifo")
    assert os.read(reader, 1) == b""
    os.close(reader)


@pytest.mark.parametrize("case", [SENT, NONE, FAILED])
def test_a_file_at_the_size_limit_does_not_end_the_program(outcome, home, case):
    """RLIMIT_FSIZE causes SIGXFSZ, in addition to an error."""
    file = home / "explained"
    file.write_text("x" * 4096)
    outcome(case, before=["/usr/bin/python3", "-c", LIMITED], explain="always", explain_file=file)
    assert file.stat().st_size == 4096


@pytest.mark.parametrize("wrong", [{"sslcrt": "x"}, {"sslcert": "missing.crt,bert.crt,carl.crt"}])
def test_errors_in_the_settings_are_written_too(servers, certificates, home, cnf, wrong):
    file = home / "explained"
    env = cnf(**{**THREE, **wrong}, explain="failure", explain_file=file)
    result = psql.connect(servers.postgres("beta"), certificates, home, env)
    text = result.err.split("SSL error: ")[1].removesuffix("\n")
    assert text in file.read_text()


def test_every_program_is_explained(servers, certificates, home, cnf, program):
    file = home / "explained"
    env = cnf(**THREE, explain="always", explain_file=file)
    result = program.connect(servers.of_kind(program.kind, "beta"), certificates, home, env)
    assert (result.status, program.received(result)) == (0, "bert")
    assert "bert.crt" in file.read_text()


def test_a_refusal_by_the_server_is_explained(servers, certificates, home, cnf):
    """psql prints only the server's message."""
    file = home / "explained"
    env = cnf(**THREE, explain="failure", explain_file=file)
    result = psql.connect(servers.postgres("server"), certificates, home, env)
    assert result.status == 2 and NO_CERTIFICATE in result.err
    assert NONE_SUITABLE in file.read_text()
