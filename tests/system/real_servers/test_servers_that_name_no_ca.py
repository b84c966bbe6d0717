# SPDX-License-Identifier: MIT OR Apache-2.0
"""Redis, Mosquitto and MariaDB, two servers of each kind that accept the certificates of different CAs.

The names that their clients give to OpenSSL differ: mosquitto_pub sets the server name indication, also to an
address; redis-cli sets it only with --sni, and mariadb does not. All use SSL_set_fd().
"""

from contextlib import ExitStack

import pytest

from harness import paths
from harness.nameless import KINDS, MariaDb, Mosquitto, Redis
from harness.pki import Credential
from harness.toolchain import run as run_tool
from ways import OWNERS, Way

ADDRESS = "127.0.0.1"


@pytest.fixture(scope="module", params=KINDS.values(), ids=KINDS)
def servers(request, own, issuer, authorities):
    """Two servers by the CA of the certificates that they accept."""
    with ExitStack() as running:
        yield {
            ca: running.enter_context(request.param(paths.SCRATCH, own, issuer, authorities[ca].certificate))
            for ca in OWNERS
        }


@pytest.fixture
def assert_accepted(run):
    def connect(server, way: Way, host: str = ADDRESS, **options) -> None:
        result = run(server.client(host, **options), way)
        acknowledged = "received PUBACK" if isinstance(server, Mosquitto) else "DONE\n"
        assert result.status == 0 and acknowledged in result.out, result

    return connect


@pytest.fixture
def assert_nothing_is_sent(run):
    """Connects, and asserts that the client fails and that the server reports that it got no certificate."""

    def connect(server, way: Way, host: str = ADDRESS, **options) -> None:
        start = server.log.position()
        result = run(server.client(host, **options), way)
        assert result.status != 0, result
        assert server.received_no_certificate(start), server.log.text(start)
        if isinstance(server, MariaDb):
            # It would refuse the handshake with a certificate of another CA, whatever the account.
            anyone = run(server.client(host, account="anyone", **options), way)
            assert (anyone.status, anyone.out) == (0, "DONE\n"), anyone

    return connect


def anna(clients) -> Credential:
    return Credential(clients / "anna.crt", clients / "anna.key", "anna")


def test_they_name_no_ca(servers):
    for server in servers.values():
        command = ["openssl", "s_client", "-connect", f"{ADDRESS}:{server.port}", *server.starttls]
        output = run_tool(command).stdout
        assert "No client certificate CA names sent" in output and "Requested Signature Algorithms" in output


@pytest.mark.parametrize("host", [ADDRESS, "localhost"])
def test_a_client_with_its_own_certificate_is_accepted_by_the_server_of_its_ca(
    servers, clients, run, assert_accepted, host
):
    """Shows that the servers accept one CA each."""
    assert_accepted(servers["alpha"], Way(), host, own=anna(clients))
    assert run(servers["beta"].client(host, own=anna(clients)), Way()).status != 0


def test_without_a_rule_nothing_is_sent(servers, module, listed, home, assert_nothing_is_sent):
    for number, server in enumerate(servers.values()):
        file = home / f"explanation-{number}"
        way = Way(env=module(**listed, explain="always", explain_file=file))
        assert_nothing_is_sent(server, way)
        explanation = file.read_text()
        assert "certpick sent no certificate" in explanation and "sent credential" not in explanation


def test_empty_ca_list_sends_the_first_of_a_list_to_both(servers, module, listed, run, assert_accepted):
    """Without the names of CAs, a list gives no reason to send another one."""
    way = Way(env=module(**listed, empty_ca_list="accept"))
    assert_accepted(servers["alpha"], way)
    assert run(servers["beta"].client(ADDRESS), way).status != 0


def hosts_of(servers, host: str = ADDRESS) -> list:
    """Returns rules by which each server gets its certificate, in reverse order."""
    rules = [(OWNERS[ca], {"hosts": [f"{host}:{server.port}"]}) for ca, server in servers.items()]
    return rules[::-1]


def test_each_server_gets_the_certificate_of_its_rule(servers, config_file, way, assert_accepted):
    started = way(config_file(*hosts_of(servers)))
    for server in servers.values():
        assert_accepted(server, started)


def test_nothing_is_sent_to_a_server_without_a_rule(
    servers, config_file, way, assert_accepted, assert_nothing_is_sent
):
    of_alpha = ("anna", {"hosts": [f"{ADDRESS}:{servers['alpha'].port}"]})
    for others in ([], [("bert", {})], [("bert", {"hosts": ["*"]})]):
        started = way(config_file(of_alpha, *others))
        assert_accepted(servers["alpha"], started)
        assert_nothing_is_sent(servers["beta"], started)


def test_a_rule_for_another_address_or_port_or_user_does_not_match(servers, config_file, way, assert_nothing_is_sent):
    server = servers["alpha"]
    for rule in ({"hosts": ["127.0.0.2"]}, {"hosts": [f"127.0.0.2:{server.port}"]},
                 {"hosts": [f"[::1]:{server.port}"]}, {"hosts": [f"{ADDRESS}:1"]},
                 {"hosts": ["north.test", f"north.test:{server.port}"]},
                 {"hosts": [ADDRESS], "users": ["*"]}):  # fmt: skip
        assert_nothing_is_sent(server, way(config_file(("anna", rule))))


def test_a_name_matches_if_the_client_gives_it_to_openssl(
    servers, config_file, way, assert_accepted, assert_nothing_is_sent
):
    by_name = way(config_file(*hosts_of(servers, "localhost")))
    by_address = way(config_file(*hosts_of(servers)))
    for server in servers.values():
        gives_names = isinstance(server, Mosquitto)
        sent, not_sent = (by_name, by_address) if gives_names else (by_address, by_name)
        assert_accepted(server, sent, "localhost")
        assert_nothing_is_sent(server, not_sent, "localhost")


@pytest.mark.parametrize("servers", [Redis], ids=["Redis"], indirect=True)
def test_redis_cli_gives_the_name_of_its_option_sni(servers, config_file, way, run):
    server = servers["alpha"]
    program, *options = server.client(ADDRESS)
    with_name = [program, "--sni", "North.test", *options]
    for host, status in (("north.test", 0), (f"north.test:{server.port}", 0), ("south.test", 1), (ADDRESS, 1)):
        result = run(with_name, way(config_file(("anna", {"hosts": [host]}))))
        assert (result.status, result.out) == (status, "" if status else "DONE\n"), (host, result)


def test_verified_needs_a_client_that_verifies_the_server(
    servers, config_file, way, assert_accepted, assert_nothing_is_sent
):
    rules = [(owner, {**rule, "verified": True}) for owner, rule in hosts_of(servers)]
    started = way(config_file(*rules))
    for server in servers.values():
        assert_accepted(server, started)
        if server.client_may_skip_verification:
            assert_nothing_is_sent(server, started, verify=False)
