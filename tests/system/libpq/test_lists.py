# SPDX-License-Identifier: MIT OR Apache-2.0
"""The syntax of lists: quotes, commas, white space, empty entries, and keys in certificate files."""

import pytest

from harness import pki as certificates
from harness.pki import THREE


def test_white_space_around_names_is_dropped(client, pki):
    client.server.configure(pki.trust("beta"))
    lists = {"sslcert": " anna.crt , bert.crt\t,carl.crt ", "sslkey": "anna.key, bert.key , carl.key"}
    assert client.arrived(**{**THREE, **lists}) == "/CN=bert"


def test_white_space_in_a_password_is_significant(client, pki):
    client.server.configure(pki.trust("beta"))
    error = client.refused(**{**THREE, "sslpassword": ", secret,"})
    assert error.startswith(client.failed('entry 2: could not load private key file "bert.key": ')[:-1])


def test_quoted_names_may_hold_commas_quotes_and_spaces(client):
    client.copy("anna.crt", 'a, "n" a.crt')
    client.copy("anna.key", 'a, "n" a.key')
    lists = {"sslcert": 'carl.crt, "a, ""n"" a.crt" ', "sslkey": 'carl.key,"a, ""n"" a.key"'}
    assert client.arrived(**lists) == "/CN=anna"


def test_a_quoted_password_may_hold_a_comma(client, pki):
    client.server.configure(pki.trust("beta"))
    lists = {"sslcert": "anna.crt,comma.crt", "sslkey": "anna.key,comma.key"}
    assert client.arrived(**lists, sslpassword=',"a,b"') == "/CN=comma"


def test_text_after_a_closing_quote_is_an_error_that_names_the_entry(client):
    text = 'entry 2 of sslcert has text after its closing quote; write "" for a quote inside quotes'
    assert client.refused(sslcert='carl.crt,"anna.crt"x') == client.failed(text)


def test_the_name_of_an_existing_file_may_contain_a_comma(client):
    client.copy("anna.crt", "an,na.crt")
    client.copy("anna.key", "an,na.key")
    assert client.arrived(sslcert="an,na.crt", sslkey="an,na.key") == "/CN=anna"


def test_with_one_certificate_a_password_may_contain_a_comma(client, pki):
    client.server.configure(pki.trust("beta"))
    one = {"sslcert": "comma.crt", "sslkey": "comma.key", "sslpassword": "a,b"}
    assert client.arrived(**one) == "/CN=comma"


def test_without_sslkey_each_key_is_read_from_its_certificate_file(client, pki):
    client.copy("anna.crt anna.key", "anna.pem")
    client.copy("bert.crt bert.key", "bert.pem")
    lists = {"sslcert": "anna.pem,bert.pem", "sslpassword": ",secret"}
    assert client.arrived(**lists) == "/CN=anna"
    client.server.configure(pki.trust("beta"))
    assert client.arrived(**lists) == "/CN=bert"


def test_with_an_empty_key_entry_that_key_is_read_from_its_certificate_file(client, pki):
    client.copy("anna.crt anna.key", "anna.pem")
    lists = {"sslcert": "anna.pem,bert.crt", "sslkey": ",bert.key", "sslpassword": ",secret"}
    assert client.arrived(**lists) == "/CN=anna"
    client.server.configure(pki.trust("beta"))
    assert client.arrived(**lists) == "/CN=bert"


def test_an_empty_password_means_no_password(client):
    assert client.arrived(**{**THREE, "sslpassword": ",,"}) == "/CN=anna"


def test_without_sslpassword_keys_that_are_not_encrypted_work(client):
    assert client.arrived(**{**THREE, "sslpassword": None}) == "/CN=anna"


@pytest.mark.parametrize("sslcert", ["anna.crt,", ",anna.crt", "anna.crt,,carl.crt"])
def test_an_empty_certificate_entry_is_an_error_that_names_it(client, sslcert):
    entry = sslcert.split(",").index("") + 1
    text = f"entry {entry} of sslcert is empty; a file name is needed"
    assert client.refused(sslcert=sslcert) == client.failed(text)


def test_a_der_key_works(client, pki):
    key = client.directory / "anna.key"
    words = ["pkey", "-in", key, "-outform", "DER", "-out", "anna.der"]
    certificates.openssl(*words, directory=client.directory)
    (client.directory / "anna.der").chmod(0o600)
    assert client.arrived(sslcert="carl.crt,anna.crt", sslkey="carl.key,anna.der") == "/CN=anna"


@pytest.mark.parametrize(
    "settings, text",
    [
        ({"sslpassword": ",,,"}, "could not match 4 sslpassword to 3 sslkey values"),
        ({"sslpassword": ",secret"}, "could not match 2 sslpassword to 3 sslkey values"),
        ({"sslkey": "anna.key,bert.key"}, "could not match 3 sslcert to 2 sslkey values"),
        ({"sslcert": "anna.crt,bert.crt"}, "could not match 2 sslcert to 3 sslkey values"),
        ({"sslkey": None, "sslpassword": ","}, "could not match 2 sslpassword to 3 sslcert values"),
    ],
)
def test_counts_that_disagree_are_an_error(client, settings, text):
    assert client.refused(**{**THREE, **settings}) == client.failed(text)
