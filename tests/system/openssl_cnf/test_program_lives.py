# SPDX-License-Identifier: MIT OR Apache-2.0
"""Programs that make several connections, of which some fail."""

import pytest

from clients import PROGRAMS, conninfo
from harness import paths
from harness.pki import THREE
from harness.psql import WHICH_CERTIFICATE, run
from harness.unavailable import need_package

versions = pytest.mark.parametrize("tls", ["1.2", "1.3"])
REPAIRS = {
    "permissions": ({}, "os.chmod('bert.key', 0o644)", "os.chmod('bert.key', 0o600)"),
    "missing key": ({}, "os.rename('bert.key', 'moved')", "os.rename('moved', 'bert.key')"),
    "missing certificate": ({}, "os.rename('bert.crt', 'moved')", "os.rename('moved', 'bert.crt')"),
    "wrong password": (
        {"sslpassword": None, "sslpasswordfile": "passwords"},
        "open('passwords', 'w').write('\\nwrong\\n\\n'); os.chmod('passwords', 0o600)",
        "open('passwords', 'w').write('\\nsecret\\n\\n')",
    ),
}
CONNECT_TWICE = """
import os, sys, {module} as psycopg
def connect():
    cursor = psycopg.connect(sys.argv[1]).cursor()
    cursor.execute(sys.argv[2])
    return cursor.fetchone()[0]
{damage}
try:
    print(connect())
except psycopg.OperationalError as error:
    print("SSL error: entry 2: " in str(error))
{repair}
print(connect())
"""


@pytest.fixture
def own_files(certificates, home):
    """Copies of the files, which a test may damage."""
    for name in ("anna", "bert", "carl"):
        for end in ("crt", "key"):
            path = home / f"{name}.{end}"
            path.write_bytes((certificates / path.name).read_bytes())
            path.chmod(0o600)
    return home


@pytest.mark.parametrize("what", REPAIRS)
@pytest.mark.parametrize("module", ["psycopg", "psycopg2"])
def test_a_connection_succeeds_after_the_cause_of_a_failure_is_removed(servers, cnf, own_files, module, what):
    need_package(f"python3-{module}")
    settings, damage, repair = REPAIRS[what]
    script = CONNECT_TWICE.format(module=module, damage=damage, repair=repair)
    arguments = [conninfo(servers.postgres("beta"), {}), WHICH_CERTIFICATE]
    env = cnf(**{**THREE, **settings})
    result = run(["/usr/bin/python3", "-c", script, *arguments], own_files, own_files, env)
    assert (result.status, result.out, result.err) == (0, "True\n/CN=bert\n", "")


ONE_CONTEXT = """
import ssl, sys, urllib.request
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
for url in sys.argv[1:]:
    try:
        page = urllib.request.urlopen(url, context=context).read().decode()
        print([name for name in ("anna", "bert") if f"Subject: CN={name}" in page.replace(" = ", "=")])
    except OSError as error:
        print("entry 2: " in str(error))
"""


@versions
def test_an_ssl_ctx_is_usable_after_a_failure(servers, cnf, certificates, home, tls):
    urls = [servers.https(ca, tls).url for ca in ("beta", "alpha", "beta", "server", "alpha")]
    command = ["/usr/bin/python3", "-c", ONE_CONTEXT, *urls]
    result = run(command, certificates, home, cnf(**{**THREE, "sslpassword": None}))
    expected = "True\n['anna']\nTrue\n[]\n['anna']\n"
    assert (result.status, result.out, result.err) == (0, expected, "")
    result = run(command, certificates, home, cnf(**THREE))
    expected = "['bert']\n['anna']\n['bert']\n[]\n['anna']\n"
    assert (result.status, result.out, result.err) == (0, expected, "")


@versions
def test_psql_connects_again_after_a_failure(servers, cnf, certificates, home, tls):
    """anna's certificate is preferred for the user anna, and its key is missing."""
    server = servers.postgres("alpha", tls)
    place = f"127.0.0.1:{server.port}/postgres?sslmode=require"
    commands = [f"\\connect postgresql://{user}@{place}" for user in ("anna", "demo")]
    words = [word for sql in [*commands, WHICH_CERTIFICATE] for word in ("-c", sql)]
    lists = {"sslcert": "demo.crt,anna.crt", "sslkey": "demo.key,missing.key"}
    command = PROGRAMS["psql"].command(server, home)
    at = command.index("-c")
    result = run([*command[:at], "-q", *words, *command[at + 2 :]], certificates, home, cnf(**lists))
    assert (result.status, result.out) == (0, "/CN=demo\n"), result
    assert 'SSL error: entry 2: certificate present, but not private key file "missing.key"' in result.err


@versions
def test_pgbench_connects_from_many_threads(servers, three, certificates, home, tls):
    script = home / "one.sql"
    script.write_text("select 1;\n")
    options = ["--no-vacuum", "--connect", "--client=4", "--jobs=4", "--transactions=3", f"--file={script}"]
    server = servers.postgres("beta", tls)
    command = [paths.server_bindir() / "pgbench", *options, conninfo(server, {})]
    start = server.log.position()
    result = run(command, certificates, home, three)
    assert result.status == 0 and "transactions actually processed: 12/12" in result.out, result
    assert "FATAL" not in server.log.text(start)
