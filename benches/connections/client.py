# SPDX-License-Identifier: MIT OR Apache-2.0
"""Measures connections to a PostgreSQL server, in rounds."""

import os
import random
import re
import statistics
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Optional

from harness import openssl_cnf, paths, token
from harness.server import Server

from . import pki
from .cases import COPIED, FOLDER, MODULE, PATCHED, PAUSE, PKCS12, PROVIDER, RULES, STOCK, TOKEN, WAY_NAMES, Case

USER = "bench"
MAX_SECONDS = 600
# The number of measurements of the reference in each round. All other results are divided by their median.
REFERENCES = 3
NOWHERE = "/nonexistent"
KINDS = ("first cpu", "first wall", "later cpu", "later wall")


@contextmanager
def server():
    """A server that names one CA and requires a certificate of it."""
    files = (pki.PKI / "server.crt", pki.PKI / "server.key")
    with Server(paths.server_bindir(), pki.BENCH, *files) as running:
        running.execute(f"create role {USER} login")
        # because a client under callgrind is slow
        running.execute("alter system set authentication_timeout = '10min'")
        running.execute("select pg_reload_conf()")
        running.configure(trusted=[pki.PKI / "ca.crt"])
        yield running


class Client:
    def __init__(self, port: int):
        self._port = port
        # instead of the system's openssl.cnf
        self._conf = openssl_cnf.write_without(pki.BENCH / "openssl.cnf")
        self.token: Optional[token.Token] = None

    def command(self, case: Case, count: int, *options: str) -> list:
        """Returns the command, with file names relative to the directory of the certificates."""
        program = pki.BENCH / ("connect-ways" if case.way in WAY_NAMES else "connect")
        if case.way in WAY_NAMES:
            options = ("-w", WAY_NAMES[case.way], *options)
        elif case.way == COPIED:
            options = ("-c", *options)
        if case.pause:
            options = ("-s", case.pause, *options)
        return [program, *options, count, self._settings(case)]

    def _settings(self, case: Case) -> Path:
        certificates, keys, passwords = self._lists(case)
        settings = {
            "host": NOWHERE if case.way == COPIED else "127.0.0.1",
            "port": self._port, "user": USER, "dbname": "postgres", "sslmode": "verify-full",
            "sslrootcert": "root.crt", "sslcert": "none",  # no such file, so that the default is not used either
        }  # fmt: skip
        if case.way in (STOCK, PATCHED, COPIED):
            settings.update(sslcert=certificates, sslkey=keys)
        elif case.way in WAY_NAMES:
            settings.update(certificates=certificates, keys=keys)
        if passwords:
            settings["sslpassword"] = passwords
        path = pki.BENCH / "settings" / re.sub(r"\W+", "-", case.name)
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        return path

    def _lists(self, case: Case) -> tuple:
        """Returns the values of sslcert, sslkey and sslpassword."""
        if case.form == FOLDER:
            return pki.FOLDER, None, None
        certificate, key, password = "site.crt", case.key, ""
        if case.form == PKCS12:
            certificate, key, password = "site.p12", "", pki.PASSWORD
        elif case.form == TOKEN:
            key, password = self.token.uri("site"), token.PIN
        elif case.encrypted and case.way != COPIED:
            password = pki.PASSWORD
        lists = pki.lists(case.count, key, case.kind, certificate)
        return *lists, password and "," * (case.count - 1) + password

    def environment(self, case: Case) -> dict:
        libraries = [pki.libpq("" if case.way == PATCHED else "-stock") / "lib"]
        if case.way == PATCHED or case.way in WAY_NAMES:
            libraries.append(paths.LIBRARY_DIR)
        env = {
            "PATH": os.environ["PATH"],
            "LC_ALL": "C",
            "HOME": "/nonexistent",
            "LD_LIBRARY_PATH": ":".join(map(str, libraries)),
            "OPENSSL_CONF": str(self._module_conf(case) if case.way in (MODULE, RULES) else self._conf),
        }
        if case.form in (TOKEN, PROVIDER):
            env.update(self.token.environment, OPENSSL_CONF=str(self.token.directory / "openssl.cnf"))
        return env

    def _module_conf(self, case: Case) -> Path:
        if case.way == RULES:
            config = pki.write_configuration(case.count, "one")
            return openssl_cnf.write(pki.BENCH / f"rules-{case.count}.cnf", {"config": config})
        path = (pki.BENCH / re.sub(r"\W+", "-", case.name)).with_suffix(".cnf")
        if not path.exists() or path.stat().st_mtime < (pki.BENCH / "pki.stamp").stat().st_mtime:
            certificates, keys, _ = self._lists(case)
            openssl_cnf.write(path, {"sslcert": certificates, "sslkey": keys})
        return path

    def run(self, case: Case, count: int) -> str:
        return run(self.command(case, count), self.environment(case))

    def check(self, case: Case) -> None:
        """Checks that the connection uses TLS 1.3 and the requested certificate."""
        seen = self.run(case, 0).strip()
        if seen != f"TLSv1.3 {pki.USER_SUBJECT}":
            raise SystemExit(f"bench: {case.name}: the server received {seen}")

    def costs(self, case: Case) -> list:
        """Returns (CPU, wall time) of each connection of a process, in microseconds."""
        lines = self.run(case, 1 + case.later).splitlines()
        return [tuple(map(int, line.split())) for line in lines]


def run(command: list, env: dict) -> str:
    done = subprocess.run(
        list(map(str, command)), cwd=pki.PKI, env=env, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=MAX_SECONDS,
    )  # fmt: skip
    if done.returncode != 0:
        raise SystemExit(f"bench: status {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def measure(client: Client, cases: list, rounds: int, progress) -> dict:
    """Returns, by the case's name and by KINDS, one value per round."""
    result: dict = {case.name: {kind: [] for kind in KINDS} for case in cases}
    order = random.Random(1)
    for case in cases:
        if case.way != COPIED:
            client.check(case)
    for number in range(rounds):
        progress(f"connections: round {number + 1} of {rounds}")
        turns = [*cases, *cases[:1] * (REFERENCES - 1)]
        order.shuffle(turns)
        seen: dict = {case.name: [] for case in cases}
        for case in turns:
            seen[case.name].append(client.costs(case))
        add(result, seen)
    return result


def measure_paused(client: Client, cases: list, rounds: int, progress) -> dict:
    """Like measure(), for connections with pauses. The processes pause at the same time, but connect in turn."""
    result: dict = {case.name: {kind: [] for kind in KINDS} for case in cases}

    def costs_after(number: int) -> list:
        time.sleep(number * PAUSE / len(cases))
        return client.costs(cases[number])

    for number in range(rounds):
        progress(f"connections {PAUSE} s apart: round {number + 1} of {rounds}")
        with ThreadPoolExecutor(len(cases)) as pool:
            costs = list(pool.map(costs_after, range(len(cases))))
        add(result, {case.name: [costs[i]] for i, case in enumerate(cases)})
    return result


def add(result: dict, seen: dict) -> None:
    """Adds the costs of one round."""
    for name, processes in seen.items():
        for kind, value in zip(KINDS, summary(processes)):
            result[name][kind].append(value)


def summary(processes: list) -> list:
    """Returns the medians of one round, in the order of KINDS."""
    first = [costs[0] for costs in processes]
    later = [cost for costs in processes for cost in costs[1:]]
    return [statistics.median(cost[which] for cost in part) for part in (first, later) for which in (0, 1)]
