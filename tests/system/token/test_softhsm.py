# SPDX-License-Identifier: MIT OR Apache-2.0
"""The parts of the other tests with a token: SoftHSM, pkcs11-provider, the engine, OpenSSL's program."""

import pytest

from harness import https, token as tokens
from harness.psql import run
from kinds import kinds, versions
from programs import compile_program


@versions
@kinds
def test_openssl_connects_with_a_key_in_the_token_and_logs_in_once(files, token, https_servers, home, kind, tls):
    server = https_servers(tls)
    command = ["openssl", "s_client", "-quiet", "-connect", f"127.0.0.1:{server.port}"]
    command += ["-cert", f"{kind}.crt", "-key", token.uri(kind), "-pass", f"pass:{tokens.PIN}"]
    result = run(command, files, home, token.cnf(home / "cnf"), https.REQUEST)
    assert (https.arrived(result.out), token.logins()) == (kind, [tokens.OK]), result


def test_a_refused_login_is_counted(files, token, home):
    command = ["openssl", "pkey", "-in", token.uri("rsa"), "-passin", f"pass:{tokens.WRONG_PIN}", "-noout"]
    assert run(command, files, home, token.cnf(home / "cnf")).status != 0
    assert token.logins() == [tokens.PIN_INCORRECT]
    assert not token.was_used()


def test_a_certificate_in_the_token_needs_no_login(files, token, home):
    command = ["openssl", "x509", "-in", token.uri("p256", type="cert"), "-noout", "-subject"]
    result = run(command, files, home, token.cnf(home / "cnf"))
    assert result.status == 0 and "p256" in result.out, result
    assert token.logins() == []


@pytest.fixture(scope="module")
def given_keys(scratch):
    return compile_program("given_keys", scratch, "-Wno-deprecated-declarations")


@kinds
@pytest.mark.parametrize("loaded_by", ["provider", "engine"])
def test_a_program_can_give_a_key_that_it_has_loaded(given_keys, files, token, authorities, home, kind, loaded_by):
    by_provider = loaded_by == "provider"
    arguments = ["provider" if by_provider else tokens.engine(), tokens.softhsm(), token.uri(kind, type="private")]
    arguments += [tokens.PIN, files / f"{kind}.crt", authorities["alpha"].certificate]
    env = token.cnf(home / "cnf") if by_provider else token.environment
    result = run([given_keys, *arguments], files, home, env)
    assert result.status == 0, result
