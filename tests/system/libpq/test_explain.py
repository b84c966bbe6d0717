# SPDX-License-Identifier: MIT OR Apache-2.0
"""A C program on libpq learns which certificate was sent, and why."""

from pathlib import Path

import pytest

from harness import programs, psql
from harness.pki import THREE
from harness.psql import NONE_SUITABLE


@pytest.fixture(scope="session")
def explain(scratch):
    """Runs explain.c, linked with a version of libpq."""
    built = {}
    source = Path(__file__).parent / "explain.c"

    def program(version: int, variant: str):
        name = f"explain-{version}{variant}"
        if name not in built:
            built[name] = programs.build(source, version, scratch / name, variant)
        return built[name]

    return program


@pytest.fixture
def run(client, explain):
    def run(**settings) -> psql.Result:
        base = {"host": "127.0.0.1", "port": client.server.port, "dbname": "postgres", "user": "demo"}
        program = explain(client.version, client.variant)
        command = [program, psql.conninfo(**{**base, "sslmode": "require", **settings})]
        return psql.run(command, client.directory, client.home, client.environment())

    return run


def test_a_program_learns_which_certificate_was_sent_and_why(run, client, pki):
    client.server.configure(pki.trust("beta"))
    result = run(**THREE)
    assert (result.status, result.err) == (0, "")
    first, *rest = result.out.splitlines()
    assert first == "outcome: sent"
    assert "message: " in rest and "certificate: /CN=bert" in rest
    for words in ("anna.crt", "bert.crt", "carl.crt", "beta"):
        assert words in result.out


def test_a_program_learns_why_no_certificate_was_sent_after_the_connection_failed(run, client, pki):
    client.server.configure(pki.trust("alpha"))
    result = run(sslcert="bert.crt,carl.crt", sslkey="bert.key,carl.key", sslpassword="secret,")
    assert result.status == 2
    assert result.out.startswith("outcome: none suitable\nmessage: " + NONE_SUITABLE)
    for words in ("bert.crt", "carl.crt", "alpha"):
        assert words in result.out
    assert "secret" not in result.out


def test_certpick_is_not_used_for_one_certificate(run):
    result = run(sslcert="anna.crt", sslkey="anna.key")
    assert (result.status, result.err) == (0, "")
    assert result.out == "outcome: not asked\nmessage: \ncertificate: /CN=anna\n"


def test_there_is_no_explanation_if_the_server_requests_nothing(run, client):
    client.server.configure([], hba="hostssl all all 127.0.0.1/32 trust")
    result = run(**THREE)
    assert (result.status, result.err) == (0, "")
    assert result.out == "outcome: not asked\nmessage: \ncertificate: \n"


def test_the_explanation_names_the_rule_and_what_libpq_connects_to(run, client, pki, write_config):
    client.server.configure(pki.trust("alpha", "beta"))
    port = client.server.port
    write_config(("bert", {"users": ["b*"]}), ("demo", {"verified": True}), ("anna", {"hosts": [f"localhost:{port}"]}))
    result = run(sslcert="certpick:certpick.toml", host="localhost")
    assert (result.status, result.err) == (0, "")
    lines = [line.strip() for line in result.out.splitlines()]
    assert lines[0] == "outcome: sent" and "certificate: /CN=anna" in lines
    for line in (
        'name:    "localhost" (libpq), "localhost" (server name indication)',
        "address: 127.0.0.1 (socket)",
        f"port:    {port} (libpq)",
        'user:    "demo" (libpq)',
        "server:  not verified",
        "rule:    it is for this host",
    ):
        assert line in lines, result.out
    assert any(line.startswith("against: ") and line.endswith(": b*") for line in lines), result.out


def test_the_explanation_names_what_libpq_connects_to_if_no_rule_matches(run, write_config, client):
    write_config(("anna", {"hosts": ["*.example", "192.0.2.1"]}))
    result = run(sslcert="certpick:certpick.toml", host="host.other.example", hostaddr="127.0.0.1")
    assert result.status == 2 and result.out.startswith("outcome: none suitable\n")
    lines = [line.strip() for line in result.out.splitlines()]
    assert 'name:    "host.other.example" (libpq), "host.other.example" (server name indication)' in lines, result.out
    assert any(line.startswith("against: ") and line.endswith("*.example, 192.0.2.1") for line in lines), result.out


@pytest.mark.parametrize("host", ["/nowhere", "@nowhere", None])
def test_a_socket_directory_is_no_name_in_the_explanation(run, write_config, client, host):
    write_config(("anna", {"hosts": ["127.0.0.1"]}))
    result = run(sslcert="certpick:certpick.toml", host=host, hostaddr="127.0.0.1")
    assert (result.status, result.err) == (0, "")
    expected = "127.0.0.1 (socket)" if host else "127.0.0.1 (libpq), 127.0.0.1 (socket)"
    lines = [line.strip() for line in result.out.splitlines()]
    assert f'Connecting to host "{host or "127.0.0.1"}" as user "demo".' in lines, result.out
    assert f"address: {expected}" in lines, result.out
    assert "certificate: /CN=anna" in lines and "name:    unknown" in lines, result.out
