# SPDX-License-Identifier: MIT OR Apache-2.0
"""Programs for which the module cannot act, and what shows the reason."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Callable

from harness import psql
from harness.unavailable import Unavailable
from networks import EapTls
from real_program import Command, Forwards, Printed, Program, Proxy, Setting, loaded_libraries
from unpacked import Psycopg2Binary, assert_own_openssl
from web import tcl, url


class Unsuitable(Program):
    """program: connects, and no certificate arrives. assert_reason: shows why"""

    def __init__(self, program: Program, assert_reason: Callable[[], None]):
        self._program, self.assert_reason = program, assert_reason
        self.version = program.version

    def connect(self, setting: Setting) -> dict:
        return self._program.connect(setting)


def uses_gnutls(program: str) -> Callable[[], None]:
    def assert_reason() -> None:
        loaded = loaded_libraries(program)
        if "libgnutls.so" not in loaded and "libssl.so" in loaded:
            raise Unavailable(f"{program} of this distribution does not use GnuTLS")
        assert "libgnutls.so" in loaded and "libssl.so" not in loaded, loaded

    return assert_reason


def uses_no_library(program: str) -> Callable[[], None]:
    """It has its TLS in itself."""

    def assert_reason() -> None:
        loaded = loaded_libraries(program)
        assert "libc.so" in loaded and not re.search("ssl|tls|nss3", loaded), loaded

    return assert_reason


def calls(pattern: str, function: str) -> Callable[[], None]:
    """One of its files calls a function of OpenSSL."""

    def assert_reason() -> None:
        [library] = {path.resolve() for path in Path("/usr/lib").glob(pattern)}
        assert function.encode() in library.read_bytes(), library

    return assert_reason


def wget(setting: Setting, server) -> list:
    return ["wget", "-q", "-O", "-", "--tries=1", f"--ca-certificate={setting.issuer}", url(server)]


def apt(setting: Setting, server) -> list:
    verify = ["-o", f"Acquire::https::CaInfo={setting.issuer}", "-o", "Acquire::Retries=0"]
    return ["/usr/lib/apt/apt-helper", *verify, "download-file", url(server), setting.directory / "page"]


def git(setting: Setting, server) -> list:
    return ["git", "-c", f"http.sslCAInfo={setting.issuer}", "ls-remote", url(server)]


def ldapsearch(setting: Setting, server) -> list:
    return ["ldapsearch", "-x", "-H", f"ldaps://localhost:{server.port}", "-s", "base"]


def msmtp(setting: Setting, server) -> list:
    tls = ["--tls=on", "--tls-starttls=off", f"--tls-trust-file={setting.issuer}", "--auth=off"]
    return ["msmtp", "--host=localhost", f"--port={server.port}", *tls, "--from=a@localhost", "b@localhost"]


def openconnect(setting: Setting, server) -> list:
    return ["openconnect", "--non-inter", "--authenticate", f"--cafile={setting.issuer}", url(server)]


def hey(setting: Setting, server) -> list:
    return ["hey", "-n", "1", "-c", "1", url(server)]


def svn(setting: Setting, server) -> list:
    trust = "--trust-server-cert-failures=unknown-ca,cn-mismatch,other"
    return ["svn", "ls", "--config-dir", setting.directory, "--non-interactive", trust, url(server)]


def other_users_curl(setting: Setting, server) -> list:
    """Returns a copy of curl that runs as another user."""
    if os.geteuid() != 0:
        raise Unavailable("only root can make a set-user-ID program of another user")
    if os.statvfs(setting.directory).f_flag & os.ST_NOSUID:
        raise Unavailable(f"set-user-ID programs are not permitted in {setting.directory}")
    program = Path(shutil.copy(shutil.which("curl"), setting.directory))
    shutil.chown(program, "nobody")
    program.chmod(0o4755)
    return [program, "--silent", "--cacert", setting.issuer, url(server)]


def cargo_program() -> str:
    """Returns rustup's cargo, which has OpenSSL linked in. A distribution's has not."""
    rustup = shutil.which("rustup")
    if rustup is None:
        raise Unavailable("cargo is not that of rustup")
    return subprocess.run([rustup, "which", "cargo"], capture_output=True, text=True, check=True).stdout.strip()


def cargo(setting: Setting, server) -> list:
    command = [cargo_program(), "search", "--index", f"sparse+{url(server)}", "--config", "net.retry=0"]
    return [*command, "--config", f"http.cainfo='{setting.issuer}'", "x"]


APACHE = """
ServerRoot {work}
ServerName localhost
PidFile {work}/pid
ErrorLog "|$cat >&2"
LogLevel notice
Mutex pthread
"""
MODULES = ("mpm_event", "authz_core", "proxy", "proxy_http", "socache_shmcb", "ssl")


class Apache(Proxy):
    name, ready = "Apache", "resuming normal operations"
    port_is_taken = "could not bind to address"

    def _command(self) -> list:
        text = APACHE.format(work=self.work)
        text += "".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n" for name in MODULES)
        for _, port, target in self.each():
            text += f"Listen 127.0.0.1:{port}\n<VirtualHost 127.0.0.1:{port}>\nSSLProxyEngine on\n"
            text += f"SSLProxyCACertificateFile {self._issuer}\nSSLProxyVerify require\n"
            text += f"ProxyPass / https://localhost:{target}/\n</VirtualHost>\n"
        return ["apache2", "-D", "FOREGROUND", "-f", self._put("apache.conf", text)]


class Refuses(Program):
    """A program that does not connect without a certificate in its own settings, and says so."""

    def __init__(self, command: Callable[[Setting], list], message: str):
        self._command, self._message = command, message

    def connect(self, setting: Setting) -> dict:
        result = psql.run(self._command(setting), setting.directory, setting.directory, setting.env)
        assert result.status != 0 and self._message in result.out + result.err, result
        return {"alpha": "", "beta": ""}


def redis_replica(setting: Setting) -> list:
    replica = ["--tls-replication", "yes", "--replicaof", "127.0.0.1 1", "--tls-ca-cert-file", setting.issuer]
    return ["redis-server", "--port", "0", "--tls-port", "1", *replica]


def said() -> None:
    """Its message is the reason."""


CLIENT_CERT_CB = "SSL_CTX_set_client_cert_cb"
PROGRAMS = {
    "wget": Unsuitable(Command(wget), uses_gnutls("wget")),
    "git": Unsuitable(Command(git), uses_gnutls("/usr/lib/git-core/git-remote-https")),
    "apt": Unsuitable(Command(apt), uses_gnutls("/usr/lib/apt/methods/http")),
    "ldapsearch": Unsuitable(
        Command(ldapsearch, "ldap", env=lambda setting: {"LDAPTLS_CACERT": str(setting.issuer)}),
        uses_gnutls("ldapsearch"),
    ),
    "msmtp": Unsuitable(Command(msmtp, "smtp", stdin="text\n"), uses_gnutls("msmtp")),
    "openconnect": Unsuitable(Command(openconnect), uses_gnutls("openconnect")),
    "hey": Unsuitable(Command(hey), uses_no_library("hey")),
    "cargo": Unsuitable(Printed(Command(cargo), "cargo", "--version"), lambda: uses_no_library(cargo_program())()),
    "curl, set-user-ID": Unsuitable(Command(other_users_curl), said),
    "psycopg2-binary": Unsuitable(Psycopg2Binary(), assert_own_openssl),
    "svn": Unsuitable(Command(svn), calls("*/libserf-1.so.1", CLIENT_CERT_CB)),
    "Apache, mod_proxy": Unsuitable(Forwards(Apache), calls("apache2/modules/mod_ssl.so", CLIENT_CERT_CB)),
    "Tcl, tls": Unsuitable(Command(tcl), calls("tcltk/*/tcltls*/tcltls.so", "X509_get_default_cert_file")),
    "wpa_supplicant, EAP-TLS": Unsuitable(EapTls(), said),
    "Redis, replication": Unsuitable(Refuses(redis_replica, "No tls-cert-file configured"), said),
}
