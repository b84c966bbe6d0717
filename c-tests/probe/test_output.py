# SPDX-License-Identifier: MIT OR Apache-2.0
"""How certpick probe says what it found."""

import re
import shlex
import subprocess

import pytest

from program import PROGRAM, SECONDS, run


@pytest.fixture
def server(tls, pki):
    with tls(trusted=pki.people.certificate) as running:
        yield running


def test_all_fits_80_columns_and_has_no_colour(server, pki):
    done = run(server.address, "--tls", "--sslrootcert", pki.root.certificate)
    assert done.status == 0 and done.output.endswith("All is well.\n")
    assert all(len(line) <= 80 for line in done.output.splitlines()), done.output
    assert "\x1b" not in done.output and done.errors == ""


def test_quiet_says_nothing_where_all_is_well(server, pki):
    well = ["--tls", "--sslrootcert", pki.root.certificate, "--quiet"]
    for form in ("text", "tap", "json", "prometheus"):
        done = run(server.address, *well, "--format", form)
        assert (done.status, done.output, done.errors) == (0, "", "")
    done = run(server.address, *well, "--min-days", "1000")
    assert done.status == 1 and "1000 days are asked for" in done.output


def prove(tmp_path, *words) -> subprocess.CompletedProcess:
    script = tmp_path / "probe.t"
    command = shlex.join(map(str, [PROGRAM, "probe", "--format", "tap", *words]))
    script.write_text(f"#!/bin/sh\nexec {command}\n")
    return subprocess.run(
        ["prove", "-v", "--exec", "/bin/sh", script], capture_output=True, text=True, timeout=SECONDS
    )


def test_prove_reads_it(server, pki, tmp_path):
    well = [server.address, "--tls", "--sslrootcert", pki.root.certificate]
    done = prove(tmp_path, *well)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Result: PASS" in done.stdout
    done = prove(tmp_path, *well, "--min-days", "1000")
    assert done.returncode != 0 and "Result: FAIL" in done.stdout
    assert "Parse errors" not in done.stdout


def test_prometheus_tells_of_days_and_of_up_and_down(server, pki):
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
