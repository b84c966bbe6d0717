# SPDX-License-Identifier: MIT OR Apache-2.0
"""sslcert=certpick:FILE takes the credentials and rules of a configuration file.

If each of the two servers trusts one CA, the CA names decide, and if both trust both CAs, the rules decide.
"""

import socket
from contextlib import contextmanager
from dataclasses import replace

import pytest

from harness import paths
from harness.psql import NO_CERTIFICATE, NONE_SUITABLE
from harness.server import Server
from psql_client import Client, put

FILE = {"sslcert": "certpick:certpick.toml"}
NONE = f"{NONE_SUITABLE}\n{NO_CERTIFICATE}\n"


@pytest.fixture(scope="module")
def running_south(localhost):
    with Server(paths.server_bindir(), paths.SCRATCH, localhost.certificate, localhost.key) as server:
        server.execute("create role demo login")
        yield server


@pytest.fixture
def servers(server, running_south, pki):
    """Makes the two servers trust the CAs alpha and beta, or one each. Returns their ports."""

    def configure(each: bool = False) -> tuple:
        server.configure(pki.trust("alpha") if each else pki.trust("alpha", "beta"))
        running_south.configure(pki.trust("beta") if each else pki.trust("alpha", "beta"))
        return server.port, running_south.port

    return configure


@pytest.fixture
def south(client, running_south) -> Client:
    """psql that connects to the second server."""
    return replace(client, server=running_south)


@contextmanager
def closed_port():
    """Reserves a port of 127.0.0.1 at which nothing listens."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


@pytest.mark.parametrize("sslcert", ["certpick:certpick.toml", " certpick:certpick.toml ", '"certpick:certpick.toml"'])
def test_without_rules_each_server_gets_the_certificate_of_the_ca_that_it_names(
    client, south, servers, write_config, sslcert
):
    servers(each=True)
    write_config(("anna", {}), ("bert", {}))
    assert client.arrived(sslcert=sslcert) == "/CN=anna"
    assert south.arrived(sslcert=sslcert) == "/CN=bert"


def test_the_file_may_be_named_by_the_environment_and_by_an_absolute_name(client, south, servers, write_config, pki):
    servers(each=True)
    write_config(("anna", {}), ("bert", {}))
    env = {"PGSSLCERT": f"certpick:{pki.directory}/certpick.toml"}
    assert (client.arrived(env=env), south.arrived(env=env)) == ("/CN=anna", "/CN=bert")


def test_rules_by_host_and_port_decide_if_the_servers_name_the_same_cas(client, south, servers, write_config):
    ports = servers()
    write_config(*[(owner, {"hosts": [f"127.0.0.1:{port}"]}) for owner, port in zip(("bert", "anna"), ports)])
    assert (client.arrived(**FILE), south.arrived(**FILE)) == ("/CN=bert", "/CN=anna")


def test_a_rule_by_user_decides(client, servers, write_config):
    servers()
    write_config(("bert", {"users": ["a*"]}), ("demo", {"users": ["d?mo"]}))
    assert client.arrived(**FILE) == "/CN=demo"
    assert client.arrived(**FILE, user="anna") == "/CN=bert"


def test_if_no_rule_matches_none_is_sent_and_the_users_own_certificate_is_not_used(client, servers, write_config, home):
    servers()
    own = home / ".postgresql"
    own.mkdir()
    for suffix in ("crt", "key"):
        put(own / f"postgresql.{suffix}", (client.directory / f"anna.{suffix}").read_text(), 0o600)
    assert client.arrived() == "/CN=anna"
    write_config(("anna", {"hosts": ["*.example"]}), ("bert", {"users": ["anna"]}))
    assert client.refused(**FILE) == client.failed(NONE.rstrip("\n"))


def test_a_certificate_for_verified_servers_is_sent_only_if_libpq_verifies(client, servers, write_config, pki):
    servers()
    write_config(("anna", {"hosts": ["localhost"], "verified": True}))
    verifying = {"sslmode": "verify-full", "sslrootcert": pki.server.certificate}
    assert client.arrived(**FILE, host="localhost", **verifying) == "/CN=anna"
    assert client.refused(**FILE, host="localhost").endswith(f"failed: {NONE}")


def test_the_host_and_port_of_the_attempt_count(client, servers, write_config):
    _, port = servers()
    with closed_port() as closed:
        rules = [("anna", {"hosts": ["127.0.0.1"]}), ("bert", {"hosts": [f"localhost:{port}"]})]
        several = {"host": "127.0.0.1,localhost", "port": f"{closed},{port}"}
        write_config(*rules)
        assert client.arrived(**FILE, **several) == "/CN=bert"
        write_config(rules[0], ("bert", {"hosts": [f"localhost:{closed}"]}))
        assert client.refused(**FILE, **several).endswith(f"failed: {NONE}")


def test_a_rule_by_host_does_not_rank_if_hostaddr_is_given_too(client, servers, write_config, pki):
    """Without verification the host name says nothing about the server at that address."""
    servers()
    both = {"host": "localhost", "hostaddr": "127.0.0.1"}
    verifying = {"sslmode": "verify-full", "sslrootcert": pki.server.certificate}
    for rule, settings, owner in [
        ({}, {"host": "localhost"}, "anna"),
        ({}, both, "bert"),
        ({}, {**both, **verifying}, "bert"),
        ({"verified": True}, both, "bert"),
        ({"verified": True}, {**both, **verifying}, "anna"),
    ]:
        write_config(("bert", {}), ("anna", {"hosts": ["localhost"], **rule}))
        assert client.arrived(**FILE, **settings) == f"/CN={owner}", (rule, settings)


def test_a_host_that_differs_from_hostaddr_is_compared_and_the_address_is_not(client, servers, write_config):
    servers()
    differing = {"host": "other.example", "hostaddr": "127.0.0.1"}
    write_config(("bert", {"hosts": ["127.0.0.1"]}), ("anna", {"hosts": ["other.example"]}))
    assert client.arrived(**FILE, **differing) == "/CN=anna"
    write_config(("bert", {"hosts": ["127.0.0.1"]}))
    assert client.refused(**FILE, **differing).endswith(f"failed: {NONE}")


def test_hostaddr_alone_is_compared_with_address_patterns(client, servers, write_config):
    servers()
    write_config(("anna", {"hosts": ["localhost"]}), ("bert", {"hosts": ["127.0.0.1"]}))
    assert client.arrived(**FILE, host=None, hostaddr="127.0.0.1") == "/CN=bert"


def test_pghost_is_compared_unless_it_is_a_socket_directory(client, servers, write_config):
    servers()
    write_config(("anna", {"hosts": ["localhost"]}), ("bert", {"hosts": ["127.0.0.1"]}))
    assert client.arrived(**FILE, host=None, env={"PGHOST": "localhost"}) == "/CN=anna"
    for directory in ("/var/run/postgresql", "@abstract"):
        env = {"PGHOST": directory, "PGHOSTADDR": "127.0.0.1"}
        assert client.arrived(**FILE, host=None, env=env) == "/CN=bert"


@pytest.mark.parametrize("trusted", ["alpha", "beta", "gamma"])
def test_a_list_may_contain_files_and_configuration_files(client, write_config, pki, trusted):
    client.server.configure(pki.trust(trusted))
    write_config(("anna", {}), name="first.toml")
    write_config(("bert", {}), name="second.toml")
    lists = {"sslcert": "certpick:first.toml, carl.crt, certpick:second.toml", "sslkey": ",carl.key,"}
    arrived = {"alpha": "/CN=anna", "beta": "/CN=bert", "gamma": "/CN=carl"}
    assert client.arrived(**lists, sslpassword=",,") == arrived[trusted]


def unreadable(cause: str) -> str:
    return f'could not read configuration file "certpick.toml": {cause}'


def flawed(place: str, flaw: str) -> str:
    return f'configuration file "DIRECTORY/certpick.toml", {place}: {flaw}'


UNUSABLE = {
    "missing": (None, 0o644, unreadable("No such file or directory")),
    "writable by others": ("[[credential]]\nsslcert = 'anna.crt'\n", 0o622, unreadable("")),
    "syntax": ("sslcert", 0o644, flawed("line 1, column 8", 'the file is not valid TOML; "=" is missing')),
    "unknown key": ("[[credential]]\nhost = []\n", 0o644, flawed("line 2, column 1", 'unknown key "host"; ')),
    "no sslcert": ("[[credential]]\nusers = ['a']\n", 0o644, flawed("line 1, column 1", "")),
    "empty": ("", 0o644, flawed("line 1, column 1", "the file has no [[credential]]")),
    "missing certificate": (
        "[[credential]]\nsslcert = 'missing.crt'\n",
        0o644,
        'entry 1: could not read certificate file "DIRECTORY/missing.crt": No such file or directory',
    ),
}


@pytest.mark.parametrize("content, mode, text", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_an_unusable_file_is_one_error(client, pki, content, mode, text):
    path = pki.directory / "certpick.toml"
    path.unlink(missing_ok=True)
    if content is not None:
        put(path, content, mode)
    error = client.refused(**FILE)
    start = client.failed(text.replace("DIRECTORY", str(pki.directory))).rstrip("\n")
    assert error.startswith(start) and error.count("\n") == 1, error


@pytest.mark.parametrize("name, cause", [(".", "it is not a regular file"), ("", "its name is empty")])
def test_a_value_that_names_no_file_is_one_error(client, name, cause):
    text = f'could not read configuration file "{name}": {cause}'
    assert client.refused(sslcert=f"certpick:{name}") == client.failed(text)


@pytest.mark.parametrize("parameter, named", [("sslkey", "keys"), ("sslpassword", "password files")])
def test_sslkey_and_sslpassword_must_be_empty(client, write_config, parameter, named):
    write_config(("anna", {}))
    text = f"the {parameter} entry must be empty, because the configuration file names the {named}"
    error = client.refused(**FILE, **{parameter: "hunter2"})
    assert error == client.failed(f'entry 1: "certpick:certpick.toml": {text}')


def test_a_file_whose_name_begins_with_the_prefix_is_an_error(client):
    client.copy("anna.crt", "certpick:anna.pem")
    text = 'entry 1: "certpick:anna.pem": a file with this name exists; write ./ before the name to mean the file'
    assert client.refused(sslcert="certpick:anna.pem") == client.failed(text)
    assert client.arrived(sslcert="./certpick:anna.pem", sslkey="anna.key") == "/CN=anna"


def test_a_key_that_is_missing_aborts_the_handshake(client, write_config, pki):
    write_config(("carl", {}), ("anna", {"sslkey": "missing.key"}))
    key = pki.directory / "missing.key"
    text = f'entry 2: certificate present, but not private key file "{key}"'
    assert client.refused(**FILE) == client.failed(text)


@pytest.mark.parametrize("version", [15, 18])
def test_a_stock_libpq_sends_no_certificate(server, pki, home, write_config, version):
    write_config(("anna", {}))
    stock = Client(version, server, pki.directory, home, "-stock")
    assert stock.refused(**FILE) == stock.failed(NO_CERTIFICATE)
