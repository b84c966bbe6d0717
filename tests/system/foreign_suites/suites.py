# SPDX-License-Identifier: MIT OR Apache-2.0
"""Test suites of other projects that use OpenSSL as a client: how each is run, and how its results are read.

The results of a run map each unit, the smallest part of the suite that can be run alone, to its tests: a sorted
list of pairs of name and result, which is "passed", "failed" or "skipped".
"""

import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from harness.paths import ROOT, TARGET
from harness.unavailable import STATUS, Unavailable, need_package, need_program

PYTHON = "/usr/bin/python3"  # the distribution's, to which the package with the tests belongs
RELEASES = ("bookworm", "bookworm-security", "trixie", "forky", "sid")
# test_smtplib, test_nntplib and others of its tests open no TLS connection without the network.
MODULES = [
    *["test_ssl", "test_asyncio.test_ssl", "test_asyncio.test_sslproto", "test_asyncio.test_events"],
    *["test_asyncio.test_streams", "test_httplib", "test_ftplib", "test_imaplib", "test_poplib"],
    "test_urllib2_localnet",
]


def output(command: list) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


class CPython:
    name = "CPython"
    requests = True  # some of its servers request a certificate of a client that has none
    # Creates an SSL_CTX and prints the files that the process has mapped.
    maps = [PYTHON, "-c", "import ssl; ssl.create_default_context(); print(open('/proc/self/maps').read())"]

    def fetch(self) -> None:
        """Raises Unavailable if the tests are not to be had."""
        print_version = "import sys; print('%d.%d' % sys.version_info[:2])"
        version = output([PYTHON, "-c", print_version])
        package = f"libpython{version}-testsuite"
        need_package(package)
        if subprocess.run([PYTHON, "-c", "import test.test_ssl"], capture_output=True).returncode != 0:
            raise Unavailable(f"the tests of Python {version} are not installed (Debian package {package})")

    def command(self, directory: Path, units: tuple) -> tuple:
        """Returns the command that runs these units, or all, and its working directory."""
        # -u none leaves out the tests that use the network.
        command = [PYTHON, "-m", "test", "-v", "-j", "3", "-u", "none", f"--junit-xml={directory}/results.xml"]
        chosen = [word for unit in units for word in ("-m", unit)]
        modules = sorted({unit.split(".", 1)[1].rsplit(".", 2)[0] for unit in units}) or MODULES
        return [*command, *chosen, *modules], directory

    def results(self, directory: Path, log: str) -> dict:
        found: dict = {}
        for case in ElementTree.parse(directory / "results.xml").iter("testcase"):
            bad = case.find("failure") is not None or case.find("error") is not None
            result = "failed" if bad else "passed" if case.find("skipped") is None else "skipped"
            name, _, subtest = case.get("name").partition(" ")
            found.setdefault(name, []).append((subtest, result))
        return {unit: sorted(tests) for unit, tests in found.items()}


class FromSource:
    """A suite in a source package of Debian, which is run with what the distribution has installed."""

    package: str  # of Debian, with the program or library under test
    program: str

    def source(self) -> str:
        raise NotImplementedError

    def tree(self) -> Path:
        return TARGET / "foreign-suites" / self.source()

    def fetch(self) -> None:
        """Raises Unavailable if the tests are not to be had."""
        need_program(self.package, self.program)
        if self.tree().exists():
            return
        # That of this system first: its tests are those of the installed version.
        own = re.search(r"^VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text(), re.MULTILINE)
        releases = list(dict.fromkeys([*([own[1]] if own else []), *RELEASES]))
        status = subprocess.run(["scripts/apt-source", self.source(), self.tree(), *releases], cwd=ROOT).returncode
        if status == STATUS:
            raise Unavailable(f"no source of {self.source()} in Debian's suites {' '.join(releases)}")
        assert status == 0, f"the source {self.source()} could not be unpacked"


class Ruby(FromSource):
    name = "Ruby"
    requests = True
    maps = ["ruby", "-ropenssl", "-e", "OpenSSL::SSL::SSLContext.new; puts File.read('/proc/self/maps')"]
    package = program = "ruby"

    def source(self) -> str:
        return "ruby" + ".".join(output(["ruby", "-e", "puts RUBY_VERSION"]).split(".")[:2])

    def fetch(self) -> None:
        super().fetch()
        # An empty file, which a Debian source cannot contain.
        (self.tree() / "test" / "openssl" / "fixtures" / "pkey" / "empty.pem").touch()

    def command(self, directory: Path, units: tuple) -> tuple:
        command = ["ruby", "test/runner.rb", "-v", "--color=never", "--show-skip", "--test-order=sorted"]
        # These measure memory and time and open no connection. Debian leaves out those for memory leaks, too.
        chosen = "|".join(map(re.escape, units))
        name = rf"/\A(?:{chosen})\z/" if units else "!/memory_leak|memcmp_timing/"
        return [*command, f"--name={name}", "test/openssl", "test/net/http"], self.tree()

    def results(self, directory: Path, log: str) -> dict:
        found = {name: "passed" for name in re.findall(r"^\[ *\d+/\d+\] (\S+#.+?) = ", log, re.MULTILINE)}
        listed = re.findall(r"^ +\d+\) (Skipped|Failure|Error|Timeout):\n(\S+#\S+)", log, re.MULTILINE)
        found.update({name.rstrip(":"): "skipped" if kind == "Skipped" else "failed" for kind, name in listed})
        total = re.search(r"^(\d+) tests, ", log, re.MULTILINE)
        assert total is not None and int(total[1]) == len(found), f"not the number of tests: {len(found)}"
        return {unit: [("", result)] for unit, result in found.items()}


class Perl(FromSource):
    """Tests that `prove` runs. A unit is a file, whose processes print results in any order."""

    requests = False
    program = "prove"

    def __init__(self, name: str, package: str, context: str, include: list, files: list):
        self.name, self.package, self._include, self._files = name, package, include, files
        self.maps = ["perl", f"-M{name}", "-e", f"{context}; open F, '/proc/self/maps'; print <F>"]

    def source(self) -> str:
        return self.package

    def command(self, directory: Path, units: tuple) -> tuple:
        copy = directory / "tree"  # the tests write into it
        shutil.copytree(self.tree(), copy)
        return ["prove", "-v", *[f"-I{path}" for path in self._include], *(units or self._files)], copy

    def results(self, directory: Path, log: str) -> dict:
        found: dict = {}
        tests: list = []
        number = 0
        for line in log.splitlines():
            if header := re.match(r"(t/\S+\.t) \.\.", line):
                tests = found.setdefault(header[1], [])
            if why := re.match(r"(?:t/\S+\.t \.+ )?skipped: (.*)", line):
                tests.append((why[1], "skipped"))
            # A line "ok" alone is the end of a file.
            if test := re.match(r"(not )?ok (.*?)(# skip\b.*)?$", line, re.IGNORECASE):
                # Without the numbers of tests, ports, and addresses of objects
                name = re.sub(r"0x[0-9a-f]+|\d+", "N", test[2]).strip()
                tests.append((name, "failed" if test[1] else "skipped" if test[3] else "passed"))
                number += 1
        total = re.search(r"^Files=(\d+), Tests=(\d+),", log, re.MULTILINE)
        expected = total and tuple(map(int, total.groups()))
        assert expected == (len(found), number), f"not the number of tests: {number} in {len(found)} files"
        return {unit: sorted(tests) for unit, tests in found.items()}


SUITES = [
    CPython(),
    Ruby(),
    Perl("IO::Socket::SSL", "libio-socket-ssl-perl", "IO::Socket::SSL::SSL_Context->new(SSL_verify_mode => 0)",
         ["lib"], ["t"]),
    Perl("Net::SSLeay", "libnet-ssleay-perl", "Net::SSLeay::initialize(); Net::SSLeay::CTX_new()",
         ["inc", "t"], ["t/local", "t/handle/local"]),
]  # fmt: skip
