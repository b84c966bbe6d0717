# SPDX-License-Identifier: MIT OR Apache-2.0
"""Key files that only a TPM can use (TSS2 PRIVATE KEY) as sslkey, with real handshakes."""

import pytest

from harness.tpm import PASSWORD
from harness.uri_clients import SOME_WAYS

WRONG = "not-the-password"
all_ways = pytest.mark.parametrize("way", SOME_WAYS)


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@all_ways
def test_a_key_file_signs(client, tls):
    assert client.received(client.connect(tls, sslcert="file.crt", sslkey="file.key")) == "file"


@all_ways
def test_sslpassword_is_that_of_the_key(client):
    result = client.connect(sslcert="secured_file.crt", sslkey="secured_file.key", sslpassword=PASSWORD)
    assert client.received(result) == "secured_file"


@all_ways
def test_a_wrong_password_is_tried_once(client, tpm, home):
    tpm.failed_attempts(home)
    settings = {"sslcert": "secured_file.crt", "sslkey": "secured_file.key", "sslpassword": WRONG}
    result = client.connect(terminal=True, **settings)
    client.refused(result)
    assert WRONG not in result.out + result.err
    assert tpm.failed_attempts(home) == 1


@all_ways
def test_without_a_password_there_is_no_prompt(client, tpm, home):
    tpm.failed_attempts(home)
    # libpq itself handles one certificate, and prompts.
    settings = {"sslcert": "bert.crt,secured_file.crt", "sslkey": "bert.key,secured_file.key"}
    client.refused(client.connect(terminal=True, **settings))
    assert tpm.failed_attempts(home) <= 1
