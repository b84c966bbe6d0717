# SPDX-License-Identifier: MIT OR Apache-2.0
"""URIs of a token as sslcert and sslkey, with real handshakes and logins that are counted."""

import json
from functools import partial

import pytest

from harness import openssl_cnf, token as tokens
from harness.psql import run
from harness.token import OK, PIN, PIN_INCORRECT, WRONG_PIN
from harness.uri_clients import CERTPICK, PATCHED, SOME_WAYS, WAYS
from kinds import kinds, versions
from programs import compile_program

all_ways = pytest.mark.parametrize("way", WAYS)
some_ways = pytest.mark.parametrize("way", SOME_WAYS)
PINS = (PIN, WRONG_PIN)


def check_hidden(result, *secrets: str) -> None:
    """Checks that the program shows no PIN."""
    for secret in secrets or PINS:
        assert secret not in result.out + result.err + result.terminal, result


# --- the key in the token ------------------------------------------------------


@versions
@kinds
@all_ways
def test_a_key_in_the_token_signs_for_a_certificate_in_a_file(client, token, kind, tls):
    result = client.connect(tls, sslcert=f"{kind}.crt", sslkey=token.uri(kind), sslpassword=PIN)
    assert (client.received(result), token.logins()) == (kind, [OK])


@kinds
@some_ways
def test_certificate_and_key_may_both_be_in_the_token(client, token, kind):
    result = client.connect(sslcert=token.uri(kind), sslpassword=PIN)
    assert (client.received(result), token.logins()) == (kind, [OK])
    # The type is that of the object that is needed, whatever the URI says.
    result = client.connect(sslcert=token.uri(kind, type="cert"), sslkey=token.uri(kind, type="cert"), sslpassword=PIN)
    assert (client.received(result), token.logins()) == (kind, [OK])


@some_ways
def test_a_pem_file_that_contains_a_uri_counts_as_the_uri(client, token, files):
    tokens.wrapper(files / "wrapped.pem", token.uri("rsa", type="private"))
    # A list, because libpq itself handles one certificate with a key file.
    settings = {"sslcert": "bert.crt,rsa.crt", "sslkey": "bert.key,wrapped.pem"}
    result = client.connect(**settings, sslpassword=f",{PIN}")
    assert (client.received(result), token.logins()) == ("rsa", [OK])
    client.refused(client.connect(**settings, sslpassword=f",{WRONG_PIN}"))
    assert token.logins() == [PIN_INCORRECT]
    client.refused(client.connect(**settings, terminal=True))
    assert token.logins() == []


@some_ways
def test_the_token_is_used_only_if_its_key_is_chosen(client, token):
    keys = {"sslkey": f"bert.key,{token.uri('p256')}", "sslpassword": f",{PIN}"}
    result = client.connect(sslcert="bert.crt,p256.crt", **keys)
    assert (client.received(result), token.logins()) == ("p256", [OK])
    keys = {"sslkey": f"{token.uri('p256')},rsa.key", "sslpassword": f"{WRONG_PIN},"}
    result = client.connect(sslcert="bert.crt,rsa.crt", **keys)
    assert (client.received(result), token.logins()) == ("rsa", [])


@pytest.mark.parametrize(
    "options",
    [
        {"load_behavior": "early"},
        {"cache_pins": "cache"},
        {"load_behavior": "early", "cache_pins": "cache"},
        {"logged": False},
    ],
    ids=lambda options: " ".join(options),
)
@pytest.mark.parametrize("way", ["curl with the module"])
def test_settings_of_the_provider(client, token, options):
    client.options = options
    result = client.connect(sslcert="rsa.crt", sslkey=token.uri("rsa"), sslpassword=PIN, times=2)
    assert result.status == 0 and result.out.count("CN = rsa") + result.out.count("CN=rsa") >= 2, result
    assert token.logins() == ([] if options.get("logged") is False else [OK])


# --- PINs ----------------------------------------------------------------------


@pytest.fixture
def pin_file(files):
    """Writes a file with a PIN. Returns its name."""

    def write(text: str, mode: int = 0o600) -> str:
        path = files / "pin"
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(text)
        path.chmod(mode)
        return f"file:{path}"

    return write


@some_ways
def test_pin_source_is_a_file_whose_first_line_is_the_pin(client, token, pin_file):
    uri = token.uri("rsa", pin_source=pin_file(f"{PIN}\nnot this\n"))
    assert client.received(client.connect(sslcert="rsa.crt", sslkey=uri)) == "rsa"
    assert token.logins() == [OK]
    # sslpassword comes first.
    client.refused(client.connect(sslcert="rsa.crt", sslkey=uri, sslpassword=WRONG_PIN))
    assert token.logins() == [PIN_INCORRECT]


@some_ways
def test_pin_source_is_refused_if_others_can_read_it(client, token, pin_file):
    result = client.connect(sslcert="rsa.crt", sslkey=token.uri("rsa", pin_source=pin_file(f"{PIN}\n", 0o644)))
    error = client.refused(result)
    check_hidden(result)
    assert token.logins() == []
    if client.kind == "postgres":
        assert "has group or world access" in error


@some_ways
def test_without_a_pin_there_is_no_prompt_and_no_login(client, token):
    result = client.connect(sslcert="rsa.crt", sslkey=token.uri("rsa"), terminal=True)
    error = client.refused(result)
    assert token.logins() == []
    if client.kind == "postgres":
        assert "PIN" in error


@some_ways
def test_a_wrong_pin_costs_one_login_in_a_process(client, token):
    for terminal in (False, True):
        settings = {"sslcert": "rsa.crt", "sslkey": token.uri("rsa"), "sslpassword": WRONG_PIN}
        result = client.connect(times=2, terminal=terminal, **settings)
        error = client.refused(result)
        check_hidden(result)
        assert token.logins() == [PIN_INCORRECT]
        if client.kind == "postgres":
            assert "the token refused the PIN" in error
    # The token is not locked.
    result = client.connect(sslcert="rsa.crt", sslkey=token.uri("rsa"), sslpassword=PIN)
    assert (client.received(result), token.logins()) == ("rsa", [OK])


# --- URIs that are refused -----------------------------------------------------

REFUSED = {
    "pin-value": (f"pkcs11:token=certpick;object=rsa?pin-value={PIN}", "pin-value"),
    "pin-value in the path": (f"pkcs11:token=certpick;object=rsa;pin-value={PIN}", "pin-value"),
    "module-path": ("pkcs11:object=rsa?module-path=/tmp/evil.so", "module-path"),
    "module-name": ("pkcs11:object=rsa?module-name=evil", "module-name"),
    "a command": (f"pkcs11:object=rsa?pin-source=%7Cecho {PIN}".replace(" ", "%20"), "command"),
    "an unknown attribute": (f"pkcs11:object=rsa;{PIN}={PIN}", "attribute"),
}


@pytest.mark.parametrize("uri, said", REFUSED.values(), ids=REFUSED)
@some_ways
def test_a_uri_is_refused_before_the_token_is_used(client, token, uri, said):
    for settings in ({"sslcert": "rsa.crt", "sslkey": uri}, {"sslcert": uri}):
        result = client.connect(terminal=True, **settings)
        error = client.refused(result)
        check_hidden(result)
        assert not token.was_used()
        if client.kind == "postgres":
            assert said in error


# The words after the URI.
MISSING = {
    "no provider": ({"provider": False}, "rsa", "no active provider serves the scheme of this URI"),
    "no key": ({}, "nothing", "no private key found"),
    "another key": ({}, "p256", "no private key found that belongs to the certificate"),
}


@pytest.mark.parametrize("options, name, said", MISSING.values(), ids=MISSING)
@pytest.mark.parametrize("way", [PATCHED[0], "psql with the module"])
def test_a_key_that_is_not_found_is_an_error_that_names_the_uri(client, token, home, options, name, said):
    if options:
        client.provider = partial(without_token, client.provider)
    result = client.connect(sslcert="rsa.crt", sslkey=token.uri(name), sslpassword=PIN)
    error = client.refused(result)
    check_hidden(result)
    assert token.uri(name) in error and said in error
    assert len(token.logins()) <= 1


def without_token(cnf, path, more=None, **settings) -> dict:
    """Writes an openssl.cnf without the token's provider."""
    env = cnf(path, **settings)
    path.write_text(openssl_cnf.text(more or {}))
    return env


@pytest.mark.parametrize("way", [PATCHED[0], "psql with the module"])
def test_no_certificate_in_the_token_is_an_error_that_names_the_uri(client, token):
    error = client.refused(client.connect(sslcert=token.uri("nothing"), sslpassword=PIN))
    assert token.uri("nothing") in error and "no certificate found" in error
    assert token.logins() == []


@some_ways
def test_a_file_with_the_name_of_a_uri_is_used_only_with_its_directory(client, token, files):
    name = "pkcs11:object=file"
    for suffix in ("crt", "key"):
        copy = files / name
        copy.write_text((files / f"rsa.{suffix}").read_text())
        copy.chmod(0o600)
        try:
            # For one certificate, libpq takes the text before a colon in sslkey for an engine.
            lists = {"sslcert": "bert.crt,rsa.crt", "sslkey": f"bert.key,{name}"}
            ambiguous = {"crt": {"sslcert": name, "sslkey": "rsa.key"}, "key": lists}
            client.refused(client.connect(**ambiguous[suffix]))
            plain = {key: value.replace(name, f"./{name}") for key, value in ambiguous[suffix].items()}
            assert client.received(client.connect(**plain)) == "rsa"
        finally:
            copy.unlink()


# --- certpick check, certpick probe --------------------------------------------


@pytest.fixture
def certpick(files, token, home):
    """Runs certpick with a file of passwords, on a terminal, where a prompt would end it."""

    def run_certpick(command: str, *words, passwords: str = ""):
        (home / "passwords").touch(mode=0o600)
        (home / "passwords").write_text(passwords)
        line = [CERTPICK, command, *words, "--sslpassword-file", home / "passwords"]
        return run(line, files, home, token.cnf(home / "openssl.cnf"), terminal=True)

    return run_certpick


@kinds
def test_check_loads_the_key_with_one_login(certpick, token, kind):
    for words in (["--sslcert", f"{kind}.crt", "--sslkey", token.uri(kind)], ["--sslcert", token.uri(kind)]):
        result = certpick("check", *words, passwords=f"{PIN}\n")
        assert (result.status, result.terminal, token.logins()) == (0, "", [OK]), result
        assert f"CN={kind}" in result.out
        check_hidden(result)


def test_check_reports_a_missing_and_a_wrong_pin(certpick, token):
    for passwords, logins in (("\n", []), (f"{WRONG_PIN}\n", [PIN_INCORRECT])):
        result = certpick("check", "--sslcert", "rsa.crt", "--sslkey", token.uri("rsa"), passwords=passwords)
        assert result.status > 0 and result.terminal == "" and "PIN" in result.out + result.err, result
        assert token.logins() == logins
        check_hidden(result)


def test_probe_shows_the_choice(certpick, token, https_servers):
    words = ["--tls", "--sslmode", "require", "--sslcert", "bert.crt,rsa.crt", "--sslkey", f"bert.key,{token.uri('rsa')}"]
    result = certpick("probe", *words, f"127.0.0.1:{https_servers('1.3').port}", passwords=f"\n{PIN}\n")
    assert (result.terminal, token.logins()) == ("", [OK]), result
    assert "the credential matches and is chosen" in result.out
    check_hidden(result)


def test_a_configuration_file_may_name_uris(files, token, home, https_servers, state):
    secret = home / "pin"
    secret.touch(mode=0o600)
    secret.write_text(f"{PIN}\n")
    tables = [
        {"sslcert": str(files / "bert.crt"), "sslkey": str(files / "bert.key")},
        {"sslcert": str(files / "rsa.crt"), "sslkey": token.uri("rsa"), "sslpasswordfile": str(secret)},
    ]
    text = "".join("[[credential]]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in table.items()) for table in tables)
    config = home / "certpick.toml"
    config.write_text(text)
    config.chmod(0o600)
    env = {**token.cnf(home / "openssl.cnf"), "XDG_STATE_HOME": str(state)}
    command = [CERTPICK, "run", "--config", config, "--", "curl", "-sSk", https_servers("1.3").url]
    result = run(command, files, home, env)
    assert result.status == 0 and "CN = rsa" in result.out.replace("CN=rsa", "CN = rsa"), result
    assert token.logins() == [OK]


# --- a C program ---------------------------------------------------------------


@pytest.fixture(scope="module")
def c_program(scratch):
    return compile_program("uris", scratch, "-pthread")


@pytest.mark.parametrize("load", ["late", "early"])
@kinds
@pytest.mark.parametrize("part", ["once", "fork", "threads", "threads later", "wrong"])
def test_c_program(c_program, files, token, authorities, home, kind, part, load):
    logged = not part.startswith("threads")  # the spy's log is not made for threads
    behaviour = {"load_behavior": "early"} if load == "early" else {}
    env = token.cnf(home / "openssl.cnf", logged=logged, **behaviour)
    pin = WRONG_PIN if part == "wrong" else PIN
    arguments = [part, f"{kind}.crt", token.uri(kind), pin, authorities["alpha"].certificate]
    result = run([c_program, *arguments], files, home, env)
    assert result.status == 0, result
    check_hidden(result)
    # The child process of "fork" logs in once more.
    expected = {"once": [OK], "fork": [OK, OK], "threads": [], "threads later": [], "wrong": [PIN_INCORRECT]}
    assert token.logins() == expected[part]
