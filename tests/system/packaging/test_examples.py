# SPDX-License-Identifier: MIT OR Apache-2.0
"""The examples compile with the installed files by their Makefile, and work as documented."""

import os
import shutil
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

from harness import paths
from harness.https import HttpsServer, arrived
from harness.toolchain import CC

EXAMPLES = ("minimal", "nonblocking", "own_cert_cb", "decision", "pool", "rules")
SECONDS = 60


@pytest.fixture(scope="session")
def examples(prefix, scratch) -> Path:
    """Compiles the examples. Returns their directory."""
    directory = scratch / "examples"
    directory.mkdir()
    library = prefix / "lib/some-triple"
    done = subprocess.run(
        ["make", "-f", paths.ROOT / "examples/Makefile", f"VPATH={paths.ROOT / 'examples'}"]
        + [f"CC={' '.join(CC)}", "CFLAGS=-std=c99 -O1 -g -Wall -Wextra -Wpedantic -Werror"]
        + [f"LDFLAGS=-Wl,-rpath,{library}"],
        cwd=directory,
        env={"PATH": os.environ["PATH"], "PKG_CONFIG_PATH": str(library / "pkgconfig")},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.name for path in directory.iterdir()} == set(EXAMPLES)
    return directory


def run(examples: Path, name: str, pki: dict, *words) -> subprocess.CompletedProcess:
    return subprocess.run(
        [examples / name, *map(str, words)],
        cwd=pki["files"],
        env={"PATH": os.environ["PATH"], "OPENSSL_CONF": "/dev/null"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


@pytest.fixture(params=["alpha", "beta", "server"])
def server(request, pki, tmp_path):
    """An HTTPS server that requests certificates of one CA. No client has one of the third CA."""
    own = pki["localhost"]
    with HttpsServer(own.certificate, own.key, tmp_path / "log", pki[request.param].certificate) as server:
        server.expected = {"alpha": "anna", "beta": "bert", "server": ""}[request.param]
        yield server


LISTS = ("anna.crt,bert.crt", "anna.key,bert.key")


def test_the_minimal_client_sends_the_requested_certificate(examples, pki, server):
    done = run(examples, "minimal", pki, f"localhost:{server.port}", pki["server"].certificate, *LISTS)
    assert done.returncode == 0, done.stderr
    assert arrived(done.stdout) == server.expected


def test_the_non_blocking_client_sends_the_requested_certificate(examples, pki, server):
    done = run(examples, "nonblocking", pki, "localhost", server.port, pki["server"].certificate, *LISTS)
    assert done.returncode == 0, done.stderr
    assert arrived(done.stdout) == server.expected


@pytest.mark.parametrize("trusted", ["localhost", "elsewhere.example"])
def test_the_client_with_its_own_callback_sends_a_certificate_to_one_host_only(examples, pki, server, trusted):
    words = (f"localhost:{server.port}", pki["server"].certificate, *LISTS, trusted)
    done = run(examples, "own_cert_cb", pki, *words)
    assert done.returncode == 0, done.stderr
    assert arrived(done.stdout) == (server.expected if trusted == "localhost" else "")


def test_the_decision_is_reported_as_numbers_and_text(examples, pki, server):
    done = run(examples, "decision", pki, f"localhost:{server.port}", pki["server"].certificate, *LISTS)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    expected = {
        "anna": ["sent: credential 0", "credential 0: verdict 0x0", "credential 1: verdict 0x1"],
        "bert": ["sent: credential 1", "credential 0: verdict 0x1", "credential 1: verdict 0x0"],
        "": ["credential 0: verdict 0x1", "credential 1: verdict 0x1"],
    }[server.expected]
    if server.expected == "":
        assert lines.pop(0).startswith("not sent: Server requests a client certificate but no suitable")
    assert lines[: len(expected)] == expected
    assert "The server requested a client certificate over" in done.stdout


@pytest.fixture
def nameless(pki, tmp_path):
    """An HTTPS server that requests a certificate and names no CA."""
    own = pki["localhost"]
    with HttpsServer(own.certificate, own.key, tmp_path / "log") as server:
        yield server


RULES = {"localhost": "anna", "localhost:{port}": "anna", "*": "anna", "localhost:1": "", "db7,*.example": ""}


@pytest.mark.parametrize("hosts", RULES)
def test_a_certificate_with_a_rule_is_sent_only_to_its_hosts(examples, pki, nameless, hosts):
    words = (f"localhost:{nameless.port}", pki["server"].certificate, "anna.crt", "anna.key")
    done = run(examples, "rules", pki, *words, hosts.format(port=nameless.port))
    assert done.returncode == 0, done.stderr
    assert arrived(done.stdout) == RULES[hosts]
    assert 'name:    "localhost" (server name indication), "localhost" (name to verify)' in done.stderr


def test_a_configuration_file_says_which_certificate_is_for_which_host(examples, pki, nameless):
    (pki["files"] / "certpick.toml").write_text(
        '[[credential]]\nhosts = ["elsewhere.example"]\nsslcert = "anna.crt"\nsslkey = "anna.key"\n'
        '[[credential]]\nhosts = ["localhost"]\nsslcert = "bert.crt"\nsslkey = "bert.key"\n'
    )
    words = (f"localhost:{nameless.port}", pki["server"].certificate, "certpick.toml")
    done = run(examples, "rules", pki, *words)
    assert done.returncode == 0, done.stderr
    assert arrived(done.stdout) == "bert"


def test_a_rule_that_cannot_be_used_is_an_error(examples, pki, nameless):
    words = (f"localhost:{nameless.port}", pki["server"].certificate, "anna.crt", "anna.key", "db7,10.1.*")
    done = run(examples, "rules", pki, *words)
    assert done.returncode == 1
    assert "rule: " in done.stderr and "pattern 2" in done.stderr


@pytest.mark.parametrize("name", ["minimal", "nonblocking", "own_cert_cb", "decision"])
def test_a_key_that_others_may_read_is_an_error_that_names_it(examples, pki, tmp_path, name):
    shutil.copy(pki["files"] / "anna.key", pki["files"] / "open.key")
    (pki["files"] / "open.key").chmod(0o644)
    own = pki["localhost"]
    with HttpsServer(own.certificate, own.key, tmp_path / "log", pki["alpha"].certificate) as server:
        place = ["localhost", server.port] if name == "nonblocking" else [f"localhost:{server.port}"]
        more = ["localhost"] if name == "own_cert_cb" else []
        done = run(
            examples, name, pki, *place, pki["server"].certificate, "anna.crt,bert.crt", "open.key,bert.key", *more
        )
    assert done.returncode == 1
    assert 'entry 1: private key file "open.key" has group or world access' in done.stdout + done.stderr


class Who:
    """A TLS server that answers each line with the common name of the client certificate."""

    def __init__(self, pki: dict):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(pki["localhost"].certificate, pki["localhost"].key)
        self._context.verify_mode = ssl.CERT_REQUIRED
        for name in ("alpha", "beta"):
            self._context.load_verify_locations(pki[name].certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(SECONDS)
        self.port = self._listener.getsockname()[1]
        self.handshakes = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "Who":
        return self

    def __exit__(self, *exception) -> None:
        self._listener.close()

    def _accept(self) -> None:
        try:
            while True:
                connection, _ = self._listener.accept()
                connection.settimeout(SECONDS)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()
        except OSError:  # closed
            pass

    def _serve(self, connection: socket.socket) -> None:
        try:
            with self._context.wrap_socket(connection, server_side=True) as tls:
                self.handshakes += 1
                subject = dict(part[0] for part in tls.getpeercert()["subject"])
                while tls.recv(256):
                    tls.sendall(f"{subject['commonName']}\n".encode())
        except OSError:
            pass


class Pool:
    def __init__(self, command: list, directory: Path):
        self._process = subprocess.Popen(
            list(map(str, command)),
            cwd=directory,
            env={"PATH": os.environ["PATH"], "OPENSSL_CONF": "/dev/null"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._limit = threading.Timer(SECONDS, self._process.kill)
        self._limit.start()

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *exception) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._limit.cancel()
        self._process.stdout.close()
        self.status = self._process.returncode

    def tell(self, command: str) -> str:
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().rstrip("\n")


def test_the_pool_connects_while_its_certificates_are_replaced(examples, pki, tmp_path):
    def put(name: str) -> None:
        for suffix in ("crt", "key"):
            new = tmp_path / f"new.{suffix}"
            shutil.copy(pki["files"] / f"{name}.{suffix}", new)
            new.chmod(0o600)
            new.rename(tmp_path / f"client.{suffix}")

    put("anna")
    with Who(pki) as server:
        command = [examples / "pool", f"localhost:{server.port}", pki["server"].certificate]
        with Pool([*command, "client.crt", "client.key"], tmp_path) as pool:
            answers = [pool.tell("ask") for _ in range(4)]
            assert answers == ["connection 0: anna", "connection 1: anna", "connection 2: anna", "connection 0: anna"]
            assert server.handshakes == 3

            put("demo")
            (tmp_path / "client.key").chmod(0o644)
            assert "has group or world access" in pool.tell("rotate")
            assert pool.tell("ask") == "connection 1: anna"
            assert server.handshakes == 3

            (tmp_path / "client.key").chmod(0o600)
            assert pool.tell("rotate") == "rotated"
            assert [pool.tell("ask") for _ in range(4)] == [
                "connection 2: demo",
                "connection 0: demo",
                "connection 1: demo",
                "connection 2: demo",
            ]
            assert server.handshakes == 6
    assert pool.status == 0
