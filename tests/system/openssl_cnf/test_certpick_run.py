# SPDX-License-Identifier: MIT OR Apache-2.0
"""`certpick run` with installed programs and servers that require a certificate."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from clients import OWNERS, PROGRAMS
from harness import paths, private
from harness.opened import Opened
from harness.psql import NONE_SUITABLE, NO_CERTIFICATE, SECONDS, WHICH_CERTIFICATE, environment, run
from harness.server import OPTIONAL

CERTPICK = paths.TARGET / "release" / "certpick"
LISTS = [
    *("--sslcert", "anna.crt,bert.crt,carl.crt", "--sslkey", "anna.key,bert.key,carl.key"),
    *("--sslpassword-file", "passwords"),
]
psql, curl = PROGRAMS["psql"], PROGRAMS["curl"]
versions = pytest.mark.parametrize("tls", ["1.2", "1.3"])


@pytest.fixture(scope="module")
def place():
    with private.directory() as directory:
        yield directory


@pytest.fixture
def before(certificates, place):
    """Returns the words before a program: certpick run and its options."""
    (certificates / "passwords").write_text("\nsecret\n\n")
    (certificates / "passwords").chmod(0o600)

    def words(*options) -> list:
        return ["env", f"XDG_STATE_HOME={place}", CERTPICK, "run", *LISTS, *options, "--"]

    return words


@versions
@pytest.mark.parametrize("ca", OWNERS)
def test_each_program_sends_the_requested_certificate(
    program, servers, before, certificates, home, ca, tls
):
    server = servers.of_kind(program.kind, ca, tls)
    result = program.connect(server, certificates, home, {}, before())
    assert (result.status, program.received(result)) == (0, OWNERS[ca]), result


@pytest.mark.parametrize("ca", OWNERS)
def test_debians_psql_wrapper_works(servers, before, certificates, home, ca):
    command = [*before(), *psql.command(servers.postgres(ca), home, Path("psql"))]
    result = run(command, certificates, home)
    assert (result.status, result.out, result.err) == (0, f"/CN={OWNERS[ca]}\n", "")


@pytest.fixture
def mine(home) -> dict:
    """The environment for the user's own openssl.cnf."""
    path = home / "mine.cnf"
    path.write_text(
        "openssl_conf = mine\n[mine]\nproviders = my_providers\nssl_conf = my_ssl\n"
        "[my_providers]\nbase = active\ndefault = active\n[active]\nactivate = 1\n"
        "[my_ssl]\nsystem_default = my_tls\n[my_tls]\nMaxProtocol = TLSv1.2\n"
    )
    return {"OPENSSL_CONF": str(path)}


def test_the_users_own_openssl_cnf_stays_active(servers, before, certificates, home, mine):
    env = mine
    listed = run([*before(), "openssl", "list", "-providers"], certificates, home, env)
    names = re.findall(r"^  (\S+)$", listed.out, re.MULTILINE)
    assert sorted(names) == ["base", "certpick", "default"], listed
    sql = "select version from pg_stat_ssl where pid = pg_backend_pid()"
    command = [word if word != WHICH_CERTIFICATE else sql for word in psql.command(servers.postgres("beta"), home)]
    assert run([*before(), *command], certificates, home, env).out == "TLSv1.2\n"
    assert run([*before(), *command], certificates, home).out == "TLSv1.3\n"


def test_a_client_that_outlives_the_program_keeps_module_and_own_configuration(servers, before, certificates, home, mine):
    sql = "select version, client_dn from pg_stat_ssl where pid = pg_backend_pid()"
    command = [sql if w == WHICH_CERTIFICATE else w for w in psql.command(servers.postgres("beta"), home)]
    script = 'exec 3<&0; { read -r go <&3; exec "$@"; } &'
    certpick = subprocess.Popen(
        list(map(str, [*before(), "sh", "-c", script, "sh", *command])),
        cwd=certificates,
        env=environment(home, mine),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert certpick.wait(SECONDS) == 0
    assert certpick.communicate("go on\n", SECONDS)[0] == "TLSv1.2|/CN=bert\n"


def test_the_exit_status_is_the_programs(servers, before, certificates, home):
    for status in (0, 1, 3, 42):
        command = [*before(), "sh", "-c", f"exit {status}"]
        assert run(command, certificates, home).status == status
    killed = run([*before(), "sh", "-c", "kill -TERM $$"], certificates, home)
    assert killed.status == -15
    refused = psql.connect(servers.postgres("server"), certificates, home, {}, before())
    assert (refused.status, refused.out) == (2, "") and NO_CERTIFICATE in refused.err
    failed = curl.connect(servers.https("server", demand=True), certificates, home, {}, before())
    assert failed.status == curl.connect(servers.https("server", demand=True), certificates, home, {}).status


def test_an_unusable_file_is_reported_by_the_program(servers, before, certificates, home):
    (certificates / "passwords").write_text("\nwrong\n\n")
    result = psql.connect(servers.postgres("beta"), certificates, home, {}, before())
    assert (result.status, result.out) == (2, "")
    assert 'SSL error: entry 2: could not load private key file "' in result.err


def test_without_explain_nothing_is_printed(servers, before, certificates, home):
    for ca in (*OWNERS, "server"):
        result = psql.connect(servers.postgres(ca, hba=OPTIONAL), certificates, home, {}, before())
        assert (result.status, result.err) == (0, "")


@pytest.mark.parametrize("name", ["psql", "psycopg", "curl", "python"])
def test_explain_prints_the_choice_and_its_reason_on_stderr(name, servers, before, certificates, home):
    program = PROGRAMS[name]
    server = servers.of_kind(program.kind, "beta")
    result = program.connect(server, certificates, home, {}, before("--explain"))
    assert (result.status, program.received(result)) == (0, "bert"), result
    for part in ("CN=beta", "anna.crt", "bert.crt", "carl.crt"):
        assert part in result.err
    assert "secret" not in result.err and "anna.crt" not in result.out


def test_explain_prints_why_no_certificate_was_sent(servers, before, certificates, home):
    server = servers.postgres("server", hba=OPTIONAL)
    for options in (["--explain"], ["--explain", "--explain-when", "failure"]):
        result = psql.connect(server, certificates, home, {}, before(*options))
        assert (result.status, result.out) == (0, "\n") and NONE_SUITABLE in result.err


def test_explain_may_go_to_a_file(servers, before, certificates, home):
    file = home / "explained"
    server = servers.postgres("beta")
    for times in (1, 2):
        result = psql.connect(server, certificates, home, {}, before(f"--explain={file}"))
        assert (result.status, result.out, result.err) == (0, "/CN=bert\n", "")
        assert file.read_text().count("sent credential") == times


def test_only_libpq_does_not_affect_curl(servers, before, certificates, home):
    result = curl.connect(servers.https("alpha"), certificates, home, {}, before("--only", "libpq"))
    assert (result.status, curl.received(result)) == (0, "")
    result = psql.connect(servers.postgres("alpha"), certificates, home, {}, before("--only", "libpq"))
    assert (result.status, result.out) == (0, "/CN=anna\n")


def test_a_server_that_names_no_ca_gets_no_certificate_without_the_option(servers, before, certificates, home):
    for options, expected in (([], ""), (["--empty-ca-list", "accept"], "anna")):
        result = curl.connect(servers.https(), certificates, home, {}, before(*options))
        assert (result.status, curl.received(result)) == (0, expected)


def test_a_program_with_a_certificate_sends_that_one(servers, before, certificates, home):
    own = {"user": "anna", "sslcert": "demo.crt", "sslkey": "demo.key"}
    result = psql.connect(servers.postgres("alpha"), certificates, home, {}, before(), **own)
    assert (result.status, result.out, result.err) == (0, "/CN=demo\n", "")
    options = ("--cert", "demo.crt", "--key", "demo.key")
    result = run([*before(), *curl.command(servers.https("beta"), home, *options)], certificates, home)
    assert (result.status, curl.received(result)) == (0, "demo")


def test_only_the_user_can_write_the_file_which_contains_no_password_and_remains(before, certificates, home):
    result = run([*before(), "sh", "-c", 'echo "$OPENSSL_CONF"'], certificates, home)
    path = Path(result.out.rstrip("\n"))
    assert path.stat().st_uid == os.geteuid() and not path.stat().st_mode & 0o022
    assert private.is_private(path.parent)
    text = path.read_text()
    assert "sslcert" in text and "secret" not in text


def test_no_key_is_opened_if_the_program_does_not_connect(before, certificates, home):
    """Certificates and passwords are read, so that a mistake in the options is reported at once."""
    with Opened(certificates) as files:
        result = run([*before(), paths.server_bindir() / "psql", "--version"], certificates, home)
    assert result.status == 0 and "anna.crt" in files.names
    assert not files.names & {"anna.key", "bert.key", "carl.key"}


@pytest.mark.parametrize("ca", OWNERS)
def test_print_writes_a_configuration_to_install(servers, before, certificates, home, ca):
    words = [*before("--print")[:-1]]
    printed = run(words, certificates, home)
    assert (printed.status, printed.err) == (0, "")
    (home / "installed.cnf").write_text(printed.out)
    result = psql.connect(servers.postgres(ca), home, home, {"OPENSSL_CONF": str(home / "installed.cnf")})
    assert (result.status, result.out, result.err) == (0, f"/CN={OWNERS[ca]}\n", "")
