# SPDX-License-Identifier: MIT OR Apache-2.0
"""HTTPS servers (`openssl s_server`) that request a client certificate and report it in their page."""

import os
import re
import subprocess
from pathlib import Path
from typing import Optional

# Runs the arguments as the server. Reads standard input, a pipe, until this process closes the other end or is killed.
# Then it ends the server.
SUPERVISOR = """
"$@" </dev/null &
server=$!
cat >/dev/null
kill "$server"
wait "$server"
"""
REQUEST = "GET / HTTP/1.0\r\n\r\n"
SECONDS = 30


class HttpsServer:
    """A context manager that starts and stops the server.

    trusted: the CA that the CertificateRequest names; None: it names none
    demand: the handshake fails without a client certificate
    ask: whether the server sends a CertificateRequest
    chain: certificates that are sent after the server's own
    directory: the working directory, in which -HTTP finds its answers
    """

    def __init__(
        self,
        certificate: Path,
        key: Path,
        log: Path,
        trusted: Optional[Path] = None,
        tls: str = "",
        demand: bool = False,
        ask: bool = True,
        env: Optional[dict] = None,
        chain: Optional[Path] = None,
        options: tuple = (),
        directory: Optional[Path] = None,
    ):
        self._command = ["openssl", "s_server", "-www", "-accept", "127.0.0.1:0", *options]
        self._command += ["-cert", certificate, "-key", key]
        if chain is not None:
            self._command += ["-cert_chain", chain]
        if ask:
            self._command += ["-Verify" if demand else "-verify", "3"]
        if trusted is not None:
            self._command += ["-CAfile", trusted]
        if tls:
            self._command += [f"-tls{tls.replace('.', '_')}"]
        self._log = log
        self._directory = directory
        self._env = {"PATH": os.environ["PATH"], "LC_ALL": "C", "OPENSSL_CONF": "/dev/null", **(env or {})}
        self._supervisor: Optional[subprocess.Popen] = None

    def __enter__(self) -> "HttpsServer":
        with open(self._log, "ab") as log:
            self._supervisor = subprocess.Popen(
                ["/bin/sh", "-c", SUPERVISOR, "supervisor", *map(str, self._command)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self._directory,
                env=self._env,
                text=True,
                start_new_session=True,  # Ctrl-C reaches only us
            )
        for line in self._supervisor.stdout:
            if match := re.match(r"ACCEPT .*:(\d+)$", line):
                self.port = int(match[1])
                self.url = f"https://127.0.0.1:{self.port}/"
                return self
        self.stop()
        raise RuntimeError(f"the HTTPS server did not start:\n{self._log.read_text()}")

    def __exit__(self, *exception) -> None:
        self.stop()

    def stop(self) -> None:
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None:
            supervisor.stdin.close()
            supervisor.wait(timeout=SECONDS)
            supervisor.stdout.close()


def arrived(page: str) -> str:
    """Returns the common name of the client certificate in a page; "" for none."""
    found = re.search(r"^Client certificate$.*?^ *Subject: CN ?= ?(\S+)$", page, re.MULTILINE | re.DOTALL)
    if found:
        return found[1]
    assert "no client certificate available" in page, f"not the server's page:\n{page}"
    return ""
