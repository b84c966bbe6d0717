# SPDX-License-Identifier: MIT OR Apache-2.0
"""The results of one run of the benchmark, with facts about the machine."""

import os
import re
import statistics
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from harness import paths

from . import cases, figures, pki
from .cases import Case
from .figures import Spread


@dataclass
class Results:
    quick: bool
    rounds: int
    machine: dict
    connections: dict = field(default_factory=dict)
    instructions: dict = field(default_factory=dict)
    times: dict = field(default_factory=dict)
    memory: dict = field(default_factory=dict)
    programs: dict = field(default_factory=dict)
    peers: dict = field(default_factory=dict)
    library: int = 0

    def ratio(self, case: Case, kind: str = "later cpu", reference: Optional[Case] = None) -> Spread:
        reference = reference or cases.reference_of(case)
        return figures.ratios(self.connections[case.name][kind], self.connections[reference.name][kind])

    def microseconds(self, case: Case, kind: str = "later cpu") -> float:
        return statistics.median(self.connections[case.name][kind])

    def time(self, n: int, kind: str) -> float:
        """Returns the CPU time for a selector of n credentials, in microseconds."""
        return statistics.median(self.times[n][kind])

    def choice(self, which: str) -> list:
        return [row for row in self.instructions["choice"] if row["which"] == which]


def first_line(*command) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0]


def machine() -> dict:
    """Returns processor and versions, without the name of the machine."""
    cpu = Path("/proc/cpuinfo").read_text()
    facts = {name: re.search(rf"^{name}\s*:\s*(.*)$", cpu, re.MULTILINE) for name in ("model name", "cpu family")}
    model, family = (found[1] if found else "unknown" for found in facts.values())
    system = Path("/etc/os-release").read_text()
    pretty = re.search(r'^PRETTY_NAME="?([^"\n]*)', system, re.MULTILINE)
    return {
        "processor": f"{model}, family {family}",
        "cores": os.cpu_count(),
        "system": pretty[1] if pretty else "unknown",
        "openssl": " ".join(first_line("openssl", "version").split()[:2]),
        "server": first_line(paths.server_bindir() / "postgres", "--version"),
        "libpq": first_line(paths.psql(pki.libpq_version())[0], "--version"),
        "rustc": " ".join(first_line("rustc", "--version").split()[:2]),
    }
