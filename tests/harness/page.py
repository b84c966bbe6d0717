# SPDX-License-Identifier: MIT OR Apache-2.0
"""The commands of a page in Markdown, and what they must print.

Blocks that begin with ```sh are run. Their output must contain each line of the next ```text block. Words after
`sh`: `patched` for the patched psql, `fails` if the command must fail.
"""

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from . import paths

SECONDS = 60


@dataclass
class Step:
    command: str
    flags: list
    expected: list = field(default_factory=list)  # lines of the output


def steps(page: Path) -> list:
    found = []
    for kind, flags, text in re.findall(r"^```(sh|text)([a-z ]*)\n(.*?)^```$", page.read_text(), re.M | re.S):
        if kind == "sh":
            found.append(Step(text, flags.split()))
        else:
            found[-1].expected.extend(text.splitlines())
    return found


def run(step: Step, directory: Path, env: dict, replaced=lambda text: text) -> None:
    """Runs a command in a directory, and asserts that it has the documented result."""
    programs = [str(paths.TARGET / "release"), str(paths.server_bindir())]
    if "patched" in step.flags:
        programs.insert(0, str(paths.prefix(15) / "bin"))
    done = subprocess.run(
        ["/bin/bash", "-euc", replaced(step.command)],
        cwd=directory,
        env={"PATH": ":".join([*programs, os.environ["PATH"]]), "LC_ALL": "C", **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        start_new_session=True,
    )
    assert (done.returncode != 0) == ("fails" in step.flags), done.stdout
    missing = [line for line in map(replaced, step.expected) if line not in done.stdout]
    assert missing == [], done.stdout
