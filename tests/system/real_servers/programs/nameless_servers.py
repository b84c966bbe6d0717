# SPDX-License-Identifier: MIT OR Apache-2.0
"""Clients of Redis, Mosquitto and MariaDB, which name no CA in their requests, so that rules are needed."""

from typing import Callable, Optional

from harness import paths, psql
from harness.daemon import Daemon
from harness.nameless import MariaDb, NamelessServer
from real_program import Printed, Program, Setting
from ways import OWNERS

ADDRESS = "127.0.0.1"


class Client(Program):
    """The client that tests use for servers of this kind, or another command."""

    def __init__(self, kind: str, command: Optional[Callable[[Setting, NamelessServer], list]] = None):
        self.kind, self._command = kind, command

    def connect(self, setting: Setting) -> dict:
        return {ca: self._connect(setting, ca, server) for ca, server in self.servers(setting).items()}

    def _connect(self, setting: Setting, ca: str, server) -> str:
        start = server.log.position()
        command = self._command(setting, server) if self._command else server.client(ADDRESS)
        result = psql.run(command, setting.directory, setting.directory, setting.env)
        if result.status == 0:
            return OWNERS[ca]
        assert server.received_no_certificate(start), server.log.text(start)
        return ""


PHP = """
$connection = mysqli_init();
$connection->ssl_set(null, null, $argv[2], null, null);
$connection->real_connect("127.0.0.1", "certified", "", "", (int) $argv[1], null, MYSQLI_CLIENT_SSL) or exit(1);
echo $connection->query("select 1")->fetch_row()[0];
"""


def php(setting: Setting, server: NamelessServer) -> list:
    return ["php", "-r", PHP, "--", server.port, setting.issuer]


class Bridges(Daemon):
    """A Mosquitto with a bridge to each server."""

    name, ready = "Mosquitto with bridges", " running"

    def __init__(self, setting: Setting, servers: dict):
        super().__init__(paths.SCRATCH, setting.env)
        self._issuer, self._servers = setting.issuer, servers

    def _command(self) -> list:
        text = f"listener {self.port} {ADDRESS}\nlog_dest stderr\n"
        for ca, server in self._servers.items():
            text += f"connection {ca}\naddress {ADDRESS}:{server.port}\ntopic # out\nbridge_cafile {self._issuer}\n"
            text += f"remote_clientid to-{ca}\n"
        return ["mosquitto", "-c", self._put("bridges.conf", text)]


class MosquittoBridge(Program):
    kind = "Mosquitto"

    def connect(self, setting: Setting) -> dict:
        servers = self.servers(setting)
        starts = {ca: server.log.position() for ca, server in servers.items()}
        received = {}
        with Bridges(setting, servers):
            for ca, server in servers.items():
                accepted = f"as to-{ca}"
                found = server.log.wait_for_any((accepted, "peer did not return a certificate"), starts[ca])
                assert found, server.log.text(starts[ca])
                received[ca] = OWNERS[ca] if found == accepted else ""
        return received


REPLICATE = (
    "change master to master_host='127.0.0.1', master_port={port}, master_user='certified', master_ssl=1,"
    " master_ssl_ca='{issuer}', master_ssl_verify_server_cert=1;\nstart slave;\n"
)


class Replica(MariaDb):
    """A MariaDB that replicates from another one."""

    def __init__(self, setting: Setting, source: MariaDb):
        own, issuer = setting.servers.own, setting.issuer
        super().__init__(paths.SCRATCH, own, issuer, issuer)
        self._env.update(setting.env)
        self.accounts = REPLICATE.format(port=source.port, issuer=issuer)


class MariaDbReplication(Program):
    kind = "MariaDB"

    def connect(self, setting: Setting) -> dict:
        return {ca: self._replicate(setting, ca, server) for ca, server in self.servers(setting).items()}

    def _replicate(self, setting: Setting, ca: str, server: MariaDb) -> str:
        start = server.log.position()
        with Replica(setting, server) as replica:
            connected = "connected to master"
            found = replica.log.wait_for_any((connected, "error connecting to master"))
            assert found, replica.log.text()
            if found == connected:
                return OWNERS[ca]
            assert server.received_no_certificate(start), server.log.text(start)
            return ""


PROGRAMS = {
    "redis-cli": Client("Redis"),
    "mosquitto_pub": Client("Mosquitto"),
    "Mosquitto, bridge": MosquittoBridge(),
    "mariadb": Client("MariaDB"),
    "PHP, mysqli": Printed(Client("MariaDB", php), "php", "--version"),
    "MariaDB, replication": MariaDbReplication(),
}
