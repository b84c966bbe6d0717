# SPDX-License-Identifier: MIT OR Apache-2.0
"""Clients of PostgreSQL servers, which use libpq or a library of their own."""

from harness import paths
from harness.psql import WHICH_CERTIFICATE
from real_program import Command, Printed, Setting, conninfo, printed_version


def postgres(command, **options) -> Command:
    return Command(command, "postgres", **options)


class Own(Command):
    """A program of the distribution's PostgreSQL."""

    def version(self) -> str:
        return printed_version(paths.server_bindir() / "psql", "--version")


def tool(name: str, *words) -> Own:
    def command(setting: Setting, server) -> list:
        return [paths.server_bindir() / name, *words, "-d", conninfo(server)]

    return Own(command, "postgres")


class Patched(Command):
    def __init__(self, version: int):
        self._version = version
        super().__init__(self._psql, "postgres", env=lambda setting: paths.psql(version)[1])

    def version(self) -> str:
        return str(self._version)

    def _psql(self, setting: Setting, server) -> list:
        where = conninfo(server, **setting.lists)
        return [paths.psql(self._version)[0], "-X", "-At", "-c", WHICH_CERTIFICATE, "-d", where]


def pgbench(setting: Setting, server) -> list:
    """The result is a NOTICE, because pgbench prints no results."""
    notice = f"do $$ begin raise notice '%', ({WHICH_CERTIFICATE}); end $$;\n"
    script = setting.write("script.sql", notice)
    return [paths.server_bindir() / "pgbench", "-n", "-t1", f"--file={script}", conninfo(server)]


def pg_basebackup(setting: Setting, server) -> list:
    where = setting.directory / f"backup-{server.port}"
    command = [paths.server_bindir() / "pg_basebackup", "--checkpoint=fast", "--no-sync", "-D", where]
    return [*command, "-d", conninfo(server, dbname=None)]


def script(*start: str):
    """Returns the command of a script whose arguments are a connection string and the query."""

    def command(setting: Setting, server) -> list:
        return [*start, conninfo(server), WHICH_CERTIFICATE]

    return command


PHP = """
$connection = pg_connect($argv[1]) or exit(1);
echo pg_fetch_result(pg_query($connection, $argv[2]), 0, 0);
"""
PYTHON = """
import sys, {module} as module
cursor = module.connect(sys.argv[1]).cursor()
cursor.execute(sys.argv[2])
print(cursor.fetchone()[0])
"""
ASYNCPG = """
import asyncio, asyncpg, ssl, sys
async def main(port, query, issuer):
    context = ssl.create_default_context(cafile=issuer)
    connection = await asyncpg.connect(host="localhost", port=port, user="demo", database="postgres", ssl=context)
    print(await connection.fetchval(query))
asyncio.run(main(*sys.argv[1:]))
"""
PERL = """
my ($where, $query) = @ARGV;
$where =~ s/ /;/g;
print DBI->connect("dbi:Pg:$where", "", "", {RaiseError => 1})->selectrow_array($query);
"""
RUBY = "puts PG.connect(ARGV[0]).exec(ARGV[1]).getvalue(0, 0)"


def asyncpg(setting: Setting, server) -> list:
    return ["/usr/bin/python3", "-c", ASYNCPG, server.port, WHICH_CERTIFICATE, setting.issuer]


def odbc(setting: Setting, server) -> list:
    driver = next(paths.Path("/usr/lib").glob("*/odbc/psqlodbcw.so"))
    words = f"Driver={driver};Server=127.0.0.1;Port={server.port};Database=postgres;Uid=demo;SSLmode=require"
    return ["isql", "-k", words, "-b", "-v"]


PROGRAMS = {
    **{f"psql {version}, patched": Patched(version) for version in (15, 16, 17, 18)},
    "psql": tool("psql", "-X", "-At", "-c", WHICH_CERTIFICATE),
    "pg_dump": tool("pg_dump", "--data-only", "--enable-row-security", "--table=arrivals"),
    "pgbench": Own(pgbench, "postgres"),
    "pg_basebackup": Own(pg_basebackup, "postgres", shows=False),
    "psycopg 2": postgres(script("/usr/bin/python3", "-c", PYTHON.format(module="psycopg2"))),
    "psycopg 3": postgres(script("/usr/bin/python3", "-c", PYTHON.format(module="psycopg"))),
    "asyncpg": postgres(asyncpg),
    "PHP, pg_connect": Printed(postgres(script("php", "-r", PHP, "--")), "php", "--version"),
    "Perl, DBD::Pg": postgres(script("perl", "-MDBI", "-e", PERL)),
    "Ruby, pg": postgres(script("ruby", "-rpg", "-e", RUBY)),
    "psqlODBC": postgres(odbc, stdin=f"{WHICH_CERTIFICATE}\n"),
}
