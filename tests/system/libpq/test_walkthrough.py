# SPDX-License-Identifier: MIT OR Apache-2.0
"""The steps of the demo with each version of libpq, PostgreSQL's test certificates and two more CAs."""

import re
import shutil
import subprocess
import sys

import pytest

from harness import paths
from harness.pki import Authority
from harness.psql import NONE_SUITABLE, NO_CERTIFICATE
from harness.unavailable import Unavailable

PASSWORD = "dUmmyP^#+"
FILES = ("both-cas-1.crt", "root_ca.crt", "client+client_ca.crt", "client-encrypted-pem.key")


@pytest.fixture(scope="session")
def files(scratch):
    """A directory with clients of rootCA1 and rootCA2 and PostgreSQL's test certificates; the authorities."""
    directory = scratch / "walkthrough"
    directory.mkdir()
    for name in (*FILES, "server-cn-only.crt", "server-cn-only.key"):
        shutil.copyfile(paths.postgres_ssl_files() / name, directory / name)
        (directory / name).chmod(0o600)
    cas = {}
    for number, password in ((1, ""), (2, "password")):
        cas[number] = Authority(scratch / "walkthrough-authorities", f"rootCA{number}", kind="rsa")
        cas[number].issue(f"client{number}", kind="rsa", password=password, below=directory)
    return directory, cas


@pytest.fixture
def step(client, files):
    client.directory = files[0]
    trust = {"root_ca": files[0] / "root_ca.crt"}
    trust.update({f"rootCA{number}": ca.certificate for number, ca in files[1].items()})
    client.server.configure([trust["root_ca"]])
    client.trusts = lambda name: client.server.configure([trust[name]])
    return client


ONE = {"sslcert": FILES[2], "sslkey": FILES[3], "sslpassword": PASSWORD}
THREE = {
    "sslcert": f"client1.crt,client2.crt,{FILES[2]}",
    "sslkey": f"client1.key,client2.key,{FILES[3]}",
    "sslpassword": f",password,{PASSWORD}",
}
TWO = {"sslcert": "client1.crt,client2.crt", "sslkey": "client1.key,client2.key", "sslpassword": ",password"}


def test_a_one_certificate_with_an_encrypted_key_works_as_before(step):
    assert step.arrived(**ONE) == "/CN=ssltestuser"


def test_b_of_three_certificates_the_requested_one_is_sent(step):
    assert step.arrived(**THREE) == "/CN=ssltestuser"


@pytest.mark.parametrize("number", [1, 2])
def test_c_another_server_gets_another_certificate_of_the_same_list(step, number):
    step.trusts(f"rootCA{number}")
    assert step.arrived(**THREE) == f"/CN=client{number}"


def test_d_without_a_suitable_certificate_the_error_says_so(step):
    assert step.refused(**TWO) == step.failed(f"{NONE_SUITABLE}\n{NO_CERTIFICATE}")


def test_e_three_passwords_for_two_keys_are_an_error(step):
    text = "could not match 3 sslpassword to 2 sslkey values"
    assert step.refused(**{**TWO, "sslpassword": ",password,"}) == step.failed(text)


def test_the_results_of_the_demo_are_as_expected():
    demo = paths.ROOT / "scripts" / "demo"
    done = subprocess.run([sys.executable, demo], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "NOT AS EXPECTED" not in done.stdout
    if skipped := re.search(r"^skipped: (.*)", done.stdout, re.MULTILINE):
        raise Unavailable(skipped[1])
