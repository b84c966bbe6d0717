# SPDX-License-Identifier: MIT OR Apache-2.0
"""The commands of doc/from-one-to-several.md, run in order, have the documented results.

Blocks that begin with ```sh are run, with the patched psql if `patched` follows, and must fail if `fails`
follows. Their output must contain each line of the next ```text block. The hosts are replaced by servers on
127.0.0.1; the commands are otherwise unchanged.
"""

import os
import re
import subprocess

import pytest

from harness import paths
from harness.pki import Authority
from harness.server import Server

PAGE = paths.ROOT / "doc" / "from-one-to-several.md"
BLOCKS = re.findall(r"^```(sh|text)([a-z ]*)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
HOSTS = {"db1.example": "north", "db2.example": "south"}
SECONDS = 60


def steps() -> list:
    found = []
    for kind, flags, text in BLOCKS:
        if kind == "sh":
            found.append((text, flags.split(), []))
        else:
            found[-1][2].extend(text.splitlines())
    return found


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
    flags = [flags for _, flags, _ in steps()]
    assert [] in flags and ["patched"] in flags and ["patched", "fails"] in flags
    assert any(lines for _, _, lines in steps())


@pytest.mark.parametrize("number", range(len(steps())))
def test_a_command_has_the_documented_result(site, number):
    directory, ports = site
    text, flags, lines = steps()[number]
    programs = [str(paths.TARGET / "release"), str(paths.server_bindir())]
    if "patched" in flags:
        programs.insert(0, str(paths.prefix(15) / "bin"))
    done = subprocess.run(
        ["/bin/bash", "-euc", with_ports(text, ports)],
        cwd=directory,
        env={"PATH": ":".join([*programs, os.environ["PATH"]]), "HOME": str(directory / "home"), "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        start_new_session=True,
    )
    assert (done.returncode != 0) == ("fails" in flags), done.stdout
    missing = [line for line in lines if line not in done.stdout]
    assert missing == [], done.stdout
