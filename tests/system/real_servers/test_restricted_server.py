# SPDX-License-Identifier: MIT OR Apache-2.0
"""CERTPICK_RESTRICT in a PostgreSQL server with the patched libpq.

An SQL user without privileges names certificates for dblink and postgres_fdw, which the server reads with its own
rights. Without the variable he reaches what certpick can read; with it, PEM files, as with stock libpq.
"""

import shutil
from contextlib import ExitStack

import pytest

from harness import paths, psql
from harness.daemon import put, unprivileged_user
from harness.pki import openssl
from harness.server import Server, ServerError
from harness.toolchain import LIBRARY
from harness.unavailable import Unavailable

VERSION = 15
HBA = "hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca"
WRAPPER = "-----BEGIN PKCS#11 PROVIDER URI-----\nMAA=\n-----END PKCS#11 PROVIDER URI-----\n"
RESTRICTED = "only PEM files are permitted, because the environment variable CERTPICK_RESTRICT is set"
# These must not be in an error.
NAME, CONTENT = "hidden-name", "hunter2"
ARRIVED = "select client_dn from pg_stat_ssl where pid = pg_backend_pid()"
PROXIES = ["dblink", "postgres_fdw"]


@pytest.fixture(scope="module")
def files(clients):
    """The files that the server's user owns and can read."""
    user = unprivileged_user()
    place = clients / "restricted"
    place.mkdir()
    (place / "certs").mkdir()
    openssl("pkcs12", "-export", "-in", clients / "anna.crt", "-inkey", clients / "anna.key", "-passout",
            "pass:secret", "-out", place / "anna.p12", directory=clients)  # fmt: skip
    for name in ("anna.crt", "anna.key", "certs/anna.crt", "certs/anna.key"):
        shutil.copy(clients / name.split("/")[-1], place / name)
    put(user, place / "certs" / f"{NAME}.txt", CONTENT)
    put(user, place / "secret", f"{CONTENT}\n")
    put(user, place / "uri.key", WRAPPER)
    put(user, place / "certpick.toml", f"[[credential]]\nsslcert = '{place}/anna.crt'\nsslkey = '{place}/anna.key'\n")
    for path in [place, *place.rglob("*")]:
        if user is not None:
            shutil.chown(path, user.pw_uid, user.pw_gid)
        path.chmod(0o700 if path.is_dir() else 0o600)
    return place


@pytest.fixture(scope="module")
def remote(own, authorities):
    """The server to which the SQL user connects. It requires a certificate and a password."""
    with Server(paths.server_bindir(), paths.SCRATCH, own.certificate, own.key) as server:
        server.execute("create role demo login password 'pw'")
        server.execute(f"create view arrived as {ARRIVED}; grant select on arrived to public")
        server.configure([authorities["alpha"].certificate], HBA)
        yield server


@pytest.fixture(scope="module")
def servers(own, clients):
    """Three servers by name: with stock libpq, and with the patched one with and without CERTPICK_RESTRICT."""
    with ExitStack() as running:

        def start(variant: str, env: dict) -> Server:
            paths.psql(VERSION, variant)
            place = clients / f"libpq{variant}"
            if not place.exists():
                place.mkdir()
                shutil.copy(paths.prefix(VERSION, variant) / "lib" / "libpq.so.5", place)
                shutil.copy(LIBRARY, place / "libcertpick.so.0")
            env = {**env, "LD_LIBRARY_PATH": str(place)}
            server = Server(paths.server_bindir(), paths.SCRATCH, own.certificate, own.key, env)
            running.enter_context(server)
            for name in PROXIES:
                if not server.execute(f"select 1 from pg_available_extensions where name = '{name}'"):
                    raise Unavailable(f"the PostgreSQL server does not have {name}")
                server.execute(f"create extension {name}")
            server.execute("create role guest; grant usage on foreign data wrapper postgres_fdw to guest")
            server.execute("grant create on schema public to guest; grant create on database postgres to guest")
            return server

        yield {
            "stock": start("-stock", {}),
            "restricted": start("", {"CERTPICK_RESTRICT": "files"}),
            "unrestricted": start("", {}),
        }


def quoted(value) -> str:
    return "'" + str(value).replace("'", "''") + "'"


@pytest.fixture(params=PROXIES)
def connect(request, servers, remote):
    """Connects from a server as a user without privileges. Returns the certificate that arrived, or the error."""

    def by_dblink(settings: dict) -> str:
        remote_info = psql.conninfo(user="demo", password="pw", dbname="postgres", **settings)
        return f"select * from dblink({quoted(remote_info)}, 'select * from arrived') as t (dn text)"

    def by_postgres_fdw(settings: dict) -> str:
        def options(values: dict) -> str:
            return ", ".join(f"{name} {quoted(value)}" for name, value in values.items())

        own = {"user": "demo", "password": "pw"}
        if "sslpassword" in settings:
            own["sslpassword"] = settings.pop("sslpassword")
        return (
            f"create server remote foreign data wrapper postgres_fdw options ({options(settings)}, dbname 'postgres');"
            f"create user mapping for guest server remote options ({options(own)});"
            "create foreign table remote_arrived (client_dn text) server remote options (table_name 'arrived');"
            "select * from remote_arrived"
        )

    sql = {"dblink": by_dblink, "postgres_fdw": by_postgres_fdw}[request.param]

    def connect(server: str, **settings) -> str:
        base = {"host": "127.0.0.1", "port": remote.port, "sslmode": "require"}
        # One transaction, which is rolled back.
        words = f"set session authorization guest; begin; {sql({**base, **settings})}; rollback"
        try:
            out = servers[server].execute(words)
        except ServerError as error:
            return str(error)
        return "\n".join(line for line in out.splitlines() if line.startswith("/"))

    return connect


# What only certpick can read. "{}" is the directory of the files.
OTHERS = {
    "a directory": {"sslcert": "{}/certs"},
    "a PKCS#12 file": {"sslcert": "{}/anna.p12", "sslpassword": "secret"},
    "a configuration file": {"sslcert": "certpick:{}/certpick.toml"},
    "a certificate in a token": {"sslcert": "pkcs11:object=anna"},
    "a certificate in a TPM": {"sslcert": "handle:0x81000000"},
    "a key in a token": {"sslcert": "{}/anna.crt", "sslkey": "pkcs11:object=anna"},
    "a key in a TPM": {"sslcert": "{}/anna.crt", "sslkey": "handle:0x81000000"},
}
READABLE = ["a directory", "a PKCS#12 file", "a configuration file"]
STOCK = ["a directory", "a PKCS#12 file"]


def filled(settings: dict, files) -> dict:
    return {name: value.format(files) for name, value in settings.items()}


def listed(settings: dict, files) -> dict:
    """Returns a list of a PEM file and this entry."""
    lists = {"sslcert": "", "sslkey": "", "sslpassword": "", **filled(settings, files)}
    lists["sslcert"] = f"{files}/anna.crt,{lists['sslcert']}"
    lists["sslkey"] = f"{files}/anna.key,{lists['sslkey']}"
    lists["sslpassword"] = f",{lists['sslpassword']}"
    return {name: value for name, value in lists.items() if value != ","}


def check_error(error: str, text: str = "") -> None:
    assert "ERROR:" in error and text in error, error
    for secret in (NAME, CONTENT, "BEGIN"):
        assert secret not in error, error


@pytest.mark.parametrize("kind", READABLE)
def test_without_the_variable_the_user_reaches_what_certpick_reads(connect, files, kind):
    """This is what the variable prevents."""
    assert connect("unrestricted", **filled(OTHERS[kind], files)) == "/CN=anna"


@pytest.mark.parametrize("kind", OTHERS)
def test_with_the_variable_only_pem_files_are_taken(connect, files, kind):
    error = connect("restricted", **filled(OTHERS[kind], files))
    if kind in STOCK:
        assert error == connect("stock", **filled(OTHERS[kind], files))
        check_error(error, "could not read certificate file")
    else:
        check_error(error, RESTRICTED)


@pytest.mark.parametrize("kind", OTHERS)
def test_with_the_variable_a_list_may_contain_only_pem_files(connect, files, kind):
    check_error(connect("restricted", **listed(OTHERS[kind], files)), f"{RESTRICTED}\n")


@pytest.mark.parametrize("server", ["stock", "restricted", "unrestricted"])
def test_a_pem_file_is_used(connect, files, server):
    assert connect(server, sslcert=f"{files}/anna.crt", sslkey=f"{files}/anna.key") == "/CN=anna"


def test_with_the_variable_lists_of_pem_files_are_used(connect, files, clients):
    lists = {"sslcert": f"{clients}/carl.crt,{files}/anna.crt", "sslkey": f"{clients}/carl.key,{files}/anna.key"}
    assert connect("restricted", **lists) == "/CN=anna"


@pytest.mark.parametrize(
    "settings",
    [
        {"sslcert": "{}/secret", "sslkey": "{}/anna.key"},
        {"sslcert": "{}/anna.crt", "sslkey": "{}/secret"},
        {"sslcert": "{}/anna.crt", "sslkey": "{}/uri.key"},
        {"sslcert": "{}/anna.crt", "sslkey": "{}/certs"},
        {"sslcert": "{}/gone", "sslkey": "{}/gone"},
        {"sslcert": "{}/anna.crt", "sslkey": "engine:anna"},
    ],
    ids=lambda settings: " ".join(settings.values()),
)
def test_other_values_are_stock_libpqs_and_no_error_shows_a_content(connect, files, settings):
    stock, restricted = (connect(server, **filled(settings, files)) for server in ("stock", "restricted"))
    assert restricted == stock
    check_error(restricted)


@pytest.mark.parametrize("server", ["restricted", "unrestricted"])
@pytest.mark.parametrize(
    "settings",
    [
        {"sslcert": "{}/secret", "sslkey": "{}/anna.key"},
        {"sslcert": "{}/anna.p12", "sslkey": ""},
        {"sslcert": "{}/anna.p12", "sslkey": "", "sslpassword": "wrong"},
        {"sslcert": "{}/anna.crt", "sslkey": "{}/secret"},
        {"sslcert": "{}/anna.crt", "sslkey": "{}/uri.key"},
        {"sslcert": "certpick:{}/secret"},
        {"sslcert": "certpick:{}/certs"},
        {"sslcert": "{}"},
    ],
    ids=lambda settings: " ".join(settings.values()),
)
def test_no_error_about_a_list_shows_a_content_or_the_names_in_a_directory(connect, files, server, settings):
    lists = {**filled(settings, files)}
    # The other entry does not suit the server, so that the key of this one is loaded.
    error = connect(server, **{name: f",{value}" if name != "sslcert" else f"{files.parent}/carl.crt,{value}"
                               for name, value in lists.items()})  # fmt: skip
    check_error(error)
