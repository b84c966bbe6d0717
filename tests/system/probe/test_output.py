# SPDX-License-Identifier: MIT OR Apache-2.0
"""The output formats of certpick probe."""

import json
import re
import shlex
import subprocess
import unicodedata

import pytest

from harness.pki import Authority
from program import PROGRAM, SECONDS, lists, run
from servers import Speaker, error_message

# One of each kind: terminal control, line separator, bidirectional control, invisible character.
HOSTILE = "a\x1b[31m\x7f\x9b1m\u2028b\u202ec\u2066d\u200be\ufefff\u061cg\ufff9h\U000e0041i\ufffe"
SHOWN = (
    r"\u{2028}b\u{202e}c\u{2066}d\u{200b}e\u{feff}f\u{61c}g\u{fff9}h\u{e0041}i\u{fffe}"
)


@pytest.fixture
def server(tls, pki):
    with tls(trusted=pki.people.certificate) as running:
        yield running


def test_the_text_fits_80_columns_and_has_no_colour(server, pki):
    done = run(server.address, "--tls", "--sslrootcert", pki.root.certificate)
    assert done.status == 0 and done.output.endswith("No problems found.\n")
    assert all(len(line) <= 80 for line in done.output.splitlines()), done.output
    assert "\x1b" not in done.output and done.errors == ""


def test_quiet_prints_nothing_without_problems(server, pki):
    well = ["--tls", "--sslrootcert", pki.root.certificate, "--quiet"]
    for form in ("text", "tap", "json", "prometheus"):
        done = run(server.address, *well, "--format", form)
        assert (done.status, done.output, done.errors) == (0, "", "")
    done = run(server.address, *well, "--min-days", "1000")
    assert done.status == 1 and "--min-days requires 1000" in done.output


def prove(tmp_path, *words) -> subprocess.CompletedProcess:
    script = tmp_path / "probe.t"
    command = shlex.join(map(str, [PROGRAM, "probe", "--format", "tap", *words]))
    script.write_text(f"#!/bin/sh\nexec {command}\n")
    return subprocess.run(
        ["prove", "-v", "--exec", "/bin/sh", script], capture_output=True, text=True, timeout=SECONDS
    )


def test_prove_reads_the_tap_format(server, pki, tmp_path):
    well = [server.address, "--tls", "--sslrootcert", pki.root.certificate]
    done = prove(tmp_path, *well)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Result: PASS" in done.stdout
    done = prove(tmp_path, *well, "--min-days", "1000")
    assert done.returncode != 0 and "Result: FAIL" in done.stdout
    assert "Parse errors" not in done.stdout


def test_prometheus_has_days_and_up(server, pki):
    well = ["--tls", "--sslrootcert", pki.root.certificate, "--format", "prometheus"]
    up = rf'certpick_up\{{command="probe",entry="1",kind="server",name="{server.address}"\}} '
    assert re.search(up + "1\n", run(server.address, *well).output)
    text = run(server.address, *well, "--min-days", "1000").output
    assert re.search(up + "0\n", text)
    days = re.search(r'certpick_certificate_days_left\{.*part="1",subject="CN=localhost"\} (\d+)', text)
    assert days and 363 <= int(days[1]) <= 365
    down = run("localhost:1", *well).output
    assert re.search(r'certpick_up\{.*name="localhost:1"\} 0\n', down)


def test_the_help_has_examples():
    done = run("--help")
    assert done.status == 0 and "Examples:" in done.output
    assert "certpick probe db.example --sslcert" in done.output


def hidden(text: str) -> set:
    """Returns Unicode's controls, formats, separators and noncharacters in a text."""
    kinds = {"Cc", "Cf", "Zl", "Zp", "Cs", "Cn"}
    return {c for line in text.split("\n") for c in line if unicodedata.category(c) in kinds}


def strings(value) -> list:
    """Returns all strings of a JSON document, including keys."""
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in strings(part)]
    if isinstance(value, list):
        return [text for part in value for text in strings(part)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("form", ("text", "tap", "json", "prometheus"))
def test_control_and_invisible_characters_in_names_are_shown_with_escapes(tls, pki, scratch, form):
    """Names of the server's certificate, of the CA in its request, and of files."""
    ca = Authority(scratch, HOSTILE + form)
    joe = ca.issue("joe")
    name = HOSTILE.encode()
    names = bytes([0x30, len(name) + 2, 0x82, len(name)]) + name
    own = pki.issuing.issue(f"hostile-{form}", common_name=HOSTILE, alternative_names=names)
    with tls(own.certificate, own.key, trusted=ca.certificate) as server:
        done = run(server.address, "--tls", "--format", form, *lists(joe))
    assert done.status == 0 and done.errors == "", done
    assert hidden(done.output) == set(), done.output
    if form != "json":
        return
    report = json.loads(done.output)
    assert set().union(*map(hidden, strings(report))) == set()
    subject = report["subjects"][0]
    assert SHOWN in subject["facts"]["ca_names"][0]
    leaf, credential = subject["parts"][0], subject["parts"][-1]
    assert SHOWN in leaf["facts"]["subject"] and SHOWN in leaf["facts"]["names"][0]
    assert SHOWN in credential["name"] and SHOWN in credential["facts"]["issuer"]


def test_a_servers_answer_is_shown_with_escapes():
    with Speaker(answer=error_message(HOSTILE.encode() + b"\n\xff")) as speaker:
        done = run(f"127.0.0.1:{speaker.port}", "--format", "json")
    (text,) = [finding["text"] for finding in done.report["subjects"][0]["findings"]]
    assert text.endswith(SHOWN + r"\n\xff") and hidden(text) == set()


def test_errors_show_arguments_with_escapes():
    for words in (
        ("db", "--timeout", HOSTILE),
        ("db", "--" + HOSTILE),
        (f"db:{HOSTILE}",),
        ("db", "--sslrootcert", HOSTILE),
        ("db", "--sslcert", f"{HOSTILE}\n,{HOSTILE}"),
    ):
        done = run(*words)
        assert done.status == 2 and SHOWN in done.errors and hidden(done.errors) == set(), done
        assert not re.search("^,", done.errors, re.MULTILINE)
