# SPDX-License-Identifier: MIT OR Apache-2.0
"""Programs that have more rights than the user who runs them, with the module in the system's openssl.cnf.

The user chooses the server. The program could read the module's files for him, and send a certificate whose key he
cannot read. Each program runs in a mount namespace in which the system's openssl.cnf is another file.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness import https, openssl_cnf
from harness.toolchain import LIBDIR, LIBRARY
from harness.unavailable import Unavailable

USER = 65534
# Where the namespace has a file system of its own, on which the set-user-ID bit has an effect.
PLACE = "/mnt"
AS_ROOT = [] if os.geteuid() == 0 else ["sudo", "-n"]
NAMESPACE = [*AS_ROOT, "unshare", "--mount"]
SERVICE = 4242  # another user
READ_FILES, CHANGE_USER, BIND_PORTS = 2, 7, 10  # CAP_DAC_READ_SEARCH, CAP_SETUID, CAP_NET_BIND_SERVICE
# Its argument is JSON. Prints the status, the output, and the explanations that were written.
INSIDE = """
import json, os, shutil, struct, subprocess, sys
place, cnf, files, owner, mode, group, capability, user, command, env = json.loads(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755,suid,exec", "certpick-test", place], check=True)
os.chdir(place)
for name, source in files.items():
    shutil.copy(source, name)
    os.chmod(name, 0o600)
    os.chown(name, owner, owner)
for name in ("libcertpick.so.0", "openssl.cnf"):
    os.chmod(name, 0o644)
os.chown("client", 0, group)
os.chmod("client", mode)
if capability:
    # struct vfs_ns_cap_data of linux/capability.h: revision 2, permitted and effective.
    os.setxattr("client", "security.capability", struct.pack("<5I", 0x02000001, 1 << capability, 0, 0, 0))
os.mkdir("writable")
os.chmod("writable", 0o777 | 0o1000)
os.chdir("writable")
subprocess.run(["mount", "--bind", "../openssl.cnf", cnf], check=True)
done = subprocess.run(command, user=user, group=user, extra_groups=[], env=env, capture_output=True, text=True)
found = [name for name in ("writable/explained", "explained") if os.path.exists(os.path.join(place, name))]
print(json.dumps([done.returncode, done.stdout, done.stderr, found]))
"""
NO_NAMESPACE = "no mount namespace can be made (root, or sudo without a password, is needed)"


@pytest.fixture(scope="module")
def system_cnf() -> str:
    attempt = [*NAMESPACE, "mount", "-t", "tmpfs", "none", PLACE]
    if shutil.which(attempt[0]) is None or subprocess.run(attempt, capture_output=True).returncode != 0:
        raise Unavailable(f"set-user-ID programs: {NO_NAMESPACE}")
    words = subprocess.run(["openssl", "version", "-d"], capture_output=True, text=True, check=True).stdout
    return str(Path(words.split('"')[1], "openssl.cnf").resolve(strict=True))


@pytest.fixture
def run(system_cnf, home, certificates, build):
    """Runs a client of this mode, by default as another user, whose group the program may have."""

    def start(arguments: list, mode=0o755, user=USER, group=0, owner=0, capability=0, program=None, **variables):
        settings = {
            "sslcert": f"{PLACE}/anna.crt,{PLACE}/bert.crt",
            "sslkey": f"{PLACE}/anna.key,{PLACE}/bert.key",
            "sslpassword": ",secret",
            "explain": "always",
            "explain_file": "explained",  # in the working directory
        }
        text = openssl_cnf.text({"certpick": openssl_cnf.certpick(settings, Path(PLACE, "libcertpick.so.0"))})
        (home / "openssl.cnf").write_text(text)
        files = {name: str(certificates / name) for name in ("anna.crt", "anna.key", "bert.crt", "bert.key")}
        files |= {"libcertpick.so.0": str(LIBRARY), "openssl.cnf": str(home / "openssl.cnf")}
        files["client"] = str(program or build("tcp_client"))
        command = [f"{PLACE}/client", *map(str, arguments)]
        env = {"PATH": os.environ["PATH"], "LC_ALL": "C", **variables}
        words = [PLACE, system_cnf, files, owner, mode, group, capability, user, command, env]
        script = [*NAMESPACE, sys.executable, "-c", INSIDE, json.dumps(words)]
        done = subprocess.run(script, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return start


@pytest.fixture
def arrived(run, servers):
    """Returns the certificate that a server which names the CA of bert receives, and the explanations written."""

    def connect(**options) -> tuple:
        status, out, err, explained = run([servers.https("beta").port], **options)
        assert (status, err) == (0, "")
        return https.arrived(out), explained

    return connect


@pytest.mark.parametrize("user", [0, USER])
def test_a_program_without_more_rights_sends_the_certificate_of_the_user(arrived, user):
    assert arrived(user=user, owner=user) == ("bert", ["writable/explained"])


def test_a_program_cannot_use_files_that_the_user_cannot_read(run, servers):
    status, out, err, _ = run([servers.https("beta").port])
    assert (status, out) == (1, "")
    assert f'"{PLACE}/anna.crt": Permission denied' in err


@pytest.mark.parametrize(
    "rights",
    [
        pytest.param({"mode": 0o4755}, id="set-user-ID"),
        pytest.param({"mode": 0o2755}, id="set-group-ID"),
        pytest.param({"mode": 0o6755, "group": USER}, id="set-user-ID, and the group of the user"),
        pytest.param({"capability": READ_FILES}, id="a capability"),
    ],
)
@pytest.mark.parametrize("owner", [0, USER])
def test_a_program_with_more_rights_than_the_user_reads_sends_and_writes_nothing(arrived, rights, owner):
    assert arrived(owner=owner, **rights) == ("", [])


@pytest.mark.parametrize(
    "capability, flag",
    [
        pytest.param(CHANGE_USER, f"-DBECOMES={SERVICE}", id="given up after a change of the user"),
        pytest.param(READ_FILES, "-DAMBIENT", id="made ambient"),
    ],
)
def test_it_does_not_matter_what_the_program_does_with_its_capabilities(arrived, build, capability, flag):
    client = build("tcp_client", (flag,))
    assert arrived(program=client, owner=SERVICE, capability=capability) == ("", [])


@pytest.mark.parametrize("rights", [{"mode": 0o4755, "user": 0}, {"capability": BIND_PORTS, "owner": USER}])
def test_bits_and_capabilities_that_give_the_user_no_more_files_have_no_effect(arrived, rights):
    assert arrived(**rights)[0] == "bert"


@pytest.mark.parametrize("rights", [{"mode": 0o4755}, {"mode": 0o2755}, {"capability": READ_FILES}, {}])
def test_the_lists_of_such_a_program_may_contain_only_pem_files(run, servers, build, rights):
    """Its user may be their author, as that of PGSSLCERT, and may unset CERTPICK_RESTRICT."""
    libs = (f"-L{LIBDIR}", f"-Wl,-rpath,{PLACE}", "-lcertpick")
    program = build("tcp_client", ("-DLISTS",), libs)
    lists = [f"{PLACE}/anna.crt,{PLACE}", f"{PLACE}/anna.key,", ",secret"]
    status, out, err, _ = run([servers.https("beta").port, *lists], owner=USER, program=program, **rights)
    restricted = f'entry 2: "{PLACE}": only PEM files are permitted, because the program has the set-user-ID'
    assert (status, restricted in err) == ((1, True) if rights else (0, False)), err
    assert https.arrived(out) == "bert" if not rights else out == ""
