# SPDX-License-Identifier: MIT OR Apache-2.0
"""How a program is run with two servers that accept the certificates of different CAs.

A program returns for each server what the server received: the common name of the certificate, or "" for none.
"""

import re
import shutil
import subprocess
import urllib.error
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Optional

from harness import paths, psql
from harness.daemon import Daemon, free_port
from harness.nameless import KINDS, NamelessServer
from harness.pki import Credential
from harness.server import REQUIRED, Server
from harness.tls import TlsServer
from talks import BEFORE, TALKS
from ways import OWNERS

HBA = f"{REQUIRED}\nlocal replication all trust\nhostssl replication all 127.0.0.1/32 trust clientcert=verify-ca"
ROLES = (
    "create role demo login replication;"
    "create view arrived as select client_dn from pg_stat_ssl where pid = pg_backend_pid();"
    "grant select on arrived to public;"
    # pg_dump sees only the row of the certificate that arrived.
    "create table arrivals (subject text); grant select on arrivals to public;"
    "insert into arrivals select '/CN=' || name from unnest('{anna,bert,carl}'::text[]) name;"
    "alter table arrivals enable row level security;"
    "create policy arrived on arrivals for select to public using (subject ="
    " (select client_dn from pg_stat_ssl where pid = pg_backend_pid()));"
    "create publication p"
)
# The owners of certificates of alpha, by what a rule knows of the server if that one is sent.
KNOWN = {"anna": "name, port", "demo": "name", "dora": "address, port", "dave": "address", "": "nothing"}
ACCEPTED = {*OWNERS.values(), *KNOWN} - {""}
NAMES = rf"/CN=({'|'.join(ACCEPTED)})\b"
SECONDS = 30


@dataclass
class Servers:
    """Starts servers on first use and ends them after the tests."""

    running: ExitStack
    own: Credential
    authorities: dict
    issuer: Path  # the CA by which clients verify the servers
    started: dict = field(default_factory=dict)

    def of_kind(self, kind: str) -> dict:
        """Returns two servers by the CA that each names and accepts."""
        if kind not in self.started:
            start = self._nameless if kind in KINDS else self._postgres if kind == "postgres" else self._tls
            self.started[kind] = {ca: self.running.enter_context(start(kind, ca)) for ca in OWNERS}
            if kind == "postgres":
                for ca, server in self.started[kind].items():
                    server.execute(ROLES)
                    server.configure([self.authorities[ca].certificate], HBA)
        return self.started[kind]

    def _postgres(self, kind: str, ca: str) -> Server:
        server = Server(paths.server_bindir(), paths.SCRATCH, self.own.certificate, self.own.key)
        server.more = {"wal_level": "logical"}
        return server

    def _nameless(self, kind: str, ca: str) -> NamelessServer:
        return KINDS[kind](paths.SCRATCH, self.own, self.issuer, self.authorities[ca].certificate)

    def _tls(self, kind: str, ca: str) -> TlsServer:
        return TlsServer(self.own, self.authorities[ca].certificate, TALKS[kind], BEFORE.get(kind))


@dataclass
class Setting:
    """What a program is run with.

    directory: the program's own, empty at first, which every user can read
    env: with OPENSSL_CONF
    files: the directory of the clients' certificates
    lists: for programs that take them themselves
    """

    servers: Servers
    directory: Path
    env: dict
    files: Path
    lists: dict = field(default_factory=dict)

    @property
    def issuer(self) -> Path:
        return self.servers.issuer

    def write(self, name: str, text: str, mode: int = 0o644) -> Path:
        path = self.directory / name
        path.write_text(text)
        path.chmod(mode)
        return path


class Program:
    kind = "https"  # of the servers

    def version(self) -> str:
        """Returns the version, or "" for that of the row's first package."""
        return ""

    def connect(self, setting: Setting) -> dict:
        """Returns by CA what the server received."""
        raise NotImplementedError

    def servers(self, setting: Setting) -> dict:
        servers = setting.servers.of_kind(self.kind)
        for server in servers.values():
            if isinstance(server, TlsServer):
                server.forget()
        return servers


def conninfo(server: Server, **settings) -> str:
    base = {"host": "127.0.0.1", "port": server.port, "user": "demo", "dbname": "postgres", "sslmode": "require"}
    return psql.conninfo(**{**base, **settings})


def printed_version(*command, env: Optional[dict] = None) -> str:
    output = subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout
    return re.search(r"\d+(\.\d+)+", output)[0]


def loaded_libraries(program: str) -> str:
    """Returns the libraries that the dynamic linker loads for a program."""
    found = shutil.which(program) or program
    return subprocess.run(["ldd", found], capture_output=True, text=True).stdout


def of_output(text: str) -> str:
    """Returns the name in /CN=name; "" for none."""
    return "; ".join(dict.fromkeys(re.findall(NAMES, text)))


class Command(Program):
    """A program that connects to one server and ends.

    command: returns the command for a server
    env: returns more of the environment
    shows: whether its output must show what the server answers, /CN=name
    status: of a run that succeeded
    """

    def __init__(
        self,
        command: Callable[[Setting, object], list],
        kind: str = "https",
        stdin: str = "",
        env: Optional[Callable[[Setting], dict]] = None,
        shows: bool = True,
        status: tuple = (0,),
    ):
        self.kind, self._command, self._stdin, self._env = kind, command, stdin, env
        self._shows, self._status = shows, status

    def connect(self, setting: Setting) -> dict:
        return {ca: self._connect(setting, ca, server) for ca, server in self.servers(setting).items()}

    def run(self, setting: Setting, server) -> psql.Result:
        more = self._env(setting) if self._env else {}
        command, env = self._command(setting, server), {**setting.env, **more}
        return psql.run(command, setting.directory, setting.directory, env, self._stdin)

    def _connect(self, setting: Setting, ca: str, server) -> str:
        result = self.run(setting, server)
        shown = of_output(result.out + result.err)
        if self.kind == "postgres":
            received = shown if self._shows else OWNERS[ca] if result.status == 0 else ""
            assert received or "requires a valid client certificate" in result.out + result.err, result
        else:
            received = server.take()
        if received in ACCEPTED:
            assert result.status in self._status, result
            assert shown == received or not self._shows, result
        return received


class Printed(Program):
    """A program that prints its version, because that of its package is not the one that users know."""

    def __init__(self, program: Program, *words):
        self._program, self._words = program, words
        self.kind = program.kind

    def connect(self, setting: Setting) -> dict:
        return self._program.connect(setting)

    def version(self) -> str:
        return printed_version(*self._words)


def get(port: int, path: str = "/") -> str:
    """Returns the page, or "" for an error."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=SECONDS) as page:
            return page.read().decode()
    except (urllib.error.HTTPError, ConnectionError, OSError):
        return ""


class Proxy(Daemon):
    """Forwards HTTP from a port to each server."""

    names = True  # sends the server name indication

    def __init__(self, setting: Setting, servers: dict):
        super().__init__(paths.SCRATCH, setting.env)
        self._issuer = setting.issuer
        self.targets = {ca: server.port for ca, server in servers.items()}
        self.ports: dict = {}

    def _prepare(self) -> None:
        self.ports = {ca: self.port if ca == "alpha" else free_port() for ca in self.targets}

    def each(self) -> list:
        """Returns the name, the port and the server's port of each."""
        return [(ca, port, self.targets[ca]) for ca, port in self.ports.items()]


class Forwards(Program):
    """A proxy: one process with connections to both servers."""

    def __init__(self, proxy: type):
        self._proxy = proxy

    def connect(self, setting: Setting) -> dict:
        servers = self.servers(setting)
        with self._proxy(setting, servers) as proxy:
            received = {}
            for ca, server in servers.items():
                page = get(proxy.ports[ca])
                received[ca] = server.take()
                assert of_output(page) == received[ca] or received[ca] not in ACCEPTED, page
            return received


class Connects(Program):
    """A server that connects to both servers when it starts."""

    def __init__(self, daemon: type, kind: str):
        self._daemon, self.kind = daemon, kind

    def connect(self, setting: Setting) -> dict:
        servers = self.servers(setting)
        with self._daemon(setting, servers):
            return {ca: server.take() for ca, server in servers.items()}
