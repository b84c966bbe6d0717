# SPDX-License-Identifier: MIT OR Apache-2.0
"""curl and Python with HTTPS servers that name no CA, with redirects and through a proxy.

curl uses its own BIO, and Python's asyncio memory BIOs, so that OpenSSL knows neither address nor port. Python's
http.client uses SSL_set_fd(). All set the server name indication unless the host is an address.
"""

from contextlib import ExitStack

import pytest

from harness import https, paths
from harness.https import HttpsServer
from harness.proxy import Proxy
from harness.unavailable import need_program
from ways import OWNERS, Way

REDIRECT = "HTTP/1.0 302 Found\r\nLocation: {location}\r\nConnection: close\r\n\r\n"
MOVED = "moved"
ASYNCIO = """
import asyncio, ssl, sys
async def main(ca, connect_to, name, port, verify):
    context = ssl.create_default_context(cafile=ca)
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(connect_to, int(port), ssl=context, server_hostname=name)
    writer.write(b"GET / HTTP/1.0\\r\\n\\r\\n")
    print((await reader.read()).decode())
asyncio.run(main(*sys.argv[1:]))
"""
HTTP_CLIENT = """
import http.client, ssl, sys
ca, host, port, proxy = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
if proxy:
    connection = http.client.HTTPSConnection("127.0.0.1", int(proxy), context=context)
    connection.set_tunnel(host, int(port))
else:
    connection = http.client.HTTPSConnection(host, int(port), context=context)
connection.request("GET", "/")
print(connection.getresponse().read().decode())
"""


class Clients:
    """The commands of clients, which verify the server. The names in `ports` are those of 127.0.0.1."""

    def __init__(self, issuer, ports: dict):
        self._issuer, self.ports = issuer, ports

    def curl(self, *words) -> list:
        need_program("curl", "curl")
        command = ["curl", "--silent", "--show-error", "--cacert", self._issuer]
        for name, port in self.ports.items():
            command += ["--resolve", f"{name}:{port}:127.0.0.1"]
        return [*command, *words]

    def asyncio(self, name: str, verify: str = "yes") -> list:
        return ["/usr/bin/python3", "-c", ASYNCIO, self._issuer, "127.0.0.1", name, self.ports[name], verify]

    def http_client(self, host: str, port: int, proxy="") -> list:
        return ["/usr/bin/python3", "-c", HTTP_CLIENT, self._issuer, host, port, proxy]


@pytest.fixture(scope="module")
def servers(own, authorities, scratch):
    """Three servers: by the CA of the certificates that they require, and None for one that requires none."""
    with ExitStack() as running:

        def start(ca) -> HttpsServer:
            # -verifyCAfile and not -CAfile, whose names would be in the request.
            required = ("-verify_return_error", "-verifyCAfile", authorities[ca].certificate) if ca else ()
            server = HttpsServer(own.certificate, own.key, scratch / "https.log", demand=bool(ca), options=required)
            return running.enter_context(server)

        yield {ca: start(ca) for ca in (*OWNERS, None)}


@pytest.fixture(scope="module")
def redirecting(own, authorities, scratch, servers):
    """A server that accepts certificates of alpha, and whose page /moved redirects to south.test."""
    directory = scratch / "redirecting"
    directory.mkdir()
    location = f"https://south.test:{servers[None].port}/"
    (directory / MOVED).write_bytes(REDIRECT.format(location=location).encode())
    required = ("-HTTP", "-verify_return_error", "-verifyCAfile", authorities["alpha"].certificate)
    with HttpsServer(
        own.certificate, own.key, scratch / "https.log", demand=True, options=required, directory=directory
    ) as server:
        yield server


@pytest.fixture
def programs(issuer, servers) -> Clients:
    return Clients(issuer, {"north.test": servers["alpha"].port, "south.test": servers["beta"].port})


@pytest.fixture(params=["curl", "asyncio"])
def command(request, programs, servers):
    """Returns the command of a client that knows no port, for a name."""

    def of_name(name: str) -> list:
        if request.param == "asyncio":
            return programs.asyncio(name)
        return programs.curl(f"https://{name}:{programs.ports[name]}/")

    return of_name


def assert_none_was_sent(result) -> None:
    """The server's alert certificate_required. To a certificate of another CA it would answer unknown_ca."""
    assert result.status != 0 and result.out == "", result
    assert "certificate required" in result.err.lower().replace("_", " "), result


BY_NAME = [("bert", {"hosts": ["south.test"]}), ("anna", {"hosts": ["north.test"]})]


def assert_none_was_sent(result) -> None:
    """The server's alert certificate_required. To a certificate of another CA it would answer unknown_ca."""
    assert result.status != 0 and result.out == "", result
    assert "certificate required" in result.err.lower().replace("_", " "), result


BY_NAME = [("bert", {"hosts": ["south.test"]}), ("anna", {"hosts": ["north.test"]})]


def test_without_a_rule_nothing_is_sent(command, module, listed, run):
    """The servers that require a certificate refuse the client."""
    way = Way(env=module(**listed))
    for name in ("north.test", "south.test"):
        result = run(command(name), way)
        assert_none_was_sent(result)


def test_each_name_gets_the_certificate_of_its_rule(command, config_file, way, run):
    started = way(config_file(*BY_NAME))
    for name, owner in (("north.test", "anna"), ("south.test", "bert")):
        result = run(command(name), started)
        assert (result.status, https.arrived(result.out)) == (0, owner), result


def test_a_pattern_with_a_port_does_not_match_if_the_port_is_unknown(command, servers, config_file, way, run):
    started = way(config_file(("anna", {"hosts": [f"north.test:{servers['alpha'].port}"]})))
    assert_none_was_sent(run(command("north.test"), started))


def test_one_curl_sends_each_host_its_certificate(programs, servers, config_file, way, run):
    started = way(config_file(*BY_NAME))
    urls = [f"https://{name}:{port}/" for name, port in programs.ports.items()]
    result = run(programs.curl("--parallel", *urls), started)
    pages = result.out.split("</HTML>")[:-1]
    assert (result.status, sorted(map(https.arrived, pages))) == (0, ["anna", "bert"]), result


def test_verified_needs_verification_even_if_the_chain_is_trusted(programs, config_file, way, run):
    """With CERT_NONE and a CA file OpenSSL verifies the chain, but ignores the result."""
    started = way(config_file(("anna", {"hosts": ["north.test"], "verified": True})))
    result = run(programs.asyncio("north.test"), started)
    assert (result.status, https.arrived(result.out)) == (0, "anna"), result
    assert_none_was_sent(run(programs.asyncio("north.test", verify=""), started))


@pytest.mark.parametrize(
    ("hosts", "received"), [(["north.test"], ""), (["*.test"], "anna")], ids=["another host", "a host of the rule"]
)
def test_the_host_of_a_redirect_gets_the_certificate_only_by_its_rule(
    redirecting, servers, issuer, config_file, way, run, hosts, received
):
    """The first server requires the certificate, and redirects only after it has received it."""
    programs = Clients(issuer, {"north.test": redirecting.port, "south.test": servers[None].port})
    started = way(config_file(("anna", {"hosts": hosts})))
    result = run(programs.curl("--location", f"https://north.test:{redirecting.port}/{MOVED}"), started)
    assert (result.status, https.arrived(result.out)) == (0, received), result


def test_without_the_certificate_there_is_no_redirect(redirecting, servers, issuer, module, listed, run):
    """Shows that the test above can fail."""
    programs = Clients(issuer, {"north.test": redirecting.port, "south.test": servers[None].port})
    result = run(
        programs.curl("--location", f"https://north.test:{redirecting.port}/{MOVED}"), Way(env=module(**listed))
    )
    assert_none_was_sent(result)


@pytest.fixture
def proxy():
    with Proxy() as running:
        yield running


def test_a_name_matches_through_a_proxy(programs, servers, proxy, config_file, way, run):
    started = way(config_file(*BY_NAME))
    for name, ca in (("north.test", "alpha"), ("south.test", "beta")):
        port = servers[ca].port
        for command in (programs.curl("--proxy", proxy.url, f"https://{name}:{port}/"),
                        programs.http_client(name, port, proxy.port)):  # fmt: skip
            result = run(command, started)
            assert (result.status, https.arrived(result.out)) == (0, OWNERS[ca]), result
            assert proxy.requested.pop() == f"{name}:{port}"


def test_through_a_proxy_nothing_is_sent_without_a_rule(programs, servers, proxy, module, listed, run):
    way = Way(env=module(**listed))
    port = servers["alpha"].port
    for command in (programs.curl("--proxy", proxy.url, f"https://north.test:{port}/"),
                    programs.http_client("north.test", port, proxy.port)):  # fmt: skip
        assert_none_was_sent(run(command, way))
        assert proxy.requested.pop() == f"north.test:{port}"


def test_the_port_of_a_rule_is_the_sockets_which_a_proxy_replaces(programs, servers, proxy, config_file, way, run):
    port = servers["alpha"].port
    started = way(config_file(("anna", {"hosts": [f"localhost:{port}"]})))
    direct = run(programs.http_client("localhost", port), started)
    assert (direct.status, https.arrived(direct.out)) == (0, "anna"), direct
    through_proxy = run(programs.http_client("localhost", port, proxy.port), started)
    assert_none_was_sent(through_proxy)
    assert proxy.requested == [f"localhost:{port}"]


def test_an_address_matches(programs, servers, config_file, way, run):
    port = servers["alpha"].port
    command = programs.http_client("127.0.0.1", port)
    for hosts in (["127.0.0.1"], [f"127.0.0.1:{port}"]):
        result = run(command, way(config_file(("anna", {"hosts": hosts}))))
        assert (result.status, https.arrived(result.out)) == (0, "anna"), result
    for hosts in (["127.0.0.2"], ["127.0.0.1:1"], ["localhost"]):
        assert_none_was_sent(run(command, way(config_file(("anna", {"hosts": hosts})))))
