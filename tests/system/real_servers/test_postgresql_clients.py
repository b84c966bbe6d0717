# SPDX-License-Identifier: MIT OR Apache-2.0
"""Clients of two PostgreSQL servers: psql, pgbouncer, and dblink, postgres_fdw and walreceiver in a third server.

In the tests by CA names each server names and accepts one CA. In the tests by rules each names and accepts both, so
that only the rules decide.
"""

from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from harness import paths, psql
from harness.pgbouncer import PgBouncer
from harness.psql import NO_CERTIFICATE, WHICH_CERTIFICATE
from harness.server import REQUIRED, Server
from harness.unavailable import Unavailable
from ways import OWNERS, Way

HBA = f"{REQUIRED}\nlocal replication all trust\nhostssl replication all 127.0.0.1/32 trust clientcert=verify-ca"
HOSTS = ("127.0.0.1", "localhost")
ROLES = (
    "create role demo login replication;"
    "create view arrived as select client_dn from pg_stat_ssl where pid = pg_backend_pid();"
    "grant select on arrived to public"
)


class Cluster:
    """Two servers. Each has the name of a CA."""

    def __init__(self, servers: dict, authorities: dict):
        self._servers, self._authorities = servers, authorities

    def __getitem__(self, ca: str) -> Server:
        return self._servers[ca]

    def name(self, both: bool) -> None:
        """Makes each server name and accept both CAs, or only its own."""
        for ca, server in self._servers.items():
            names = OWNERS if both else [ca]
            server.configure([self._authorities[name].certificate for name in names], HBA)

    def rules(self, host: str, **more) -> list:
        """Returns rules by which each server gets its certificate."""
        by_server = [
            (OWNERS[ca], {"hosts": [f"{host}:{server.port}"], **more}) for ca, server in self._servers.items()
        ]
        return by_server[::-1]


@pytest.fixture(scope="module")
def cluster(own, authorities):
    with ExitStack() as running:
        servers = {}
        for ca in OWNERS:
            server = Server(paths.server_bindir(), paths.SCRATCH, own.certificate, own.key)
            servers[ca] = running.enter_context(server)
            server.execute(ROLES)
        yield Cluster(servers, authorities)


@pytest.fixture(params=HOSTS)
def host(request) -> str:
    """The host to which clients connect."""
    return request.param


@pytest.fixture(params=["CA names", "rules"])
def env(request, cluster, host, module, listed):
    """The environment in which a client sends the right certificate to each server."""
    by_rules = request.param == "rules"
    cluster.name(both=by_rules)
    if not by_rules:
        return module(**listed)
    return module(config=request.getfixturevalue("config_file")(*cluster.rules(host)))


def conninfo(server: Server, **settings) -> str:
    base = {"port": server.port, "user": "demo", "dbname": "postgres", "sslmode": "require"}
    return psql.conninfo(**{**base, **settings})


def psql_command(server: Server, version: int = 0, **settings) -> tuple:
    """Returns the command and its environment."""
    program, more = paths.psql(version, "-stock") if version else (paths.server_bindir() / "psql", {})
    return [program, "-X", "-At", "-c", WHICH_CERTIFICATE, "-d", conninfo(server, **settings)], more


@pytest.mark.parametrize("version", [0, 18], ids=["the distribution's", "18"])
def test_psql(cluster, host, env, run, version):
    for ca, owner in OWNERS.items():
        command, more = psql_command(cluster[ca], version, host=host)
        result = run(command, Way(env={**env, **more}))
        assert (result.status, result.out, result.err) == (0, f"/CN={owner}\n", ""), result


@pytest.mark.parametrize("version", [0, 18], ids=["the distribution's", "18"])
def test_psql_sends_the_certificate_for_its_user(cluster, config_file, way, run, version):
    cluster.name(both=True)
    rules = [(owner, {"users": [users], "hosts": ["localhost"]}) for owner, users in (("bert", "b*"), ("anna", "d?mo"))]
    command, more = psql_command(cluster["alpha"], version, host="localhost")
    started = way(config_file(*rules))
    result = run(command, Way(started.before, {**started.env, **more}))
    assert (result.status, result.out) == (0, "/CN=anna\n"), result


def test_a_rule_does_not_rank_if_psql_has_host_and_hostaddr(cluster, issuer, config_file, way, run):
    """Without verification the host name says nothing about the server at that address."""
    cluster.name(both=True)
    both = {"host": "localhost", "hostaddr": "127.0.0.1"}
    verifying = {"sslmode": "verify-full", "sslrootcert": issuer}
    for rule, settings, owner in [
        ({}, {"host": "localhost"}, "anna"),
        ({}, both, "bert"),
        ({}, {**both, **verifying}, "bert"),
        ({"verified": True}, {**both, **verifying}, "anna"),
    ]:
        started = way(config_file(("bert", {}), ("anna", {"hosts": ["localhost"], **rule})))
        result = run(psql_command(cluster["alpha"], **settings)[0], started)
        assert (result.status, result.out) == (0, f"/CN={owner}\n"), (settings, result)


def test_psql_with_verified_verifies_the_server(cluster, issuer, config_file, way, run):
    cluster.name(both=True)
    started = way(config_file(*cluster.rules("localhost", verified=True)))
    verifying = {"sslmode": "verify-full", "sslrootcert": issuer}
    for ca, owner in OWNERS.items():
        result = run(psql_command(cluster[ca], host="localhost", **verifying)[0], started)
        assert (result.status, result.out) == (0, f"/CN={owner}\n"), result
        result = run(psql_command(cluster[ca], host="localhost")[0], started)
        assert result.status == 2 and NO_CERTIFICATE in result.err, result


@contextmanager
def bouncer(cluster, env, host, **settings):
    databases = {ca: f"host={host} port={cluster[ca].port} dbname=postgres user=demo" for ca in OWNERS}
    with PgBouncer(paths.SCRATCH, databases, env, **settings) as running:

        def query(ca: str) -> list:
            client = psql.conninfo(host="127.0.0.1", port=running.port, user="demo", dbname=ca)
            return [paths.server_bindir() / "psql", "-X", "-At", "-c", WHICH_CERTIFICATE, "-d", client]

        yield query


def test_one_pgbouncer_with_two_databases(cluster, host, env, issuer, run):
    """With verify-full it sets the server name indication, otherwise only the socket's address is known."""
    sslmode = "require" if host == "127.0.0.1" else "verify-full"
    with bouncer(cluster, env, host, server_tls_sslmode=sslmode, server_tls_ca_file=issuer) as query:
        for ca, owner in OWNERS.items():
            result = run(query(ca), Way())
            assert (result.status, result.out) == (0, f"/CN={owner}\n"), result


REFUSED = "connection requires a valid client certificate"


def test_without_the_module_the_servers_refuse_pgbouncer(cluster, run):
    cluster.name(both=False)
    with bouncer(cluster, {}, "127.0.0.1", server_tls_sslmode="require") as query:
        for ca in OWNERS:
            result = run(query(ca), Way())
            assert result.status == 2 and REFUSED in result.err, result


@pytest.mark.parametrize(("sslmode", "arrives"), [("require", False), ("verify-ca", True), ("verify-full", True)])
def test_pgbouncer_with_verified(cluster, module, config_file, issuer, run, sslmode, arrives):
    cluster.name(both=True)
    env = module(config=config_file(*cluster.rules("127.0.0.1", verified=True)))
    settings = {"server_tls_sslmode": sslmode, "server_tls_ca_file": issuer}
    with bouncer(cluster, env, "127.0.0.1", **settings) as query:
        for ca, owner in OWNERS.items():
            result = run(query(ca), Way())
            if arrives:
                assert (result.status, result.out) == (0, f"/CN={owner}\n"), result
            else:
                assert result.status == 2 and REFUSED in result.err, result


def test_pgbouncer_without_a_matching_rule_sends_nothing(cluster, module, config_file, run):
    cluster.name(both=True)
    env = module(config=config_file(*cluster.rules("localhost")))
    with bouncer(cluster, env, "localhost", server_tls_sslmode="require") as query:
        result = run(query("alpha"), Way())
        assert result.status == 2 and REFUSED in result.err, result


@pytest.fixture
def in_server(own):
    """Starts a PostgreSQL server whose own connections use the module."""
    with ExitStack() as running:

        def start(env: dict, primary=None) -> Server:
            server = Server(paths.server_bindir(), paths.SCRATCH, own.certificate, own.key, env, primary)
            return running.enter_context(server)

        yield start


def create_extension(server: Server, name: str) -> None:
    if not server.execute(f"select 1 from pg_available_extensions where name = '{name}'"):
        raise Unavailable(f"the PostgreSQL server does not have {name}")
    server.execute(f"create extension {name}")


def test_dblink_and_postgres_fdw(cluster, host, env, in_server):
    server = in_server(env)
    create_extension(server, "dblink")
    create_extension(server, "postgres_fdw")
    for ca, owner in OWNERS.items():
        remote = conninfo(cluster[ca], host=host).replace("'", "''")
        arrived = server.execute(f"select * from dblink('{remote}', 'select * from arrived') as t (dn text)")
        assert arrived == f"/CN={owner}\n"
        server.execute(
            f"create server {ca} foreign data wrapper postgres_fdw"
            f" options (host '{host}', port '{cluster[ca].port}', dbname 'postgres', sslmode 'require');"
            f"create user mapping for postgres server {ca} options (user 'demo', password_required 'false');"
            f"create foreign table {ca}_arrived (client_dn text) server {ca} options (table_name 'arrived')"
        )
        assert server.execute(f"select * from {ca}_arrived") == f"/CN={owner}\n"


def test_walreceiver(cluster, host, env, in_server):
    """A standby of each server, with the same settings."""
    for ca, owner in OWNERS.items():
        standby = in_server(env, primary=cluster[ca])
        start = standby.log.position()
        primary = conninfo(cluster[ca], host=host, dbname=None).replace("'", "''")
        standby.execute(f"alter system set primary_conninfo = '{primary}'")
        standby.execute("select pg_reload_conf()")
        assert standby.log.wait_for("started streaming WAL from primary", start), standby.log.text(start)
        arrived = cluster[ca].execute("select client_dn from pg_stat_ssl join pg_stat_replication using (pid)")
        assert arrived == f"/CN={owner}\n"
        standby.stop()
