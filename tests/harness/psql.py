# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs psql, or another client, without the user's settings and files."""

import fcntl
import os
import subprocess
import termios
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from .unavailable import need_packages_of

# Prints an empty line (NULL) if no certificate arrived.
WHICH_CERTIFICATE = "select client_dn from pg_stat_ssl where pid = pg_backend_pid()"
SECONDS = 60
NONE_SUITABLE = (
    "Server requests a client certificate but no suitable certificate"
    " is found from sslcert list provided"
)
NO_CERTIFICATE = "FATAL:  connection requires a valid client certificate"


@dataclass
class Result:
    status: int
    out: str
    err: str
    terminal: str = ""  # written to the terminal itself, like a prompt


def conninfo(**settings) -> str:
    """Returns a connection string. Settings that are None are left out."""
    words = []
    for name, value in settings.items():
        if value is None:
            continue
        text = str(value).replace("\\", "\\\\").replace("'", "\\'")
        words.append(f"{name}='{text}'")
    return " ".join(words)


def environment(home: Path, extra: Optional[dict] = None) -> dict:
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C", **(extra or {})}
    # scripts/matrix sets it so that programs load the OpenSSL and the library under test.
    directories = [env.get("LD_LIBRARY_PATH"), os.environ.get("LD_LIBRARY_PATH")]
    if any(directories):
        env["LD_LIBRARY_PATH"] = ":".join(filter(None, directories))
    return env


def run(
    command: list, directory: Path, home: Path, env: Optional[dict] = None, stdin: str = "", terminal: bool = False
) -> Result:
    """Runs a client. terminal: with a controlling terminal, on which any output ends it."""
    need_packages_of(command)
    if terminal:
        return _run_on_terminal(command, directory, environment(home, env))
    done = subprocess.run(
        list(map(str, command)),
        cwd=directory,
        env=environment(home, env),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        start_new_session=True,  # no controlling terminal
    )
    return Result(done.returncode, done.stdout, done.stderr)


def _run_on_terminal(command: list, directory: Path, env: dict) -> Result:
    ours, theirs = os.openpty()

    def become_terminal() -> None:
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        list(map(str, command)),
        cwd=directory,
        env=env,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=become_terminal,
    )
    os.close(theirs)
    written: list = []

    def read_terminal() -> None:
        try:
            while chunk := os.read(ours, 1024):
                written.append(chunk.decode(errors="replace"))
                process.kill()  # a prompt, which would wait for ever
        except OSError:  # EIO: the other end is closed
            pass

    reader = threading.Thread(target=read_terminal)
    reader.start()
    try:
        out, err = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
        process.wait()
        reader.join()
        os.close(ours)
    return Result(process.returncode, out, err, "".join(written))
