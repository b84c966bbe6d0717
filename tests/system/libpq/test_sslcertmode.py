# SPDX-License-Identifier: MIT OR Apache-2.0
"""libpq 16 and later: sslcertmode has the same effect on a list and a configuration file as on one certificate."""

import pytest

from harness import paths
from harness.pki import THREE
from harness.psql import NONE_SUITABLE, NO_CERTIFICATE
from harness.server import OPTIONAL, Server
from psql_client import PATCHED, Client

ONE = {"sslcert": "anna.crt", "sslkey": "anna.key"}
OTHERS = {"sslcert": "bert.crt,carl.crt", "sslkey": "bert.key,carl.key", "sslpassword": "secret,"}
FILE = {"sslcert": "certpick:certpick.toml"}
each = pytest.mark.parametrize("certificates", [ONE, THREE, FILE], ids=["one", "list", "configuration file"])


@pytest.fixture(params=[psql for psql in PATCHED if psql[0] >= 16], ids=lambda psql: f"psql-{psql[0]}{psql[1]}")
def client(request, server, pki, home, preload, write_config):
    write_config(("bert", {}), ("anna", {"hosts": ["127.0.0.1"]}))
    version, variant = request.param
    return Client(version, server, pki.directory, home, variant, preload(variant))


@each
@pytest.mark.parametrize("mode", ["allow", "require"])
def test_allow_and_require_send_the_requested_certificate(client, certificates, mode):
    assert client.arrived(**certificates, sslcertmode=mode) == "/CN=anna"


@each
def test_disable_sends_no_certificate(client, pki, certificates):
    assert client.refused(**certificates, sslcertmode="disable") == client.failed(NO_CERTIFICATE)
    client.server.configure(pki.trust("alpha"), hba=OPTIONAL)
    assert client.arrived(**certificates, sslcertmode="disable") == ""


@each
def test_allow_connects_to_a_server_that_requests_no_certificate(client, certificates):
    client.server.configure([], hba=OPTIONAL)
    assert client.arrived(**certificates, sslcertmode="allow") == ""


@each
def test_require_fails_with_a_server_that_requests_no_certificate(client, certificates):
    client.server.configure([], hba=OPTIONAL)
    text = "server did not request an SSL certificate"
    assert client.refused(**certificates, sslcertmode="require") == client.failed(text)


def test_require_is_about_the_host_that_is_connected_to(client, localhost):
    """libpq keeps what it knows of the first host. Only the second one accepts this session."""
    with Server(paths.server_bindir(), paths.SCRATCH, localhost.certificate, localhost.key) as other:
        other.execute("create role demo login; alter role demo set default_transaction_read_only = on")
        other.configure([], hba=OPTIONAL)
        hosts = {"host": "127.0.0.1,127.0.0.1", "port": f"{client.server.port},{other.port}"}
        error = client.refused(**THREE, **hosts, target_session_attrs="read-only", sslcertmode="require")
        assert error.endswith("server did not request an SSL certificate\n"), error


def test_allow_connects_if_no_certificate_suits(client, pki):
    client.server.configure(pki.trust("alpha"), hba=OPTIONAL)
    assert client.arrived(**OTHERS, sslcertmode="allow") == ""


def test_require_fails_if_no_certificate_suits(client, pki):
    client.server.configure(pki.trust("alpha"), hba=OPTIONAL)
    text = f"{NONE_SUITABLE}\nserver accepted connection without a valid SSL certificate"
    assert client.refused(**OTHERS, sslcertmode="require") == client.failed(text)


@pytest.mark.parametrize("mode", ["allow", "require"])
def test_the_reason_is_reported_if_no_certificate_suits(client, mode):
    text = f"{NONE_SUITABLE}\n{NO_CERTIFICATE}"
    assert client.refused(**OTHERS, sslcertmode=mode) == client.failed(text)


def test_the_message_without_a_list_is_libpqs(client, pki):
    client.server.configure(pki.trust("alpha"), hba=OPTIONAL)
    text = "server accepted connection without a valid SSL certificate"
    assert client.refused(sslcertmode="require") == client.failed(text)


def test_disable_does_not_read_the_configuration_file(client):
    missing = {"sslcert": "certpick:missing.toml"}
    assert client.refused(**missing, sslcertmode="disable") == client.failed(NO_CERTIFICATE)
