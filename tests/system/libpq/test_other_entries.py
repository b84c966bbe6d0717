# SPDX-License-Identifier: MIT OR Apache-2.0
"""sslcert names a directory, a PKCS#12 file or a URI, and sslkey a URI.

Keys in tokens are tested in tests/system/token.
"""

import os
import shutil
import subprocess

import pytest

from harness import openssl_cnf, paths, psql
from harness.pki import openssl
from harness.psql import NO_CERTIFICATE, NONE_SUITABLE
from harness.toolchain import compile_c
from psql_client import Client, put

NONE = f"{NONE_SUITABLE}\n{NO_CERTIFICATE}"
BERT = {"sslcert": "bert.p12", "sslpassword": "p12 secret"}
WRAPPER = "-----BEGIN PKCS#11 PROVIDER URI-----\nMAA=\n-----END PKCS#11 PROVIDER URI-----\n"


@pytest.fixture(scope="module", autouse=True)
def files(pki):
    """bert.p12, the directory certs/ with anna and bert (as in Kubernetes), and sealed/ with bert alone."""
    directory = pki.directory
    openssl(
        *["pkcs12", "-export", "-in", "bert.crt", "-inkey", "bert.key", "-passin", "pass:secret"],
        *["-passout", f"pass:{BERT['sslpassword']}", "-out", "bert.p12"],
        directory=directory,
    )
    shutil.copy(directory / "bert.p12", directory / "renamed.crt")
    for name in ("bert.p12", "renamed.crt"):
        (directory / name).chmod(0o600)
    certs = directory / "certs"
    (certs / "..data").mkdir(parents=True)
    for suffix in ("crt", "key"):
        shutil.copy(directory / f"anna.{suffix}", certs)
        (certs / f"tls.{suffix}").symlink_to(f"..data/tls.{suffix}")
    openssl("pkey", "-in", "bert.key", "-passin", "pass:secret", "-out", certs / "..data/tls.key", directory=directory)
    (certs / "..data/tls.key").chmod(0o600)
    shutil.copy(directory / "bert.crt", certs / "..data/tls.crt")
    put(directory / "uri.key", WRAPPER, 0o600)


@pytest.mark.parametrize("name", ["bert.p12", "renamed.crt", "./bert.p12"])
def test_a_pkcs12_file_is_used_whatever_its_name(client, pki, name):
    client.server.configure(pki.trust("beta"))
    assert client.arrived(**{**BERT, "sslcert": name}) == "/CN=bert"


def test_an_absolute_name_and_the_environment_are_used(client, pki):
    client.server.configure(pki.trust("beta"))
    env = {"PGSSLCERT": str(pki.directory / "bert.p12")}
    assert client.arrived(env=env, sslpassword=BERT["sslpassword"]) == "/CN=bert"


@pytest.mark.parametrize("sslcert", ["certs", "certs/", "./certs"])
def test_of_a_directory_each_server_gets_the_certificate_of_the_ca_that_it_names(client, pki, sslcert):
    for ca, owner in {"alpha": "/CN=anna", "beta": "/CN=bert"}.items():
        client.server.configure(pki.trust(ca))
        assert client.arrived(sslcert=sslcert) == owner
    client.server.configure(pki.trust("gamma"))
    assert client.refused(sslcert=sslcert) == client.failed(NONE)


def test_a_connection_uses_the_present_files_of_a_directory(client, pki):
    client.server.configure(pki.trust("gamma"))
    new = [shutil.copy(pki.directory / f"carl.{suffix}", pki.directory / "certs") for suffix in ("key", "crt")]
    try:
        assert client.arrived(sslcert="certs") == "/CN=carl"
    finally:
        for path in new:
            os.unlink(path)
    assert client.refused(sslcert="certs") == client.failed(NONE)


@pytest.mark.parametrize("trusted, owner", [("alpha", "anna"), ("beta", "bert"), ("gamma", "carl")])
def test_a_list_may_contain_entries_of_each_kind(client, pki, trusted, owner):
    client.server.configure(pki.trust(trusted))
    lists = {"sslcert": "certs, bert.p12, carl.crt", "sslkey": ",,carl.key"}
    assert client.arrived(**lists, sslpassword=f",{BERT['sslpassword']},") == f"/CN={owner}"


def test_the_password_of_a_pkcs12_file_is_checked_and_not_shown(client):
    for password, text in {
        "sesame": "it could not be decrypted (wrong password?)",
        None: "it is encrypted and no password was given",
    }.items():
        error = client.refused(sslcert="bert.p12", sslpassword=password)
        assert error == client.failed(f'entry 1: could not load private key file "bert.p12": {text}')


def test_what_does_not_go_with_an_entry_is_an_error(client):
    for settings, text in (
        ({**BERT, "sslkey": "bert.key"}, '"bert.p12": the sslkey entry must be empty'),
        ({"sslcert": "certs", "sslkey": "anna.key"}, 'could not read directory "certs": the sslkey entry must be'),
        ({"sslcert": ".", "sslkey": ""}, "could not "),
    ):
        assert client.refused(**settings).startswith(client.failed(f"entry 1: {text}").rstrip("\n"))


def test_in_a_connection_uri_a_name_is_percent_encoded(client, pki):
    client.server.configure(pki.trust("alpha", "beta"))
    program, env = paths.psql(client.version, client.variant)
    env = {**env, **client.environment()}
    base = f"postgresql://demo@127.0.0.1:{client.server.port}/postgres?sslmode=require"

    def connect(parameters: str) -> psql.Result:
        command = [program, "-X", "-At", "-c", psql.WHICH_CERTIFICATE, "-d", f"{base}&{parameters}"]
        return psql.run(command, client.directory, client.home, env)

    assert connect("sslcert=bert.p12&sslpassword=p12%20secret").out == "/CN=bert\n"
    # "=" separates a parameter from its value.
    assert 'extra key/value separator "="' in connect("sslcert=anna.crt&sslkey=pkcs11:object=a").err
    assert "entry 1: " in connect("sslcert=anna.crt&sslkey=pkcs11:object%3Da").err


@pytest.mark.parametrize(
    "settings",
    [
        {"sslcert": "anna.crt", "sslkey": "pkcs11:object=no-such-object"},
        {"sslcert": "anna.crt", "sslkey": "handle:0x81000000"},
        {"sslcert": "pkcs11:object=no-such-object"},
        {"sslcert": "anna.crt", "sslkey": "uri.key"},
    ],
    ids=lambda settings: " ".join(settings.values()),
)
def test_a_uri_is_certpicks_and_never_causes_a_prompt(client, settings):
    """No provider for the URI is active."""
    result = client.connect(**settings, terminal=True)
    assert (result.status, result.out, result.terminal) == (2, "", ""), result
    assert result.err.startswith(client.failed("entry 1: ").rstrip("\n")), result
    assert "engine" not in result.err


def test_a_uri_for_the_key_goes_with_the_default_certificate(client, home):
    own = home / ".postgresql" / "postgresql.crt"
    for _ in range(2):
        error = client.refused(sslkey="pkcs11:object=no-such-object")
        assert error.startswith(client.failed("entry 1: ").rstrip("\n")), error
        # Without the certificate, its name is in the error; with it, the error is about the key.
        assert (str(own) in error) == (not own.exists()), error
        if not own.exists():
            own.parent.mkdir()
            put(own, (client.directory / "anna.crt").read_text())
    assert client.connect(sslkey="anna.key").out == "/CN=anna\n"


@pytest.mark.parametrize("version", [15, 18])
@pytest.mark.parametrize("sslkey", ["pkcs11:label_anna", "engine:key"])
def test_the_key_of_an_engine_is_libpqs(server, pki, home, version, sslkey):
    stock, patched = (
        Client(version, server, pki.directory, home, variant).connect(sslcert="anna.crt", sslkey=sslkey)
        for variant in ("-stock", "")
    )
    assert "entry 1: " not in patched.err and patched.status == 2
    assert patched == stock


@pytest.mark.parametrize("version", [15, 18])
@pytest.mark.parametrize("name", ["anna.crt", "carl.crt"])
def test_a_certificate_from_a_pipe_is_read_once_as_without_the_patch(server, pki, home, version, name):
    """A shell's process substitution, <(cat anna.crt), is such a name."""

    def connect(variant: str) -> tuple:
        client = Client(version, server, pki.directory, home, variant)
        reader, writer = os.pipe()
        with os.fdopen(writer, "wb") as pipe:
            pipe.write((pki.directory / name).read_bytes())
        command, env = client.command({"sslcert": f"/dev/fd/{reader}", "sslkey": "anna.key"})
        try:
            done = subprocess.run(
                list(map(str, command)), cwd=pki.directory, env=psql.environment(home, env), pass_fds=[reader],
                capture_output=True, text=True, timeout=psql.SECONDS, start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(reader)
        return done.returncode, done.stdout, done.stderr.replace(f"/dev/fd/{reader}", "PIPE")

    stock, patched = connect("-stock"), connect("")
    assert patched == stock
    assert (stock[1] == "/CN=anna\n") == (name == "anna.crt"), stock


@pytest.mark.parametrize("version", [15, 18])
@pytest.mark.parametrize(
    "settings",
    [
        {"sslcert": "certs"},
        {**BERT, "sslkey": ""},
        {"sslcert": "anna.crt", "sslkey": "certs"},
        {"sslcert": "anna.crt", "sslkey": "pkcs11:label_a"},
    ],
    ids=lambda settings: " ".join(settings.values()),
)
def test_with_certpick_restrict_a_value_that_is_no_list_is_stock_libpqs(server, pki, home, version, settings):
    env = {"CERTPICK_RESTRICT": "files"}
    stock, patched = (
        Client(version, server, pki.directory, home, variant).connect(env=env, **settings) for variant in ("-stock", "")
    )
    assert patched == stock


@pytest.mark.parametrize("entry", ["certs", "bert.p12", "certpick:certpick.toml", "pkcs11:object=a", "handle:0x81000000"])
def test_with_certpick_restrict_a_list_may_contain_only_pem_files(client, entry):
    env = {"CERTPICK_RESTRICT": "files"}
    # A URI that is refused may contain a PIN.
    shown = f"{entry.split(':')[0]}:..." if entry.startswith(("pkcs11:", "handle:")) else entry
    text = f'entry 2: "{shown}": only PEM files are permitted, because the environment variable CERTPICK_RESTRICT is set'
    assert client.refused(env=env, sslcert=f"carl.crt,{entry}", sslkey="carl.key,") == client.failed(text)
    assert client.arrived(env=env, sslcert="carl.crt,anna.crt", sslkey="carl.key,anna.key") == "/CN=anna"


def test_a_provider_that_prompts_gets_no_chance(client, pki, scratch):
    """The provider of tests/system/token."""
    work = scratch / f"prompt-{client.version}{client.variant}"
    work.mkdir()
    source = paths.ROOT / "tests" / "system" / "token" / "token.c"
    flags = ["-std=c99", "-D_POSIX_C_SOURCE=200809L", "-g", "-fPIC", "-shared"]
    module = compile_c(work / "token.so", [source], flags=flags)
    put(work / "openssl.cnf", openssl_cnf.text({"token": {"module": module, "activate": 1}}))
    log = work / "log"
    env = {"OPENSSL_CONF": str(work / "openssl.cnf"), "TOKEN_LOG": str(log)}
    result = client.connect(env=env, terminal=True, sslcert="anna.crt", sslkey="uri.key")
    assert result.status == 2 and result.terminal == "" and "entry 1: " in result.err, result
    assert "prompt" not in (log.read_text() if log.exists() else "")
