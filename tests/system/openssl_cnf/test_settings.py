# SPDX-License-Identifier: MIT OR Apache-2.0
"""The settings of the provider's section, valid and invalid."""

import os

import pytest

from clients import PROGRAMS
from harness import openssl_cnf, paths
from harness.pki import THREE, Authority
from harness.psql import NO_CERTIFICATE, run
from harness.server import OPTIONAL

psql = PROGRAMS["psql"]
curl = PROGRAMS["curl"]


@pytest.fixture
def connect(servers, certificates, home, cnf):
    """Runs psql with these settings and a server that requests a certificate of beta, or of another CA."""

    def with_settings(ca: str = "beta", hba: str = "", **settings):
        server = servers.postgres(ca, hba=hba) if hba else servers.postgres(ca)
        return psql.connect(server, certificates, home, cnf(**settings))

    return with_settings


@pytest.fixture
def arrived(connect):
    def with_settings(**settings) -> str:
        result = connect(**settings)
        assert (result.status, result.err) == (0, ""), result
        return result.out.rstrip("\n")

    return with_settings


@pytest.fixture
def message(connect, servers):
    """Returns psql's message about invalid settings."""

    def with_settings(**settings) -> str:
        result = connect(**settings)
        assert (result.status, result.out) == (2, ""), result
        port = servers.postgres("beta").port
        start = f'psql: error: connection to server at "127.0.0.1", port {port} failed: SSL error: '
        assert result.err.startswith(start), result
        return result.err.removeprefix(start).removesuffix("\n")

    return with_settings


@pytest.fixture
def put(certificates):
    """Writes a file into the directory of the certificates. Returns its name."""

    def write(name: str, text: str, mode: int = 0o600) -> str:
        path = certificates / name
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return name

    return write


WRONG = "certpick settings in openssl.cnf: "
FAULTS = {
    "an unknown setting": ({"sslcrt": "anna.crt"}, WRONG + 'unknown setting "sslcrt"'),
    "a setting in capitals": ({"SSLCERT": "anna.crt"}, WRONG + 'unknown setting "SSLCERT"'),
    "empty_ca_list": (
        {"empty_ca_list": "all"},
        WRONG + 'invalid empty_ca_list value: "all" (must be one of: none, sole, accept)',
    ),
    "flawed": ({"flawed": "accept"}, WRONG + 'invalid flawed value: "accept" (must be one of: demote, exclude)'),
    "only": ({"only": "psql"}, WRONG + 'invalid only value: "psql" (must be one of: all, libpq)'),
    "explain": ({"explain": "yes"}, WRONG + 'invalid explain value: "yes" (must be one of: never, failure, always)'),
    "explain without a file": ({"explain": "failure"}, WRONG + "explain is set, but explain_file is not"),
    "no sslcert": ({"sslcert": None}, WRONG + "neither config nor sslcert is set"),
    "both passwords": (
        {"sslpasswordfile": "passwords"},
        WRONG + "sslpassword and sslpasswordfile are both set",
    ),
    "too few keys": ({"sslkey": "a.key,b.key"}, "could not match 3 sslcert to 2 sslkey values"),
    "too many passwords": (
        {"sslpassword": ",secret,,"},
        "could not match 4 sslpassword to 3 sslkey values",
    ),
    "a certificate that is missing": (
        {"sslcert": "missing.crt,bert.crt,carl.crt"},
        'entry 1: could not read certificate file "missing.crt": No such file or directory',
    ),
    "issuers that are missing": (
        {"issuers": "missing.crt"},
        'issuers: could not read certificate file "missing.crt": No such file or directory',
    ),
    "a key that is missing": (
        {"sslkey": "anna.key,missing.key,carl.key"},
        'entry 2: certificate present, but not private key file "missing.key"',
    ),
}
faults = pytest.mark.parametrize(("settings", "text"), FAULTS.values(), ids=FAULTS)


@faults
def test_an_error_in_the_settings_is_reported_if_a_certificate_is_needed(message, settings, text):
    assert message(**{**THREE, **settings}) == text


@faults
def test_an_error_in_the_settings_has_no_effect_if_no_certificate_is_needed(connect, settings, text):
    result = connect(ca=None, **{**THREE, **settings})
    assert (result.status, result.out, result.err) == (0, "\n", "")


@faults
def test_an_error_in_the_settings_does_not_affect_a_program_with_a_certificate(
    servers, certificates, home, cnf, settings, text
):
    own = {"sslcert": "demo.crt", "sslkey": "demo.key"}
    env = cnf(**{**THREE, **settings})
    result = psql.connect(servers.postgres("alpha"), certificates, home, env, **own)
    assert (result.status, result.out, result.err) == (0, "/CN=demo\n", "")


@pytest.mark.parametrize("name", ["pg_dump", "pgbench", "psycopg", "psycopg2", "curl", "s_client", "python"])
@pytest.mark.parametrize("fault", ["an unknown setting", "a key that is missing"])
def test_every_program_reports_an_error_in_the_settings(name, fault, servers, cnf, certificates, home):
    settings, text = FAULTS[fault]
    program = PROGRAMS[name]
    server = servers.of_kind(program.kind, "beta")
    result = program.connect(server, certificates, home, cnf(**{**THREE, **settings}))
    assert result.status == 1 or (name, result.status) == ("curl", 35), result
    assert text in result.err and "CN" not in result.out, result


def test_an_unknown_setting_is_reported_without_its_value(message):
    assert message(**THREE, password="hunter2") == WRONG + 'unknown setting "password"'


def test_a_setting_with_a_dot_in_its_name_is_unknown(servers, cnf, certificates, home):
    """OpenSSL does not use it as the setting after the dot, so it would be ignored."""
    result = curl.connect(servers.https("alpha"), certificates, home, cnf(**THREE, **{"x.only": "libpq"}))
    assert result.status != 0 and WRONG + "unknown setting" in result.err, result


@pytest.mark.parametrize("name", ["x.y.module", "x.y.activate", "x.y.identity", "x.y.soft_load"])
def test_a_setting_with_two_dots_is_unknown(message, name):
    """OpenSSL skips the first dot only."""
    assert message(**THREE, **{name: "1"}) == WRONG + f'unknown setting "{name}"'


def test_a_value_that_is_the_name_of_a_section_is_an_error(
    servers, cnf, certificates, home
):
    env = cnf(**THREE, only="libpq")
    with open(env["OPENSSL_CONF"], "a") as file:
        file.write("[libpq]\nsomething = else\n")
    result = curl.connect(servers.https("alpha"), certificates, home, env)
    assert result.status != 0 and WRONG in result.err, result


def test_openssls_settings_of_a_provider_are_accepted(arrived):
    assert arrived(**THREE, identity="certpick", soft_load="1") == "/CN=bert"


def test_the_section_and_the_provider_may_have_any_name(servers, certificates, home):
    path = home / "openssl.cnf"
    for name, more in (("1.certpick", {}), ("1.2.certpick", {}), ("client_certificates", {})):
        path.write_text(openssl_cnf.text({name: {**openssl_cnf.certpick(THREE), **more}}))
        result = psql.connect(servers.postgres("beta"), certificates, home, {"OPENSSL_CONF": str(path)})
        assert (result.status, result.out, result.err) == (0, "/CN=bert\n", "")
        path.write_text(openssl_cnf.text({name: {**openssl_cnf.certpick(THREE), **more, "sslcrt": "x"}}))
        result = psql.connect(servers.postgres("beta"), certificates, home, {"OPENSSL_CONF": str(path)})
        assert 'unknown setting "sslcrt"' in result.err


def test_the_section_may_be_in_an_included_file(servers, cnf, certificates, home):
    for settings, text in ((THREE, "/CN=bert\n"), ({**THREE, "sslcrt": "x"}, 'unknown setting "sslcrt"')):
        outer = home / "outer.cnf"
        outer.write_text(f".include = {cnf(**settings)['OPENSSL_CONF']}\n")
        env = {"OPENSSL_CONF": str(outer)}
        result = psql.connect(servers.postgres("beta"), certificates, home, env)
        assert text in result.out + result.err


def test_one_certificate_is_a_list(arrived):
    assert arrived(ca="alpha", sslcert="anna.crt", sslkey="anna.key") == "/CN=anna"
    assert arrived(sslcert="bert.crt", sslkey="bert.key", sslpassword="secret") == "/CN=bert"


def test_without_sslkey_the_keys_are_read_from_the_certificate_files(arrived, put, certificates):
    def combined(name: str) -> str:
        parts = [(certificates / f"{name}.{end}").read_text() for end in ("crt", "key")]
        return put(f"{name}.pem", "".join(parts))

    names = ",".join([combined("anna"), combined("bert")])
    assert arrived(ca="alpha", sslcert=names, sslpassword=",secret") == "/CN=anna"
    assert arrived(sslcert=names, sslpassword=",secret") == "/CN=bert"


def test_absolute_paths_and_quoted_names_are_accepted(arrived, put, certificates):
    put("a,b.crt", (certificates / "bert.crt").read_text())
    names = f'{certificates}/anna.crt,"{certificates}/a,b.crt"'
    keys = f"{certificates}/anna.key, {certificates}/bert.key"
    assert arrived(sslcert=names, sslkey=keys, sslpassword=",secret") == "/CN=bert"


@pytest.mark.parametrize("password", ["a,b", 'quo"te', "$HOME", "back\\slash", "# no comment", "'single'", "é"])
def test_a_password_may_have_any_character(arrived, authorities, certificates, password):
    beta: Authority = authorities["beta"]
    beta.issue("odd", password=password, below=certificates)
    escaped = password.replace('"', '""')
    settings = {"sslcert": "anna.crt,odd.crt", "sslkey": "anna.key,odd.key"}
    assert arrived(**settings, sslpassword=f',"{escaped}"') == "/CN=odd"


@pytest.mark.parametrize("lines", ["\nsecret\n\n", "\r\nsecret\r\n\r\n", "\nsecret\ncarl's is not encrypted"])
def test_line_n_of_sslpasswordfile_is_for_entry_n(arrived, put, lines):
    settings = {**THREE, "sslpassword": None, "sslpasswordfile": put("passwords", lines)}
    assert arrived(**settings) == "/CN=bert"
    assert arrived(ca="alpha", **settings) == "/CN=anna"
    assert arrived(ca="gamma", **settings) == "/CN=carl"


def test_a_line_of_sslpasswordfile_is_the_unchanged_password(arrived, put, authorities, certificates):
    authorities["beta"].issue("odd", password=' "a", ', below=certificates)
    passwords = put("passwords", '\n "a", \n')
    settings = {"sslcert": "anna.crt,odd.crt", "sslkey": "anna.key,odd.key"}
    assert arrived(**settings, sslpasswordfile=passwords) == "/CN=odd"


@pytest.mark.parametrize("count", [1, 2, 4])
def test_sslpasswordfile_must_have_one_line_per_entry(message, put, count):
    passwords = put("passwords", "secret\n" * count)
    text = message(**{**THREE, "sslpassword": None, "sslpasswordfile": passwords})
    assert text == f"could not match {count} sslpassword to 3 sslkey values"


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o660])
def test_sslpasswordfile_obeys_the_key_file_rule(message, put, mode):
    passwords = put("passwords", "\nsecret\n\n", mode)
    text = message(**{**THREE, "sslpassword": None, "sslpasswordfile": passwords})
    assert text.startswith(f'{WRONG}sslpasswordfile "passwords" has group or world access')


def test_sslpasswordfile_may_be_group_readable_only_if_root_owns_it(connect, put):
    passwords = put("passwords", "\nsecret\n\n", 0o640)
    result = connect(**{**THREE, "sslpassword": None, "sslpasswordfile": passwords})
    if os.geteuid() == 0:
        assert (result.status, result.out) == (0, "/CN=bert\n")
    else:
        assert "has group or world access" in result.err


@pytest.mark.parametrize("name", ["missing", "."])
def test_sslpasswordfile_that_is_not_a_regular_file_is_reported(message, name):
    text = message(**{**THREE, "sslpassword": None, "sslpasswordfile": name})
    assert text.startswith(f'{WRONG}sslpasswordfile "{name}" ')


def test_issuers_complete_a_chain_up_to_the_ca(
    connect, scratch, authorities, certificates, put
):
    between = Authority(scratch / "authorities", "between", parent=authorities["alpha"])
    between.issue("deep", below=certificates)
    put("between.crt", between.certificate.read_text())
    settings = {"sslcert": "bert.crt,deep.crt", "sslkey": "bert.key,deep.key", "sslpassword": "secret,"}
    result = connect(ca="alpha", **settings)
    assert result.status == 2 and NO_CERTIFICATE in result.err
    result = connect(ca="alpha", **settings, issuers="between.crt")
    assert (result.status, result.out, result.err) == (0, "/CN=deep\n", "")


def test_flawed_certificates_rank_last_or_are_excluded(connect, authorities, certificates):
    authorities["alpha"].issue("stale", valid_days=(-30, -2), below=certificates)
    both = {"sslcert": "stale.crt,anna.crt", "sslkey": "stale.key,anna.key"}
    for flawed in (None, "demote", "exclude"):
        assert connect(ca="alpha", **both, flawed=flawed).out == "/CN=anna\n"
    # The refusal shows that it arrived.
    one = {"sslcert": "stale.crt", "sslkey": "stale.key"}
    for flawed in (None, "demote"):
        result = connect(ca="alpha", hba=OPTIONAL, **one, flawed=flawed)
        assert result.status == 2 and "alert certificate expired" in result.err
    result = connect(ca="alpha", hba=OPTIONAL, **one, flawed="exclude")
    assert (result.status, result.out, result.err) == (0, "\n", "")


ONE = {"sslcert": "anna.crt", "sslkey": "anna.key"}
versions = pytest.mark.parametrize("tls", ["1.2", "1.3"])


@versions
@pytest.mark.parametrize(
    ("certificates_named", "policy", "expected"),
    [
        (THREE, None, ""),
        (ONE, None, ""),
        (THREE, "none", ""),
        (ONE, "none", ""),
        (THREE, "sole", ""),
        (ONE, "sole", "anna"),
        (THREE, "accept", "anna"),
        (ONE, "accept", "anna"),
    ],
)
@pytest.mark.parametrize("name", ["curl", "s_client", "python"])
def test_a_server_that_names_no_ca_gets_no_certificate_unless_empty_ca_list_allows_it(
    servers, cnf, certificates, home, name, certificates_named, policy, expected, tls
):
    program = PROGRAMS[name]
    env = cnf(**certificates_named, empty_ca_list=policy)
    result = program.connect(servers.https(tls=tls), certificates, home, env)
    assert (result.status, program.received(result)) == (0, expected), result


@versions
def test_a_server_that_names_only_other_cas_gets_no_certificate(servers, cnf, certificates, home, tls):
    two = {"sslcert": "bert.crt,carl.crt", "sslkey": "bert.key,carl.key", "sslpassword": "secret,"}
    result = curl.connect(servers.https("alpha", tls), certificates, home, cnf(**two))
    assert (result.status, curl.received(result), result.err) == (0, "", "")


@pytest.mark.parametrize("settings", [{}, {"sslcrt": "x"}], ids=["right", "wrong"])
def test_a_program_without_a_tls_connection_is_not_affected(cnf, without, home, settings):
    (home / "file").write_text("a page\n")
    env = cnf(**{**THREE, **settings})
    for command in (
        ["openssl", "version", "-a"],
        ["openssl", "dgst", "-sha256", "file"],
        ["curl", "-sS", f"file://{home}/file"],
        ["/usr/bin/python3", "-c", "import ssl; print(ssl.create_default_context().cert_store_stats())"],
        [paths.server_bindir() / "psql", "--version"],
    ):
        assert run(command, home, home, env) == run(command, home, home, without)
