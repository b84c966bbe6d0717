# SPDX-License-Identifier: MIT OR Apache-2.0
"""Where things are in this repository and below its target/."""

import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# scripts/matrix keeps what belongs to another OpenSSL apart.
TARGET = Path(os.environ.get("CERTPICK_TARGET", ROOT / "target")).absolute()
LIBRARY_DIR = TARGET / "lib"
HEADER_DIR = ROOT / "include"
PSQL_VERSIONS = tuple(map(int, os.environ.get("CERTPICK_PSQL_VERSIONS", "15 16 17 18").split()))


def prefix(version: int, variant: str = "") -> Path:
    """Where `make psql PG=version` puts its bin/, lib/ and include/."""
    return TARGET / f"psql-{version}{variant}"


def postgres(version: int) -> Path:
    """The programs of a server that `scripts/postgres` built."""
    return TARGET / f"postgres-{version}" / "bin"


def psql(version: int, variant: str = "") -> tuple:
    """psql and the environment with which it uses libpq of that version.

    Of 16 there is only libpq: the psql of 15 takes it.
    """
    own = prefix(version, variant) / "bin" / "psql"
    if version != 16:
        return own, {}
    return prefix(15) / "bin" / "psql", {"LD_LIBRARY_PATH": str(prefix(16, variant) / "lib")}


def postgres_ssl_files() -> Path:
    """The certificates of PostgreSQL's own SSL tests, in the source that psql was built from."""
    directory = TARGET / "build" / "psql-15" / "src" / "test" / "ssl" / "ssl"
    if not directory.exists():
        raise FileNotFoundError(f"there is no {directory}: run `make psql`")
    return directory


def server_bindir() -> Path:
    """The distribution's server: 15 where it is installed, otherwise the newest."""
    found = {
        int(path.parents[1].name): path.parent
        for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")
        if re.fullmatch(r"\d+", path.parents[1].name)
    }
    if not found:
        raise FileNotFoundError("no PostgreSQL server in /usr/lib/postgresql: run `scripts/setup demo`")
    return found.get(15) or found[max(found)]
