# SPDX-License-Identifier: MIT OR Apache-2.0
"""certpick probe and check accept a server's names exactly if psql's sslmode=verify-full does."""

import subprocess

import pytest

from harness import paths
from harness.psql import conninfo, environment
from harness.server import Server
from program import PROGRAM, SECONDS, probe

RIGHT = b"localhost"


def element(tag: int, content: bytes) -> bytes:
    return bytes([tag, len(content)]) + content


def dns(*names: bytes) -> bytes:
    """Returns the DER of a subjectAltName with dNSNames."""
    return element(0x30, b"".join(element(0x82, name) for name in names))


def address(*names: bytes) -> bytes:
    return element(0x30, b"".join(element(0x87, name) for name in names))


# Common name, subjectAltName, host, and whether psql connects. (A server does not load a certificate with a
# malformed subjectAltName.)
CASES = {
    "no extension": ("localhost", None, "localhost", True),
    "right": ("x", dns(RIGHT), "localhost", True),
    "other": ("localhost", dns(b"other"), "localhost", False),
    "NUL within": ("localhost", dns(b"localhost\0.evil.example"), "localhost", False),
    "NUL alone": ("localhost", dns(b"\0"), "localhost", False),
    "NUL before the right one": ("localhost", dns(b"\0", RIGHT), "localhost", False),
    "NUL after the right one": ("x", dns(RIGHT, b"\0"), "localhost", True),
    "NUL, and the host is an address": ("127.0.0.1", dns(b"a\0b"), "127.0.0.1", False),
    "empty": ("localhost", dns(b""), "localhost", False),
    "empty before the right one": ("x", dns(b"", RIGHT), "localhost", True),
    "not ASCII": ("localhost", dns(b"l\xf6calhost"), "localhost", False),
    "UTF-8": ("localhost", dns("löcalhost".encode()), "localhost", False),
    "not UTF-8": ("localhost", dns(b"\xff"), "localhost", False),
    "not UTF-8, before the right one": ("x", dns(b"\xff", RIGHT), "localhost", True),
    "not UTF-8, and the host is an address": ("127.0.0.1", dns(b"\xff"), "127.0.0.1", True),
    "address of 3 bytes": ("localhost", address(b"\x7f\0\0"), "localhost", False),
    "address alone": ("localhost", address(b"\x7f\0\0\1"), "localhost", True),
    "star and a dot": ("*.", None, "localhost.", False),
    "star": ("*.example", None, "db.example", True),
}


@pytest.fixture(scope="module")
def server(scratch, pki):
    with Server(paths.server_bindir(), scratch, pki.full, pki.localhost.key) as running:
        running.configure(hba="hostssl all joe 127.0.0.1/32 trust")
        running.execute("create role joe login")
        yield running


def psql_connects(server, pki, host: str, tmp_path) -> bool:
    settings = conninfo(
        host=host, hostaddr="127.0.0.1", port=server.port, user="joe", dbname="postgres",
        sslmode="verify-full", sslrootcert=pki.root.certificate,
    )  # fmt: skip
    done = subprocess.run(
        [server.bindir / "psql", "-X", "-c", "", settings],
        env=environment(tmp_path), stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS,
    )  # fmt: skip
    # The refusal is the client's.
    assert done.returncode == 0 or b"certificate" in done.stderr, done.stderr
    assert b"FATAL" not in done.stderr, done.stderr
    return done.returncode == 0


def check_accepts(certificate, key, pki, host: str) -> bool:
    words = ["--server", "--cert", certificate, "--key", key, "--root", pki.root.certificate]
    done = subprocess.run(
        [PROGRAM, "check", *map(str, words), "--host", host],
        env=environment(certificate.parent), stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    return done.returncode == 0


@pytest.mark.parametrize("case", CASES)
def test_names_are_matched_as_in_libpq(server, pki, tmp_path, case):
    common_name, names, host, connects = CASES[case]
    place = f"names-{list(CASES).index(case)}"
    leaf = pki.issuing.issue(place, common_name=common_name, alternative_names=names)
    full = tmp_path / "full.pem"
    full.write_text(leaf.certificate.read_text() + pki.issuing.certificate.read_text())
    start = server.log.position()
    server.present(full, leaf.key)
    assert psql_connects(server, pki, host, tmp_path) == connects
    assert "was not reloaded" not in server.log.text(start)
    assert check_accepts(full, leaf.key, pki, host) == connects
    if host in ("localhost", "127.0.0.1"):
        seen = probe(f"{host}:{server.port}", "--sslrootcert", pki.root.certificate)
        assert (seen.status == 0) == connects, seen.report
