# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs certpick probe and reads its report."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from harness import paths
from harness.psql import environment

PROGRAM = paths.TARGET / "release" / "certpick"
SECONDS = 60


@dataclass
class Done:
    status: int
    output: str
    errors: str

    @property
    def report(self) -> dict:
        return json.loads(self.output)


@dataclass
class Server:
    """The report on one server."""

    status: int
    report: dict

    def finding(self, key: str) -> Optional[dict]:
        found = [finding for finding in self.report["findings"] if finding["key"] == key]
        assert len(found) <= 1, found
        return found[0] if found else None

    def level(self, key: str) -> Optional[str]:
        found = self.finding(key)
        return found["level"] if found else None

    def text(self, key: str) -> str:
        found = self.finding(key)
        return found["text"] if found else ""

    @property
    def facts(self) -> dict:
        return self.report["facts"]

    def parts(self, kind: str) -> list:
        return [part for part in self.report["parts"] if part["kind"] == kind]

    @property
    def verdicts(self) -> list:
        return [part["findings"][0]["text"] for part in self.parts("credential")]

    @property
    def chosen(self) -> list:
        return [part["facts"]["entry"] for part in self.parts("credential") if part["facts"]["chosen"]]


def run(*words, home: Path = Path("/nonexistent")) -> Done:
    done = subprocess.run(
        [PROGRAM, "probe", *map(str, words)],
        env=environment(home, {"OPENSSL_CONF": "/dev/null"}),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


def probe(*words, **settings) -> Server:
    """Probes one server."""
    done = run("--format", "json", *words, **settings)
    assert done.errors == "", done.errors
    (report,) = done.report["subjects"]
    assert done.report["status"] == done.status
    return Server(done.status, report)


def lists(*credentials) -> list:
    """Returns the options for these credentials."""
    certificates = ",".join(str(c.certificate) for c in credentials)
    return ["--sslcert", certificates, "--sslkey", ",".join(str(c.key) for c in credentials)]
