# SPDX-License-Identifier: MIT OR Apache-2.0
"""Programs that connect with certificates and keys behind URIs: psql with the patched libpq, and unchanged programs
with the module, by openssl.cnf or by `certpick run`."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from . import https, openssl_cnf, paths, psql
from .psql import Result, run

CERTPICK = paths.TARGET / "release" / "certpick"
PATCHED = [f"patched psql {version}" for version in paths.PSQL_VERSIONS]
UNCHANGED = ["psql with the module", "curl with the module", "certpick run -- psql", "certpick run -- curl"]
WAYS = [*PATCHED, *UNCHANGED]
# One for each implementation: libpq's parameters, openssl.cnf, the options of the program.
SOME_WAYS = [PATCHED[0], "psql with the module", "curl with the module", "certpick run -- curl"]


@dataclass
class Client:
    """A program in the directory of its files.

    provider: writes an openssl.cnf with the provider of the URIs and with others. Returns the environment
    servers: returns the server of a kind (https or postgres) with a TLS version
    state: a private directory, for `certpick run`
    """

    way: str
    directory: Path
    home: Path
    state: Path
    provider: Callable[..., dict]
    servers: Callable
    options: dict = field(default_factory=dict)  # for provider

    @property
    def kind(self) -> str:
        return "https" if self.way.endswith("curl") or self.way.startswith("curl") else "postgres"

    def connect(self, tls: str = "1.3", terminal: bool = False, times: int = 1, **settings) -> Result:
        """Connects to `times` servers in one process, or, psql, to as many as it tries until one accepts."""
        server = self.servers(self.kind, tls)
        cnf = self.home / "openssl.cnf"
        before, inside, env = [], {}, {}
        if self.way.startswith("patched"):
            inside = settings
            program, env = paths.psql(int(self.way.split()[-1]))
            env = {**env, **self.provider(cnf, **self.options)}
        else:
            program = paths.server_bindir() / "psql"
            if self.way.startswith("certpick run"):
                before = ["env", f"XDG_STATE_HOME={self.state}", CERTPICK, "run", *self._words(settings), "--"]
                env = self.provider(cnf, **self.options)
            else:
                env = self.provider(cnf, more={"certpick": openssl_cnf.certpick(settings)}, **self.options)
        if self.kind == "https":
            command = ["curl", "--silent", "--show-error", "--insecure", *[server.url] * times]
        else:
            base = {"host": ",".join(["127.0.0.1"] * times), "port": server.port, "dbname": "postgres", "user": "demo"}
            connection = psql.conninfo(**{**base, "sslmode": "require", **inside})
            command = [program, "-X", "-At", "-c", psql.WHICH_CERTIFICATE, "-d", connection]
        return run([*before, *command], self.directory, self.home, env, terminal=terminal)

    def _words(self, settings: dict) -> list:
        words = []
        for name, value in settings.items():
            if name == "sslpassword":
                # Line N is the password of entry N.
                lines = value.split(",") if "," in settings["sslcert"] else [value]
                value = self.home / "passwords"
                value.touch(mode=0o600)
                value.write_text("".join(f"{line}\n" for line in lines))
                name = "sslpassword-file"
            words += [f"--{name}", value]
        return words

    def received(self, result: Result) -> str:
        """Returns the common name of the certificate that the server received."""
        assert (result.status, result.err, result.terminal) == (0, "", ""), result
        if self.kind == "https":
            return https.arrived(result.out)
        return re.fullmatch(r"/CN=(\w+)\n", result.out)[1]

    def refused(self, result: Result) -> str:
        """Returns the error message of a program that could not connect. curl does not print the library's."""
        assert result.status > 0 and result.err and result.terminal == "", result
        return result.err
