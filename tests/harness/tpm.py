# SPDX-License-Identifier: MIT OR Apache-2.0
"""A software TPM (swtpm) with keys, and openssl.cnf files with the provider tpm2-openssl."""

import os
import re
import socket
import subprocess
import time
from pathlib import Path
from typing import Optional

from . import openssl_cnf
from .daemon import START_SECONDS, Daemon
from .pki import Authority
from .unavailable import ROOT, need, need_program

PASSWORD = "tpm-secret"


class Tpm(Daemon):
    """A context manager. Clients connect to a Unix-domain socket; the port is not used."""

    name = "swtpm"
    ALGORITHMS = {"p256": "ecc256", "rsa": "rsa2048"}
    ready = "starting"  # swtpm prints nothing: see _start()

    def __init__(self, below: Path):
        need_program("swtpm", "swtpm")
        need_program("tpm2-tools", "tpm2_createprimary")
        self._module()
        super().__init__(below)

    @staticmethod
    def _module() -> Path:
        """Returns tpm2-openssl's module, from scripts/provider-module."""
        directory = ROOT / "target" / "tpm2-openssl"
        need(directory)
        return (directory / "tpm2.so").resolve(strict=True)

    def _command(self) -> list:
        options = ["--flags", "startup-clear,not-need-init", "--tpmstate", f"dir={self.work}"]
        for option, name in (("--server", "tpm"), ("--ctrl", "tpm.ctrl")):
            options += [option, f"type=unixio,path={self.sockets / name}"]
        return ["/bin/sh", "-c", f'echo {self.ready} >&2; exec swtpm socket --tpm2 "$@"', "swtpm", *options]

    def _start(self) -> bool:
        """Waits until a connection is accepted."""
        super()._start()
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and not self.log.ended():
            with socket.socket(socket.AF_UNIX) as client:
                if client.connect_ex(str(self.sockets / "tpm")) == 0:
                    return True
            time.sleep(0.01)
        return False

    @property
    def environment(self) -> dict:
        """For clients."""
        tcti = f"swtpm:path={self.sockets}/tpm"
        return {"TPM2OPENSSL_TCTI": tcti, "TPM2TOOLS_TCTI": tcti}

    def cnf(self, path: Path, more: Optional[dict] = None) -> dict:
        """Writes an openssl.cnf with the default provider, tpm2-openssl and `more`. Returns the environment."""
        path.write_text(openssl_cnf.text({"tpm2": {"module": self._module(), "activate": 1}, **(more or {})}))
        return {**self.environment, "OPENSSL_CONF": str(path)}

    def run(self, *words, directory: Path) -> str:
        """Runs a command with both providers in this directory. Returns its output."""
        env = {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": str(directory), **self.cnf(directory / "tpm.cnf")}
        command = list(map(str, words))
        done = subprocess.run(command, cwd=directory, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}\n{self.log.text()}")
        return done.stdout

    def persistent_key(self, handle: int, directory: Path, kind: str = "p256", password: str = "") -> Path:
        """Creates a key with this handle, which needs this password. Returns the file of its public key (PEM)."""
        attributes = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign"
        if kind == "rsa":
            attributes += "|decrypt"
        secret = ["-p", password] if password else []
        public = directory / f"{handle:x}.pub"
        parts = ["-u", "key.pub", "-r", "key.priv"]
        for command in (
            ["tpm2_createprimary", "-C", "o", "-G", "ecc", "-c", "primary.ctx"],
            ["tpm2_create", "-C", "primary.ctx", "-G", self.ALGORITHMS[kind], "-a", attributes, *secret, *parts],
            ["tpm2_load", "-C", "primary.ctx", *parts, "-c", "key.ctx"],
            ["tpm2_evictcontrol", "-C", "o", "-c", "key.ctx", f"{handle:#x}"],
            ["tpm2_readpublic", "-c", f"{handle:#x}", "-f", "pem", "-o", public],
        ):
            self.run(*command, "-Q", directory=directory)
            # Loaded keys stay in the TPM, which has room for three.
            self.run("tpm2_flushcontext", "-t", directory=directory)
        return public

    def failed_attempts(self, directory: Path) -> int:
        """Returns the number of wrong passwords since the last call. The TPM locks after a few."""
        text = self.run("tpm2_getcap", "properties-variable", directory=directory)
        self.run("tpm2_dictionarylockout", "--clear-lockout", directory=directory)
        return int(re.search(r"TPM2_PT_LOCKOUT_COUNTER: *(0x[0-9A-F]+)", text, re.IGNORECASE)[1], 16)

    def key_file(self, path: Path, password: str = "") -> Path:
        """Creates a P-256 key that only this TPM can use. Returns the file of its public key; path is a TSS2 PEM."""
        secret = ["-pkeyopt", f"user-auth:{password}"] if password else []
        make = ["openssl", "genpkey", "-propquery", "?provider=tpm2", "-algorithm", "EC", "-pkeyopt", "group:P-256"]
        self.run(*make, *secret, "-out", path, directory=path.parent)
        path.chmod(0o600)
        public = path.with_suffix(".pub")
        secret = ["-passin", f"pass:{password}"] if password else []
        self.run("openssl", "pkey", "-in", path, *secret, "-pubout", "-out", public, directory=path.parent)
        return public


def certify(authority: Authority, name: str, public: Path, directory: Path) -> Path:
    """Issues a certificate for a public key whose private key cannot sign a request here."""
    certificate = directory / f"{name}.crt"
    command = ["openssl", "x509", "-new", "-force_pubkey", public, "-subj", f"/CN={name}", "-days", "365"]
    command += ["-CA", authority.certificate, "-CAkey", authority.own.key, "-out", certificate]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    return certificate
