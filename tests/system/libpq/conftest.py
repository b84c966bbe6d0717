# SPDX-License-Identifier: MIT OR Apache-2.0
"""Certificates, a server whose settings each test may change, and psql with each libpq."""

import json
import shutil
from functools import cache

import pytest

from harness import paths
from harness.pki import Authority, issue_clients
from harness.server import Server
from harness.toolchain import LINK_CERTPICK, compile_c
from harness.unavailable import need
from psql_client import HOOK, PATCHED, Client, Pki, put


@pytest.fixture(scope="session")
def pki(scratch, authorities) -> Pki:
    directory = issue_clients(authorities, scratch / "libpq")
    pki = Pki(directory, **authorities)
    pki.alpha.issue("demo-expired", common_name="demo", valid_days=(-30, -2), below=directory)
    pki.alpha.issue("expired", valid_days=(-30, -2), below=directory)
    pki.alpha.issue("future", valid_days=(2, 30), below=directory)
    pki.alpha.issue("signer", key_usage="keyEncipherment", below=directory)
    pki.alpha.issue("mail", extended_key_usage="emailProtection", below=directory)
    pki.beta.issue("comma", password="a,b", below=directory)
    between = Authority(scratch, "between", parent=pki.alpha)
    between.issue("deep", below=directory)
    shutil.copy(between.certificate, directory)
    return pki


@pytest.fixture
def write_config(pki):
    """Writes a configuration file. Each rule is the owner of a certificate and the rest of its table."""
    put(pki.directory / "bert.pass", "secret\n", 0o600)

    def write(*rules: tuple, name: str = "certpick.toml") -> None:
        text = ""
        for owner, rule in rules:
            table = {"sslcert": f"{owner}.crt", "sslkey": f"{owner}.key", **rule}
            if owner == "bert":
                table["sslpasswordfile"] = "bert.pass"
            text += "[[credential]]\n" + "".join(f"{key} = {json.dumps(table[key])}\n" for key in table)
        put(pki.directory / name, text)

    return write


@pytest.fixture(scope="session")
def running_server(localhost):
    with Server(paths.server_bindir(), paths.SCRATCH, localhost.certificate, localhost.key) as server:
        server.execute("create role demo login; create role anna login")
        yield server


@pytest.fixture
def server(running_server, pki):
    """The server, which requests certificates of the CA alpha unless the test calls configure()."""
    running_server.configure(pki.trust("alpha"))
    start = running_server.log.position()
    yield running_server
    print(f"--- the server's log\n{running_server.log.text(start)}")  # pytest shows it if the test fails


@pytest.fixture(scope="session")
def preload(scratch):
    """Returns the library to load into a psql of this variant: patches/upstream/certpick_pq_hook.c, or none."""

    @cache
    def build(variant: str):
        if variant != HOOK:
            return None
        libpq = paths.prefix(18, HOOK)
        need(libpq)
        flags = ["-std=c99", "-D_POSIX_C_SOURCE=200809L", "-fPIC", "-shared", f"-I{libpq / 'include'}"]
        libs = [*LINK_CERTPICK, f"-L{libpq / 'lib'}", f"-Wl,-rpath,{libpq / 'lib'}", "-lpq"]
        source = paths.ROOT / "patches" / "upstream" / "certpick_pq_hook.c"
        return compile_c(scratch / "certpick_pq_hook.so", [source], flags=flags, libs=libs)

    return build


@pytest.fixture(params=PATCHED, ids=lambda psql: f"psql-{psql[0]}{psql[1]}")
def client(request, server, pki, home, preload) -> Client:
    version, variant = request.param
    return Client(version, server, pki.directory, home, variant, preload(variant))
