# SPDX-License-Identifier: MIT OR Apache-2.0
"""handle: URIs of keys in a TPM as sslkey, with real handshakes."""

import pytest

from harness.psql import run
from harness.tpm import PASSWORD
from harness.uri_clients import CERTPICK, SOME_WAYS

KEYS = {
    "p256": {"sslkey": "handle:0x81000010"},
    "rsa": {"sslkey": "handle:0x81000011"},
    "secured": {"sslkey": "handle:0x81000012?pass", "sslpassword": PASSWORD},
}
WRONG = "not-the-password"
all_ways = pytest.mark.parametrize("way", SOME_WAYS)


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize("name", KEYS)
@all_ways
def test_a_key_in_the_tpm_signs_for_a_certificate_in_a_file(client, name, tls):
    assert client.received(client.connect(tls, sslcert=f"{name}.crt", **KEYS[name])) == name


@all_ways
def test_the_password_of_a_list_entry_is_for_its_key(client):
    keys = {"sslkey": f"bert.key,{KEYS['secured']['sslkey']}", "sslpassword": f",{PASSWORD}"}
    assert client.received(client.connect(sslcert="bert.crt,secured.crt", **keys)) == "secured"


@all_ways
def test_a_wrong_password_is_tried_once(client, tpm, home):
    tpm.failed_attempts(home)
    result = client.connect(sslcert="secured.crt", sslkey=KEYS["secured"]["sslkey"], sslpassword=WRONG, terminal=True)
    client.refused(result)
    assert WRONG not in result.out + result.err
    assert tpm.failed_attempts(home) == 1


@all_ways
def test_without_a_password_there_is_no_prompt_and_no_attempt(client, tpm, home):
    tpm.failed_attempts(home)
    error = client.refused(client.connect(sslcert="secured.crt", sslkey=KEYS["secured"]["sslkey"], terminal=True))
    assert tpm.failed_attempts(home) == 0
    if client.kind == "postgres":
        assert "handle:0x81000012" in error and "PIN" in error


@all_ways
def test_a_handle_without_a_key_is_an_error_that_names_the_uri(client):
    error = client.refused(client.connect(sslcert="p256.crt", sslkey="handle:0x81000077"))
    if client.kind == "postgres":
        assert "handle:0x81000077" in error


def test_check_loads_the_key(tpm, files, home):
    command = [CERTPICK, "check", "--sslcert", "p256.crt", "--sslkey", "handle:0x81000010"]
    result = run(command, files, home, tpm.cnf(home / "openssl.cnf"), terminal=True)
    assert (result.status, result.terminal) == (0, "") and "CN=p256" in result.out, result
