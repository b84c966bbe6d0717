# SPDX-License-Identifier: MIT OR Apache-2.0
"""Programs that scripts/unpacked-programs provides."""

import os
import shutil
from pathlib import Path

from harness import paths
from harness.daemon import Daemon
from harness.psql import WHICH_CERTIFICATE
from harness.unavailable import Unavailable, need
from postgresql import PYTHON
from real_program import Command, Connects, Program, Setting, conninfo, loaded_libraries, printed_version
from web import url

PLACE = paths.TARGET / "programs-unpacked"


def tree(name: str) -> Path:
    return PLACE / name / "tree"


def libraries(name: str) -> dict:
    """Returns the environment in which the program finds its libraries."""
    directories = [path for pattern in ("usr/lib/*-linux-gnu*", "lib/*-linux-gnu*", f"usr/lib/{name}")
                   for path in tree(name).glob(pattern)]  # fmt: skip
    return {"LD_LIBRARY_PATH": ":".join(map(str, directories))}


class Unpacked(Program):
    """version: the words that print it, after the name of the program"""

    def __init__(self, name: str, program: Program, *version: str):
        self._name, self._program, self._version = name, program, version
        self.kind = program.kind

    def connect(self, setting: Setting) -> dict:
        need(PLACE / self._name)
        setting.env.update(libraries(self._name))
        return self._program.connect(setting)

    def version(self) -> str:
        program, *words = self._version
        command = [tree(self._name) / "usr" / program, *words]
        return printed_version(*command, env={**os.environ, **libraries(self._name)})


NODE = """
const [, , where, issuer] = process.argv;
require("https").get(where, {ca: require("fs").readFileSync(issuer)}, answer => answer.pipe(process.stdout));
"""


# Without it Node.js reads only the section that `nodejs_conf` names.
SHARED = {"NODE_OPTIONS": "--openssl-shared-config"}


def node(setting: Setting, server) -> list:
    return [tree("nodejs") / "usr/bin/node", setting.write("get.js", NODE), url(server), setting.issuer]


MAIN_CF = """
compatibility_level = 3.6
mail_owner = nobody
default_privs = daemon
setgid_group = mail
queue_directory = {directory}
data_directory = {directory}
"""


def posttls_finger(setting: Setting, server) -> list:
    setting.write("main.cf", MAIN_CF.format(directory=setting.directory))
    words = ["-w", "-l", "verify", "-F", setting.issuer, f"[127.0.0.1]:{server.port}", "localhost"]
    return [tree("postfix") / "usr/sbin/posttls-finger", *words]


class Syslog(Daemon):
    """Sends a file to both servers. That it is ready need not be known, because only its connections count."""

    ready = "starting"

    def __init__(self, setting: Setting, servers: dict):
        super().__init__(paths.SCRATCH, setting.env)
        self._issuer, self._servers = setting.issuer, servers

    def _started(self, program: Path, *words) -> list:
        self._put("messages", "<14>Jan  1 00:00:00 localhost test: message\n")
        return ["/bin/sh", "-c", 'echo starting >&2; exec "$@"', "sh", program, *words]


class Rsyslog(Syslog):
    name = "rsyslog"

    def _command(self) -> list:
        text = f'global(defaultNetstreamDriverCAFile="{self._issuer}" workDirectory="{self.work}")\n'
        text += f'module(load="imfile") input(type="imfile" file="{self.work}/messages" tag="test")\n'
        for server in self._servers.values():
            text += f'*.* action(type="omfwd" target="127.0.0.1" port="{server.port}" protocol="tcp"'
            text += ' streamDriver="ossl" streamDriverMode="1" streamDriverAuthMode="x509/certvalid")\n'
        [modules] = tree("rsyslog").glob("usr/lib/*/rsyslog")
        options = ["-n", "-i", self.work / "pid", "-M", modules, "-f", self._put("rsyslog.conf", text)]
        return self._started(tree("rsyslog") / "usr/sbin/rsyslogd", *options)


class SyslogNg(Syslog):
    name = "syslog-ng"

    def _command(self) -> list:
        text = f'@version: 3.38\nsource s {{ file("{self.work}/messages" read-old-records(yes)); }};\n'
        for ca, server in self._servers.items():
            text += f'destination {ca} {{ network("localhost" port({server.port}) transport("tls")'
            text += f' tls(ca-file("{self._issuer}") peer-verify(yes))); }};\n'
            text += f"log {{ source(s); destination({ca}); }};\n"
        [modules] = tree("syslog-ng").glob("usr/lib/syslog-ng/*/")
        options = ["-F", "-e", "--no-caps", f"--module-path={modules}", f"--persist-file={self.work}/persist"]
        options += [f"--pidfile={self.work}/pid", f"--control={self.sockets}/c", "-f", self._put("s.conf", text)]
        return self._started(tree("syslog-ng") / "usr/sbin/syslog-ng", *options)


def upstream_node() -> str:
    """Returns the program of an upstream build, which has OpenSSL linked in and exports it. Debian's has not."""
    program = shutil.which("node")
    if program is None or "libssl" in loaded_libraries(program):
        raise Unavailable("node is not an upstream build of Node.js")
    return program


class UpstreamNode(Command):
    def __init__(self):
        super().__init__(self._get, env=lambda setting: SHARED)

    def _get(self, setting: Setting, server) -> list:
        return [upstream_node(), setting.write("get.js", NODE), url(server), setting.issuer]

    def version(self) -> str:
        return printed_version(upstream_node(), "--version")


def psycopg2_binary(setting: Setting, server) -> list:
    where = f"PYTHONPATH={tree('psycopg2-binary')}"
    script = PYTHON.format(module="psycopg2")
    return ["env", where, "/usr/bin/python3", "-c", script, conninfo(server), WHICH_CERTIFICATE]


def assert_own_openssl() -> None:
    need(PLACE / "psycopg2-binary")
    assert list(tree("psycopg2-binary").glob("psycopg2_binary.libs/libssl-*"))


class Psycopg2Binary(Unpacked):
    def __init__(self):
        super().__init__("psycopg2-binary", Command(psycopg2_binary, "postgres"))

    def version(self) -> str:
        [information] = tree("psycopg2-binary").glob("psycopg2_binary-*.dist-info")
        return information.stem.partition("-")[2].removesuffix(".dist-info")


PROGRAMS = {
    "Node.js, upstream's": UpstreamNode(),
    "Node.js": Unpacked("nodejs", Command(node, env=lambda setting: SHARED), "bin/node", "--version"),
    "Postfix, posttls-finger": Unpacked("postfix", Command(
        posttls_finger, "smtp", shows=False, env=lambda setting: {"MAIL_CONFIG": str(setting.directory)}
    ), "sbin/postconf", "-d", "mail_version"),
    "rsyslog, omfwd": Unpacked("rsyslog", Connects(Rsyslog, "silent"), "sbin/rsyslogd", "-v"),
    "syslog-ng, network()": Unpacked("syslog-ng", Connects(SyslogNg, "silent"), "sbin/syslog-ng", "--version"),
}  # fmt: skip
