# SPDX-License-Identifier: MIT OR Apache-2.0
"""Certificate authorities and the certificates that they issue.

They are made with `openssl ca`, which can set both ends of the validity since OpenSSL 1.1.1.
"""

import datetime
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

# The same for all certificates, because a test may depend on the order of their dates.
NOW = datetime.datetime.now(datetime.timezone.utc)

# Used instead of the system's openssl.cnf, which distributions change.
CONFIGURATION = """
[req]
distinguished_name = subject
string_mask = utf8only
[subject]
[ca]
default_ca = authority
[authority]
database = index.txt
rand_serial = yes
new_certs_dir = .
unique_subject = no
default_md = default
policy = any_subject
[any_subject]
organizationName = optional
commonName = supplied
[root]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[issued]
basicConstraints = critical, CA:{ca}
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
{usages}
"""

KEY_KINDS = {
    "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "rsa1024": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
    "p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "secp256k1": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
    "ed25519": ["-algorithm", "ED25519"],
}


def openssl(*words, directory: Path) -> None:
    done = subprocess.run(
        ["openssl", *map(str, words)],
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",  # openssl may cut a name within a character
        env={"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": str(directory)},
    )
    if done.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(map(str, words))}\n{done.stderr}")


# A list of the clients that issue_clients() makes, without demo.
THREE = {
    "sslcert": "anna.crt,bert.crt,carl.crt",
    "sslkey": "anna.key,bert.key,carl.key",
    "sslpassword": ",secret,",
}


@dataclass
class Credential:
    certificate: Path
    key: Path
    common_name: str
    password: str = ""


class Authority:
    """A CA. Its certificate is signed by the parent, or by itself."""

    def __init__(self, below: Path, name: str, kind: str = "p256", parent: "Optional[Authority]" = None):
        self.name = name
        self.directory = below / name
        self.directory.mkdir(parents=True)
        self._configure("false", "")
        (self.directory / "index.txt").touch()
        if parent is not None:
            self.own = parent.issue(name, kind=kind, ca=True, below=self.directory)
            return
        self.own = Credential(self.directory / "ca.crt", self._new_key("ca", kind, ""), name)
        openssl(
            *["req", "-new", "-x509", "-utf8", "-config", "openssl.cnf", "-extensions", "root"],
            *["-days", "3650", "-subj", f"/CN={name}", "-key", self.own.key, "-out", self.own.certificate],
            directory=self.directory,
        )

    @property
    def certificate(self) -> Path:
        return self.own.certificate

    def _configure(self, ca: str, usages: str) -> None:
        text = CONFIGURATION.format(ca=ca, usages=usages)
        (self.directory / "openssl.cnf").write_text(text)

    def _new_key(self, name: str, kind: str, password: str, below: Optional[Path] = None) -> Path:
        path = (below or self.directory) / f"{name}.key"
        cipher = ["-aes-256-cbc", "-pass", f"pass:{password}"] if password else []
        openssl("genpkey", *KEY_KINDS[kind], *cipher, "-out", path, directory=self.directory)
        path.chmod(0o600)
        return path

    def issue(
        self,
        name: str,
        common_name: str = "",
        kind: str = "p256",
        password: str = "",
        valid_days: tuple = (-1, 365),
        key_usage: str = "",
        extended_key_usage: str = "",
        alternative_names: Optional[bytes] = None,
        ca: bool = False,
        below: Optional[Path] = None,
    ) -> Credential:
        """Creates a key and its certificate. valid_days is the validity in days relative to now.

        alternative_names: the DER of a subjectAltName
        """
        common_name = common_name or name
        key = self._new_key(name, kind, password, below)
        certificate = key.with_suffix(".crt")
        usages = []
        if key_usage:
            usages.append(f"keyUsage = {key_usage}")
        if extended_key_usage:
            usages.append(f"extendedKeyUsage = {extended_key_usage}")
        if alternative_names is not None:
            usages.append(f"subjectAltName = DER:{alternative_names.hex(':')}")
        self._configure("true" if ca else "false", "\n".join(usages))
        openssl(
            *["req", "-new", "-utf8", "-config", "openssl.cnf", "-subj", f"/CN={common_name}"],
            *["-key", key, "-passin", f"pass:{password}", "-out", "request.csr"],
            directory=self.directory,
        )
        start, end = (NOW + datetime.timedelta(days=days) for days in valid_days)
        openssl(
            *["ca", "-batch", "-notext", "-config", "openssl.cnf", "-extensions", "issued"],
            *["-startdate", f"{start:%Y%m%d%H%M%SZ}", "-enddate", f"{end:%Y%m%d%H%M%SZ}"],
            *["-cert", self.own.certificate, "-keyfile", self.own.key],
            *["-in", "request.csr", "-out", certificate],
            directory=self.directory,
        )
        return Credential(certificate, key, common_name, password)


def issue_clients(authorities: dict, directory: Path) -> Path:
    """Issues anna and demo by the CA alpha, bert (with an encrypted key) by beta, and carl by gamma."""
    directory.mkdir()
    for name in ("anna", "demo"):
        authorities["alpha"].issue(name, below=directory)
    authorities["beta"].issue("bert", kind="rsa", password="secret", below=directory)
    # P-384 would not work: up to TLS 1.2 PostgreSQL accepts only the curve that ssl_ecdh_curve names.
    authorities["gamma"].issue("carl", kind="ed25519", below=directory)
    return directory
