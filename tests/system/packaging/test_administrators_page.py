# SPDX-License-Identifier: MIT OR Apache-2.0
"""The commands of doc/from-one-to-several.md, run in order, have the documented results.

The hosts are replaced by servers on 127.0.0.1; the commands are otherwise unchanged.
"""

import pytest

from harness import page, paths
from harness.pki import Authority
from harness.server import Server

STEPS = page.steps(paths.ROOT / "doc" / "from-one-to-several.md")
HOSTS = {"db1.example": "north", "db2.example": "south"}


@pytest.fixture(scope="module")
def site(scratch):
    """Creates the page's files and servers. Returns the directory and the ports."""
    directory = scratch / "site"
    (directory / "home").mkdir(parents=True)
    cas = {name: Authority(scratch / "site-authorities", name) for name in ("north", "south", "servers")}
    for name in ("north", "south"):
        cas[name].issue(name, below=directory)
    (directory / "servers.crt").write_text(cas["servers"].certificate.read_text())
    ports = {}
    running = []
    try:
        for host, name in HOSTS.items():
            own = cas["servers"].issue(host)
            server = Server(paths.server_bindir(), scratch / host, own.certificate, own.key)
            running.append(server.__enter__())
            server.configure([cas[name].certificate])
            server.execute("create role app login")
            server.execute("create database app")
            ports[host] = server.port
        yield directory, ports
    finally:
        for server in running:
            server.stop()


def with_ports(text: str, ports: dict) -> str:
    for host, port in ports.items():
        text = text.replace(f"host={host}", f"host={host} hostaddr=127.0.0.1 port={port}")
        text = text.replace(f"probe {host}", f"probe 127.0.0.1:{port}")
    return text


def test_the_page_has_commands_of_every_kind():
    flags = [step.flags for step in STEPS]
    assert [] in flags and ["patched"] in flags and ["patched", "fails"] in flags
    assert any(step.expected for step in STEPS)


@pytest.mark.parametrize("number", range(len(STEPS)))
def test_a_command_has_the_documented_result(site, number):
    directory, ports = site
    page.run(STEPS[number], directory, {"HOME": str(directory / "home")}, lambda text: with_ports(text, ports))
