# SPDX-License-Identifier: MIT OR Apache-2.0
"""The module as an OpenSSL provider: it changes no algorithm and may be configured twice."""

import re

import pytest

from clients import OWNERS, PROGRAMS
from harness import openssl_cnf
from harness.pki import THREE
from harness.psql import run
from harness.toolchain import LIBRARY

ALGORITHMS = [
    *("-digest-algorithms", "-cipher-algorithms", "-mac-algorithms", "-kdf-algorithms"),
    *("-random-generators", "-encoders", "-decoders", "-key-managers", "-key-exchange-algorithms"),
    *("-kem-algorithms", "-signature-algorithms", "-asymcipher-algorithms", "-store-loaders"),
    *("-public-key-algorithms", "-public-key-methods", "-engines", "-disabled", "-objects"),
]


@pytest.fixture
def openssl(certificates, home, three):
    def command(*words, env=three) -> str:
        result = run(["openssl", *words], certificates, home, env)
        assert (result.status, result.err) == (0, ""), result
        return result.out

    return command


def providers(listing: str) -> dict:
    """Returns the lines of each provider in `openssl list -providers`."""
    found = re.findall(r"^  (\S+)\n((?:    .*\n)*)", listing, re.MULTILINE)
    return {name: dict(re.findall(r"^    (\w+): (.*)$", lines, re.MULTILINE)) for name, lines in found}


def test_the_module_is_listed_as_active_beside_the_default_provider(openssl):
    listed = providers(openssl("list", "-providers"))
    assert list(listed) == ["certpick", "default"]
    assert listed["default"]["status"] == listed["certpick"]["status"] == "active"
    assert listed["certpick"]["name"].startswith("certpick")
    assert re.fullmatch(r"\d+\.\d+\.\d+", listed["certpick"]["version"])


@pytest.mark.parametrize("kind", ALGORITHMS)
def test_openssls_algorithms_are_unchanged(openssl, without, kind):
    with_it = openssl("list", kind)
    assert with_it == openssl("list", kind, env=without)
    assert "certpick" not in with_it


def test_openssl_works_as_without_the_module(openssl, without, certificates, home):
    """Digests, ciphers, keys and certificates, which providers implement."""
    (home / "text").write_text("some text\n")
    for command in (
        ["dgst", "-sha512", home / "text"],
        ["enc", "-aes-256-ctr", "-K", "00" * 32, "-iv", "00" * 16, "-a", "-in", home / "text"],
        ["x509", "-in", "anna.crt", "-noout", "-text"],
        ["pkey", "-in", "bert.key", "-passin", "pass:secret", "-noout", "-text"],
        ["ciphers", "-v"],
    ):
        assert openssl(*command) == openssl(*command, env=without) != ""
    openssl("genpkey", "-algorithm", "X25519", "-out", home / "new.key")
    openssl("pkey", "-in", home / "new.key", "-noout")


@pytest.fixture
def arrivals(servers, certificates, home):
    """Returns what psql and curl send to each server with this openssl.cnf."""

    def connect(text: str) -> list:
        path = home / "openssl.cnf"
        path.write_text(text)
        sent = []
        for ca in OWNERS:
            for program in (PROGRAMS["psql"], PROGRAMS["curl"]):
                server = servers.of_kind(program.kind, ca)
                result = program.connect(server, certificates, home, {"OPENSSL_CONF": str(path)})
                assert result.status == 0, result
                sent.append(program.received(result))
        return sent

    return connect


ALL = ["anna", "anna", "bert", "bert"]


def test_the_module_may_be_configured_twice(arrivals):
    """The first section is used."""
    ours = openssl_cnf.certpick(THREE)
    other = openssl_cnf.certpick({"sslcert": "carl.crt", "sslkey": "carl.key"})
    assert arrivals(openssl_cnf.text({"certpick": ours, "second": ours})) == ALL
    assert arrivals(openssl_cnf.text({"certpick": ours, "second": other})) == ALL
    assert arrivals(openssl_cnf.text({"certpick": ours, "2.certpick": other})) == ALL


def test_the_module_may_be_configured_twice_from_two_files(arrivals, home):
    copy = home / "libcopy.so"
    copy.write_bytes(LIBRARY.read_bytes())
    ours = openssl_cnf.certpick(THREE)
    assert arrivals(openssl_cnf.text({"certpick": ours, "copy": {**ours, "module": copy}})) == ALL


def test_the_module_may_precede_the_default_provider(arrivals):
    text = openssl_cnf.text({"certpick": openssl_cnf.certpick(THREE)})
    [default, ours] = re.findall(r"^(?:default|certpick) = \w+_section\n", text, re.MULTILINE)
    assert arrivals(text.replace(default + ours, ours + default)) == ALL


def test_other_providers_may_be_active(openssl, home):
    path = home / "three.cnf"
    path.write_text(openssl_cnf.text({"certpick": openssl_cnf.certpick(THREE), "base": {"activate": 1}}))
    listed = openssl("list", "-providers", env={"OPENSSL_CONF": str(path)})
    assert list(providers(listed)) == ["base", "certpick", "default"]


def test_a_section_that_is_not_activated_has_no_effect(servers, certificates, home):
    curl = PROGRAMS["curl"]
    path = home / "openssl.cnf"
    path.write_text(openssl_cnf.text({"certpick": {**openssl_cnf.certpick(THREE), "activate": None}}))
    result = curl.connect(servers.https("alpha"), certificates, home, {"OPENSSL_CONF": str(path)})
    assert (result.status, curl.received(result), result.err) == (0, "", "")
