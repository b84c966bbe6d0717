# SPDX-License-Identifier: MIT OR Apache-2.0
"""PKCS#11 tokens of SoftHSM, and openssl.cnf files with the provider that uses them.

Clients use a token through OpenSC's pkcs11-spy.so, which writes each PKCS#11 call to a file, so that tests can
count logins.
"""

import base64
import os
import subprocess
from pathlib import Path
from typing import Optional
from urllib.parse import quote

from . import openssl_cnf
from .unavailable import ROOT, Unavailable, need, need_package

PIN = "87654321"
SO_PIN = "12345678"
WRONG_PIN = "11223344"
LABEL = "certpick"
# CKR_... of a C_Login.
OK, PIN_INCORRECT = "CKR_OK", "CKR_PIN_INCORRECT"


def provider() -> Path:
    """Returns pkcs11-provider's module, from scripts/provider-module. CERTPICK_PKCS11_PROVIDER selects another."""
    directory = Path(os.environ.get("CERTPICK_PKCS11_PROVIDER", ROOT / "target" / "pkcs11-provider"))
    need(directory)
    module = directory / "pkcs11.so"
    if not module.exists():
        raise FileNotFoundError(f"no {module}: run `scripts/provider-module pkcs11-provider`")
    return module.resolve()


def _library(package: str, *patterns: str) -> Path:
    need_package(package)
    for pattern in patterns:
        for found in sorted(Path("/usr").glob(pattern)):
            return found
    raise Unavailable(f"{patterns[0]} is not installed (Debian package {package})")


def softhsm() -> Path:
    return _library("softhsm2", "lib/softhsm/libsofthsm2.so", "lib/*/softhsm/libsofthsm2.so", "lib64/pkcs11/libsofthsm2.so")


def spy() -> Path:
    return _library("opensc", "lib/*/pkcs11-spy.so", "lib64/pkcs11-spy.so", "lib64/pkcs11/pkcs11-spy.so")


def engine() -> Path:
    """Returns the engine of libp11."""
    return _library("libengine-pkcs11-openssl", "lib/*/engines-3/pkcs11.so", "lib64/engines-3/pkcs11.so")


class Token:
    """A new token in a directory, with keys and certificates.

    environment: for clients. Without OPENSSL_CONF, which cnf() returns.
    """

    def __init__(self, directory: Path):
        self.directory = directory
        self._module = softhsm()
        self._log = directory / "calls"
        (directory / "tokens").mkdir(parents=True)
        conf = directory / "softhsm2.conf"
        conf.write_text(f"directories.tokendir = {directory}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
        self.environment = {
            "SOFTHSM2_CONF": str(conf),
            "PKCS11SPY": str(self._module),
            "PKCS11SPY_OUTPUT": str(self._log),
        }
        self._next_id = 1
        self._run("softhsm2-util", "--init-token", "--free", "--label", LABEL, "--so-pin", SO_PIN, "--pin", PIN)

    def _run(self, *words) -> None:
        command = list(map(str, words))
        env = {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": str(self.directory), **self.environment}
        done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")

    def add(self, name: str, key: Optional[Path] = None, certificate: Optional[Path] = None) -> None:
        """Stores a key (PEM, not encrypted) and a certificate (PEM) as the objects with this name."""
        number = f"{self._next_id:02x}"
        self._next_id += 1
        if key is not None:
            store = ["softhsm2-util", "--import", key, "--token", LABEL, "--pin", PIN]
            self._run(*store, "--label", name, "--id", number)
        if certificate is not None:
            der = self.directory / "certificate.der"
            self._run("openssl", "x509", "-in", certificate, "-outform", "DER", "-out", der)
            store = ["pkcs11-tool", "--module", self._module, "--token-label", LABEL, "--login", "--pin", PIN]
            self._run(*store, "--write-object", der, "--type", "cert", "--label", name, "--id", number)

    def uri(self, name: str, **attributes: str) -> str:
        """Returns the URI of the objects with this name: key, certificate, or both. More attributes are appended.

        Attributes of the query (RFC 7512) begin with pin or module.
        """
        path = {"token": LABEL, "object": name}
        query = {}
        for key, value in attributes.items():
            key = key.replace("_", "-")
            (query if key.startswith(("pin-", "module-")) else path)[key] = value
        text = ";".join(f"{key}={quote(value, safe='')}" for key, value in path.items())
        question = "&".join(f"{key}={quote(value, safe=':/')}" for key, value in query.items())
        return f"pkcs11:{text}" + (f"?{question}" if question else "")

    def settings(self, logged: bool = True, **settings) -> dict:
        """Returns the settings of the provider's section. logged: through the spy.

        `no_deinit`: SoftHSM with version 1.0 of the provider crashes when the process ends.
        """
        given = {f"pkcs11-module-{key.replace('_', '-')}": value for key, value in settings.items()}
        return {
            "module": provider(),
            "pkcs11-module-path": spy() if logged else self._module,
            "pkcs11-module-quirks": "no-deinit",
            **given,
            "activate": 1,
        }

    def cnf(self, path: Path, more: Optional[dict] = None, logged: bool = True, **settings) -> dict:
        """Writes an openssl.cnf with the default provider, this one, and `more`. Returns the environment."""
        providers = {"pkcs11": self.settings(logged, **settings), **(more or {})}
        path.write_text(openssl_cnf.text(providers))
        return {**self.environment, "OPENSSL_CONF": str(path)}

    def logins(self) -> list:
        """Returns the results (CKR_...) of the logins as the user since the last call."""
        results = []
        waiting = False
        for line in self._take_log().splitlines():
            if " C_Login" in line or line.endswith(": C_Login"):
                waiting = True
            elif waiting and line.startswith("Returned:"):
                results.append(line.split()[-1])
                waiting = False
        return results

    def was_used(self) -> bool:
        """Returns whether a process has called the token since the last call of this or logins()."""
        return self._take_log() != ""

    def _take_log(self) -> str:
        text = self._log.read_text(errors="replace") if self._log.exists() else ""
        self._log.unlink(missing_ok=True)
        return text


def _der(tag: int, content: bytes) -> bytes:
    length = len(content)
    size = bytes([length]) if length < 128 else bytes([0x82]) + length.to_bytes(2, "big")
    return bytes([tag]) + size + content


def wrapper(path: Path, uri: str) -> Path:
    """Writes a PEM file that stands for a URI, like uri2pem of pkcs11-provider."""
    content = _der(0x1A, b"PKCS#11 Provider URI v1.0") + _der(0x0C, uri.encode())
    text = base64.encodebytes(_der(0x30, content)).decode()
    path.write_text(f"-----BEGIN PKCS#11 PROVIDER URI-----\n{text}-----END PKCS#11 PROVIDER URI-----\n")
    path.chmod(0o600)
    return path
