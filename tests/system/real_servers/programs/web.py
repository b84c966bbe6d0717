# SPDX-License-Identifier: MIT OR Apache-2.0
"""Clients of HTTPS servers."""

from real_program import Command, Printed, Setting

PLUGINS = "/usr/lib/nagios/plugins"
REQUEST = "GET / HTTP/1.0\r\n\r\n"
PHP = """
$context = stream_context_create(["ssl" => ["cafile" => $argv[2]]]);
($page = file_get_contents($argv[1], false, $context)) or exit(1);
echo $page;
"""
PHP_CURL = """
$curl = curl_init($argv[1]);
curl_setopt($curl, CURLOPT_CAINFO, $argv[2]);
exit(curl_exec($curl) ? 0 : 1);
"""
URLLIB = """
import ssl, sys, urllib.request
context = ssl.create_default_context(cafile=sys.argv[2])
print(urllib.request.urlopen(sys.argv[1], context=context).read().decode())
"""
REQUESTS = """
import requests, sys
print(requests.get(sys.argv[1], verify=sys.argv[2]).text)
"""
AIOHTTP = """
import aiohttp, asyncio, ssl, sys
async def main(url, issuer):
    async with aiohttp.ClientSession() as session:
        async with session.get(url, ssl=ssl.create_default_context(cafile=issuer)) as response:
            print(await response.text())
asyncio.run(main(*sys.argv[1:]))
"""
LWP = """
my $agent = LWP::UserAgent->new(ssl_opts => {SSL_ca_file => $ARGV[1]});
my $response = $agent->get($ARGV[0]);
print $response->content;
exit !$response->is_success;
"""
RUBY = """
where = URI(ARGV[0])
Net::HTTP.start(where.host, where.port, use_ssl: true, ca_file: ARGV[1]) { |http| puts http.get("/").body }
"""
LUA = """
local https = require("ssl.https")
local page, status = https.request{url = arg[1], cafile = arg[2], verify = "peer", sink = ltn12.sink.file(io.stdout)}
os.exit(status == 200 and 0 or 1)
"""
TCL = """
package require http
package require tls
lassign $argv url issuer
http::register https 443 [list tls::socket -cafile $issuer -require 1]
puts [http::data [http::geturl $url]]
"""


def url(server) -> str:
    return f"https://localhost:{server.port}/"


def of_url(*start):
    """Returns the command of a program whose arguments are a URL and the file of the issuer."""

    def command(setting: Setting, server) -> list:
        return [*start, url(server), setting.issuer]

    return command


def python(script: str) -> Command:
    return Command(of_url("/usr/bin/python3", "-c", script))


def curl(setting: Setting, server) -> list:
    return ["curl", "--silent", "--show-error", "--cacert", setting.issuer, url(server)]


def lua(setting: Setting, server) -> list:
    return ["lua5.4", setting.write("get.lua", f'ltn12 = require("ltn12")\n{LUA}'), url(server), setting.issuer]


def tcl(setting: Setting, server) -> list:
    return ["tclsh", setting.write("get.tcl", TCL), url(server), setting.issuer]


def w3m(setting: Setting, server) -> list:
    return ["w3m", "-dump", "-o", f"ssl_ca_file={setting.issuer}", "-o", "ssl_verify_server=1", url(server)]


def ab(setting: Setting, server) -> list:
    return ["ab", "-n", "1", "-v", "4", url(server)]


def check_http(setting: Setting, server) -> list:
    return [f"{PLUGINS}/check_http", "-H", "localhost", "-I", "127.0.0.1", "-p", server.port, "-S", "-v"]


def s_client(setting: Setting, server) -> list:
    verify = ["-verify_return_error", "-CAfile", setting.issuer, "-verify_hostname", "localhost"]
    return ["openssl", "s_client", "-quiet", "-connect", f"localhost:{server.port}", *verify]


def socat(setting: Setting, server) -> list:
    return ["socat", "-t30", "-", f"OPENSSL:localhost:{server.port},cafile={setting.issuer}"]


def ncat(setting: Setting, server) -> list:
    verify = ["--ssl-verify", "--ssl-trustfile", setting.issuer]
    return ["ncat", *verify, "localhost", server.port]


PROGRAMS = {
    "curl": Command(curl),
    "Python, urllib": Printed(python(URLLIB), "/usr/bin/python3", "--version"),
    "Python, requests": python(REQUESTS),
    "Python, aiohttp": python(AIOHTTP),
    "PHP, https streams": Printed(Command(of_url("php", "-r", PHP, "--")), "php", "--version"),
    "PHP, curl": Printed(Command(of_url("php", "-r", PHP_CURL, "--")), "php", "--version"),
    "Perl, LWP": Command(of_url("perl", "-MLWP::UserAgent", "-e", LWP)),
    "Ruby, net/http": Printed(Command(of_url("ruby", "-rnet/http", "-e", RUBY)), "ruby", "--version"),
    "Lua, LuaSec": Command(lua),
    "w3m": Command(w3m),
    "ab": Command(ab),
    "check_http": Command(check_http),
    "openssl s_client": Command(s_client, stdin=REQUEST),
    "socat": Command(socat, stdin=REQUEST),
    "ncat": Command(ncat, stdin=REQUEST),
}
