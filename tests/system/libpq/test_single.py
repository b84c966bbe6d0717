# SPDX-License-Identifier: MIT OR Apache-2.0
"""With one certificate the patched psql behaves exactly like the stock one."""

import pytest

from psql_client import Client

CASES = {
    "a certificate and its key": {"sslcert": "anna.crt", "sslkey": "anna.key"},
    "no certificate": {},
    "the right password": {"sslcert": "bert.crt", "sslkey": "bert.key", "sslpassword": "secret"},
    "a wrong password": {"sslcert": "bert.crt", "sslkey": "bert.key", "sslpassword": "sesame"},
    "a password with a comma": {"sslcert": "comma.crt", "sslkey": "comma.key", "sslpassword": "a,b"},
    "a missing certificate": {"sslcert": "missing.crt", "sslkey": "anna.key"},
    "a missing key": {"sslcert": "anna.crt", "sslkey": "missing.key"},
    "no key": {"sslcert": "anna.crt"},
    "a key that others may read": {"sslcert": "anna.crt", "sslkey": "single-open.key"},
    "a key that is a directory": {"sslcert": "anna.crt", "sslkey": "single-directory.key"},
    "a key that is garbage": {"sslcert": "anna.crt", "sslkey": "single-garbage"},
    "another certificate's key": {"sslcert": "anna.crt", "sslkey": "carl.key"},
    "a certificate that is garbage": {"sslcert": "single-garbage", "sslkey": "anna.key"},
    "a name with a comma": {"sslcert": "single,comma.crt", "sslkey": "single,comma.key"},
    "a certificate of another CA": {"sslcert": "carl.crt", "sslkey": "carl.key"},
    "an expired certificate": {"sslcert": "expired.crt", "sslkey": "expired.key"},
    "two passwords": {"sslcert": "anna.crt", "sslkey": "anna.key", "sslpassword": "secret,sesame"},
    "two keys": {"sslcert": "anna.crt", "sslkey": "anna.key,carl.key"},
}


@pytest.fixture(scope="session", autouse=True)
def files(pki):
    for name, source, mode in (
        ("single-open.key", "anna.key", 0o644),
        ("single,comma.crt", "anna.crt", 0o600),
        ("single,comma.key", "anna.key", 0o600),
    ):
        (pki.directory / name).write_text((pki.directory / source).read_text())
        (pki.directory / name).chmod(mode)
    (pki.directory / "single-garbage").write_text("garbage\n")
    (pki.directory / "single-garbage").chmod(0o600)
    (pki.directory / "single-directory.key").mkdir()


@pytest.mark.parametrize("version", [15, 18])
@pytest.mark.parametrize("ca", ["alpha", "beta"])
@pytest.mark.parametrize("sslmode", ["require", "prefer"])
@pytest.mark.parametrize("settings", CASES.values(), ids=CASES.keys())
def test_the_patched_psql_does_and_says_what_the_stock_one_does(
    server, pki, home, version, ca, sslmode, settings
):
    server.configure(pki.trust(ca))
    stock, patched = (
        Client(version, server, pki.directory, home, variant).connect(**settings, sslmode=sslmode)
        for variant in ("-stock", "")
    )
    assert patched == stock


@pytest.mark.parametrize("version", [15, 18])
def test_the_patched_psql_prompts_for_one_key_as_the_stock_one_does(server, pki, home, version):
    one = {"sslcert": "bert.crt", "sslkey": "bert.key"}
    stock, patched = (
        Client(version, server, pki.directory, home, variant).connect(**one, terminal=True)
        for variant in ("-stock", "")
    )
    assert "pass phrase" in stock.terminal
    assert patched == stock
