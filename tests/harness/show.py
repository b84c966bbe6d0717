# SPDX-License-Identifier: MIT OR Apache-2.0
"""Shows the commands of a demonstration, their output, and whether it is as expected."""

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
    """Breaks a connection string into lines, as in a shell."""
    return '"' + re.sub(r" (?=ssl[ckpr])", " \\\\\n     ", connection) + '"'


def verdict(as_expected: bool, expected: str) -> None:
    global wrong
    if as_expected:
        say("--> as expected")
    else:
        wrong += 1
        say(f"--> NOT AS EXPECTED. Expected:\n{indent(expected)}")


def run(command: list, shown: str, env: dict) -> tuple:
    """Runs and shows a command. Returns its status, stdout and stderr."""
    say(indent(f"$ {shown}"))
    done = subprocess.run(
        command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    say(indent(done.stdout + done.stderr))
    return done.returncode, done.stdout, done.stderr


def result(seconds: float, skipped: str = "") -> int:
    """Prints the last line and returns the exit status."""
    if skipped:
        say(f"\nskipped: {skipped} ({seconds:.0f} s)")
        return 0
    text = f"{wrong} results are NOT as expected" if wrong else "All results are as expected"
    say(f"\n{text} ({seconds:.0f} s)")
    return 1 if wrong else 0
