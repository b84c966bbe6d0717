# SPDX-License-Identifier: MIT OR Apache-2.0
"""The parts of the other tests with a TPM: swtpm, tpm2-openssl, OpenSSL's program."""

import pytest

from harness import https
from harness.psql import run
from harness.tpm import PASSWORD

KEYS = {
    "p256": ["handle:0x81000010"],
    "rsa": ["handle:0x81000011"],
    "secured": ["handle:0x81000012?pass", "-pass", f"pass:{PASSWORD}"],
    "file": ["file.key"],
    "secured_file": ["secured_file.key", "-pass", f"pass:{PASSWORD}"],
}


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize("name", KEYS)
def test_openssl_connects_with_a_key_in_the_tpm(tpm, files, https_servers, home, name, tls):
    server = https_servers(tls)
    command = ["openssl", "s_client", "-quiet", "-connect", f"127.0.0.1:{server.port}"]
    command += ["-cert", f"{name}.crt", "-key", *KEYS[name]]
    result = run(command, files, home, tpm.cnf(home / "cnf"), https.REQUEST)
    assert https.arrived(result.out) == name, result
