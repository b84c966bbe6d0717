# SPDX-License-Identifier: MIT OR Apache-2.0
"""Redis, Mosquitto and MariaDB: servers that require a client certificate and name no CA when they request it."""

from pathlib import Path
from typing import Optional

from .daemon import Daemon
from .pki import Credential
from .unavailable import need_program


class NamelessServer(Daemon):
    """A context manager.

    own: the server's certificate
    issuer: the CA by which clients verify the server
    trusted: the CA whose certificates the server accepts
    """

    packages: dict  # the programs that are needed, by Debian package
    starttls: tuple = ()  # options of s_client
    client_may_skip_verification = True

    def __init__(self, below: Path, own: Credential, issuer: Path, trusted: Path):
        for package, program in self.packages.items():
            need_program(package, program)
        super().__init__(below)
        self._own, self._issuer, self._trusted = own, issuer, trusted

    def _prepare(self) -> None:
        self._put("server.crt", self._own.certificate.read_text())
        self._put("server.key", self._own.key.read_text())
        self._put("trusted.crt", self._trusted.read_text())

    def client(self, host: str, own: Optional[Credential] = None, verify: bool = True) -> list:
        """Returns the command of a client with this certificate, which prints DONE or fails."""
        raise NotImplementedError

    def received_no_certificate(self, start: int) -> bool:
        """Whether the server reports a client without a certificate after this position of its log."""
        failed = self.log.wait_for("SSL routines", start)  # any cause
        return failed and "peer did not return a certificate" in self.log.text(start)


class Redis(NamelessServer):
    name = "Redis"
    ready = "Ready to accept connections"
    packages = {"redis-server": "redis-server", "redis-tools": "redis-cli"}

    def _command(self) -> list:
        tls = ["--tls-cert-file", "server.crt", "--tls-key-file", "server.key", "--tls-ca-cert-file", "trusted.crt"]
        tls += ["--tls-auth-clients", "yes", "--port", "0", "--tls-port", self.port]
        return ["redis-server", "--bind", "127.0.0.1", *tls, "--save", "", "--loglevel", "verbose"]

    def client(self, host: str, own: Optional[Credential] = None, verify: bool = True) -> list:
        tls = ["--cacert", self._issuer] if verify else ["--insecure"]
        if own:
            tls += ["--cert", own.certificate, "--key", own.key]
        return ["redis-cli", "-e", "-h", host, "-p", self.port, "--tls", *tls, "ECHO", "DONE"]


class Mosquitto(NamelessServer):
    name = "Mosquitto"
    ready = " running"
    packages = {"mosquitto": "mosquitto", "mosquitto-clients": "mosquitto_pub"}
    client_may_skip_verification = False  # --insecure skips only the host name

    def _command(self) -> list:
        lines = [f"listener {self.port} 127.0.0.1", "allow_anonymous true", "require_certificate true"]
        lines += [f"cafile {self.work}/trusted.crt", f"certfile {self.work}/server.crt"]
        lines += [f"keyfile {self.work}/server.key", "log_dest stderr"]
        return ["mosquitto", "-c", self._put("mosquitto.conf", "".join(f"{line}\n" for line in lines))]

    def client(self, host: str, own: Optional[Credential] = None, verify: bool = True) -> list:
        tls = ["--cafile", self._issuer, *([] if verify else ["--insecure"])]
        if own:
            tls += ["--cert", own.certificate, "--key", own.key]
        # With -d and -q 1 it prints the server's acknowledgement.
        return ["mosquitto_pub", "-d", "-q", "1", "-h", host, "-p", self.port, *tls, "-t", "topic", "-m", "DONE"]


# One statement per line. MariaDB completes the handshake without a certificate, and refuses the account if that
# requires one.
ACCOUNTS = "create user anyone;\ncreate user certified require x509;\n"
# exec, so that the supervisor's child is the server itself. The options avoid fsync(2) and large files.
INSTALL_AND_RUN = """
options='--debug-no-sync --skip-sync-frm --innodb-flush-method=nosync --innodb-log-file-size=4M'
mariadb-install-db --no-defaults --datadir="$PWD/data" --skip-test-db --skip-name-resolve $options \\
    --auth-root-authentication-method=normal >install.log 2>&1 || { cat install.log >&2; exit 1; }
exec mariadbd --no-defaults --datadir="$PWD/data" $options "$@"
"""


class MariaDb(NamelessServer):
    name = "MariaDB"
    ready = "ready for connections"
    packages = {"mariadb-server-core": "mariadbd", "mariadb-client-core": "mariadb"}
    starttls = ("-starttls", "mysql")
    accounts = ACCOUNTS  # SQL that runs before it accepts connections

    def _command(self) -> list:
        options = [f"--socket={self.sockets}/s", f"--pid-file={self.work}/pid", "--skip-name-resolve"]
        options += [f"--init-file={self._put('accounts.sql', self.accounts)}", f"--port={self.port}"]
        options += [f"--ssl-ca={self.work}/trusted.crt", f"--ssl-cert={self.work}/server.crt"]
        options += [f"--ssl-key={self.work}/server.key", "--bind-address=127.0.0.1", "--log-warnings=2"]
        options += ["--innodb-buffer-pool-size=8M"]
        return ["/bin/sh", "-c", INSTALL_AND_RUN, "mariadb", *options]

    def client(
        self, host: str, own: Optional[Credential] = None, verify: bool = True, account: str = "certified"
    ) -> list:
        verified = [f"--ssl-ca={self._issuer}", "--ssl-verify-server-cert"]
        tls = ["--ssl", *(verified if verify else ["--skip-ssl-verify-server-cert"])]
        if own:
            tls += [f"--ssl-cert={own.certificate}", f"--ssl-key={own.key}"]
        connection = ["--protocol=tcp", "-h", host, "-P", self.port, "-u", account, *tls]
        return ["mariadb", "--no-defaults", *connection, "-N", "-e", "select 'DONE'"]

    def received_no_certificate(self, start: int) -> bool:
        return self.log.wait_for("Access denied for user 'certified'", start)


KINDS = {kind.name: kind for kind in (Redis, Mosquitto, MariaDb)}
