# SPDX-License-Identifier: MIT OR Apache-2.0
"""A provider that prompts for a PIN, and encrypted files for which OpenSSL would prompt, on a terminal."""

import shutil
from pathlib import Path

import pytest

from harness import openssl_cnf, paths
from harness.psql import run
from harness.toolchain import compile_c
from programs import compile_program

HERE = Path(__file__).parent
SEALED = """\
-----BEGIN {0}-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF

AAAAAAAAAAAAAAAAAAAAAA==
-----END {0}-----
"""


@pytest.fixture(scope="module")
def work(scratch) -> Path:
    directory = scratch / "token"
    directory.mkdir()
    return directory


@pytest.fixture(scope="module")
def environment(work) -> dict:
    """The environment in which the token provider is active."""
    flags = ["-std=c99", "-D_POSIX_C_SOURCE=200809L", "-g", "-fPIC", "-shared"]
    module = compile_c(work / "token.so", [HERE / "token.c"], flags=flags)
    conf = work / "openssl.cnf"
    conf.write_text(openssl_cnf.text({"token": {"module": module, "activate": 1}}))
    return {"OPENSSL_CONF": str(conf), "TOKEN_LOG": str(work / "log"), "TMPDIR": str(work)}


def on_a_terminal(command: list, work: Path, environment: dict):
    Path(environment["TOKEN_LOG"]).unlink(missing_ok=True)
    return run(command, work, work, environment, terminal=True)


def test_no_key_and_no_certificate_causes_a_prompt(work, environment):
    program = compile_program("keys", work)
    done = on_a_terminal([program, environment["TOKEN_LOG"]], work, environment)
    assert (done.terminal, done.status) == ("", 0), done


@pytest.fixture(scope="module")
def files(work, authorities) -> Path:
    """A certificate whose key is in the token, protected by a PIN, and encrypted PEM files."""
    authority = authorities["alpha"]
    anna = authority.issue("anna", below=work)
    text = anna.key.read_text()
    (work / "pin.key").write_text(text.replace("PRIVATE KEY", "TOKEN KEY WITH PIN"))
    (work / "pin.key").chmod(0o600)
    (work / "sealed.crl").write_text(SEALED.format("X509 CRL"))
    (work / "sealed.crt").write_text(SEALED.format("CERTIFICATE"))
    shutil.copy(authority.certificate, work / "root.crt")
    return work


@pytest.mark.parametrize(
    "words, said",
    [
        ("--sslcert anna.crt --sslkey pin.key", "encrypted"),
        ("--sslcert sealed.crt --sslkey anna.key", "sealed.crt"),
        ("--server --cert anna.crt --key pin.key --root root.crt", "encrypted"),
        ("--server --cert anna.crt --key anna.key --root root.crt --crl sealed.crl", "damaged"),
        ("--server --cert anna.crt --key anna.key --root sealed.crt", "sealed.crt"),
    ],
)
def test_certpick_check_does_not_prompt(words, said, files, environment):
    program = paths.TARGET / "release" / "certpick"
    done = on_a_terminal([program, "check", *words.split()], files, environment)
    assert done.terminal == "" and said in done.out + done.err, done
    log = Path(environment["TOKEN_LOG"])
    events = log.read_text().split("\n") if log.exists() else []
    assert "login" not in events and "prompt" not in events, events
