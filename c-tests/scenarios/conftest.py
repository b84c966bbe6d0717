# SPDX-License-Identifier: MIT OR Apache-2.0
"""What every scenario has: certificates, one server that is set up anew for each, a client.

Clients run in the directory of the certificates, so that names and texts stay short.
"""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import pytest

from harness import paths, psql
from harness.pki import Authority
from harness.server import ASK_EVERYBODY, Server

SCENARIOS = paths.TARGET / "scenarios"

NONE_SUITABLE = (
    "Server requests a client certificate but no suitable certificate"
    " is found from sslcert list provided"
)
NO_CERTIFICATE = "FATAL:  connection requires a valid client certificate"

# anna is of the CA alpha, bert (his key is encrypted) of beta, carl of gamma.
THREE = {
    "sslcert": "anna.crt,bert.crt,carl.crt",
    "sslkey": "anna.key,bert.key,carl.key",
    "sslpassword": ",secret,",
}


@dataclass
class Pki:
    directory: Path
    alpha: Authority
    beta: Authority
    gamma: Authority
    server: Authority

    def trust(self, *names: str) -> list:
        return [getattr(self, name).certificate for name in names]


@pytest.fixture(scope="session")
def scratch():
    SCENARIOS.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="run-", dir=SCENARIOS))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def pki(scratch) -> Pki:
    cas = scratch / "authorities"
    directory = scratch / "certificates"
    directory.mkdir()
    names = ("alpha", "beta", "gamma", "server")
    pki = Pki(directory, **{name: Authority(cas, name) for name in names})
    pki.alpha.issue("anna", below=directory)
    pki.alpha.issue("demo", below=directory)
    pki.alpha.issue("expired", valid_days=(-30, -2), below=directory)
    pki.alpha.issue("future", valid_days=(2, 30), below=directory)
    pki.beta.issue("bert", kind="rsa", password="secret", below=directory)
    pki.gamma.issue("carl", kind="p384", below=directory)
    return pki


@pytest.fixture(scope="session")
def running_server(pki):
    own = pki.server.issue("localhost")
    with Server(paths.server_bindir(), SCENARIOS, own.certificate, own.key) as server:
        server.execute("create role demo login")
        yield server


@pytest.fixture
def server(running_server, pki):
    """It asks for certificates of the CA alpha; `configure` makes it something else."""
    running_server.configure(pki.trust("alpha"))
    start = running_server.log.position()
    yield running_server
    print(f"--- the server's log\n{running_server.log.text(start)}")  # seen when the test fails


class Client:
    def __init__(self, version: int, program: Path, server: Server, directory: Path, home: Path):
        self.version = version
        self.program = program
        self.server = server
        self.directory = directory
        self.home = home

    def connect(
        self, env: Optional[dict] = None, terminal: bool = False, **settings
    ) -> psql.Result:
        """Connect with these settings and ask which certificate arrived."""
        base = {"host": "127.0.0.1", "port": self.server.port, "dbname": "postgres"}
        base.update(user="demo", sslmode="require")
        connection = psql.conninfo(**{**base, **settings})
        command = [self.program, "-X", "-At", "-c", psql.WHICH_CERTIFICATE, "-d", connection]
        return psql.run(command, self.directory, self.home, env, terminal)

    def arrived(self, **settings) -> str:
        """The subject of the certificate that the server saw; "" for none."""
        result = self.connect(**settings)
        assert (result.status, result.err, result.terminal) == (0, "", "")
        return result.out.rstrip("\n")

    def refused(self, **settings) -> str:
        """What psql said when it could not connect."""
        result = self.connect(**settings)
        assert (result.status, result.out, result.terminal) == (2, "", "")
        return result.err

    def failed(self, text: str) -> str:
        """How psql reports that one attempt to connect failed with this text."""
        return f'connection to server at "127.0.0.1", port {self.server.port} failed: {text}\n'


@pytest.fixture
def home(tmp_path) -> Path:
    directory = tmp_path / "home"
    directory.mkdir()
    return directory


@pytest.fixture(params=paths.PSQL_VERSIONS, ids=lambda version: f"psql-{version}")
def client(request, server, pki, home) -> Client:
    return Client(request.param, paths.psql(request.param), server, pki.directory, home)


__all__ = ["ASK_EVERYBODY", "NONE_SUITABLE", "NO_CERTIFICATE", "THREE"]
