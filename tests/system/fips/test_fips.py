# SPDX-License-Identifier: MIT OR Apache-2.0
"""Lists in a process whose openssl.cnf permits only the algorithms of the fips provider.

Each kind of key file is used by a C program with certpick_attach(), by the module in openssl.cnf, and by
`certpick check`. doc/fips.md has the results.
"""

import os
import re
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from harness import fips, https, openssl_cnf, paths
from harness.https import HttpsServer
from harness.pki import openssl
from harness.toolchain import C_TESTS, LINK_CERTPICK, compile_c, openssl_version, run, succeed

CERTPICK = paths.TARGET / "release" / "certpick"
CLIENT = Path(__file__).parents[1] / "openssl_cnf" / "tcp_client.c"
PASSWORD = "secret-of-anna"
SECRET = ["-passout", f"pass:{PASSWORD}"]
# By kind: the command that makes the key file, or the PKCS#12 file, of anna's certificate and key.
PKCS8 = ["pkcs8", "-topk8", "-in", "anna.key", *SECRET, "-out"]
P12 = ["pkcs12", "-export", "-inkey", "anna.key", "-in", "anna.crt", *SECRET, "-out"]
WORK = {
    "PBES2 with AES": [*PKCS8, "made.key", "-v2", "aes-256-cbc"],
    "PBES2 in DER": [*PKCS8, "made.key", "-v2", "aes-256-cbc", "-outform", "DER"],
    "PKCS#12 with PBES2": [*P12, "made.p12", "-certpbe", "AES-256-CBC", "-keypbe", "AES-256-CBC"],
}
CONVERT_KEY = "convert it: OPENSSL_CONF=/dev/null openssl pkcs8 -topk8"
CONVERT_P12 = "convert it: OPENSSL_CONF=/dev/null openssl pkcs12 -legacy"
# With the end of the error.
FAIL = {
    "PBES1": ([*PKCS8, "made.key", "-v1", "PBE-SHA1-3DES"], CONVERT_KEY),
    "PBES1 in DER": ([*PKCS8, "made.key", "-v1", "PBE-SHA1-3DES", "-outform", "DER"], CONVERT_KEY),
    "scrypt": ([*PKCS8, "made.key", "-scrypt"], CONVERT_KEY),
    "traditional PEM": (["ec", "-in", "anna.key", "-aes256", *SECRET, "-out", "made.key"], CONVERT_KEY),
    "PKCS#12 with PBES1": ([*P12, "made.p12", "-certpbe", "PBE-SHA1-3DES", "-keypbe", "PBE-SHA1-3DES"], CONVERT_P12),
    "PKCS#12 with PBES1 for the key": ([*P12, "made.p12", "-certpbe", "NONE", "-keypbe", "PBE-SHA1-3DES"], CONVERT_P12),
}
# Those of the checks that `openssl fipsinstall -pedantic` enables that could concern key files.
CHECKS = ("pbkdf2-lower-bound-check", "hmac-key-check", "no-short-mac", "tdes-encrypt-disabled")
PEDANTIC = {check: 1 for check in CHECKS}
FORBIDDEN = "OpenSSL does not permit its password, salt or iterations"
NOT_OFFERED = "no active provider of OpenSSL offers its encryption (default_properties = fips=yes?); "


@pytest.fixture(scope="module")
def directory(scratch, authorities) -> Path:
    """Clients of alpha, with keys of each kind that is not encrypted, and one of beta."""
    path = scratch / "fips"
    path.mkdir()
    authorities["alpha"].issue("anna", below=path)
    authorities["alpha"].issue("edward", kind="ed25519", below=path)
    authorities["alpha"].issue("rosa", kind="rsa", below=path)
    authorities["alpha"].issue("kate", kind="secp256k1", below=path)
    authorities["alpha"].issue("lisa", kind="rsa1024", below=path)
    authorities["beta"].issue("bert", kind="p384", password=PASSWORD, below=path)
    return path


@pytest.fixture(scope="module")
def server(scratch, authorities, localhost):
    """A server that names alpha, in a process without FIPS."""
    log, trusted = scratch / "fips.log", authorities["alpha"].certificate
    with ExitStack() as running:
        yield running.enter_context(HttpsServer(localhost.certificate, localhost.key, log, trusted))


@pytest.fixture(scope="module")
def configurations(scratch) -> dict:
    return {
        "fips": fips.write(scratch / "fips.cnf", {}),
        "pedantic": fips.write(scratch / "pedantic.cnf", {}, **PEDANTIC),
        "default": openssl_cnf.write_without(scratch / "default.cnf"),
    }


@pytest.fixture(scope="module")
def programs(scratch) -> dict:
    common = [C_TESTS / f"{name}.c" for name in ("support", "certificates", "handshake", "passwords", "picking")]
    flags = ["-std=c11", "-O1", "-g"]
    return {
        "with lists": compile_c(scratch / "fips-lists", [CLIENT], flags=[*flags, "-DLISTS"], libs=LINK_CERTPICK),
        "without": compile_c(scratch / "fips-module", [CLIENT], flags=flags),
    }


@pytest.fixture
def connect(server, directory, configurations, programs, home):
    """Connects with lists, in a C program or by the module. Returns the certificate's owner, or the error."""

    def start(way: str, sslcert: str, sslkey: str, sslpassword: str = "", configuration: str = "fips") -> tuple:
        lists = [sslcert, sslkey, sslpassword]
        conf, program = configurations[configuration], programs["with lists"]
        if way == "module":
            settings = dict(zip(("sslcert", "sslkey", "sslpassword"), (value or None for value in lists)))
            conf = fips.write(home / "module.cnf", {"certpick": openssl_cnf.certpick(settings)})
            lists, program = [], programs["without"]
        env = {**os.environ, "OPENSSL_CONF": str(conf)}
        done = run([program, server.port, *lists], cwd=directory, env=env)
        return (https.arrived(done.stdout), "") if done.returncode == 0 else ("", done.stdout)

    return start


@pytest.fixture
def check(directory, configurations, home):
    """Runs `certpick check`. Returns its status and its report in one line."""

    def start(sslcert: str, sslkey: str, *passwords: str) -> tuple:
        (home / "passwords").write_text("".join(f"{password}\n" for password in passwords))
        (home / "passwords").chmod(0o600)
        words = [CERTPICK, "check", "--sslcert", sslcert, "--sslkey", sslkey]
        words += ["--sslpassword-file", home / "passwords"]
        env = {**os.environ, "OPENSSL_CONF": str(configurations["fips"])}
        done = subprocess.run(list(map(str, words)), cwd=directory, env=env, capture_output=True, text=True)
        return done.returncode, re.sub(r"\s+", " ", done.stdout + done.stderr)

    return start


def make(directory: Path, command: list) -> tuple:
    """Makes the file in place of the previous one. Returns the entries of sslcert and sslkey."""
    for old in ("made.key", "made.p12"):
        (directory / old).unlink(missing_ok=True)
    openssl(*command, directory=directory)
    made = directory / ("made.p12" if "made.p12" in command else "made.key")
    made.chmod(0o600)
    return ("made.p12", "") if made.suffix == ".p12" else ("anna.crt", "made.key")


@pytest.mark.parametrize("way", ["C program", "module"])
@pytest.mark.parametrize("kind", WORK)
def test_keys_under_encryption_that_the_provider_offers_are_used(connect, directory, kind, way):
    sslcert, sslkey = make(directory, WORK[kind])
    assert connect(way, f"bert.crt,{sslcert}", f"bert.key,{sslkey}", f"{PASSWORD},{PASSWORD}") == ("anna", "")


@pytest.mark.parametrize("kind", WORK)
def test_the_length_of_the_password_matters_since_openssl_4(connect, directory, kind):
    command = ["pass:p" if word == f"pass:{PASSWORD}" else word for word in WORK[kind]]
    sslcert, sslkey = make(directory, command)
    sent, error = connect("C program", sslcert, sslkey, "p", configuration="pedantic")
    if openssl_version() < (4, 0):
        assert (sent, error) == ("anna", "")
    else:
        assert sent == "" and FORBIDDEN in error, error


def test_the_number_of_iterations_matters_since_openssl_4(connect, directory):
    sslcert, sslkey = make(directory, [*WORK["PBES2 with AES"], "-iter", "1"])
    sent, error = connect("C program", sslcert, sslkey, PASSWORD)
    if openssl_version() < (4, 0):
        assert (sent, error) == ("anna", "")
    else:
        assert sent == "" and FORBIDDEN in error, error


@pytest.mark.parametrize("way", ["C program", "module"])
@pytest.mark.parametrize("kind", FAIL)
def test_other_keys_are_errors_that_name_entry_file_and_conversion(connect, directory, kind, way):
    command, conversion = FAIL[kind]
    sslcert, sslkey = make(directory, command)
    sent, error = connect(way, f"bert.crt,{sslcert}", f"bert.key,{sslkey}", f"{PASSWORD},{PASSWORD}")
    assert sent == "" and f"{NOT_OFFERED}{conversion}" in error, error
    assert "entry 2: could not" in error and f'"{sslkey or sslcert}"' in error and "wrong password" not in error


@pytest.mark.parametrize("kind", [*WORK, *FAIL])
def test_certpick_check_reports_what_a_program_can_use(check, directory, kind):
    command, conversion = FAIL.get(kind, (WORK.get(kind), ""))
    sslcert, sslkey = make(directory, command)
    status, report = check(sslcert, sslkey, PASSWORD)
    assert (status, f"{NOT_OFFERED}{conversion}" in report) == ((1, True) if conversion else (0, False)), report


@pytest.mark.parametrize("way", ["C program", "module"])
def test_a_wrong_password_is_reported_as_such(connect, directory, way):
    sslcert, sslkey = make(directory, WORK["PBES2 with AES"])
    sent, error = connect(way, sslcert, sslkey, "a wrong password")
    assert sent == "" and '"made.key"' in error and "(wrong password?)" in error, error


@pytest.mark.parametrize("way", ["C program", "module"])
@pytest.mark.parametrize("owner", ["anna", "rosa", "edward"])
def test_keys_that_are_not_encrypted_are_used(connect, way, owner):
    assert connect(way, f"bert.crt,{owner}.crt", f"bert.key,{owner}.key", f"{PASSWORD},") == (owner, "")


@pytest.mark.parametrize("way", ["C program", "module"])
def test_a_certificate_on_a_curve_that_the_provider_lacks_is_not_sent(connect, check, way):
    assert connect(way, "kate.crt,anna.crt", "kate.key,anna.key") == ("anna", "")
    assert connect(way, "kate.crt", "kate.key") == ("", "")
    status, report = check("kate.crt", "kate.key")
    assert status == 1 and "OpenSSL cannot decode the public key of the certificate" in report, report


def test_an_explanation_says_that_openssl_did_not_send_a_certificate_with_a_small_key(server, directory, programs, home):
    settings = {"sslcert": "lisa.crt", "sslkey": "lisa.key", "explain": "failure", "explain_file": home / "explained"}
    conf = fips.write(home / "module.cnf", {"certpick": openssl_cnf.certpick(settings)})
    level = {"CipherString": "DEFAULT@SECLEVEL=0"}
    sections = openssl_cnf.section("ssl", {"system_default": "level"}) + openssl_cnf.section("level", level)
    conf.write_text(conf.read_text().replace("[openssl_init]\n", "[openssl_init]\nssl_conf = ssl\n") + sections)
    env = {**os.environ, "OPENSSL_CONF": str(conf)}
    done = run([programs["without"], server.port], cwd=directory, env=env)
    assert (done.returncode, https.arrived(done.stdout)) == (0, ""), done.stdout
    text = (home / "explained").read_text()
    assert text.startswith("certpick sent no certificate.") and "it was chosen, but OpenSSL did not send it" in text


@pytest.fixture(scope="module")
def in_context(scratch, authorities, directory, configurations):
    """Connects an SSL_CTX in a library context with another openssl.cnf than that of the process."""
    names = ("support", "certificates", "handshake", "passwords", "picking")
    sources = [Path(__file__).with_name("contexts.c"), *(C_TESTS / f"{name}.c" for name in names)]
    flags = ["-std=c11", "-O1", "-g", f"-I{C_TESTS}"]
    program = compile_c(scratch / "fips-contexts", sources, flags=flags, libs=[*LINK_CERTPICK, "-pthread"])

    def start(process: str, context: str, sslcert: str, sslkey: str, error: str = "") -> None:
        env = {**os.environ, "OPENSSL_CONF": str(configurations[process]), "CERTPICK_TEST_KEYS": str(scratch)}
        ca = authorities["alpha"].certificate
        succeed([program, configurations[context], ca, sslcert, sslkey, PASSWORD, error], cwd=directory, env=env)

    return start


@pytest.mark.parametrize("contexts", [("fips", "default"), ("default", "fips")])
@pytest.mark.parametrize("kind", ["PBES2 with AES", "PBES1"])
def test_the_context_of_the_process_decrypts_and_that_of_the_ssl_ctx_signs(in_context, directory, contexts, kind):
    sslcert, sslkey = make(directory, WORK.get(kind) or FAIL[kind][0])
    fails = contexts[0] == "fips" and kind == "PBES1"
    error = f'entry 1: could not load private key file "made.key": {NOT_OFFERED}'
    in_context(*contexts, sslcert, sslkey, error if fails else "")
