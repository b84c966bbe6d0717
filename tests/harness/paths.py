# SPDX-License-Identifier: MIT OR Apache-2.0
"""The locations of files in this repository and below target/."""

import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

from .unavailable import PACKAGES, ROOT, Unavailable, need, reason

# scripts/matrix has a target directory for each version of OpenSSL.
TARGET = Path(os.environ.get("CERTPICK_TARGET", ROOT / "target")).absolute()
LIBRARY_DIR = TARGET / "lib"
HEADER_DIR = ROOT / "include"
SCRATCH = TARGET / "system-tests"
PSQL_VERSIONS = tuple(map(int, os.environ.get("CERTPICK_PSQL_VERSIONS", "15 16 17 18").split()))


def prefix(version: int, variant: str = "") -> Path:
    """Returns the directory in which `make psql PG=version` puts bin/, lib/ and include/."""
    return TARGET / f"psql-{version}{variant}"


def direct_server() -> Path:
    """Returns the directory of the server with direct TLS that scripts/postgres provides."""
    need(TARGET / "postgres")
    found = sorted((TARGET / "postgres").glob("*/bin"))
    if not found:
        raise FileNotFoundError("no PostgreSQL server in target/postgres: run `scripts/postgres`")
    return found[-1]


def psql(version: int, variant: str = "") -> tuple:
    """Returns a psql and the environment with which it uses libpq of that version.

    If only libpq was built, this is the psql of an older version: a newer one needs functions that libpq lacks.
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
    raise Unavailable(f"only libpq of PostgreSQL {version} can be built, and no psql can use it")


def postgres_ssl_files() -> Path:
    """Returns the directory with the certificates of PostgreSQL's SSL tests, in a source of psql."""
    for version in (15, 18, 17):
        directory = TARGET / "build" / f"psql-{version}" / "src" / "test" / "ssl" / "ssl"
        if directory.exists():
            return directory
    need(prefix(15))
    raise FileNotFoundError("no PostgreSQL source in target/build: run `make psql`")


def packaged_servers() -> dict:
    """Returns the directories of the distribution's servers by version."""
    found = {
        int(path.parents[1].name): path.parent
        for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")
        if re.fullmatch(r"\d+", path.parents[1].name)
    }
    return {} if reason(PACKAGES / "postgresql") else found


def server_bindir() -> Path:
    """Returns the directory of the distribution's server: 15 if installed, otherwise the newest.

    If it cannot be installed, scripts/setup builds one.
    """
    found = packaged_servers()
    if found:
        return found.get(15) or found[max(found)]
    if (TARGET / "postgres").exists():
        return direct_server()
    raise FileNotFoundError("no PostgreSQL server in /usr/lib/postgresql: run `scripts/setup demo`")


@contextmanager
def scratch(parent: Path):
    """Creates a temporary directory below parent."""
    parent.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="run-", dir=parent))
    try:
        yield directory
    finally:
        shutil.rmtree(directory)
