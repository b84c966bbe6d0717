# SPDX-License-Identifier: MIT OR Apache-2.0
"""Installed programs, with servers of two CAs that require a certificate."""

import pytest

from clients import OWNERS
from harness import https
from harness.psql import NO_CERTIFICATE, run

versions = pytest.mark.parametrize("tls", ["1.2", "1.3"])


@versions
@pytest.mark.parametrize("ca", OWNERS)
def test_the_requested_certificate_is_sent(program, servers, ca, tls, three, certificates, home):
    server = servers.of_kind(program.kind, ca, tls)
    result = program.connect(server, certificates, home, three)
    assert (result.status, program.received(result)) == (0, OWNERS[ca]), result


@pytest.mark.parametrize("options", [[], ["--parallel"]], ids=["one-by-one", "parallel"])
def test_one_curl_sends_each_server_another_certificate(servers, three, certificates, home, options):
    urls = [servers.https(ca, demand=True).url for ca in ("alpha", "beta", "gamma")]
    result = run(["curl", "-sSk", *options, *urls], certificates, home, three)
    pages = result.out.split("</HTML>")[:-1]
    assert (result.status, sorted(map(https.arrived, pages))) == (0, ["anna", "bert", "carl"])


def test_without_the_module_these_servers_refuse(program, servers, without, certificates, home):
    """Shows that the test above can fail."""
    server = servers.of_kind(program.kind, "alpha")
    result = program.connect(server, certificates, home, without)
    assert result.status != 0 and result.err != "", result
    if program.kind == "postgres":
        assert NO_CERTIFICATE in result.err
