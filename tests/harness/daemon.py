# SPDX-License-Identifier: MIT OR Apache-2.0
"""A temporary server process.

Several servers refuse to run as root, so root runs them as an unprivileged user. A shell supervises the server. It
reads from a pipe until this process closes the other end or is killed. Then it ends the server and removes its data.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import IO, Optional

# $1 and $2 are the directories to remove, $3 is the signal; the other arguments are the server's command.
SUPERVISOR = """
work=$1 sockets=$2 signal=$3; shift 3
"$@" >&2 &
server=$!
echo "$server"
exec 2>/dev/null
cat >/dev/null
# Repeatedly, because initdb may ignore the first signal.
while kill -"$signal" "$server"; do sleep 0.2; done &
again=$!
wait "$server"
kill "$again"
rm -rf -- "$work" "$sockets"
"""

START_SECONDS = 60


class ServerError(Exception):
    pass


def unprivileged_user() -> Optional[pwd.struct_passwd]:
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def as_user(user: Optional[pwd.struct_passwd]) -> list:
    """Returns the start of a command that runs the rest as this user."""
    if user is None:
        return []
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--"]


def directory_for(user: Optional[pwd.struct_passwd], parent: Path, name: str) -> Path:
    """Makes a directory of this user below parent, or below /tmp if the user cannot enter parent."""
    parent.mkdir(parents=True, exist_ok=True)
    if subprocess.run([*as_user(user), "test", "-x", parent]).returncode != 0:
        parent = Path("/tmp")
    directory = Path(tempfile.mkdtemp(prefix=name, dir=parent))
    if user is not None:
        os.chown(directory, user.pw_uid, user.pw_gid)
    return directory


def put(user: Optional[pwd.struct_passwd], path: Path, text: str) -> Path:
    """Writes a file that only this user can read."""
    path.touch(mode=0o600)
    path.write_text(text)
    if user is not None:
        os.chown(path, user.pw_uid, user.pw_gid)
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Log:
    """The server's messages, by which we also wait for events."""

    def __init__(self, stream: IO[bytes], copy: Path):
        self._lines: list = []
        self._ended = False
        self._changed = threading.Condition()
        self._copy = copy
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream: IO[bytes]) -> None:
        with open(self._copy, "ab") as copy:
            for line in stream:
                copy.write(line)
                copy.flush()
                with self._changed:
                    self._lines.append(line.decode(errors="replace"))
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def position(self) -> int:
        with self._changed:
            return len(self._lines)

    def text(self, start: int = 0) -> str:
        with self._changed:
            return "".join(self._lines[start:])

    def ended(self) -> bool:
        """Returns whether the server has ended."""
        with self._changed:
            return self._ended

    def wait_for(self, words: str, start: int = 0) -> bool:
        """Returns False if the server ends or START_SECONDS pass without these words."""
        return self.wait_for_any((words,), start) == words

    def wait_for_any(self, texts: tuple, start: int = 0) -> str:
        """Returns the first of these texts that is seen, or "" if the server ends or START_SECONDS pass without."""

        def seen() -> str:
            return next((text for line in self._lines[start:] for text in texts if text in line), "")

        with self._changed:
            self._changed.wait_for(lambda: seen() or self._ended, timeout=START_SECONDS)
            return seen()


class Daemon:
    """A context manager that runs a server on a free port of 127.0.0.1.

    A subclass sets the class attributes and defines _prepare() and _command().
    """

    name: str
    ready: str  # the server's message when it accepts connections
    port_is_taken = "Address already in use"
    stop_signal = "TERM"

    def __init__(self, below: Path, env: Optional[dict] = None):
        self.below = below.resolve()
        self.port = 0
        self.work: Optional[Path] = None
        self.sockets: Optional[Path] = None  # a directory with a short name, for Unix-domain sockets
        self._env = {"PATH": f"{os.environ['PATH']}:/usr/sbin", "LC_ALL": "C", **(env or {})}
        self._user = unprivileged_user()
        self._supervisor: Optional[subprocess.Popen] = None

    def _prepare(self) -> None:
        """Writes the files that the server needs into `work`."""

    def _command(self) -> list:
        raise NotImplementedError

    def __enter__(self):
        for _ in range(5):
            self.port = free_port()
            try:
                if self._start():
                    break
            except BaseException:
                self.stop()
                raise
            text = self.log.text()
            self.stop()
            if self.port_is_taken not in text:  # if the port is taken, try another
                raise ServerError(f"{self.name} did not start:\n{text}")
        else:
            raise ServerError(f"no free port for {self.name}")
        return self

    def __exit__(self, *exception) -> None:
        self.stop()

    def _start(self) -> bool:
        self.work = directory_for(self._user, self.below, "server-")
        self.sockets = directory_for(self._user, Path("/tmp"), "certpick-")
        self._prepare()
        command = [self.work, self.sockets, self.stop_signal, *as_user(self._user), *self._command()]
        self._supervisor = subprocess.Popen(
            ["/bin/sh", "-c", SUPERVISOR, "supervisor", *map(str, command)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.work,
            env=self._env,
            start_new_session=True,  # Ctrl-C reaches only us
        )
        self.log = Log(self._supervisor.stderr, self.below / "server.log")
        self.pid = int(self._supervisor.stdout.readline())
        return self.log.wait_for(self.ready)

    def stop(self) -> None:
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None:
            supervisor.stdin.close()
            try:
                supervisor.wait(timeout=START_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(supervisor.pid, signal.SIGKILL)
                supervisor.wait()
            supervisor.stdout.close()
        for directory in (self.work, self.sockets):
            if directory is not None:  # in case the supervisor was killed
                shutil.rmtree(directory, ignore_errors=True)
        self.work = self.sockets = None

    def _put(self, name: str, text: str) -> Path:
        return put(self._user, self.work / name, text)
