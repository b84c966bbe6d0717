# SPDX-License-Identifier: MIT OR Apache-2.0
"""Programs with another copy of OpenSSL are not affected."""

import subprocess
from pathlib import Path

import pytest

from clients import c_program
from harness import https
from harness.psql import run
from harness.toolchain import CC, STRICT, succeed

HERE = Path(__file__).parent
SOURCE = HERE / "tcp_client.c"
versions = pytest.mark.parametrize("tls", ["1.2", "1.3"])


def compile_with(output: Path, source: Path, *words) -> Path:
    succeed([*CC, "-std=gnu11", *STRICT, "-g", "-o", output, source, *words])
    return output


@pytest.fixture(scope="session")
def renamed_copy(scratch) -> list:
    """Copies of OpenSSL's libraries under names of the same length. Returns the linker flags."""
    directory = scratch / "copy"
    directory.mkdir()
    names = {b"libssl.so.": b"libssX.so.", b"libcrypto.so.": b"libcryptX.so."}
    words = [f"-L{directory}", f"-Wl,-rpath,{directory}"]
    for name in ("libssl", "libcrypto"):
        found = subprocess.run([*CC, f"-print-file-name={name}.so"], capture_output=True, text=True, check=True)
        library = Path(found.stdout.strip()).resolve()
        content = library.read_bytes()
        for old, new in names.items():
            assert old in content or name == "libcrypto", f"{library} names no {old.decode()}"
            content = content.replace(old, new)
        copy = directory / library.name.replace("libssl", "libssX").replace("libcrypto", "libcryptX")
        copy.write_bytes(content)
        words.append(f"-l:{copy.name}")
    return words


def shared(scratch: Path, name: str, libraries: list) -> Path:
    return compile_with(scratch / name, SOURCE, "-shared", "-fPIC", "-Dmain=get_page", *libraries)


@versions
@pytest.mark.parametrize("exported", [False, True], ids=["hidden", "exported"])
def test_a_program_with_a_static_openssl_works(
    servers, scratch, three, without, certificates, home, exported, tls
):
    """If it exports its OpenSSL (-rdynamic), the module may use that one and send a certificate."""
    words = ["-l:libssl.a", "-l:libcrypto.a", "-ldl", "-pthread", *(["-rdynamic"] if exported else [])]
    program = c_program(compile_with(scratch / "linked_in", SOURCE, *words))
    server = servers.https("alpha", tls)
    for env in (without, three):
        result = program.connect(server, certificates, home, env)
        assert (result.status, result.err) == (0, ""), result
        assert program.received(result) == "" or (exported and env == three)


@versions
def test_a_program_that_does_not_read_openssl_cnf_is_not_affected(servers, scratch, three, certificates, home, tls):
    quiet = compile_with(scratch / "quiet", SOURCE, "-DWITHOUT_CONFIGURATION", "-lssl", "-lcrypto")
    program = c_program(quiet)
    result = program.connect(servers.https("alpha", tls), certificates, home, three)
    assert (result.status, result.err, program.received(result)) == (0, "", "")


@versions
def test_the_module_acts_on_the_systems_openssl_and_not_on_a_plugins_copy(
    servers, scratch, renamed_copy, three, certificates, home, tls
):
    host = compile_with(scratch / "two_copies", HERE / "two_copies.c", "-ldl")
    systems = shared(scratch, "systems.so", ["-lssl", "-lcrypto"])
    other = shared(scratch, "other.so", renamed_copy)
    quiet = shared(scratch, "quiet.so", ["-DWITHOUT_CONFIGURATION", "-lssl", "-lcrypto"])
    server = servers.https("alpha", tls)
    for order, expected in (
        # Only the copy reads openssl.cnf.
        ([other, quiet], ["", ""]),
        ([systems, other, systems], ["anna", "", "anna"]),
        ([other, systems, other], ["", "anna", ""]),
        ([other], [""]),
    ):
        result = run([host, *order, server.port], certificates, home, three)
        assert (result.status, result.err) == (0, ""), result
        pages = result.out.split("=== ")[1:]
        assert [https.arrived(page) for page in pages] == expected
