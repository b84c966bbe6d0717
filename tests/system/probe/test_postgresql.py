# SPDX-License-Identifier: MIT OR Apache-2.0
"""certpick probe with PostgreSQL servers."""

import pytest

from program import lists, probe, run

CERT = "hostssl all joe 127.0.0.1/32 cert\nhostssl all sue 127.0.0.1/32 scram-sha-256"


@pytest.fixture(autouse=True)
def settings(postgres, pki):
    postgres.configure(trusted=[pki.people.certificate], hba=CERT)


@pytest.fixture
def address(postgres) -> str:
    return f"localhost:{postgres.port}"


def roots(pki) -> list:
    return ["--sslrootcert", pki.root.certificate]


def test_a_correct_server_has_no_problems(address, pki):
    seen = probe(address, *roots(pki))
    assert seen.status == 0
    assert seen.facts["start"] == "sslrequest" and seen.facts["protocol"] == "TLSv1.3"
    assert seen.facts["cipher"].startswith("TLS_") and seen.facts["address"] == "127.0.0.1"
    assert seen.facts["asks_for_certificate"] is True
    assert seen.facts["ca_names"] == ["CN=people"]
    assert "ecdsa_secp256r1_sha256" in seen.facts["signature_algorithms"]
    for key in ("starts_tls", "handshake", "host", "verified", "chain"):
        assert seen.level(key) == "good", seen.finding(key)
    assert "root CN=root" in seen.text("verified")
    leaf, issuing = seen.parts("certificate")
    assert leaf["facts"]["subject"] == "CN=localhost" and leaf["facts"]["issuer"] == "CN=issuing"
    assert issuing["facts"]["is_ca"] is True
    assert 363 <= leaf["facts"]["days_left"] <= 365


def test_without_root_certificates_the_report_says_that_nothing_is_verified(address):
    seen = probe(address)
    assert seen.status == 0
    assert seen.level("verified") == "note" and seen.level("chain") == "note"


def test_libpqs_default_root_file_is_used(address, pki, tmp_path):
    (tmp_path / ".postgresql").mkdir()
    (tmp_path / ".postgresql/root.crt").write_text(pki.root.certificate.read_text())
    assert probe(address, home=tmp_path).level("verified") == "good"


def test_a_certificate_that_expires_too_soon_is_wrong(address):
    assert probe(address, "--min-days", "300").status == 0
    seen = probe(address, "--min-days", "400")
    assert seen.status == 1
    assert "--min-days requires 400 days" in seen.parts("certificate")[0]["findings"][0]["text"]


def test_a_name_that_does_not_match_is_reported(postgres, pki):
    address = f"127.0.0.1:{postgres.port}"
    strict = probe(address, *roots(pki))
    assert (strict.status, strict.level("host")) == (1, "wrong")
    assert "localhost" in strict.text("host")
    lax = probe(address, *roots(pki), "--sslmode", "verify-ca")
    assert (lax.status, lax.level("host")) == (0, "warning")


def test_other_root_certificates_do_not_verify_the_server(address, pki):
    seen = probe(address, "--sslrootcert", pki.others.certificate)
    assert seen.status == 1
    assert seen.text("verified").startswith("certificate verify failed: ")
    assert "CN=root" in seen.text("chain") and seen.level("chain") == "wrong"


def test_the_credential_that_would_be_sent_is_reported(address, pki):
    seen = probe(address, *lists(pki.ann, pki.joe))
    assert seen.status == 0
    assert seen.chosen == [2] and "would be sent" in seen.text("choice")
    assert "no certificate in its chain was issued by a CA that the server named" in seen.verdicts[0]
    assert seen.level("key") == "good"
    assert seen.finding("answer") is None


def test_a_directory_of_credentials_is_accepted(address, pki, tmp_path):
    for credential in (pki.ann, pki.joe):
        (tmp_path / credential.certificate.name).write_text(credential.certificate.read_text())
        key = tmp_path / credential.key.name
        key.touch(0o600)
        key.write_text(credential.key.read_text())
    seen = probe(address, "--sslcert", tmp_path)
    assert "joe.crt" in seen.text("choice") and len(seen.verdicts) == 2


def test_a_list_without_a_suitable_credential_is_a_problem(address, pki):
    seen = probe(address, *lists(pki.ann))
    assert (seen.status, seen.level("choice")) == (1, "wrong")
    assert seen.chosen == []


def test_an_unusable_key_is_reported_even_if_it_is_not_needed(address, pki, tmp_path):
    passwords = tmp_path / "passwords"
    passwords.touch(0o600)
    for password, level in (("open sesame", "good"), ("wrong one", "wrong")):
        passwords.write_text(f"{password}\n")
        done = run(
            "--format", "json", address, *lists(pki.locked), "--sslpassword-file", passwords
        )
        (subject,) = done.report["subjects"]
        assert [f["level"] for f in subject["findings"] if f["key"] == "key"] == [level]
        for form in ("text", "tap", "json", "prometheus"):
            done = run(
                "--format", form, address, *lists(pki.locked), "--sslpassword-file", passwords
            )
            assert done.output and password not in done.output + done.errors
    missing = probe(address, "--sslcert", pki.joe.certificate, "--sslkey", tmp_path / "none.key")
    assert missing.status == 1 and "none.key" in missing.text("key")


@pytest.mark.parametrize("tls_max", ("", "TLSv1.2"))
def test_the_report_says_whether_the_server_accepted_the_certificate(postgres, address, pki, tls_max):
    postgres.configure(trusted=[pki.people.certificate], hba=CERT, tls_max=tls_max)
    good = probe(address, *lists(pki.ann, pki.joe), "--send")
    assert (good.status, good.level("answer")) == (0, "good"), good.report
    assert "was sent" in good.text("choice")
    assert good.facts["protocol"] == (tls_max or "TLSv1.3")
    late = probe(address, *lists(pki.late), "--send")
    assert (late.status, late.level("answer")) == (1, "wrong"), late.finding("answer")
    assert "alert certificate_expired" in late.text("answer")
    assert "clock" in late.finding("answer")["advice"]
    none = probe(address, "--send")
    assert (none.status, none.text("answer")) == (0, "the server continues without a certificate")


def test_the_first_answer_to_a_user_is_reported(address, pki):
    joe = lists(pki.ann, pki.joe)
    good = probe(address, *joe, "--user", "joe", "--dbname", "shop")
    assert (good.status, good.level("authentication")) == (0, "good"), good.report
    other = probe(address, *joe, "--user", "jim")
    assert (other.status, other.level("authentication")) == (1, "wrong")
    assert "no pg_hba.conf entry" in other.text("authentication")
    without = probe(address, "--user", "joe")
    assert "SQLSTATE 28000" in without.text("authentication")
    database = probe(address, *joe, "--user", "joe", "--dbname", "nosuch")
    assert (database.status, database.level("authentication")) == (1, "wrong")
    assert 'database "nosuch" does not exist' in database.text("authentication")


def test_a_password_request_is_not_answered(postgres, address, pki):
    start = postgres.log.position()
    seen = probe(address, *lists(pki.joe), "--user", "sue")
    assert (seen.status, seen.level("authentication")) == (0, "note")
    assert "SCRAM-SHA-256" in seen.text("authentication")
    assert "password authentication failed" not in postgres.log.text(start)


def test_a_server_that_requests_no_certificate_is_reported(postgres, address, pki):
    postgres.configure(trusted=[], hba="hostssl all all 127.0.0.1/32 trust")
    seen = probe(address)
    assert seen.facts["asks_for_certificate"] is False
    assert seen.level("client_certificate") == "note"
    with_lists = probe(address, *lists(pki.joe))
    assert with_lists.level("client_certificate") == "warning"
    assert with_lists.parts("credential") == []


def test_all_ca_names_are_shown(postgres, address, pki):
    cas = [pki.people, pki.others, pki.root]
    postgres.configure(trusted=[ca.certificate for ca in cas], hba=CERT)
    seen = probe(address)
    assert sorted(seen.facts["ca_names"]) == ["CN=others", "CN=people", "CN=root"]


def test_direct_tls_needs_version_17(postgres, address, pki):
    seen = probe(address, "--direct", *lists(pki.joe), "--user", "joe", "--dbname", "shop")
    if postgres.version >= 17:
        assert seen.status == 0, seen.report
        assert seen.facts["alpn"] == "postgresql" and seen.facts["start"] == "direct"
        assert seen.level("authentication") == "good"
    else:
        assert (seen.status, seen.level("handshake")) == (1, "wrong")
        assert "version 17" in seen.finding("handshake")["advice"]


def test_a_unix_domain_socket_has_no_tls(postgres):
    seen = probe(f"{postgres.sockets}:{postgres.port}")
    assert (seen.status, seen.level("starts_tls")) == (2, "unknown")
    assert "no TLS on this socket" in seen.text("starts_tls")
    none = probe(f"{postgres.sockets}:1")
    assert (none.status, none.level("connection")) == (2, "unknown")
    assert "No such file or directory" in none.text("connection")


def test_several_servers_are_reported_in_their_order(postgres, address):
    done = run("--format", "json", "localhost:1", address, f"127.0.0.1:{postgres.port}")
    names = [subject["name"] for subject in done.report["subjects"]]
    assert names == ["localhost:1", address, f"127.0.0.1:{postgres.port}"]
    assert done.status == 2
