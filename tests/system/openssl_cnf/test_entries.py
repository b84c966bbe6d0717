# SPDX-License-Identifier: MIT OR Apache-2.0
"""Directories and PKCS#12 files as entries of `certpick run`, `probe` and `check`."""

import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import paths, private
from harness.https import HttpsServer
from harness.pki import openssl
from harness.psql import SECONDS, environment, run
from harness.unavailable import need_package

CERTPICK = paths.TARGET / "release" / "certpick"

# Reads URLs and prints for each the subject that the server received, with an old and with a new SSL_CTX.
CLIENT = """
import re, ssl, sys, urllib.request

def new():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context

def received(url, context):
    page = urllib.request.urlopen(url, context=context).read().decode()
    return (re.findall(r"Subject: CN ?= ?(\\S+)", page) or ["none"])[0]

old = new()
for url in sys.stdin:
    try:
        print(received(url.strip(), old), received(url.strip(), new()), flush=True)
    except OSError as error:
        print(error, flush=True)
"""


class Client:
    """A program that lives as long as the test."""

    def __init__(self, process):
        self._process = process

    def answer(self, server) -> str:
        """Connects twice. Returns the subjects that the server received, or the error."""
        self._process.stdin.write(f"{server.url}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().rstrip("\n")

    def received(self, server) -> str:
        """Returns the subject that the server received in two connections."""
        old, new = self.answer(server).split(" ", 1)
        assert old == new, (old, new)
        return old


@pytest.fixture
def client(home):
    """Starts a program by `certpick run` with these options."""

    @contextmanager
    def start(*options):
        with private.directory() as state:
            command = [CERTPICK, "run", *options, "--", "/usr/bin/python3", "-c", CLIENT]
            process = subprocess.Popen(
                list(map(str, command)),
                cwd=home,
                env=environment(home, {"XDG_STATE_HOME": str(state)}),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            try:
                yield Client(process)
            finally:
                process.stdin.close()
                process.wait(SECONDS)
                process.stdout.close()

    return start


@pytest.fixture
def issue(authorities):
    """Issues a certificate by the CA of this name. Returns the texts of certificate and key."""

    def issued(ca: str, common_name: str, **options) -> tuple:
        made = authorities[ca].issue(f"entry-{common_name}", common_name, **options)
        return made.certificate.read_text(), made.key.read_text()

    return issued


def put(path: Path, text: str) -> None:
    """Replaces a file by rename(2). The mode is that of a private key."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    new.touch(0o600)
    new.write_text(text)
    new.rename(path)


def put_pair(directory: Path, name: str, pair: tuple) -> None:
    directory.mkdir(exist_ok=True)
    put(directory / f"{name}.key", pair[1])
    put(directory / f"{name}.crt", pair[0])


def check(home, *options) -> dict:
    done = run([CERTPICK, "check", *options, "--format", "json"], home, home)
    return json.loads(done.out)


def probe(home, server, *options) -> dict:
    words = ["--tls", f"127.0.0.1:{server.port}", "--sslmode", "require", "--format", "json"]
    done = run([CERTPICK, "probe", *words, *options], home, home)
    return json.loads(done.out)["subjects"][0]


def texts(subject: dict, key: str) -> list:
    return [finding["text"] for finding in subject["findings"] if finding["key"] == key]


def test_a_living_program_sees_the_changes_of_a_directory(client, servers, issue, home):
    alpha, beta = servers.https("alpha"), servers.https("beta")
    put_pair(home / "d", "first", issue("alpha", "anna"))
    with client("--sslcert", "d") as program:
        assert (program.received(alpha), program.received(beta)) == ("anna", "none")
        put_pair(home / "d", "second", issue("beta", "bert"))
        assert (program.received(alpha), program.received(beta)) == ("anna", "bert")
        # Renewed: a new key and a new certificate, each by rename(2).
        put_pair(home / "d", "first", issue("alpha", "anna-renewed"))
        assert program.received(alpha) == "anna-renewed"
        # A certificate that is valid longer is preferred.
        put_pair(home / "d", "third", issue("alpha", "anna-longer", valid_days=(-1, 700)))
        assert program.received(alpha) == "anna-longer"
        for name in ("third", "second"):
            (home / "d" / f"{name}.crt").unlink()
        assert (program.received(alpha), program.received(beta)) == ("anna-renewed", "none")


def test_the_keys_may_be_in_another_directory(client, servers, issue, home):
    certificate, key = issue("alpha", "anna")
    for directory, text, end in (("certs", certificate, "crt"), ("keys", key, "key")):
        (home / directory).mkdir()
        put(home / directory / f"anna.{end}", text)
    with client("--sslcert", "certs", "--sslkey", "keys") as program:
        assert program.received(servers.https("alpha")) == "anna"
        (home / "certs" / "other.crt").write_text(certificate)
        put_pair(home / "certs", "beta", issue("beta", "bert"))
        (home / "certs" / "beta.key").rename(home / "keys" / "beta.key")
        assert program.received(servers.https("beta")) == "bert"


def test_certbots_links_are_followed_and_a_renewal_is_seen(client, servers, issue, home):
    """certbot replaces each link in live/NAME by one to a new file in archive/NAME."""
    live, archive = home / "live" / "db", home / "archive" / "db"
    for directory in (live, archive):
        directory.mkdir(parents=True)

    def renew(number: int, common_name: str) -> None:
        certificate, key = issue("alpha", common_name)
        contents = {"cert": certificate, "chain": "", "fullchain": certificate, "privkey": key}
        for name, text in contents.items():
            put(archive / f"{name}{number}.pem", text)
            link = live / f"{name}.pem"
            link.unlink(missing_ok=True)
            link.symlink_to(f"../../archive/db/{name}{number}.pem")
        (live / "README").write_text("This directory contains your keys and certificates.\n")

    renew(1, "anna")
    with client("--sslcert", "live/db") as program:
        assert program.received(servers.https("alpha")) == "anna"
        renew(2, "anna-renewed")
        assert program.received(servers.https("alpha")) == "anna-renewed"
    subjects = check(home, "--sslcert", "live/db")["subjects"]
    assert [subject["kind"] for subject in subjects] == ["directory", "credential"]
    assert subjects[0]["facts"]["sslcert"].endswith("cert.pem")
    assert any("contains the same certificate as" in text for text in texts(subjects[0], "other_file"))


def test_a_secret_of_kubernetes_is_replaced_as_a_whole(client, servers, issue, home):
    """The kubelet writes a new directory and replaces the link ..data by rename(2)."""
    secret = home / "secret"
    secret.mkdir()

    def mount(version: str, common_name: str) -> None:
        certificate, key = issue("alpha", common_name)
        data = secret / f"..{version}"
        data.mkdir()
        for name, text in (("tls.crt", certificate), ("tls.key", key), ("ca.crt", certificate)):
            put(data / name, text)
        (secret / "..data_tmp").symlink_to(data.name)
        (secret / "..data_tmp").rename(secret / "..data")
        for name in ("tls.crt", "tls.key", "ca.crt"):
            if not (secret / name).is_symlink():
                (secret / name).symlink_to(f"..data/{name}")

    mount("2026_11_30_07_00", "anna")
    with client("--sslcert", "secret") as program:
        assert program.received(servers.https("alpha")) == "anna"
        mount("2026_11_30_08_00", "anna-renewed")
        shutil.rmtree(secret / "..2026_11_30_07_00")
        assert program.received(servers.https("alpha")) == "anna-renewed"


@pytest.fixture
def pkcs12(issue, home):
    """Writes a PKCS#12 file with the password secret."""

    def write(name: str, ca: str, common_name: str) -> None:
        certificate, key = issue(ca, common_name)
        (home / "p12.pem").write_text(certificate + key)
        output = home / f".{name}.new"
        words = ["pkcs12", "-export", "-in", "p12.pem", "-out", output.name, "-passout", "pass:secret"]
        openssl(*words, directory=home)
        output.chmod(0o600)
        output.rename(home / name)

    (home / "passwords").touch(0o600)
    return write


def test_pkcs12_files_are_entries_in_all_commands(client, servers, pkcs12, issue, home):
    alpha, beta = servers.https("alpha"), servers.https("beta")
    put_pair(home, "bert", issue("beta", "bert"))
    pkcs12("anna.p12", "alpha", "anna")
    (home / "passwords").write_text("secret\n\n")
    lists = ["--sslcert", "anna.p12,bert.crt", "--sslkey", ",bert.key", "--sslpassword-file", "passwords"]
    with client(*lists) as program:
        assert (program.received(alpha), program.received(beta)) == ("anna", "bert")
        pkcs12("anna.p12", "alpha", "anna-renewed")
        # Unlike a directory, a file is checked when it is sent.
        assert program.received(alpha) == "anna-renewed"
    seen = probe(home, alpha, *lists, "--send")
    assert texts(seen, "choice") == ["entry 1 (anna.p12) was sent"]
    seen = probe(home, alpha, *lists)
    assert texts(seen, "key") == ["the private key can be used"]
    checked = check(home, *lists)
    assert (checked["status"], [s["kind"] for s in checked["subjects"]]) == (0, ["pkcs12", "credential", "credential"])
    (home / "passwords").write_text("wrong\n\n")
    words = [CERTPICK, "run", *lists, "--", "true"]
    refused = run(words, home, home)
    assert refused.status == 125 and "entry 1: could not load private key file" in refused.err
    assert "wrong password?" in refused.err


def test_pkcs12_files_in_a_directory_and_directories_in_a_configuration_file(client, servers, pkcs12, issue, home):
    alpha, beta = servers.https("alpha"), servers.https("beta")
    (home / "d").mkdir()
    for ca, name in (("alpha", "anna"), ("beta", "bert")):
        pkcs12(f"{name}.p12", ca, name)
        (home / f"{name}.p12").rename(home / "d" / f"{name}.p12")
    (home / "passwords").write_text("secret\n")
    config = '[[credential]]\nsslcert = "d"\nsslpasswordfile = "passwords"\nhosts = ["127.0.0.1"]\n'
    (home / "certpick.toml").write_text(config)
    (home / "certpick.toml").chmod(0o600)
    ways = (
        ("--sslcert", "d", "--sslpassword-file", "passwords"),
        ("--config", "certpick.toml"),
        ("--sslcert", "certpick:certpick.toml"),
    )
    for options in ways:
        with client(*options) as program:
            assert (program.received(alpha), program.received(beta)) == ("anna", "bert"), options
        assert texts(probe(home, beta, *options), "choice") == [
            f"entry 1 ({'d' if options[1] == 'd' else home / 'd'}/bert.p12) would be sent"
        ]
        kinds = [subject["kind"] for subject in check(home, *options)["subjects"]]
        assert kinds.count("pkcs12") == 2 and kinds.count("credential") == 2, kinds
    with client("--config", "certpick.toml") as program:
        assert program.received(alpha) == "anna"
        put_pair(home / "d", "longer", issue("alpha", "anna-longer", valid_days=(-1, 700)))
        assert program.received(alpha) == "anna-longer"


@pytest.fixture
def easyrsa(home):
    """A PKI of EasyRSA with a client certificate, and a server that names its CA."""
    need_package("easy-rsa")
    pki = home / "pki"

    def command(*words, **variables):
        done = subprocess.run(
            ["/usr/share/easy-rsa/easyrsa", "--batch", f"--pki-dir={pki}", *words],
            cwd=home,
            env={"PATH": os.environ["PATH"], "HOME": str(home), **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done

    command("init-pki")
    command("build-ca", "nopass", EASYRSA_REQ_CN="easy")
    command("build-client-full", "anna", "nopass")
    command("--passout=pass:secret", "export-p12", "anna")
    return pki


def test_the_files_of_easyrsa_are_a_directory_and_pkcs12_file(client, easyrsa, localhost, home):
    log = home / "https.log"
    (home / "passwords").touch(0o600)
    (home / "passwords").write_text("secret\n")
    ways = (
        ["--sslcert", "pki/issued", "--sslkey", "pki/private"],
        ["--sslcert", "pki/private/anna.p12", "--sslpassword-file", "passwords"],
        ["--sslcert", "pki/private", "--sslpassword-file", "passwords"],
    )
    with HttpsServer(localhost.certificate, localhost.key, log, easyrsa / "ca.crt", demand=True) as server:
        for options in ways:
            with client(*options) as program:
                assert program.received(server) == "anna", options
            seen = probe(home, server, *options, "--send")
            assert texts(seen, "choice")[0].endswith("was sent"), seen
            checked = check(home, *options)
            assert checked["level"] in ("good", "note"), checked


def test_a_file_that_breaks_a_directory_is_an_error_of_the_next_connection(client, servers, issue, home):
    put_pair(home / "d", "anna", issue("alpha", "anna"))
    with client("--sslcert", "d") as program:
        assert program.received(servers.https("alpha")) == "anna"
        put(home / "d" / "broken.key", "")
        put(home / "d" / "broken.crt", "")
        error = program.answer(servers.https("alpha"))
        assert "entry 1: could not read certificate file" in error and "it is empty" in error, error
        (home / "d" / "broken.crt").unlink()
        assert program.received(servers.https("alpha")) == "anna"
