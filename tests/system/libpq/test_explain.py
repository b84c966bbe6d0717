# SPDX-License-Identifier: MIT OR Apache-2.0
"""A C program that uses libpq can tell which certificate was sent, and why."""

from pathlib import Path

import pytest

from harness import programs, psql
from harness.pki import THREE
from harness.psql import NONE_SUITABLE


@pytest.fixture(scope="session")
def explain(scratch):
    """explain.c, built against each libpq as it is asked for."""
    built = {}
    source = Path(__file__).parent / "explain.c"

    def program(version: int):
        if version not in built:
            built[version] = programs.build(source, version, scratch / f"explain-{version}")
        return built[version]

    return program


@pytest.fixture
def run(client, explain):
    def run(**settings) -> psql.Result:
        base = {"host": "127.0.0.1", "port": client.server.port, "dbname": "postgres", "user": "demo"}
        command = [explain(client.version), psql.conninfo(**{**base, "sslmode": "require", **settings})]
        return psql.run(command, client.directory, client.home)

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


def test_a_program_learns_why_none_was_sent_although_the_connection_is_gone(run, client, pki):
    client.server.configure(pki.trust("alpha"))
    result = run(sslcert="bert.crt,carl.crt", sslkey="bert.key,carl.key", sslpassword="secret,")
    assert result.status == 2
    assert result.out.startswith("outcome: none suitable\nmessage: " + NONE_SUITABLE)
    for words in ("bert.crt", "carl.crt", "alpha"):
        assert words in result.out
    assert "secret" not in result.out


def test_a_program_that_gives_one_certificate_is_not_meddled_with(run):
    result = run(sslcert="anna.crt", sslkey="anna.key")
    assert (result.status, result.err) == (0, "")
    assert result.out == "outcome: not asked\nmessage: \ncertificate: /CN=anna\n"


def test_a_server_that_asks_for_nothing_leaves_nothing_to_explain(run, client):
    client.server.configure([], hba="hostssl all all 127.0.0.1/32 trust")
    result = run(**THREE)
    assert (result.status, result.err) == (0, "")
    assert result.out == "outcome: not asked\nmessage: \ncertificate: \n"
