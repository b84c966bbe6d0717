# SPDX-License-Identifier: MIT OR Apache-2.0
"""How a demonstration shows a command, what came back, and whether that is as it should be."""

import re
import subprocess
import textwrap

WHICH = "select client_dn from pg_stat_ssl where pid = pg_backend_pid()"

wrong = 0


def say(text: str = "") -> None:
    print(text, flush=True)


def title(text: str) -> None:
    say(f"\n=== {text}")


def indent(text: str) -> str:
    return textwrap.indent(text.rstrip("\n"), "    ")


def in_lines(connection: str) -> str:
    """A connection string as one types it in a shell, on several lines."""
    return '"' + re.sub(r" (?=ssl[ckpr])", " \\\\\n     ", connection) + '"'


def verdict(as_expected: bool, expected: str) -> None:
    global wrong
    if as_expected:
        say("--> as expected")
    else:
        wrong += 1
        say(f"--> NOT AS EXPECTED. It should have been:\n{indent(expected)}")


def run(command: list, shown: str, env: dict) -> tuple:
    """Run it and show it; its status, output and errors."""
    say(indent(f"$ {shown}"))
    done = subprocess.run(
        command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    say(indent(done.stdout + done.stderr))
    return done.returncode, done.stdout, done.stderr


def result(seconds: float, skipped: str = "") -> int:
    """The last line, and the exit status."""
    if skipped:
        say(f"\nskipped: {skipped} ({seconds:.0f} s)")
        return 0
    text = f"{wrong} did NOT come out as expected" if wrong else "Everything came out as expected"
    say(f"\n{text} ({seconds:.0f} s)")
    return 1 if wrong else 0
