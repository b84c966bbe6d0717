# SPDX-License-Identifier: MIT OR Apache-2.0
"""The programs of doc/programs.md behave as the page says. `make check-long` runs these tests."""

import pytest

import in_server
import nameless_servers
import networks
import postgresql
import proxies
import services
import unpacked
import unsuitable
import web
from harness.program_page import record
from harness.program_table import PATCHED, ROWS, RULES
from harness.unavailable import need_package
from real_program import KNOWN
from talks import TALKS
from ways import OWNERS

PROGRAMS = {
    name: program
    for subject in (postgresql, in_server, web, proxies, services, nameless_servers, networks, unpacked)
    for name, program in subject.PROGRAMS.items()
}
NOT_SERVED = unsuitable.PROGRAMS
NONE = dict.fromkeys(OWNERS, "")


def test_the_table_names_the_programs_that_are_run():
    assert sorted([*PROGRAMS, *NOT_SERVED]) == sorted(ROWS)


@pytest.fixture(params=PROGRAMS)
def row(request):
    need_package(*ROWS[request.param].packages.split())
    return ROWS[request.param]


@pytest.fixture
def with_certpick(row, setting, module, listed, config_file, servers):
    """What the program is run with, by the way of the row."""
    if row.way == PATCHED:
        return setting({}, listed)
    if row.way == RULES:
        by_port = servers.of_kind(PROGRAMS[row.name].kind).items()
        rules = [(OWNERS[ca], {"hosts": [f"127.0.0.1:{server.port}"]}) for ca, server in by_port]
        return setting(module(config=config_file(*rules[::-1])))
    return setting(module(**listed))


def test_each_server_receives_its_certificate(row, with_certpick):
    program = PROGRAMS[row.name]
    assert program.connect(with_certpick) == OWNERS
    record(row.name, program.version())


def test_without_certpick_no_certificate_arrives(row, setting, without):
    """Shows that the test above can fail."""
    assert PROGRAMS[row.name].connect(setting(without)) == NONE


@pytest.mark.parametrize("name", NOT_SERVED)
def test_a_program_that_the_module_cannot_serve_sends_nothing(name, setting, module, listed):
    need_package(*ROWS[name].packages.split())
    program = NOT_SERVED[name]
    program.assert_reason()
    assert program.connect(setting(module(**listed))) == NONE
    record(name, program.version())


def of_kinds(*kinds: str) -> list:
    return [name for name, program in PROGRAMS.items() if program.kind in kinds]


@pytest.fixture
def known_by_rules(setting, servers, module, config_file, known):
    """Returns what the rules of alpha's server know in a program. Each rule needs less than the one before."""

    def of(program) -> str:
        port = servers.of_kind(program.kind)["alpha"].port
        hosts = [f"localhost:{port}", "localhost", f"127.0.0.1:{port}", "127.0.0.1"]
        config = config_file(*((owner, {"hosts": [host]}) for owner, host in zip(KNOWN, hosts)))
        received = program.connect(setting(module(config=config)))
        assert received["beta"] == ""
        return KNOWN[received["alpha"]]

    return of


@pytest.mark.parametrize("name", of_kinds(*TALKS))
def test_rules_know_what_the_table_says(name, known_by_rules):
    need_package(*ROWS[name].packages.split())
    assert known_by_rules(PROGRAMS[name]) == ROWS[name].rules


@pytest.mark.parametrize(("name", "rules"), [
    ("nginx, proxy_pass", "address, port"), ("HAProxy, backends", "nothing"), ("stunnel, client", "address, port")
])  # fmt: skip
def test_what_rules_know_if_a_proxy_sends_no_server_name(name, rules, known_by_rules):
    need_package(*ROWS[name].packages.split())
    assert known_by_rules(proxies.WITHOUT_NAMES[name]) == rules
