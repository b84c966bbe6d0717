# SPDX-License-Identifier: MIT OR Apache-2.0
"""pgbouncer in front of PostgreSQL servers."""

from pathlib import Path

from .daemon import Daemon
from .unavailable import need_program

SETTINGS = """
auth_type = any
pool_mode = session
unix_socket_dir =
listen_addr = 127.0.0.1
server_login_retry = 0
query_wait_timeout = 10
"""


class PgBouncer(Daemon):
    """A context manager. Clients connect without TLS.

    databases: connection strings by name
    env: for the process
    settings: more lines of pgbouncer.ini
    """

    name = "pgbouncer"
    ready = "process up"

    def __init__(self, below: Path, databases: dict, env: dict, **settings):
        need_program("pgbouncer", "pgbouncer")
        super().__init__(below, env)
        self._databases, self._settings = databases, settings

    def _command(self) -> list:
        lines = ["[databases]", *(f"{name} = {value}" for name, value in self._databases.items())]
        lines += ["[pgbouncer]", SETTINGS, f"listen_port = {self.port}"]
        lines += [f"{name} = {value}" for name, value in self._settings.items()]
        return ["pgbouncer", self._put("pgbouncer.ini", "".join(f"{line}\n" for line in lines))]
