# SPDX-License-Identifier: MIT OR Apache-2.0
"""The certificate that psql sends from a list."""

import pytest

from harness import paths
from harness.pki import THREE
from harness.psql import NONE_SUITABLE, NO_CERTIFICATE
from harness.server import Server

BERT_AND_CARL = {"sslcert": "bert.crt,carl.crt", "sslkey": "bert.key,carl.key", "sslpassword": "secret,"}


def test_each_client_uses_its_version_of_libpq(client):
    result = client.connect(env={"LD_TRACE_LOADED_OBJECTS": "1"})
    (line,) = [line for line in result.out.splitlines() if "libpq.so" in line]
    loaded = paths.Path(line.split()[2]).resolve()
    assert loaded.name == f"libpq.so.5.{client.version}"
    assert loaded.parent == (paths.prefix(client.version, client.variant) / "lib").resolve()


@pytest.mark.parametrize("tls", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize("ca, name", [("alpha", "anna"), ("beta", "bert"), ("gamma", "carl")])
def test_the_certificate_of_the_ca_that_the_server_names_is_sent(client, pki, tls, ca, name):
    client.server.configure(pki.trust(ca), tls_max=tls)
    sql = "select version || ' ' || client_dn from pg_stat_ssl where pid = pg_backend_pid()"
    result = client.connect(sql=sql, **THREE)
    assert (result.status, result.out, result.err) == (0, f"{tls} /CN={name}\n", "")


def test_the_first_of_the_list_is_sent_to_a_server_that_names_several_cas(client, pki):
    client.server.configure(pki.trust("gamma", "beta"))
    assert client.arrived(**THREE) == "/CN=bert"


@pytest.mark.parametrize("tls", ["TLSv1.2", "TLSv1.3"])
def test_no_certificate_is_sent_and_the_reason_is_reported_if_none_suits(client, pki, tls):
    client.server.configure(pki.trust("alpha"), tls_max=tls)
    assert client.refused(**BERT_AND_CARL) == client.failed(f"{NONE_SUITABLE}\n{NO_CERTIFICATE}")


def test_a_server_with_optional_certificates_accepts_the_client_if_no_certificate_suits(client, pki):
    client.server.configure(pki.trust("alpha"), hba="hostssl all all 127.0.0.1/32 trust")
    assert client.arrived(**BERT_AND_CARL) == ""


def test_no_certificate_is_sent_without_a_request(client):
    client.server.configure([], hba="hostssl all all 127.0.0.1/32 trust")
    assert client.arrived(**THREE) == ""


def test_with_sslmode_prefer_a_list_is_used(client):
    assert client.arrived(**{**THREE, "sslmode": "prefer"}) == "/CN=anna"


def test_with_sslmode_prefer_both_attempts_are_reported_if_no_certificate_suits(client):
    port = client.server.port
    assert client.refused(**{**BERT_AND_CARL, "sslmode": "prefer"}) == (
        client.failed(f"{NONE_SUITABLE}\n{NO_CERTIFICATE}")
        + f'connection to server at "127.0.0.1", port {port} failed: FATAL:  no pg_hba.conf entry'
        ' for host "127.0.0.1", user "demo", database "postgres", no encryption\n'
    )


def test_with_sslmode_verify_ca_a_list_is_used(client, pki):
    settings = {"sslmode": "verify-ca", "sslrootcert": pki.server.certificate}
    assert client.arrived(**{**THREE, **settings}) == "/CN=anna"


def test_with_sslmode_disable_a_list_does_nothing(client, pki):
    client.server.configure(pki.trust("alpha"), hba="host all all 127.0.0.1/32 trust")
    assert client.arrived(**{**THREE, "sslmode": "disable"}) == ""
    missing = {"sslcert": "missing.crt,too.crt", "sslmode": "disable"}
    assert client.arrived(**missing) == ""


def test_an_expired_certificate_ranks_below_a_valid_one_of_the_same_ca(client):
    assert client.arrived(sslcert="expired.crt,anna.crt", sslkey="expired.key,anna.key") == "/CN=anna"


def test_a_certificate_that_is_not_yet_valid_ranks_below_a_valid_one_of_the_same_ca(client):
    assert client.arrived(sslcert="future.crt,anna.crt", sslkey="future.key,anna.key") == "/CN=anna"


@pytest.mark.parametrize("name", ["signer", "mail"])
def test_a_certificate_for_another_usage_ranks_below_an_unrestricted_one(client, name):
    assert client.arrived(sslcert=f"{name}.crt,anna.crt", sslkey=f"{name}.key,anna.key") == "/CN=anna"


def test_an_expired_certificate_is_sent_if_there_is_no_better_one(client):
    error = client.refused(sslcert="bert.crt,expired.crt", sslkey="bert.key,expired.key")
    assert error.startswith(client.failed("SSL error: ").rstrip("\n"))
    assert error.endswith("alert certificate expired\n")


@pytest.mark.parametrize("order", ["anna,demo", "demo,anna"])
@pytest.mark.parametrize("user", ["anna", "demo"])
def test_among_equal_certificates_the_one_whose_common_name_is_the_user_is_sent(client, pki, order, user):
    client.server.configure(pki.trust("alpha"), hba="hostssl all all 127.0.0.1/32 cert")
    names = order.split(",")
    lists = {"sslcert": ",".join(f"{name}.crt" for name in names)}
    lists["sslkey"] = ",".join(f"{name}.key" for name in names)
    assert client.arrived(user=user, **lists) == f"/CN={user}"


def test_an_expired_certificate_of_the_user_ranks_below_a_valid_one_of_another_user(client):
    lists = {"sslcert": "demo-expired.crt,anna.crt", "sslkey": "demo-expired.key,anna.key"}
    assert client.arrived(**lists) == "/CN=anna"


def test_environment_variables_may_hold_lists(client, pki):
    client.server.configure(pki.trust("gamma"))
    env = {"PGSSLCERT": "anna.crt,carl.crt", "PGSSLKEY": "anna.key,carl.key"}
    assert client.arrived(env=env) == "/CN=carl"


def default_certificate(client):
    (client.home / ".postgresql").mkdir()
    for kind in ("crt", "key"):
        source = client.directory / f"anna.{kind}"
        copy = client.home / ".postgresql" / f"postgresql.{kind}"
        copy.write_text(source.read_text())
        copy.chmod(0o600)


def test_the_default_certificate_in_the_home_directory_never_stands_in_for_a_list(client):
    default_certificate(client)
    assert client.arrived() == "/CN=anna"  # it exists, and the server accepts it
    assert client.refused(**BERT_AND_CARL) == client.failed(f"{NONE_SUITABLE}\n{NO_CERTIFICATE}")


def test_the_default_key_in_the_home_directory_is_not_used_with_a_list(client):
    default_certificate(client)
    text = 'entry 1: certificate file "anna.crt" holds no private key, and no sslkey names one'
    assert client.refused(sslcert="anna.crt,carl.crt") == client.failed(text)


def test_each_of_several_hosts_gets_the_certificate_that_it_requests(client, pki):
    own = pki.server.issue("second")
    with Server(client.server.bindir, paths.SCRATCH, own.certificate, own.key) as second:
        second.configure(pki.trust("beta"))
        second.execute("create role demo login")
        client.server.execute("alter role demo set default_transaction_read_only = on")
        try:
            hosts = {"host": "127.0.0.1,127.0.0.1", "port": f"{client.server.port},{second.port}"}
            # The first server accepts only anna's, and psql then leaves it because it is read-only.
            arrived = client.arrived(**hosts, **THREE, target_session_attrs="read-write")
        finally:
            client.server.execute("alter role demo reset default_transaction_read_only")
        assert arrived == "/CN=bert"


def test_the_chain_in_the_file_is_used_and_sent(client, pki):
    client.copy("deep.crt between.crt", "chain.crt")
    lists = {"sslcert": "bert.crt,chain.crt", "sslkey": "bert.key,deep.key", "sslpassword": "secret,"}
    assert client.arrived(**lists) == "/CN=deep"
    # Without the intermediate the chain does not reach the CA that the server names.
    lists["sslcert"] = "bert.crt,deep.crt"
    assert client.refused(**lists) == client.failed(f"{NONE_SUITABLE}\n{NO_CERTIFICATE}")
