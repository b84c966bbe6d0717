# SPDX-License-Identifier: MIT OR Apache-2.0
"""Where things are in this repository and below its target/."""

import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

from .unavailable import PACKAGES, ROOT, Unavailable, need, reason

# scripts/matrix keeps what belongs to another OpenSSL apart.
TARGET = Path(os.environ.get("CERTPICK_TARGET", ROOT / "target")).absolute()
LIBRARY_DIR = TARGET / "lib"
HEADER_DIR = ROOT / "include"
SCRATCH = TARGET / "system-tests"
PSQL_VERSIONS = tuple(map(int, os.environ.get("CERTPICK_PSQL_VERSIONS", "15 16 17 18").split()))


def prefix(version: int, variant: str = "") -> Path:
    """Where `make psql PG=version` puts its bin/, lib/ and include/."""
    return TARGET / f"psql-{version}{variant}"


def direct_server() -> Path:
    """The programs of a server that begins with TLS at once, which `scripts/postgres` provides."""
    need(TARGET / "postgres")
    found = sorted((TARGET / "postgres").glob("*/bin"))
    if not found:
        raise FileNotFoundError("there is no PostgreSQL server in target/postgres: run `scripts/postgres`")
    return found[-1]


def psql(version: int, variant: str = "") -> tuple:
    """psql and the environment with which it uses libpq of that version.

    Where there is only libpq, another psql takes it: one that is not newer, or it would miss functions.
    """
    own = prefix(version, variant)
    need(own)
    if (own / "bin").exists() or not (own / "lib").exists():
        return own / "bin" / "psql", {}
    built = [prefix(other) for other in (15, 17, 18) if other <= version]
    programs = [other / "bin" / "psql" for other in built if not reason(other)]
    programs += [path / "psql" for other, path in packaged_servers().items() if other <= version]
    for program in programs:
        if program.exists():
            return program, {"LD_LIBRARY_PATH": str(own / "lib")}
    raise Unavailable(f"of PostgreSQL {version} only libpq can be built, and there is no psql that can use it")


def postgres_ssl_files() -> Path:
    """The certificates of PostgreSQL's own SSL tests, in a source that psql was built from."""
    for version in (15, 18, 17):
        directory = TARGET / "build" / f"psql-{version}" / "src" / "test" / "ssl" / "ssl"
        if directory.exists():
            return directory
    need(prefix(15))
    raise FileNotFoundError("there is no PostgreSQL source in target/build: run `make psql`")


def packaged_servers() -> dict:
    """The programs of the distribution's servers, by version."""
    found = {
        int(path.parents[1].name): path.parent
        for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")
        if re.fullmatch(r"\d+", path.parents[1].name)
    }
    return {} if reason(PACKAGES / "postgresql") else found


def server_bindir() -> Path:
    """The distribution's server, 15 where it is installed, otherwise the newest; or the one that
    scripts/setup builds where the distribution's cannot be installed."""
    found = packaged_servers()
    if found:
        return found.get(15) or found[max(found)]
    if (TARGET / "postgres").exists():
        return direct_server()
    raise FileNotFoundError("no PostgreSQL server in /usr/lib/postgresql: run `scripts/setup demo`")


@contextmanager
def scratch(parent: Path):
    """A temporary directory below parent."""
    parent.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="run-", dir=parent))
    try:
        yield directory
    finally:
        shutil.rmtree(directory)
