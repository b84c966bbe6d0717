# SPDX-License-Identifier: MIT OR Apache-2.0
"""Unusable files in a list: psql prints one error message and never prompts."""

import os
import subprocess

import pytest

from harness import psql
from harness.pki import THREE

PERMISSIONS = (
    "has group or world access; file must have permissions u=rw (0600) or less if owned by the"
    " current user, or permissions u=rw,g=r (0640) or less if owned by root"
)


def lists(certificates: str, keys: str, **more) -> dict:
    return {"sslcert": certificates, "sslkey": keys, **more}


def test_a_prompt_is_detected(client):
    """With one certificate libpq prompts, which shows that the tests below can fail."""
    client.server.configure([])
    command, env = client.command({"sslcert": "bert.crt", "sslkey": "bert.key"})
    result = psql.run(command, client.directory, client.home, env, terminal=True)
    assert "pass phrase" in result.terminal


@pytest.mark.parametrize("terminal", [False, True], ids=["no-terminal", "terminal"])
@pytest.mark.parametrize("passwords", [None, ","], ids=["no-sslpassword", "empty-entry"])
def test_a_missing_password_is_an_error_and_never_a_prompt(client, pki, terminal, passwords):
    client.server.configure(pki.trust("beta"))
    two = lists("anna.crt,bert.crt", "anna.key,bert.key", sslpassword=passwords)
    text = 'entry 2: could not load private key file "bert.key": it is encrypted and no password was given'
    assert client.refused(terminal=terminal, **two) == client.failed(text)


@pytest.fixture(scope="session")
def wrong_password(pki) -> str:
    """A password that OpenSSL reports as "bad decrypt": one in 256 yields valid padding by chance."""
    for number in range(100):
        password = f"sesame-{number}"
        words = ["openssl", "pkey", "-noout", "-in", "bert.key", "-passin", f"pass:{password}"]
        done = subprocess.run(words, cwd=pki.directory, capture_output=True, text=True)
        if "bad decrypt" in done.stderr:
            return password
    raise AssertionError("openssl never says bad decrypt")


@pytest.mark.parametrize("terminal", [False, True], ids=["no-terminal", "terminal"])
def test_a_wrong_password_is_an_error_and_never_a_prompt(client, pki, terminal, wrong_password):
    client.server.configure(pki.trust("beta"))
    two = lists("anna.crt,bert.crt", "anna.key,bert.key", sslpassword=f",{wrong_password}")
    text = 'entry 2: could not load private key file "bert.key": bad decrypt (wrong password?)'
    assert client.refused(terminal=terminal, **two) == client.failed(text)


def test_a_key_that_others_may_read_is_refused_with_libpqs_words(client):
    client.copy("anna.key", "open.key", mode=0o644)
    error = client.refused(**lists("carl.crt,anna.crt", "carl.key,open.key"))
    assert error == client.failed(f'entry 2: private key file "open.key" {PERMISSIONS}')


def test_a_key_that_its_group_may_read_is_accepted_only_if_root_owns_it(client):
    client.copy("anna.key", "group.key", mode=0o640)
    two = lists("carl.crt,anna.crt", "carl.key,group.key")
    if os.geteuid() == 0:
        assert client.arrived(**two) == "/CN=anna"
    else:
        text = f'entry 2: private key file "group.key" {PERMISSIONS}'
        assert client.refused(**two) == client.failed(text)


def test_a_missing_key_file_is_reported(client):
    error = client.refused(**lists("carl.crt,anna.crt", "carl.key,missing.key"))
    text = 'entry 2: certificate present, but not private key file "missing.key"'
    assert error == client.failed(text)


def test_a_key_that_is_not_a_regular_file_is_reported(client):
    (client.directory / "directory.key").mkdir(exist_ok=True)
    error = client.refused(**lists("carl.crt,anna.crt", "carl.key,directory.key"))
    assert error == client.failed('entry 2: private key file "directory.key" is not a regular file')


def test_the_key_of_another_certificate_is_refused(client):
    error = client.refused(**lists("carl.crt,anna.crt", "carl.key,demo.key"))
    text = 'entry 2: certificate does not match private key file "demo.key": key values mismatch'
    assert error == client.failed(text)


@pytest.mark.parametrize("order", ["first", "second"])
def test_a_missing_certificate_file_is_reported_even_if_another_certificate_suits(client, order):
    names = ["missing.crt", "anna.crt"]
    keys = ["missing.key", "anna.key"]
    entry = 1
    if order == "second":
        names.reverse()
        keys.reverse()
        entry = 2
    error = client.refused(**lists(",".join(names), ",".join(keys)))
    text = f'entry {entry}: could not read certificate file "missing.crt": No such file or directory'
    assert error == client.failed(text)


@pytest.mark.parametrize("content, cause", [("text", "it holds no certificate in PEM"), ("", "it is empty")])
def test_a_certificate_file_without_a_certificate_is_reported(client, content, cause):
    (client.directory / "garbage.crt").write_text(content)
    error = client.refused(**lists("anna.crt,garbage.crt", "anna.key,carl.key"))
    assert error == client.failed(f'entry 2: could not read certificate file "garbage.crt": {cause}')


@pytest.mark.parametrize("name", ["/dev/null", "/dev/zero"])
def test_a_certificate_file_that_is_not_a_regular_file_is_reported(client, name):
    error = client.refused(**lists(f"anna.crt,{name}", "anna.key,carl.key"))
    text = f'entry 2: could not read certificate file "{name}": it is not a regular file'
    assert error == client.failed(text)


def test_a_certificate_without_a_key_is_reported(client):
    text = 'entry 1: certificate file "anna.crt" holds no private key, and no sslkey names one'
    assert client.refused(sslcert="anna.crt,carl.crt") == client.failed(text)


@pytest.mark.parametrize("flaw", ["open", "missing", "another", "password"])
def test_an_unusable_key_of_another_certificate_is_not_an_error(client, flaw):
    client.copy("bert.key", "open.key", mode=0o644)
    key = {"open": "open.key", "missing": "missing.key", "another": "carl.key", "password": "bert.key"}
    password = "sesame" if flaw == "password" else "secret"
    two = lists("bert.crt,anna.crt", f"{key[flaw]},anna.key", sslpassword=f"{password},")
    assert client.arrived(**two) == "/CN=anna"


def test_an_unusable_key_is_an_error_even_if_another_certificate_suits(client):
    """anna and demo are of the same CA, so demo would suit."""
    error = client.refused(user="anna", **lists("anna.crt,demo.crt", "missing.key,demo.key"))
    text = 'entry 1: certificate present, but not private key file "missing.key"'
    assert error == client.failed(text)


@pytest.mark.parametrize("tls", ["TLSv1.2", "TLSv1.3"])
def test_the_error_is_the_only_message_in_either_version_of_tls(client, pki, tls):
    client.server.configure(pki.trust("beta"), tls_max=tls)
    error = client.refused(**{**THREE, "sslkey": "anna.key,missing.key,carl.key"})
    assert error == client.failed(
        'entry 2: certificate present, but not private key file "missing.key"'
    )


def test_no_error_shows_a_password(client, pki):
    client.server.configure(pki.trust("beta"))
    for settings in (
        {"sslkey": "anna.key,missing.key,carl.key"},
        {"sslpassword": ",wrong-secret,"},
        {"sslpassword": ",secret,,,"},
        {"sslpassword": ',"secret"secret,'},
        {"sslcert": "anna.crt,missing.crt,carl.crt"},
    ):
        assert "secret" not in client.refused(**{**THREE, **settings})
