# SPDX-License-Identifier: MIT OR Apache-2.0
"""The commands of doc/one-file.md, run in order, have the documented results.

The hosts are replaced by localhost with the ports of the servers, also in the configuration file.
"""

from contextlib import ExitStack

import pytest

from harness import page, paths, private
from harness.nameless import Redis
from harness.pki import Authority
from harness.server import Server

STEPS = page.steps(paths.ROOT / "doc" / "one-file.md")
DATABASES = {"db1.example": "north", "db2.example": "south"}
CACHE = "redis1.example"
# The DER of a subjectAltName.
LOCALHOST = b"\x30\x0b\x82\x09localhost"


@pytest.fixture(scope="module")
def site(scratch):
    """Makes the page's files and servers. Returns the directory, the environment and the ports."""
    home = scratch / "one-file-home"
    directory = home / ".config" / "certpick"
    directory.mkdir(parents=True)
    cas = {name: Authority(scratch / "one-file", name) for name in ("north", "south", "redis", "servers")}
    for name in ("north", "south", "redis"):
        cas[name].issue(name, below=directory)
    (directory / "servers.crt").write_text(cas["servers"].certificate.read_text())
    own = cas["servers"].issue("localhost", alternative_names=LOCALHOST)
    ports = {}
    with ExitStack() as running:
        for host, name in DATABASES.items():
            server = running.enter_context(Server(paths.server_bindir(), scratch / host, own.certificate, own.key))
            server.configure([cas[name].certificate])
            server.execute("create role app login")
            server.execute("create database app")
            ports[host] = server.port
        cache = Redis(paths.SCRATCH, own, cas["servers"].certificate, cas["redis"].certificate)
        ports[CACHE] = running.enter_context(cache).port
        state = running.enter_context(private.directory())
        yield directory, {"HOME": str(home), "XDG_STATE_HOME": str(state)}, ports


def with_ports(text: str, ports: dict) -> str:
    text = text.replace(f"{CACHE}:6379", f"localhost:{ports[CACHE]}")
    text = text.replace("6379 (socket)", f"{ports[CACHE]} (socket)")
    text = text.replace(f"-h {CACHE}", f"-h localhost -p {ports[CACHE]}")
    for host, port in ports.items():
        text = text.replace(f"host={host}", f"host=localhost port={port}")
        text = text.replace(f"probe {host}", f"probe localhost:{port}")
        text = text.replace(f'"{host}"]', f'"localhost:{port}"]')
        text = text.replace(host, "localhost")
    return text


def test_the_page_has_commands_of_every_kind():
    flags = [step.flags for step in STEPS]
    assert [] in flags and ["patched"] in flags and ["fails"] in flags
    assert any(step.expected for step in STEPS)


@pytest.mark.parametrize("number", range(len(STEPS)))
def test_a_command_has_the_documented_result(site, number):
    directory, env, ports = site
    page.run(STEPS[number], directory, env, lambda text: with_ports(text, ports))
