# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which certificate a list makes psql send, and when it sends none."""

import pytest

from harness import paths
from harness.pki import THREE
from harness.psql import NONE_SUITABLE, NO_CERTIFICATE
from harness.server import Server

BERT_AND_CARL = {"sslcert": "bert.crt,carl.crt", "sslkey": "bert.key,carl.key", "sslpassword": "secret,"}


def test_each_client_uses_the_libpq_it_is_named_for(client):
    result = client.connect(env={"LD_TRACE_LOADED_OBJECTS": "1"})
    (line,) = [line for line in result.out.splitlines() if "libpq.so" in line]
    loaded = paths.Path(line.split()[2]).resolve()
    assert loaded.name == f"libpq.so.5.{client.version}"
    assert loaded.parent == paths.prefix(client.version) / "lib"


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
def test_none_is_sent_and_the_reason_told_when_none_suits(client, pki, tls):
    client.server.configure(pki.trust("alpha"), tls_max=tls)
    assert client.refused(**BERT_AND_CARL) == client.failed(f"{NONE_SUITABLE}\n{NO_CERTIFICATE}")


def test_a_server_that_can_do_without_a_certificate_lets_one_in_when_none_suits(client, pki):
    client.server.configure(pki.trust("alpha"), hba="hostssl all all 127.0.0.1/32 trust")
    assert client.arrived(**BERT_AND_CARL) == ""


def test_nothing_is_sent_to_a_server_that_asks_for_nothing(client):
    client.server.configure([], hba="hostssl all all 127.0.0.1/32 trust")
    assert client.arrived(**THREE) == ""


def test_with_sslmode_prefer_a_list_is_used(client):
    assert client.arrived(**{**THREE, "sslmode": "prefer"}) == "/CN=anna"


def test_with_sslmode_prefer_both_attempts_are_reported_when_none_suits(client):
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


def test_an_expired_certificate_stands_behind_a_valid_one_of_the_same_ca(client):
    assert client.arrived(sslcert="expired.crt,anna.crt", sslkey="expired.key,anna.key") == "/CN=anna"


def test_a_certificate_of_the_future_stands_behind_a_valid_one_of_the_same_ca(client):
    assert client.arrived(sslcert="future.crt,anna.crt", sslkey="future.key,anna.key") == "/CN=anna"


@pytest.mark.parametrize("name", ["signer", "mail"])
def test_a_certificate_for_another_use_stands_behind_one_without_limits(client, name):
    assert client.arrived(sslcert=f"{name}.crt,anna.crt", sslkey=f"{name}.key,anna.key") == "/CN=anna"


def test_an_expired_certificate_is_sent_when_there_is_no_better_for_the_server_is_the_judge(client):
    error = client.refused(sslcert="bert.crt,expired.crt", sslkey="bert.key,expired.key")
    assert error.startswith(client.failed("SSL error: ").rstrip("\n"))
    assert error.endswith("alert certificate expired\n")


@pytest.mark.parametrize("order", ["anna,demo", "demo,anna"])
@pytest.mark.parametrize("user", ["anna", "demo"])
def test_among_equals_the_certificate_whose_common_name_is_the_user_is_sent(client, pki, order, user):
    client.server.configure(pki.trust("alpha"), hba="hostssl all all 127.0.0.1/32 cert")
    names = order.split(",")
    lists = {"sslcert": ",".join(f"{name}.crt" for name in names)}
    lists["sslkey"] = ",".join(f"{name}.key" for name in names)
    assert client.arrived(user=user, **lists) == f"/CN={user}"


def test_an_expired_certificate_of_the_user_stands_behind_a_valid_one_of_another(client):
    lists = {"sslcert": "demo-expired.crt,anna.crt", "sslkey": "demo-expired.key,anna.key"}
    assert client.arrived(**lists) == "/CN=anna"


def test_a_list_comes_from_the_environment_too(client, pki):
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
    assert client.arrived() == "/CN=anna"  # so it is found, and it would do
    assert client.refused(**BERT_AND_CARL) == client.failed(f"{NONE_SUITABLE}\n{NO_CERTIFICATE}")


def test_the_default_key_in_the_home_directory_is_not_taken_for_a_list(client):
    default_certificate(client)
    text = 'entry 1: certificate file "anna.crt" holds no private key, and no sslkey names one'
    assert client.refused(sslcert="anna.crt,carl.crt") == client.failed(text)


def test_each_of_several_hosts_gets_the_certificate_that_it_asks_for(client, pki):
    own = pki.server.issue("second")
    with Server(client.server.bindir, paths.SCRATCH, own.certificate, own.key) as second:
        second.configure(pki.trust("beta"))
        second.execute("create role demo login")
        client.server.execute("alter role demo set default_transaction_read_only = on")
        try:
            hosts = {"host": "127.0.0.1,127.0.0.1", "port": f"{client.server.port},{second.port}"}
            # The first one lets psql in only with anna's, and is then left as read-only.
            arrived = client.arrived(**hosts, **THREE, target_session_attrs="read-write")
        finally:
            client.server.execute("alter role demo reset default_transaction_read_only")
        assert arrived == "/CN=bert"


def test_the_chain_in_the_file_counts_and_is_sent(client, pki):
    client.copy("deep.crt between.crt", "chain.crt")
    lists = {"sslcert": "bert.crt,chain.crt", "sslkey": "bert.key,deep.key", "sslpassword": "secret,"}
    assert client.arrived(**lists) == "/CN=deep"
    # Without the intermediate nothing links it to the CA that the server names.
    lists["sslcert"] = "bert.crt,deep.crt"
    assert client.refused(**lists) == client.failed(f"{NONE_SUITABLE}\n{NO_CERTIFICATE}")
