# SPDX-License-Identifier: MIT OR Apache-2.0
"""Certificates, openssl.cnf files and configuration files for clients of real servers.

Some clients are themselves servers, which do not run as root. The clients' files are in a directory that such servers
can read.
"""

import json
import shutil
import tempfile
from pathlib import Path

import pytest

from harness import openssl_cnf, paths, private, psql
from harness.daemon import directory_for, put, unprivileged_user
from harness.pki import Credential, issue_clients
from harness.toolchain import LIBRARY
from ways import OWNERS, Way

CERTPICK = paths.TARGET / "release" / "certpick"
NAMES = ("localhost", "north.test", "south.test")


def alternative_names() -> bytes:
    """Returns the DER of a subjectAltName with NAMES and 127.0.0.1."""
    names = [bytes([0x82, len(name)]) + name.encode() for name in NAMES]
    content = b"".join([*names, bytes([0x87, 4, 127, 0, 0, 1])])
    return bytes([0x30, len(content)]) + content


@pytest.fixture(scope="session")
def own(authorities) -> Credential:
    """The certificate of all servers."""
    return authorities["server"].issue("server", alternative_names=alternative_names())


@pytest.fixture(scope="session")
def clients(scratch, authorities):
    """The directory with the module and the certificates of anna (of the CA alpha), bert (beta) and others."""
    user = unprivileged_user()
    directory = directory_for(user, paths.SCRATCH, "clients-")
    try:
        for file in issue_clients(authorities, scratch / "issued").iterdir():
            put(user, directory / file.name, file.read_text())
        put(user, directory / "bert.pass", "secret\n")
        put(user, directory / "issuer.crt", authorities["server"].certificate.read_text())
        shutil.copy(LIBRARY, directory)
        yield directory
    finally:
        shutil.rmtree(directory)


@pytest.fixture(scope="session")
def issuer(clients) -> Path:
    """The CA by which clients verify the servers."""
    return clients / "issuer.crt"


@pytest.fixture
def module(clients):
    """Writes an openssl.cnf that activates the module. Returns the environment that names the file."""

    def write(**settings) -> dict:
        path = Path(tempfile.mkdtemp(prefix="cnf-", dir=clients)) / "openssl.cnf"
        path.parent.chmod(0o755)
        text = openssl_cnf.text({"certpick": openssl_cnf.certpick(settings, clients / LIBRARY.name)})
        path.write_text(text)
        return {"OPENSSL_CONF": str(path)}

    return write


@pytest.fixture
def listed(clients) -> dict:
    """Settings with a list of the certificates of anna and bert, without a rule."""
    return {
        "sslcert": ",".join(f"{clients}/{name}.crt" for name in OWNERS.values()),
        "sslkey": ",".join(f"{clients}/{name}.key" for name in OWNERS.values()),
        "sslpassword": ",secret",
    }


@pytest.fixture
def config_file(clients):
    """Writes a certpick.toml. Returns its path.

    Each rule is the owner of a certificate and the rest of its table.
    """

    def write(*rules: tuple) -> Path:
        path = Path(tempfile.mkdtemp(prefix="config-", dir=clients)) / "certpick.toml"
        path.parent.chmod(0o755)
        text = ""
        for owner, rule in rules:
            table = {"sslcert": f"../{owner}.crt", "sslkey": f"../{owner}.key", **rule}
            if owner == "bert":
                table["sslpasswordfile"] = "../bert.pass"
            text += "[[credential]]\n" + "".join(f"{key} = {json.dumps(table[key])}\n" for key in table)
        path.write_text(text)
        path.chmod(0o644)
        return path

    return write


@pytest.fixture(scope="session")
def state():
    with private.directory() as directory:
        yield directory


@pytest.fixture(params=["openssl.cnf", "certpick run"])
def way(request, module, state):
    """Returns how to start a program with a configuration file."""

    def of_config(config: Path) -> Way:
        if request.param == "openssl.cnf":
            return Way(env=module(config=config))
        return Way(["env", f"XDG_STATE_HOME={state}", CERTPICK, "run", "--config", config, "--"])

    return of_config


@pytest.fixture
def run(home):
    """Runs a program in the given way, without a terminal and without the user's settings."""

    def start(command: list, way: Way) -> psql.Result:
        return psql.run([*way.before, *command], home, home, way.env)

    return start
