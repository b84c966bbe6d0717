# SPDX-License-Identifier: MIT OR Apache-2.0
"""Clients that do not know certpick, and the servers to which they connect."""

import re
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional

from harness import https, paths, psql
from harness.https import HttpsServer
from harness.pki import Credential
from harness.psql import Result, run
from harness.server import OPTIONAL, REQUIRED, Server
from harness.unavailable import need_package

# The owner of the certificate that a server of each CA gets.
OWNERS = {"alpha": "anna", "beta": "bert"}


class Servers:
    """Starts servers on first use and ends them after the tests."""

    def __init__(
        self,
        running: ExitStack,
        start_postgres: Callable[[], Server],
        authorities: dict,
        own: Credential,
        scratch: Path,
    ):
        self._running, self._start_postgres = running, start_postgres
        self._authorities, self._own, self._scratch = authorities, own, scratch
        self._postgres: Optional[Server] = None
        self._https: dict = {}

    def postgres(self, ca: Optional[str] = None, tls: str = "", hba: str = REQUIRED) -> Server:
        """Configures and returns the PostgreSQL server. Without a CA it requests no certificate."""
        if self._postgres is None:
            self._postgres = self._start_postgres()
        trusted = [self._authorities[ca].certificate] if ca else []
        self._postgres.configure(trusted, OPTIONAL if ca is None else hba, f"TLSv{tls}" if tls else "")
        return self._postgres

    def https(self, ca: Optional[str] = None, tls: str = "", **options) -> HttpsServer:
        """Returns an HTTPS server. Without a CA its requests name none."""
        kind = (ca, tls, *sorted(options.items()))
        if kind not in self._https:
            trusted = self._authorities[ca].certificate if ca else None
            log = self._scratch / "https.log"
            server = HttpsServer(self._own.certificate, self._own.key, log, trusted, tls, **options)
            self._https[kind] = self._running.enter_context(server)
        return self._https[kind]

    def of_kind(self, kind: str, ca: str, tls: str = ""):
        """Returns a server that requires a certificate of this CA."""
        return self.https(ca, tls, demand=True) if kind == "https" else self.postgres(ca, tls)


def conninfo(server: Server, settings: dict) -> str:
    base = {"host": "127.0.0.1", "port": server.port, "dbname": "postgres"}
    return psql.conninfo(**{**base, "user": "demo", "sslmode": "require", **settings})


@dataclass
class Program:
    """A client.

    command: returns the command for a server and settings
    received: returns the common name of the certificate that the server received, "" for none
    """

    kind: str  # of the servers: postgres or https
    command: Callable[..., list]
    received: Callable[[Result], str]
    stdin: str = ""

    def connect(self, server, directory: Path, home: Path, env: dict, before=(), **settings) -> Result:
        """Runs it in this directory. before: words that are put before the command."""
        command = [*before, *self.command(server, home, **settings)]
        return run(command, directory, home, env, self.stdin)


def subject(text: str) -> str:
    """Returns the name in the only line /CN=name; "" for none."""
    found = re.findall(r"^(?:NOTICE:  )?/CN=(\w+)$", text, re.MULTILINE)
    assert len(found) < 2, text
    return found[0] if found else ""


def psql_command(server: Server, home: Path, program: Optional[Path] = None, **settings) -> list:
    program = program or paths.server_bindir() / "psql"
    return [program, "-X", "-At", "-c", psql.WHICH_CERTIFICATE, "-d", conninfo(server, settings)]


def pg_dump_command(server: Server, home: Path, **settings) -> list:
    options = ["--data-only", "--enable-row-security", "--table=arrivals"]
    return [paths.server_bindir() / "pg_dump", *options, "-d", conninfo(server, settings)]


def pgbench_command(server: Server, home: Path, **settings) -> list:
    """The result is a NOTICE, because pgbench prints no results."""
    script = home / "script.sql"
    script.write_text(f"do $$ begin raise notice '%', ({psql.WHICH_CERTIFICATE}); end $$;\n")
    options = ["--no-vacuum", "--transactions=1", f"--file={script}"]
    return [paths.server_bindir() / "pgbench", *options, conninfo(server, settings)]


PSYCOPG = """
import sys, {module} as psycopg
connection = psycopg.connect(sys.argv[1])
cursor = connection.cursor()
cursor.execute(sys.argv[2])
print(cursor.fetchone()[0] or "")
"""


def psycopg_command(module: str) -> Callable[..., list]:
    """Debian's Python and package, which uses the system's libpq."""

    def command(server: Server, home: Path, **settings) -> list:
        need_package(f"python3-{module}")
        script = PSYCOPG.format(module=module)
        return ["/usr/bin/python3", "-c", script, conninfo(server, settings), psql.WHICH_CERTIFICATE]

    return command


URLLIB = """
import ssl, sys, urllib.request
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
print(urllib.request.urlopen(sys.argv[1], context=context).read().decode())
"""


def urllib_command(server: HttpsServer, home: Path) -> list:
    return ["/usr/bin/python3", "-c", URLLIB, server.url]


def curl_command(server: HttpsServer, home: Path, *options) -> list:
    return ["curl", "--silent", "--show-error", "--insecure", *options, server.url]


def s_client_command(server: HttpsServer, home: Path, *options) -> list:
    return ["openssl", "s_client", "-quiet", "-connect", f"127.0.0.1:{server.port}", *options]


def of_page(result: Result) -> str:
    return https.arrived(result.out)


PROGRAMS = {
    "psql": Program("postgres", psql_command, lambda result: subject(result.out)),
    "pg_dump": Program("postgres", pg_dump_command, lambda result: subject(result.out)),
    "pgbench": Program("postgres", pgbench_command, lambda result: subject(result.err)),
    "psycopg": Program("postgres", psycopg_command("psycopg"), lambda result: subject(result.out)),
    "psycopg2": Program("postgres", psycopg_command("psycopg2"), lambda result: subject(result.out)),
    "curl": Program("https", curl_command, of_page),
    "s_client": Program("https", s_client_command, of_page, stdin=https.REQUEST),
    "python": Program("https", urllib_command, of_page),
}


def c_program(executable: Path) -> Program:
    """Returns the client tcp_client.c, compiled."""

    def command(server: HttpsServer, home: Path) -> list:
        return [executable, server.port]

    return Program("https", command, of_page)
