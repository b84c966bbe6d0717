# SPDX-License-Identifier: MIT OR Apache-2.0
"""PostgreSQL servers that are clients of other servers, and connection pools."""

from harness import paths, psql
from harness.daemon import Daemon, free_port
from harness.pgbouncer import PgBouncer
from harness.psql import WHICH_CERTIFICATE
from harness.server import Server, ServerError
from harness.unavailable import Unavailable
from real_program import Program, Setting, conninfo, of_output, printed_version


def quoted(text) -> str:
    return "'" + str(text).replace("'", "''") + "'"


class OfServer(Program):
    """Is a part of the distribution's PostgreSQL."""

    kind = "postgres"

    def version(self) -> str:
        return printed_version(paths.server_bindir() / "postgres", "--version")


class InServer(OfServer):
    """A server whose environment has the module, and SQL that connects it to another server.

    extension: that it needs
    sql: returns the SQL
    """

    def __init__(self, extension: str, sql):
        self._extension, self._sql = extension, sql

    def connect(self, setting: Setting) -> dict:
        own = setting.servers.own
        with Server(paths.server_bindir(), paths.SCRATCH, own.certificate, own.key, setting.env) as server:
            if not server.execute(f"select 1 from pg_available_extensions where name = '{self._extension}'"):
                raise Unavailable(f"the PostgreSQL server does not have {self._extension}")
            server.execute(f"create extension {self._extension}")
            return {ca: self._query(server, ca, other) for ca, other in self.servers(setting).items()}

    def _query(self, server: Server, ca: str, other: Server) -> str:
        try:
            return of_output(server.execute(self._sql(ca, other)))
        except ServerError as error:
            assert "requires a valid client certificate" in str(error), error
            return ""


def dblink(ca: str, other: Server) -> str:
    return f"select * from dblink({quoted(conninfo(other))}, 'select * from arrived') as t (dn text)"


def postgres_fdw(ca: str, other: Server) -> str:
    return (
        f"create server {ca} foreign data wrapper postgres_fdw"
        f" options (host '127.0.0.1', port '{other.port}', dbname 'postgres', sslmode 'require');"
        f"create user mapping for postgres server {ca} options (user 'demo', password_required 'false');"
        f"create foreign table {ca} (client_dn text) server {ca} options (table_name 'arrived');"
        f"select * from {ca}"
    )


class Receiver(OfServer):
    """A process of a server that receives changes from another server."""

    started: str
    refused = "requires a valid client certificate"

    def connect(self, setting: Setting) -> dict:
        return {ca: self._receive(setting, other) for ca, other in self.servers(setting).items()}

    def _receive(self, setting: Setting, other: Server) -> str:
        own = setting.servers.own
        with Server(
            paths.server_bindir(), paths.SCRATCH, own.certificate, own.key, setting.env, self._primary(other)
        ) as server:
            log = self._log(server, other)
            start = log.position()
            self._start(server, other)
            found = log.wait_for_any((self.started, self.refused), start)
            assert found, log.text(start)
            if found == self.refused:
                return ""
            query = "select client_dn from pg_stat_ssl join pg_stat_replication using (pid)"
            return of_output(other.execute(query))

    def _primary(self, other: Server):
        return None

    def _log(self, server: Server, other: Server):
        """Returns the log that has one of these texts."""
        return server.log

    def _start(self, server: Server, other: Server) -> None:
        raise NotImplementedError


class WalReceiver(Receiver):
    started = "started streaming WAL from primary"

    def _primary(self, other: Server):
        return other

    def _start(self, server: Server, other: Server) -> None:
        server.execute(f"alter system set primary_conninfo = {quoted(conninfo(other, dbname=None))}")
        server.execute("select pg_reload_conf()")


class Subscription(Receiver):
    started = "starting logical decoding for slot"

    def _log(self, server: Server, other: Server):
        return other.log

    def _start(self, server: Server, other: Server) -> None:
        slot = f"slot_{server.port}"
        other.execute(f"select pg_create_logical_replication_slot('{slot}', 'pgoutput')")
        server.execute(
            f"create subscription s connection {quoted(conninfo(other))} publication p"
            f" with (connect = false, slot_name = '{slot}')"
        )
        server.execute("alter subscription s enable")


class Pool(Program):
    """A pool in front of servers, to which psql connects without TLS. Subclasses start it."""

    kind = "postgres"

    def query(self, pool: Daemon, database: str, server: Server) -> str:
        start = server.log.position()
        client = psql.conninfo(host="127.0.0.1", port=pool.port, user="demo", dbname=database, sslmode="disable")
        command = [paths.server_bindir() / "psql", "-X", "-At", "-c", WHICH_CERTIFICATE, "-d", client]
        result = psql.run(command, paths.SCRATCH, paths.SCRATCH)
        assert result.status == 0 or server.log.wait_for("requires a valid client certificate", start), result
        return of_output(result.out)


class Bouncer(Pool):
    """One pgbouncer with both servers."""

    def connect(self, setting: Setting) -> dict:
        servers = self.servers(setting)
        where = "host=127.0.0.1 port={} dbname=postgres user=demo"
        targets = {ca: where.format(server.port) for ca, server in servers.items()}
        with PgBouncer(paths.SCRATCH, targets, setting.env, server_tls_sslmode="require") as running:
            return {ca: self.query(running, ca, server) for ca, server in servers.items()}


class PgPool(Daemon):
    name, ready, port_is_taken = "pgpool", "pgpool-II successfully started", "Address already in use"
    stop_signal = "INT"

    def __init__(self, setting: Setting, target: int):
        super().__init__(paths.SCRATCH, setting.env)
        self._target = target

    def _command(self) -> list:
        settings = {
            "listen_addresses": "127.0.0.1", "port": self.port, "pcp_port": free_port(),
            "pcp_listen_addresses": "127.0.0.1", "socket_dir": self.sockets, "pcp_socket_dir": self.sockets,
            "wd_ipc_socket_dir": self.sockets, "pid_file_name": f"{self.work}/pid",
            "backend_hostname0": "127.0.0.1", "backend_port0": self._target, "ssl": "on",
            "num_init_children": 2, "logdir": self.work, "work_dir": self.work,
            "backend_clustering_mode": "raw", "failover_on_backend_error": "off",
            "memqcache_oiddir": self.work,
        }  # fmt: skip
        text = "".join(f"{name} = '{value}'\n" for name, value in settings.items())
        hba = self._put("pool_hba.conf", "host all all 127.0.0.1/32 trust\n")
        return ["pgpool", "-n", "-f", self._put("pgpool.conf", text), "-a", hba, "-F", self._put("pcp.conf", "")]


class Pgpool(Pool):
    """One pgpool for each server, because a pgpool expects the same data on its servers."""

    def connect(self, setting: Setting) -> dict:
        received = {}
        for ca, server in self.servers(setting).items():
            with PgPool(setting, server.port) as running:
                received[ca] = self.query(running, "postgres", server)
        return received


PROGRAMS = {
    "dblink": InServer("dblink", dblink),
    "postgres_fdw": InServer("postgres_fdw", postgres_fdw),
    "walreceiver": WalReceiver(),
    "logical replication": Subscription(),
    "pgbouncer": Bouncer(),
    "pgpool": Pgpool(),
}
