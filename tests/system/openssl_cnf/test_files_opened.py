# SPDX-License-Identifier: MIT OR Apache-2.0
"""Files of the lists are opened only if a server requests a certificate, and only as needed."""

import pytest

from clients import PROGRAMS
from harness import paths
from harness.opened import Opened
from harness.pki import THREE
from harness.psql import run
from harness.server import OPTIONAL

CERTIFICATES = {"anna.crt", "bert.crt", "carl.crt"}
START_AND_END = {
    "openssl": ["openssl", "rand", "-hex", "1"],
    "openssl list": ["openssl", "list", "-providers"],
    "curl": ["curl", "-sS", "file:///dev/null"],
    "python": ["/usr/bin/python3", "-c", "import ssl; ssl.create_default_context()"],
    "psql": ["psql", "--version"],
}


@pytest.fixture
def opened(cnf, certificates):
    """Calls a function with the environment of these settings. Returns the files that were opened."""
    for name in ("passwords", "issuers.crt"):
        (certificates / name).write_text("\nsecret\n\n")
        (certificates / name).chmod(0o600)

    def during(what, **more) -> set:
        lists = {**THREE, "sslpassword": None, "sslpasswordfile": "passwords", "issuers": "issuers.crt"}
        env = cnf(**{**lists, **more})
        with Opened(certificates) as files:
            result = what(env)
        assert result.status == 0, result
        return files.names

    return during


@pytest.mark.parametrize("command", START_AND_END.values(), ids=START_AND_END)
def test_starting_a_program_opens_no_file(opened, certificates, home, command):
    if command[0] == "psql":
        command = [paths.server_bindir() / "psql", *command[1:]]
    assert opened(lambda env: run(command, certificates, home, env)) == set()


def test_a_connection_without_a_request_opens_no_file(opened, program, servers, certificates, home):
    server = servers.postgres() if program.kind == "postgres" else servers.https(ask=False)
    assert opened(lambda env: program.connect(server, certificates, home, env)) == set()


def test_a_program_with_a_certificate_opens_only_that_one(opened, servers, certificates, home):
    own = {"sslcert": "demo.crt", "sslkey": "demo.key"}
    server, psql = servers.postgres("alpha"), PROGRAMS["psql"]
    files = opened(lambda env: psql.connect(server, certificates, home, env, **own))
    assert files == {"demo.crt", "demo.key"}


def test_only_libpq_opens_no_file_for_other_programs(opened, servers, certificates, home):
    curl = PROGRAMS["curl"]
    server = servers.https("alpha")
    assert opened(lambda env: curl.connect(server, certificates, home, env), only="libpq") == set()


@pytest.mark.parametrize(("ca", "key"), [("alpha", "anna.key"), ("beta", "bert.key"), ("server", None)])
def test_a_request_opens_the_certificates_and_the_key_of_the_one_that_is_sent(
    opened, servers, certificates, home, ca, key
):
    server, psql = servers.postgres(ca, hba=OPTIONAL), PROGRAMS["psql"]
    files = opened(lambda env: psql.connect(server, certificates, home, env), issuers=None)
    assert files == CERTIFICATES | {"passwords"} | ({key} if key else set())
