# SPDX-License-Identifier: MIT OR Apache-2.0
"""A temporary PostgreSQL server.

PostgreSQL refuses to run as root; root runs it as nobody. A shell supervises it: when our end of a pipe
closes, even if we are killed, the shell ends the server and removes its data.
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

# $1 and $2 are the directories to remove; the other arguments are the server's command.
SUPERVISOR = """
work=$1 sockets=$2; shift 2
"$@" >&2 &
server=$!
echo "$server"
exec 2>/dev/null
cat >/dev/null
# Repeatedly, because initdb may ignore the first signal.
while kill -INT "$server"; do sleep 0.2; done &
again=$!
wait "$server"
kill "$again"
rm -rf -- "$work" "$sockets"
"""

# exec, so that the supervisor's child is the server itself.
INITDB_AND_SERVER = """
cd "$2" && umask 077 &&
"$1/initdb" -D "$2/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >/dev/null &&
exec "$1/postgres" -D "$2/data" -c config_file="$2/postgresql.conf"
"""

OPTIONAL = "hostssl all all 127.0.0.1/32 trust"
REQUIRED = f"{OPTIONAL} clientcert=verify-ca"
READY = "database system is ready to accept connections"
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

    def wait_for(self, words: str, start: int = 0) -> bool:
        """Returns False if the server ends or START_SECONDS pass without these words."""

        def seen() -> bool:
            return any(words in line for line in self._lines[start:])

        with self._changed:
            self._changed.wait_for(lambda: seen() or self._ended, timeout=START_SECONDS)
            return seen()


class Server:
    """A context manager. The server listens on 127.0.0.1 and requests a client certificate."""

    def __init__(self, bindir: Path, below: Path, certificate: Path, key: Path):
        self.bindir = bindir
        self.below = below.resolve()
        self.certificate = certificate
        self.key = key
        self.port = 0
        self._user = unprivileged_user()
        self._settings: tuple = ()
        self._trusted: list = []
        self.hba = REQUIRED
        self._tls_max = ""
        self._supervisor: Optional[subprocess.Popen] = None
        self.work: Optional[Path] = None
        self.sockets: Optional[Path] = None

    def __enter__(self) -> "Server":
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
            if "could not bind" not in text:  # if the port is taken, try another
                raise ServerError(f"the PostgreSQL server did not start:\n{text}")
        else:
            raise ServerError("no free port for the PostgreSQL server")
        return self

    def __exit__(self, *exception) -> None:
        self.stop()

    def _start(self) -> bool:
        self.work = directory_for(self._user, self.below, "server-")
        self.sockets = directory_for(self._user, Path("/tmp"), "certpick-")
        self._put("server.crt", self.certificate.read_text())
        self._put("server.key", self.key.read_text())
        self._write_configuration()
        command = ["/bin/sh", "-c", INITDB_AND_SERVER, "server", self.bindir, self.work]
        self._supervisor = subprocess.Popen(
            ["/bin/sh", "-c", SUPERVISOR, "supervisor", self.work, self.sockets]
            + as_user(self._user)
            + command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            start_new_session=True,  # Ctrl-C reaches only us
        )
        self.log = Log(self._supervisor.stderr, self.below / "server.log")
        self.pid = int(self._supervisor.stdout.readline())
        return self.log.wait_for(READY)

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
        path = self.work / name
        path.touch(mode=0o600)
        path.write_text(text)
        if self._user is not None:
            os.chown(path, self._user.pw_uid, self._user.pw_gid)
        return path

    def _write_configuration(self) -> None:
        trusted = ""
        if self._trusted:
            text = "".join(Path(file).read_text() for file in self._trusted)
            trusted = str(self._put("trusted.crt", text))
        # No superuser over TCP, because the keys of PostgreSQL's test certificates are public.
        hba = self._put(
            "pg_hba.conf",
            f"local all all trust\nhost all postgres all reject\n{self.hba}\n",
        )
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.sockets,
            "unix_socket_permissions": "0700",
            "hba_file": hba,
            "ssl": "on",
            "ssl_cert_file": self.work / "server.crt",
            "ssl_key_file": self.work / "server.key",
            "ssl_ca_file": trusted,
            "ssl_max_protocol_version": self._tls_max,
            "max_connections": 20,
            "shared_buffers": "16MB",
            "dynamic_shared_memory_type": "mmap",
            "huge_pages": "off",
            "fsync": "off",
            "autovacuum": "off",
            "jit": "off",
            "lc_messages": "C",
        }
        lines = [f"{name} = '{value}'\n" for name, value in settings.items()]
        self._put("postgresql.conf", "".join(lines))

    def configure(self, trusted=(), hba: str = REQUIRED, tls_max: str = "") -> None:
        """Sets the trusted CA files, pg_hba.conf and the TLS version for all later connections.

        Without CA files the server requests no certificate.
        """
        wanted = (tuple(map(str, trusted)), hba, tls_max)
        if wanted == self._settings:
            return
        self._settings = wanted
        self._trusted, self.hba, self._tls_max = list(trusted), hba, tls_max
        self._write_configuration()
        self._reload()

    def present(self, certificate: Path, key: Path) -> None:
        """Sets the server's certificate for all later connections."""
        self._put("server.crt", certificate.read_text())
        self._put("server.key", key.read_text())
        self._reload()

    def _reload(self) -> None:
        start = self.log.position()
        os.kill(self.pid, signal.SIGHUP)
        # The server reloads before it accepts the next connection.
        if not self.log.wait_for("received SIGHUP", start):
            raise ServerError(f"the PostgreSQL server did not reload:\n{self.log.text(start)}")

    def execute(self, sql: str) -> str:
        """Runs SQL as the superuser, through a private Unix-domain socket."""
        done = subprocess.run(
            [self.bindir / "psql", "-X", "-At", "-v", "ON_ERROR_STOP=1"]
            + ["-h", self.sockets, "-p", str(self.port), "-U", "postgres", "-c", sql, "postgres"],
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": str(self.sockets)},
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
        )
        if done.returncode != 0:
            raise ServerError(done.stderr)
        return done.stdout
