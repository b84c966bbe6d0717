# SPDX-License-Identifier: MIT OR Apache-2.0
"""psql with the patched libpq or one that has the hook, and the authorities of its certificates."""

from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from harness import paths, psql
from harness.pki import Authority
from harness.server import Server

HOOK = "-hook"
# The psqls that take lists, and their variants.
PATCHED = [(version, "") for version in paths.PSQL_VERSIONS] + [(18, HOOK)] * (18 in paths.PSQL_VERSIONS)


def put(path: Path, text: str, mode: int = 0o644) -> None:
    path.write_text(text)
    path.chmod(mode)


@dataclass
class Pki:
    directory: Path
    alpha: Authority
    beta: Authority
    gamma: Authority
    server: Authority

    def trust(self, *names: str) -> list:
        return [getattr(self, name).certificate for name in names]


@dataclass
class Client:
    """psql of one version. It runs in the directory of the certificates, so that file names are short."""

    version: int
    server: Server
    directory: Path
    home: Path
    variant: str = ""
    preload: Optional[Path] = None  # the library that sets the hook

    def environment(self) -> dict:
        return {"LD_PRELOAD": str(self.preload)} if self.preload else {}

    def command(self, settings: dict, sql: str = psql.WHICH_CERTIFICATE) -> tuple:
        base = {"host": "127.0.0.1", "port": self.server.port, "dbname": "postgres"}
        base.update(user="demo", sslmode="require")
        program, env = paths.psql(self.version, self.variant)
        connection = psql.conninfo(**{**base, **settings})
        return [program, "-X", "-At", "-c", sql, "-d", connection], {**env, **self.environment()}

    def connect(
        self, env: Optional[dict] = None, terminal: bool = False, sql: str = psql.WHICH_CERTIFICATE, **settings
    ) -> psql.Result:
        """Connects with these settings and runs the SQL."""
        command, own = self.command(settings, sql)
        return psql.run(command, self.directory, self.home, {**own, **(env or {})}, terminal=terminal)

    def arrived(self, **settings) -> str:
        """Returns the subject of the certificate that the server received; "" for none."""
        result = self.connect(**settings)
        assert (result.status, result.err, result.terminal) == (0, "", "")
        return result.out.rstrip("\n")

    def refused(self, **settings) -> str:
        """Returns psql's error message."""
        result = self.connect(**settings)
        assert (result.status, result.out, result.terminal) == (2, "", "")
        return result.err

    def failed(self, text: str) -> str:
        """Returns psql's error message for this text."""
        server = f'connection to server at "127.0.0.1", port {self.server.port}'
        return f"psql: error: {server} failed: {text}\n"

    def copy(self, source: str, name: str, mode: int = 0o600) -> str:
        """Copies a file under another name, or concatenates several files."""
        text = "".join((self.directory / part).read_text() for part in source.split())
        path = self.directory / name
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return name
