# SPDX-License-Identifier: MIT OR Apache-2.0
"""The module uses the connection's user and, since libpq 16, its sslcertmode."""

import shutil
import subprocess

import pytest

from clients import PROGRAMS, conninfo
from harness import paths
from harness.pki import THREE
from harness.psql import NONE_SUITABLE, NO_CERTIFICATE, WHICH_CERTIFICATE, run
from harness.server import OPTIONAL
from harness.unavailable import need_package

SAME_CA = {"sslcert": "anna.crt,demo.crt", "sslkey": "anna.key,demo.key"}
OTHERS = {"sslcert": "bert.crt,carl.crt", "sslkey": "bert.key,carl.key", "sslpassword": "secret,"}
versions = pytest.mark.parametrize("tls", ["1.2", "1.3"])


@versions
@pytest.mark.parametrize(("user", "expected"), [("anna", "anna"), ("demo", "demo"), ("bert", "anna")])
@pytest.mark.parametrize("name", ["psql", "pg_dump", "pgbench", "psycopg", "psycopg2"])
def test_the_certificate_whose_common_name_is_the_user_comes_first(
    name, servers, cnf, certificates, home, user, expected, tls
):
    program = PROGRAMS[name]
    result = program.connect(servers.postgres("alpha", tls), certificates, home, cnf(**SAME_CA), user=user)
    assert (result.status, program.received(result)) == (0, expected), result


TWO_LIBPQS = """
import ctypes, sys
import psycopg
ctypes.CDLL(sys.argv[1])
connection = psycopg.connect(sys.argv[2])
print(connection.execute(sys.argv[3]).fetchone()[0])
"""


def explained(home) -> dict:
    return {"explain": "always", "explain_file": home / "explanations"}


def test_no_certificate_is_sent_if_two_libpqs_are_loaded(servers, cnf, certificates, home):
    """It is unknown which of them made the connection, and so is its sslcertmode."""
    need_package("python3-psycopg")
    listed = subprocess.run(["ldd", paths.server_bindir() / "psql"], capture_output=True, text=True)
    [libpq] = [line.split()[2] for line in listed.stdout.splitlines() if "libpq.so" in line]
    copy = shutil.copy(libpq, home / "libpq.so.5")
    server = servers.postgres("alpha", hba=OPTIONAL)
    arguments = [copy, conninfo(server, {"user": "demo"}), WHICH_CERTIFICATE]
    command = ["/usr/bin/python3", "-c", TWO_LIBPQS, *arguments]
    result = run(command, certificates, home, cnf(**SAME_CA, **explained(home)))
    assert (result.status, result.out, result.err) == (0, "None\n", "")
    explanation = (home / "explanations").read_text()
    assert explanation.startswith("certpick sent no certificate: the connection's sslcertmode is not known")


@pytest.fixture
def psql_18(servers, certificates, home, cnf):
    """Runs a stock psql 18 with its own settings and the module's."""

    def connect(mode, lists, ca="beta", tls="", hba="", env=None, **settings):
        server = servers.postgres(ca, tls, **({"hba": hba} if hba else {}))
        program, libpq = paths.psql(18, "-stock")
        command = PROGRAMS["psql"].command(server, home, program, sslcertmode=mode, **settings)
        result = run(command, certificates, home, {**(env or cnf(**lists)), **libpq})
        start = f'psql: error: connection to server at "127.0.0.1", port {server.port} failed: '
        return result.status, result.out, result.err.removeprefix(start)

    return connect


modes = pytest.mark.parametrize("mode", ["allow", "require"])


@versions
@modes
@pytest.mark.parametrize("hba", ["", OPTIONAL], ids=["demanded", "optional"])
def test_allow_and_require_send_the_requested_certificate(psql_18, mode, tls, hba):
    assert psql_18(mode, THREE, "beta", tls, hba) == (0, "/CN=bert\n", "")
    assert psql_18(mode, THREE, "alpha", tls, hba) == (0, "/CN=anna\n", "")


@versions
@modes
def test_allow_and_require_prefer_the_certificate_of_the_user(psql_18, mode, tls):
    assert psql_18(mode, SAME_CA, "alpha", tls, user="demo") == (0, "/CN=demo\n", "")


@versions
def test_disable_sends_no_certificate(psql_18, tls):
    assert psql_18("disable", THREE, "beta", tls) == (2, "", f"{NO_CERTIFICATE}\n")
    assert psql_18("disable", THREE, "beta", tls, OPTIONAL) == (0, "\n", "")


@versions
@pytest.mark.parametrize("mode", ["allow", "disable"])
def test_no_certificate_is_sent_if_the_sslcertmode_cannot_be_read(psql_18, cnf, home, mode, tls):
    """A second libpq is loaded, under a name like those in Python packages."""
    libpq = (paths.prefix(18, "-stock") / "lib" / "libpq.so.5").read_bytes()
    copy = home / "libpq-0123abcd.so.5"
    copy.write_bytes(libpq.replace(b"libpq.so.5\0", b"libpX.so.5\0"))  # its SONAME
    env = {**cnf(**THREE, **explained(home)), "LD_PRELOAD": str(copy)}
    assert psql_18(mode, {}, "beta", tls, OPTIONAL, env=env) == (0, "\n", "")
    assert "sslcertmode is not known" in (home / "explanations").read_text()


@versions
def test_disable_ignores_errors_in_the_settings(psql_18, tls):
    assert psql_18("disable", {**THREE, "sslcrt": "x"}, "beta", tls, OPTIONAL) == (0, "\n", "")


@versions
@pytest.mark.parametrize("lists", [OTHERS, {"sslcert": "carl.crt", "sslkey": "carl.key"}], ids=["two", "one"])
def test_require_fails_without_a_suitable_certificate_and_allow_does_not(psql_18, lists, tls):
    assert psql_18("require", lists, "alpha", tls, OPTIONAL) == (2, "", f"SSL error: {NONE_SUITABLE}\n")
    assert psql_18("require", lists, "alpha", tls) == (2, "", f"SSL error: {NONE_SUITABLE}\n")
    assert psql_18("allow", lists, "alpha", tls, OPTIONAL) == (0, "\n", "")
    assert psql_18("allow", lists, "alpha", tls) == (2, "", f"{NO_CERTIFICATE}\n")


@versions
@pytest.mark.parametrize("lists", [THREE, OTHERS, {"sslcert": "missing.crt"}], ids=["three", "two", "wrong"])
def test_require_reports_libpqs_message_if_the_server_requests_no_certificate(psql_18, lists, tls):
    text = "server did not request an SSL certificate\n"
    assert psql_18("require", lists, None, tls) == (2, "", text)
    assert psql_18("allow", lists, None, tls) == (0, "\n", "")


@versions
@modes
@pytest.mark.parametrize("hba", ["", OPTIONAL], ids=["demanded", "optional"])
@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"sslcrt": "x"}, 'certpick settings in openssl.cnf: unknown setting "sslcrt"'),
        (
            {"sslcert": "missing.crt,bert.crt,carl.crt"},
            'entry 1: could not read certificate file "missing.crt": No such file or directory',
        ),
        (
            {"sslkey": "anna.key,missing.key,carl.key"},
            'entry 2: certificate present, but not private key file "missing.key"',
        ),
        ({"sslpassword": None}, 'entry 2: could not load private key file "bert.key": it is encrypted'),
    ],
    ids=["setting", "certificate", "key", "password"],
)
def test_an_error_in_the_settings_ends_the_connection_in_either_mode(psql_18, mode, hba, wrong, text, tls):
    status, out, err = psql_18(mode, {**THREE, **wrong}, "beta", tls, hba)
    assert (status, out) == (2, "") and err.startswith(f"SSL error: {text}")


@versions
@modes
def test_psqls_own_certificate_is_sent(psql_18, mode, tls):
    own = {"sslcert": "demo.crt", "sslkey": "demo.key", "user": "anna"}
    assert psql_18(mode, THREE, "alpha", tls, **own) == (0, "/CN=demo\n", "")


@versions
def test_require_without_the_module_is_unchanged(psql_18, without, tls):
    text = "server accepted connection without a valid SSL certificate\n"
    assert psql_18("require", {}, "beta", tls, OPTIONAL, env=without) == (2, "", text)
    own = {"sslcert": "demo.crt", "sslkey": "demo.key"}
    assert psql_18("require", {}, "alpha", tls, env=without, **own) == (0, "/CN=demo\n", "")


@versions
def test_require_works_with_only_libpq(psql_18, tls):
    only = {"only": "libpq"}
    assert psql_18("require", {**THREE, **only}, "beta", tls, OPTIONAL) == (0, "/CN=bert\n", "")
    assert psql_18("require", {**OTHERS, **only}, "alpha", tls, OPTIONAL)[0] == 2


@versions
def test_require_is_not_satisfied_by_an_excluded_certificate(
    psql_18, authorities, certificates, tls
):
    authorities["alpha"].issue("stale", valid_days=(-30, -2), below=certificates)
    stale = {"sslcert": "stale.crt,carl.crt", "sslkey": "stale.key,carl.key", "flawed": "exclude"}
    assert psql_18("require", stale, "alpha", tls, OPTIONAL) == (2, "", f"SSL error: {NONE_SUITABLE}\n")
