# SPDX-License-Identifier: MIT OR Apache-2.0
"""A temporary PostgreSQL server."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Optional

from .daemon import START_SECONDS, Daemon, ServerError

# exec, so that the supervisor's child is the server itself.
INITDB = '"$1/initdb" -D "$2/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >/dev/null'
# $3 and $4 are the primary's socket directory and port.
BASE_BACKUP = """
"$1/pg_basebackup" -h "$3" -p "$4" -U postgres -D "$2/data" --checkpoint=fast --no-sync &&
touch "$2/data/standby.signal"
"""
SERVER = 'exec "$1/postgres" -D "$2/data" -c config_file="$2/postgresql.conf"'

OPTIONAL = "hostssl all all 127.0.0.1/32 trust"
REQUIRED = f"{OPTIONAL} clientcert=verify-ca"


class Server(Daemon):
    """A context manager. The server requests a client certificate.

    env: for the server, which is itself a client of foreign servers and of its primary
    primary: the server of which this one is a standby; it needs a primary_conninfo to replicate
    """

    name = "the PostgreSQL server"
    ready = "database system is ready to accept"
    port_is_taken = "could not bind"
    stop_signal = "INT"
    more: dict = {}  # settings that only a start changes

    def __init__(
        self,
        bindir: Path,
        below: Path,
        certificate: Path,
        key: Path,
        env: Optional[dict] = None,
        primary: "Optional[Server]" = None,
    ):
        super().__init__(below, env)
        self._primary = primary
        self.bindir = bindir
        self.certificate = certificate
        self.key = key
        self._settings: tuple = ()
        self._trusted: list = []
        self.hba = REQUIRED
        self._tls_max = ""

    def _prepare(self) -> None:
        self._put("server.crt", self.certificate.read_text())
        self._put("server.key", self.key.read_text())
        self._write_configuration()

    def _command(self) -> list:
        data, arguments = INITDB, [self.bindir, self.work]
        if self._primary is not None:
            data = BASE_BACKUP.strip()
            arguments += [self._primary.sockets, self._primary.port]
        return ["/bin/sh", "-c", f"umask 077 && {data} && {SERVER}", "server", *arguments]

    def _write_configuration(self) -> None:
        trusted = ""
        if self._trusted:
            text = "".join(Path(file).read_text() for file in self._trusted)
            trusted = str(self._put("trusted.crt", text))
        # No superuser over TCP, because the keys of PostgreSQL's test certificates are public.
        hba = self._put(
            "pg_hba.conf",
            f"local all all trust\nhost all postgres all reject\n{self.hba}\n",
        )
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.sockets,
            "unix_socket_permissions": "0700",
            "hba_file": hba,
            "ssl": "on",
            "ssl_cert_file": self.work / "server.crt",
            "ssl_key_file": self.work / "server.key",
            "ssl_ca_file": trusted,
            "ssl_max_protocol_version": self._tls_max,
            "max_connections": 20,
            "shared_buffers": "16MB",
            "dynamic_shared_memory_type": "mmap",
            "huge_pages": "off",
            "fsync": "off",
            "autovacuum": "off",
            "jit": "off",
            "lc_messages": "C",
            **self.more,
        }
        lines = [f"{name} = '{value}'\n" for name, value in settings.items()]
        self._put("postgresql.conf", "".join(lines))

    def configure(self, trusted=(), hba: str = REQUIRED, tls_max: str = "") -> None:
        """Sets the trusted CA files, pg_hba.conf and the TLS version for all later connections.

        Without CA files the server requests no certificate.
        """
        wanted = (tuple(map(str, trusted)), hba, tls_max)
        if wanted == self._settings:
            return
        self._settings = wanted
        self._trusted, self.hba, self._tls_max = list(trusted), hba, tls_max
        self._write_configuration()
        self._reload()

    def present(self, certificate: Path, key: Path) -> None:
        """Sets the server's certificate for all later connections."""
        self._put("server.crt", certificate.read_text())
        self._put("server.key", key.read_text())
        self._reload()

    def _reload(self) -> None:
        start = self.log.position()
        os.kill(self.pid, signal.SIGHUP)
        # The server reloads before it accepts the next connection.
        if not self.log.wait_for("received SIGHUP", start):
            raise ServerError(f"the PostgreSQL server did not reload:\n{self.log.text(start)}")

    def execute(self, sql: str) -> str:
        """Runs SQL as the superuser, through a private Unix-domain socket."""
        done = subprocess.run(
            [self.bindir / "psql", "-X", "-At", "-v", "ON_ERROR_STOP=1"]
            + ["-h", self.sockets, "-p", str(self.port), "-U", "postgres", "-c", sql, "postgres"],
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": str(self.sockets)},
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
        )
        if done.returncode != 0:
            raise ServerError(done.stderr)
        return done.stdout
