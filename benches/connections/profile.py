# SPDX-License-Identifier: MIT OR Apache-2.0
"""The instructions of a connection by function, from callgrind_annotate."""

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import pki
from .cases import Case
from .client import Client, run
from .figures import count
from .instructions import VALGRIND

OURS = "libcertpick.so"
OPENSSL = ("libcrypto.so", "libssl.so")
LINE = re.compile(r"^\s*([\d,]+)(?: \([^)]*\))?\s+(\S*?):(.*?)(?: \[(\S+)\])?$")


@dataclass
class Function:
    cost: int
    name: str
    file: str  # the program or library


def annotated(dump: Path, inclusive: bool) -> list:
    done = subprocess.run(
        ["callgrind_annotate", "--threshold=100", f"--inclusive={'yes' if inclusive else 'no'}", dump],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    functions = []
    for line in done.stdout.splitlines():
        found = LINE.match(line)
        if found and found[4]:
            name = re.sub(r"::h[0-9a-f]{16}\b|'\d+$", "", found[3])
            file = re.sub(r"\.so.*", ".so", Path(found[4]).name)
            functions.append(Function(int(found[1].replace(",", "")), name, file))
    return functions


def dump_of(client: Client, case: Case, part: str, connections: int, directory: Path) -> Path:
    output = directory / "callgrind.out"
    options = [*VALGRIND, f"--callgrind-out-file={output}"]
    command = client.command(case, connections + (part == "later"), "-p", part)
    run([*options, *command], client.environment(case))
    for dump in directory.iterdir():
        if "Client Request: connections" in dump.read_text(errors="replace"):
            return dump
    raise SystemExit("bench: callgrind wrote no dump")


def top(title: str, functions: list, connections: int, total: float, limit: int) -> str:
    lines = [f"  {title}"]
    for function in sorted(functions, key=lambda f: -f.cost)[:limit]:
        cost = function.cost / connections
        name = function.name if len(function.name) <= 90 else function.name[:87] + "..."
        lines.append(f"    {count(cost):>8} {100 * cost / total:5.1f} %  {name}")
    return "\n".join(lines)


def report(client: Client, case: Case, part: str, connections: int, limit: int) -> str:
    with tempfile.TemporaryDirectory(dir=pki.BENCH) as directory:
        dump = dump_of(client, case, part, connections, Path(directory))
        own, inclusive = (annotated(dump, which) for which in (False, True))
    total = sum(function.cost for function in own) / connections
    by_file: dict = {}
    for function in own:
        by_file[function.file] = by_file.get(function.file, 0) + function.cost / connections
    parts = [f"{case.way}, {case.label}, {part}: {count(total)} instructions per connection"]
    shares = sorted(by_file.items(), key=lambda item: -item[1])[:8]
    parts.append("\n".join(["  by file"] + [f"    {count(c):>8} {100 * c / total:5.1f} %  {f}" for f, c in shares]))
    for title, functions, files in (
        ("ours, with what they call", inclusive, (OURS,)),
        ("ours, alone", own, (OURS,)),
        ("OpenSSL's, with what they call", inclusive, OPENSSL),
        ("OpenSSL's, alone", own, OPENSSL),
        ("all other, alone", [f for f in own if f.file not in (OURS, *OPENSSL)], None),
    ):
        chosen = [f for f in functions if files is None or f.file in files]
        parts.append(top(title, chosen, connections, total, limit))
    return "\n".join(parts)
