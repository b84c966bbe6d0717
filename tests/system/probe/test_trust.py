# SPDX-License-Identifier: MIT OR Apache-2.0
"""Like libpq, certpick probe --send and --user send nothing to a server that is not verified."""

import pytest

from program import lists, probe
from servers import Recorder, Relay

WAYS = {"sslrequest": (), "direct": ("--direct",), "tls": ("--tls",)}
USER = ("--user", "joe", "--dbname", "shop")


@pytest.fixture(params=("1.2", "1.3"))
def server(request, pki):
    with Recorder(pki.full, pki.localhost.key, pki.people.certificate, request.param) as running:
        yield running


@pytest.fixture(params=WAYS)
def ask(request, server, pki):
    """Probes the server with a certificate that it accepts."""

    def ask(*options, host="localhost"):
        way = WAYS[request.param]
        return probe(f"{host}:{server.port}", *way, *lists(pki.joe), *map(str, options))

    ask.sends = [("--send",)] if request.param == "tls" else [("--send",), USER, ("--send", *USER)]
    return ask


def test_a_verified_server_is_sent_certificate_user_and_database(server, ask, pki):
    roots = ("--sslrootcert", pki.root.certificate)
    for options in ask.sends:
        seen = ask(*roots, *options)
        assert seen.finding("trust") is None
        (heard,) = server.connections()
        assert heard.has(pki.joe.certificate)
        assert (b"user\0joe\0database\0shop\0" in heard.text) == ("--user" in options)
    # As in libpq: the name matters only with verify-full, and verification needs root certificates.
    for lax in ((*roots, "--sslmode", "verify-ca"), ()):
        ask(*lax, "--send", host="127.0.0.1")
        assert [heard.has(pki.joe.certificate) for heard in server.connections()] == [True]


def assert_nothing_sent(server, pki, seen) -> None:
    """Neither the probing connection nor the aborted one."""
    connections = server.connections()
    assert len(connections) == 2
    for heard in connections:
        assert not heard.has(pki.joe.certificate) and heard.text == b""
    assert seen.status == 1 and seen.level("trust") == "wrong"
    assert seen.level("authentication") is None and seen.level("answer") is None
    # The report is that of a preview.
    assert seen.level("handshake") == "good" and seen.facts["asks_for_certificate"] is True
    assert "would be sent" in seen.text("choice")


@pytest.mark.parametrize("mode", ("prefer", "require", "verify-ca", "verify-full"))
def test_nothing_is_sent_if_the_chain_is_not_verified(server, ask, pki, mode):
    for options in ask.sends:
        seen = ask("--sslrootcert", pki.others.certificate, "--sslmode", mode, *options)
        assert_nothing_sent(server, pki, seen)
        assert seen.level("verified") == "wrong"
        assert "certificate verify failed: " in seen.text("trust")


def test_nothing_is_sent_if_the_name_does_not_match(server, ask, pki):
    for options in ask.sends:
        seen = ask("--sslrootcert", pki.root.certificate, *options, host="127.0.0.1")
        assert_nothing_sent(server, pki, seen)
        assert (seen.level("verified"), seen.level("host")) == ("good", "wrong")


def test_nothing_is_sent_even_if_the_server_requires_a_certificate(tls, pki):
    with tls(trusted=pki.people.certificate, demand=True, tls="1.2") as server:
        roots = ("--tls", "--sslrootcert", pki.others.certificate)
        seen = probe(server.address, *roots, *lists(pki.joe), "--send")
    assert seen.status == 1 and seen.level("trust") == "wrong"
    # The server ends the handshake of the preview.
    assert seen.level("answer") == "note" and "no certificate was sent" in seen.text("answer")
    assert seen.finding("answer")["advice"] is None


def test_nothing_is_sent_to_a_socket_if_a_name_is_required(server, pki, tmp_path):
    path = tmp_path / "socket"
    with Relay(path, server.port):
        roots = ("--tls", "--sslrootcert", pki.root.certificate)
        seen = probe(path, *roots, *lists(pki.joe), "--send")
        assert_nothing_sent(server, pki, seen)
        named = probe(path, *roots, *lists(pki.joe), "--send", "--sni", "localhost")
    assert (named.status, named.level("answer")) == (0, "good"), named.report
