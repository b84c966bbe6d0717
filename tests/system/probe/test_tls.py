# SPDX-License-Identifier: MIT OR Apache-2.0
"""certpick probe --tls with other TLS servers."""

import socket

import pytest

from program import lists, probe
from servers import Relay


def roots(pki) -> list:
    return ["--tls", "--sslrootcert", pki.root.certificate]


def test_a_correct_server_has_no_problems(tls, pki):
    with tls(trusted=pki.people.certificate) as server:
        seen = probe(server.address, *roots(pki), *lists(pki.ann, pki.joe))
    assert seen.status == 0, seen.report
    assert seen.facts["start"] == "tls" and seen.facts["ca_names"] == ["CN=people"]
    assert seen.chosen == [2]


def test_without_ca_names_the_option_decides(tls, pki):
    with tls() as server:
        seen = probe(server.address, *roots(pki), *lists(pki.ann, pki.joe))
        assert seen.facts["ca_names"] == [] and seen.chosen == [1]
        assert "also matches" in seen.verdicts[1]
        none = probe(server.address, *roots(pki), *lists(pki.ann), "--empty-ca-list", "none")
    assert (none.status, none.level("choice")) == (1, "wrong")


def test_an_expired_certificate_is_wrong(tls, pki):
    late = pki.issuing.issue("late-server", common_name="localhost", valid_days=(-10, -2))
    with tls(late.certificate, late.key) as server:
        seen = probe(server.address, *roots(pki))
    assert seen.status == 1
    assert "certificate has expired" in seen.text("verified")
    leaf = seen.parts("certificate")[0]
    assert leaf["facts"]["days_left"] < 0
    assert leaf["findings"][0]["text"].startswith("expired on ")


def test_an_incomplete_chain_is_reported(tls, pki):
    with tls(chain=None) as server:
        seen = probe(server.address, *roots(pki))
        assert (seen.status, seen.level("chain")) == (1, "wrong")
        assert "CN=issuing" in seen.text("chain")
        assert "ssl_cert_file" in seen.finding("chain")["advice"]
        # A client that trusts the intermediate too verifies it.
        both = server_roots(pki)
        assert probe(server.address, "--tls", "--sslrootcert", both).level("chain") == "good"


def server_roots(pki):
    both = pki.full.with_name("both.pem")
    both.write_text(pki.root.certificate.read_text() + pki.issuing.certificate.read_text())
    return both


def test_a_chain_with_its_root_and_unrelated_certificates_is_reported(tls, pki):
    chain = pki.full.with_name("chain.pem")
    parts = (pki.root, pki.issuing, pki.others)
    chain.write_text("".join(part.certificate.read_text() for part in parts))
    with tls(chain=chain) as server:
        seen = probe(server.address, *roots(pki))
    assert seen.status == 0
    assert seen.level("root_included") == "note"
    assert seen.level("chain_order") == "warning"
    assert "CN=others" in seen.text("superfluous")
    assert seen.level("chain") == "good"


def test_a_self_signed_certificate_is_reported(tls, pki):
    own = pki.root.own
    with tls(own.certificate, own.key, chain=None) as server:
        seen = probe(server.address, "--tls")
        assert seen.level("chain") == "note" and "is self-signed" in seen.text("chain")
        other = probe(server.address, "--tls", "--sslrootcert", pki.others.certificate)
    assert (other.status, other.level("chain")) == (1, "wrong")


def test_a_name_that_does_not_match_is_reported(tls, pki):
    other = pki.issuing.issue("elsewhere.example")
    with tls(other.certificate, other.key) as server:
        seen = probe(server.address, *roots(pki))
    assert (seen.status, seen.level("host")) == (1, "wrong")
    assert "only for elsewhere.example" in seen.text("host")


def test_the_security_level_of_a_key_is_reported(tls, pki):
    weak = pki.issuing.issue("weak", common_name="localhost", kind="rsa")
    with tls(weak.certificate, weak.key) as server:
        seen = probe(server.address, *roots(pki))
    strength = [f for f in seen.parts("certificate")[0]["findings"] if f["key"] == "strength"]
    assert strength[0]["text"].startswith("strong enough for OpenSSL's security level 2 but not for level 3")


@pytest.mark.parametrize("version", ("1.2", "1.3"))
def test_a_server_that_requires_a_certificate_is_reported(tls, pki, version):
    with tls(trusted=pki.people.certificate, demand=True, tls=version) as server:
        sent = probe(server.address, *roots(pki), *lists(pki.joe), "--send")
        assert (sent.status, sent.level("answer")) == (0, "good"), sent.report
        none = probe(server.address, *roots(pki), "--send")
        assert (none.status, none.level("answer")) == (1, "wrong"), none.report
        # TLS 1.2 has no specific alert for a missing certificate.
        alert = "certificate_required" if version == "1.3" else "handshake_failure"
        assert f"alert {alert}" in none.text("answer")
        silent = probe(server.address, *roots(pki))
        assert silent.status == 0
        assert silent.level("answer") == (None if version == "1.3" else "note")


def test_the_refusal_of_a_certificate_of_another_ca_is_explained(tls, pki):
    # The server names no CA but trusts one.
    options = ("-verify_return_error", "-verifyCAfile", pki.people.certificate)
    with tls(demand=True, options=options) as server:
        seen = probe(server.address, *roots(pki), *lists(pki.ann), "--send")
    assert (seen.status, seen.level("answer")) == (1, "wrong"), seen.report
    assert "alert unknown_ca" in seen.text("answer")
    assert "an intermediate is missing" in seen.finding("answer")["advice"]


def test_the_server_name_indication_is_sent(tls, pki):
    other = pki.issuing.issue("second.example")
    options = (
        *("-servername", "second.example"),
        *("-cert2", other.certificate, "-key2", other.key),
    )
    with tls(options=options) as server:
        first = probe(server.address, *roots(pki))
        second = probe(server.address, *roots(pki), "--sni", "second.example")
        none = probe(server.address, *roots(pki), "--sni", "")
    subjects = [seen.parts("certificate")[0]["facts"]["subject"] for seen in (first, second, none)]
    assert subjects == ["CN=localhost", "CN=second.example", "CN=localhost"]


def test_a_server_with_old_versions_is_reported(tls, pki):
    options = ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    with tls(options=options) as server:
        seen = probe(server.address, "--tls")
    assert (seen.status, seen.level("handshake")) == (1, "wrong")
    assert "protocol_version" in seen.text("handshake")


def test_a_server_with_direct_tls_is_not_taken_for_postgresql(tls):
    with tls() as server:
        seen = probe(server.address)
        assert (seen.status, seen.level("starts_tls")) == (1, "wrong")
        assert "--tls" in seen.finding("starts_tls")["advice"]
        direct = probe(server.address, "--direct")
    assert (direct.status, direct.level("alpn")) == (1, "wrong")


def test_a_server_on_a_unix_domain_socket_is_probed(tls, pki, tmp_path):
    path = tmp_path / "socket"
    with tls(trusted=pki.people.certificate) as server, Relay(path, server.port):
        seen = probe(path, *roots(pki), "--sni", "localhost", *lists(pki.joe))
        nameless = probe(path, *roots(pki))
    assert (seen.status, seen.level("host")) == (0, "good"), seen.report
    assert seen.chosen == [1]
    assert (nameless.status, nameless.level("host")) == (0, "note"), nameless.report


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def test_an_ipv6_address_is_probed(tls, pki):
    """Without IPv6 the report says that the address is unreachable."""
    if not has_ipv6():
        assert probe("[::1]:5432").level("connection") == "unknown"
        return
    with tls(options=("-accept", "[::1]:0")) as server:
        seen = probe(f"[::1]:{server.port}", *roots(pki), "--sslmode", "verify-ca")
    assert (seen.status, seen.facts["address"]) == (0, "::1")
