# SPDX-License-Identifier: MIT OR Apache-2.0
"""Measures the program certpick: `probe` compared with psql, `check` compared with reading and parsing the files."""

import os
import random
import resource
import subprocess

from harness import openssl_cnf, paths

from . import pki
from .client import MAX_SECONDS, USER, Client
from .instructions import SELECTOR_ENV

CHECKED = 1000
PROGRAM = paths.TARGET / "release" / "certpick"


def cost(command: list, env: dict, statuses: tuple = (0,)) -> float:
    """Returns the CPU time of a process in microseconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        list(map(str, command)), cwd=pki.PKI, env=env, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=MAX_SECONDS,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in statuses:
        raise SystemExit(f"bench: status {done.returncode} from {command[0]}\n{done.stdout[-2000:]}{done.stderr}")
    return 1e6 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def make_directory():
    """Creates a directory of linked certificates and keys for `check`."""
    directory = pki.PKI / "directory"
    if not directory.exists():
        directory.mkdir()
    for i in range(1, CHECKED + 1):
        for suffix in ("crt", "key"):
            link = directory / f"{i}.{suffix}"
            if not link.exists():
                os.link(pki.PKI / link.name, link)
    return directory


def commands(client: Client, port: int) -> dict:
    """Returns commands, environments and accepted exit statuses."""
    stock = pki.libpq("-stock")
    env = {
        "PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": "/nonexistent",
        "OPENSSL_CONF": str(openssl_cnf.write_without(pki.BENCH / "openssl.cnf")),
    }  # fmt: skip
    target = f"host=127.0.0.1 port={port} user={USER} dbname=postgres sslmode=verify-full"
    files = "sslrootcert=root.crt sslcert=site.crt sslkey=site.key"
    psql = [paths.psql(pki.libpq_version(), "-stock")[0], "-X", "-c", "", "-d", f"{target} {files}"]
    directory = make_directory()
    probe = [PROGRAM, "probe", "--sslrootcert", "root.crt", f"127.0.0.1:{port}"]
    check = [PROGRAM, "check", "--sslcert", directory]
    return {
        "probe": (probe, env, (0, 1)),
        "psql": (psql, {**env, "LD_LIBRARY_PATH": str(stock / "lib")}, (0,)),
        "check": (check, env, (0, 1)),
        "parse": ([pki.BENCH / "selector", "parse", CHECKED], SELECTOR_ENV, (0,)),
        "parse with keys": ([pki.BENCH / "selector", "parse-keys", CHECKED], SELECTOR_ENV, (0,)),
    }


def measure(client: Client, port: int, rounds: int, progress) -> dict:
    """Returns the CPU time of each command in microseconds, one value per round."""
    todo = commands(client, port)
    result: dict = {kind: [] for kind in todo}
    order = random.Random(1)
    for number in range(rounds):
        progress(f"programs: round {number + 1} of {rounds}")
        turns = list(todo)
        order.shuffle(turns)
        for kind in turns:
            result[kind].append(cost(*todo[kind]))
    return result
