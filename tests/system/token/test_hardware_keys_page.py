# SPDX-License-Identifier: MIT OR Apache-2.0
"""The commands of doc/hardware-keys.md, run in order, have the documented results.

The host is replaced by localhost with the port of the server, and the modules by those of this system.
"""

import re

import pytest

from harness import page, paths, private, token as tokens
from harness.pki import Authority
from harness.server import Server
from harness.token import OK, PIN_INCORRECT, Token

TEXT = (paths.ROOT / "doc" / "hardware-keys.md").read_text()
STEPS = page.steps(paths.ROOT / "doc" / "hardware-keys.md")
# The DER of a subjectAltName.
LOCALHOST = b"\x30\x0b\x82\x09localhost"
PROVIDER = "/usr/lib/x86_64-linux-gnu/ossl-modules/pkcs11.so"
MODULE = "/usr/lib/softhsm/libsofthsm2.so"


@pytest.fixture(scope="module")
def site(scratch):
    """Makes the page's files and server. Returns the directory, the environment, the port, and another token."""
    directory = scratch / "hardware-keys"
    directory.mkdir()
    cas = {name: Authority(scratch / "hardware-keys-authorities", name) for name in ("north", "south", "servers")}
    cas["south"].issue("south", below=directory)
    for name in ("north", "servers"):
        (directory / f"{name}.crt").write_text(cas[name].certificate.read_text())
    (directory / "north.key").write_text(cas["north"].own.key.read_text())
    (directory / "home").mkdir()
    other = Token(scratch / "hardware-keys-tokens")
    own = cas["servers"].issue("localhost", alternative_names=LOCALHOST)
    with Server(paths.server_bindir(), scratch / "hardware-keys-server", own.certificate, own.key) as server:
        server.configure([cas["north"].certificate])
        server.execute("create role app login")
        server.execute("create database app")
        with private.directory() as state:
            env = {"HOME": str(directory / "home"), "XDG_STATE_HOME": str(state), **other.environment}
            yield directory, {**env, "OPENSSL_CONF": str(directory / "token.cnf")}, server.port, other


def local(text: str, port: int) -> str:
    text = text.replace("host=db1.example", f"host=localhost port={port}")
    text = text.replace("@db1.example/", f"@localhost:{port}/").replace('"db1.example"', '"localhost"')
    text = text.replace(f"pkcs11-module-path = {MODULE}", f"pkcs11-module-path = {tokens.spy()}")
    return text.replace(MODULE, str(tokens.softhsm())).replace(PROVIDER, str(tokens.provider()))


def logins(step: page.Step) -> list:
    """Returns the results of the logins through the provider that a command may cause."""
    if "sslpassword=11223344" in step.command:
        return [PIN_INCORRECT]
    is_stock = "psql" in step.command and "patched" not in step.flags and "certpick" not in step.command
    uses_key = not is_stock or "both.cnf" in step.command
    words = ("certpick check", "certpick run", "psql ", "openssl req")
    return [OK] if uses_key and any(word in step.command for word in words) else []


def test_the_page_has_commands_of_every_kind():
    flags = [step.flags for step in STEPS]
    assert [] in flags and ["patched"] in flags and ["fails"] in flags
    assert any(step.expected for step in STEPS)


@pytest.mark.parametrize("number", range(len(STEPS)))
def test_a_command_has_the_documented_result(site, number):
    directory, env, port, other = site
    other.logins()
    page.run(STEPS[number], directory, env, lambda text: local(text, port))
    assert other.logins() == logins(STEPS[number])


def test_the_errors_are_those_of_the_library():
    table = TEXT.partition("| error | remedy |\n")[2].partition("\n\n")[0]
    errors = [text for row in table.splitlines()[1:] for text in re.split("[;…]", row.split("|")[1])]
    source = "".join(path.read_text() for path in (paths.ROOT / "core" / "src" / "error").glob("*.rs"))
    source = re.sub(r"\s+", " ", source.replace("\\\n", "")).replace("{max}", "1000")
    assert len(errors) > 10
    assert [error for error in map(str.strip, errors) if error not in source and error != "password file"] == []
