# SPDX-License-Identifier: MIT OR Apache-2.0
"""Measures other TLS libraries with many certificates, compared with one certificate."""

import os
import random
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from harness import openssl_cnf
from harness.unavailable import Unavailable, need_program
from harness.toolchain import LINK_CERTPICK

from . import pki
from .client import run

HERE = Path(__file__).resolve().parent / "peers"
SHAPES = ("one", "names", "many")


@dataclass
class Peer:
    name: str
    command: list  # the words before the arguments of peers/client.h
    last: tuple = ()  # the words after them
    warm_up: int = 50  # handshakes
    count: int = 100
    rounds: int = 3
    many: Optional[tuple] = None  # warm_up and count with many certificates, if that is slow

    def handshakes(self, shape: str, quick: bool) -> tuple:
        warm_up, count = self.many if self.many and shape == "many" else (self.warm_up, self.count)
        return (warm_up // 4, count // 4 or 1) if quick else (warm_up, count)


def certpick() -> list:
    program = pki.program("peer-certpick", ["peers/certpick.c"], LINK_CERTPICK)
    return [Peer("OpenSSL with certpick", [program], warm_up=100, count=400)]


def gnutls() -> list:
    need_program("libgnutls28-dev", "pkg-config")
    if subprocess.run(["pkg-config", "--exists", "gnutls"]).returncode != 0:
        raise Unavailable("the header of GnuTLS is not installed (Debian package libgnutls28-dev)")
    program = pki.program("peer-gnutls", ["peers/gnutls.c"], ["-lgnutls"])
    # A handshake with 1,000 certificates takes half a minute.
    return [Peer("GnuTLS", [program], many=(0, 1), rounds=1)]


def go() -> list:
    need_program("golang-go", "go")
    program = pki.BENCH / "peer-go"
    env = {
        "PATH": os.environ["PATH"], "HOME": str(pki.BENCH), "GOCACHE": str(pki.BENCH / "go-cache"),
        "GO111MODULE": "off", "GOPROXY": "off", "GOTOOLCHAIN": "local",
    }  # fmt: skip
    subprocess.run(["go", "build", "-o", program, HERE / "client.go"], env=env, check=True)
    return [Peer("Go", [program]), Peer("Go, Leaf set", [program], ("leaf",))]


def java() -> list:
    need_program("default-jdk-headless", "javac")
    classes = pki.BENCH / "peer-java"
    subprocess.run(["javac", "-d", classes, HERE / "Client.java"], check=True)
    # The default is too small for the names of 1,000 CAs.
    command = ["java", "-Djdk.tls.maxHandshakeMessageSize=131072", "-cp", classes, "Client"]
    return [Peer(f"Java, {manager}", command, (manager,), 200, 100, 1) for manager in ("SunX509", "PKIX")]


MAKERS = (certpick, go, java, gnutls)


def environment() -> dict:
    return {
        "PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": "/nonexistent",
        "OPENSSL_CONF": str(openssl_cnf.write_without(pki.BENCH / "openssl.cnf")),
    }  # fmt: skip


@contextmanager
def server(names: int):
    """Runs the server. Returns its port."""
    program = pki.BENCH / "peer-server"
    with subprocess.Popen(
        [program, str(names)], cwd=pki.PKI, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as running:
        yield int(running.stdout.readline())
        running.stdin.close()


def credentials(count: int) -> Path:
    certificates, keys = pki.lists(count, kind="v3")
    path = pki.BENCH / f"credentials-{count}"
    pairs = zip(certificates.split(","), keys.split(","))
    path.write_text("".join(f"{certificate} {key}\n" for certificate, key in pairs))
    return path


def measure(quick: bool, skipped: list, progress) -> dict:
    """Returns, by peer and shape, the CPU time of a process up to its first handshake and of a later handshake.

    Each is in microseconds and has one value per round.
    """
    peers: list = []
    for make in MAKERS:
        try:
            peers += make()
        except Unavailable as why:
            skipped.append(f"comparison with {make.__name__}: {why}")
    pki.program("peer-server", ["peers/server.c", "credentials.c", "memory_link.c"], LINK_CERTPICK)
    many = 100 if quick else 1000
    result: dict = {peer.name: {shape: {"first": [], "later": []} for shape in SHAPES} for peer in peers}
    order = random.Random(1)
    with server(1) as one, server(many) as all_names:
        ways = {"one": (one, 1), "names": (all_names, 1), "many": (all_names, many)}
        for number in range(1 if quick else max(peer.rounds for peer in peers)):
            turns = [(peer, shape) for peer in peers for shape in SHAPES if number < peer.rounds]
            order.shuffle(turns)
            for peer, shape in turns:
                progress(f"other libraries: round {number + 1}, {peer.name}")
                port, count = ways[shape]
                numbers = [port, credentials(count), *peer.handshakes(shape, quick)]
                first, later = run([*peer.command, *numbers, *peer.last], environment()).split()
                result[peer.name][shape]["first"].append(float(first))
                result[peer.name][shape]["later"].append(float(later))
    return {"many": many, "cpu": result}
