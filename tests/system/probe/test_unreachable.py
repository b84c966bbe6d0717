# SPDX-License-Identifier: MIT OR Apache-2.0
"""certpick probe without a server, and with servers that give unexpected answers."""

import socket

import pytest

from program import probe, run
from servers import SSL_REQUEST, Speaker, error_message


def at(speaker) -> str:
    return f"127.0.0.1:{speaker.port}"


def test_a_refused_connection_is_reported():
    with socket.socket() as taken:  # bound, but not listening
        taken.bind(("127.0.0.1", 0))
        seen = probe(f"127.0.0.1:{taken.getsockname()[1]}")
    assert (seen.status, seen.level("connection")) == (2, "unknown")
    assert "Connection refused" in seen.text("connection")


def test_a_name_that_does_not_exist_is_reported():
    seen = probe("nosuch.invalid")
    assert (seen.status, seen.level("connection")) == (2, "unknown")
    assert 'could not find the address of "nosuch.invalid"' in seen.text("connection")


@pytest.mark.parametrize("way", ((), ("--tls",), ("--direct",)))
def test_a_server_that_does_not_answer_is_reported_after_the_timeout(way):
    with Speaker(hold=True) as speaker:
        seen = probe(at(speaker), "--timeout", "0.5", *way)
    key = "handshake" if way else "starts_tls"
    assert (seen.status, seen.level(key)) == (2, "unknown"), seen.report
    assert "within 0.5 seconds" in seen.text(key)


def test_a_server_without_tls_is_reported():
    with Speaker(answer=b"N") as speaker:
        seen = probe(at(speaker))
        assert (seen.status, seen.level("starts_tls")) == (1, "wrong")
        assert "server does not support SSL" in seen.text("starts_tls")
        # libpq would continue without TLS.
        lax = probe(at(speaker), "--sslmode", "prefer")
        assert (lax.status, lax.level("starts_tls")) == (0, "warning")
        assert speaker.heard == [SSL_REQUEST, SSL_REQUEST]


@pytest.mark.parametrize(
    ("speaker", "words"),
    [
        (Speaker(answer=b"HTTP/1.1 400 Bad Request\r\n\r\n"), 'it sends "HTTP/1.1 400 Bad Request"'),
        (Speaker(greeting=b"SSH-2.0-OpenSSH_9.2\r\n", hold=True), 'it sends "SSH-2.0-OpenSSH_9.2"'),
        (Speaker(answer=bytes([0x15, 3, 3, 0, 2, 2, 10])), "it starts with TLS"),
        (Speaker(answer=b"\0"), "with byte 0x00"),
        (Speaker(answer=b""), "closes the connection when TLS is requested"),
        (Speaker(answer=error_message(b"sorry, too many clients")), "sorry, too many clients"),
        (Speaker(answer=b"Eold server\n\0"), "old server"),
        (Speaker(answer=b"S\0\1", hold=True), "received unencrypted data after SSL response"),
        (Speaker(answer=b"S"), "the server closes the connection"),
    ],
    ids=["http", "ssh", "alert", "byte", "closes", "error", "old-error", "plaintext", "s"],
)
def test_unexpected_answers_are_identified(speaker, words):
    with speaker:
        seen = probe(at(speaker), "--timeout", "30")
    found = [finding for finding in seen.report["findings"] if finding["level"] == "wrong"]
    assert len(found) == 1, seen.report
    assert words in found[0]["text"], found
    assert seen.status == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "required"),
        (("db:port",), "not a port"),
        (("db", "--timeout", "0"), "not a number of seconds"),
        (("db", "--tls", "--direct"), "cannot be used with"),
        (("db", "--tls", "--user", "joe"), "cannot be used with"),
        (("db", "--sslkey", "a.key"), "--sslcert"),
        (("db", "--sslmode", "verify-full"), "root.crt"),
        (("db", "--sslrootcert", "/nonexistent/root.crt"), "/nonexistent/root.crt"),
        (("db", "--sslrootcert", "system", "--sslmode", "require"), "verify-full"),
        (("db", "--sslcert", "/nonexistent/a.crt"), "/nonexistent/a.crt"),
    ],
)
def test_wrong_usage_is_reported(words, message):
    done = run(*words)
    assert done.status == 2
    assert message in done.errors and done.output == "", done
