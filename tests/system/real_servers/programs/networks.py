# SPDX-License-Identifier: MIT OR Apache-2.0
"""Clients of networks: OpenVPN, and EAP-TLS."""

from harness import paths, psql
from harness.daemon import Daemon
from real_program import Program, Setting
from ways import OWNERS


class OpenVpnServer(Daemon):
    """Without a network device. Its request names the CA."""

    name, ready = "OpenVPN", "UDPv4 link remote"

    def __init__(self, setting: Setting, ca: str):
        super().__init__(paths.SCRATCH)
        self._own, self._trusted = setting.servers.own, setting.servers.authorities[ca].certificate

    def _prepare(self) -> None:
        self._put("server.crt", self._own.certificate.read_text())
        self._put("server.key", self._own.key.read_text())
        self._put("trusted.crt", self._trusted.read_text())

    def _command(self) -> list:
        own = ["--cert", self.work / "server.crt", "--key", self.work / "server.key", "--dh", "none"]
        tls = ["--tls-server", "--ca", self.work / "trusted.crt", *own]
        return ["openvpn", "--dev", "null", "--proto", "udp4", "--local", "127.0.0.1", "--lport", self.port, *tls,
                "--verb", "3"]  # fmt: skip


class OpenVpnClient(Daemon):
    name, ready = "OpenVPN", "UDPv4 link remote"

    def __init__(self, setting: Setting, port: int):
        super().__init__(paths.SCRATCH, setting.env)
        self._issuer, self._server = setting.issuer, port

    def _command(self) -> list:
        where = ["--proto", "udp4", "--nobind", "--remote", "127.0.0.1", self._server]
        # Without a certificate in its own settings it insists on a user.
        user = ["--auth-user-pass", self._put("user", "user\npassword\n")]
        return ["openvpn", "--dev", "null", *where, "--client", "--ca", self._issuer, *user]


class OpenVpn(Program):
    kind = ""

    def connect(self, setting: Setting) -> dict:
        received = {}
        for ca in OWNERS:
            with OpenVpnServer(setting, ca) as server, OpenVpnClient(setting, server.port):
                verified = "VERIFY OK: depth=0, CN="
                found = server.log.wait_for_any((verified, "peer did not return a certificate"))
                assert found, server.log.text()
                received[ca] = server.log.text().partition(verified)[2].split("\n")[0] if found == verified else ""
        return received


HOSTAPD = """
driver=none
interface=none
eap_server=1
radius_server_clients={work}/clients
radius_server_auth_port={port}
eap_user_file={work}/users
ca_cert={work}/trusted.crt
server_cert={work}/server.crt
private_key={work}/server.key
"""
PEER = """
network={{
    key_mgmt=WPA-EAP
    eap=TLS
    identity="anna"
    ca_cert="{issuer}"
}}
"""


class Hostapd(OpenVpnServer):
    """A RADIUS server with EAP-TLS."""

    name, ready = "hostapd", "AP-ENABLED"

    def _command(self) -> list:
        self._put("clients", "127.0.0.1 secret\n")
        self._put("users", "* TLS\n")
        return ["hostapd", self._put("hostapd.conf", HOSTAPD.format(work=self.work, port=self.port))]


class EapTls(Program):
    """wpa_supplicant's EAP-TLS, in its test program. Without a key in its settings it does not begin a handshake."""

    def connect(self, setting: Setting) -> dict:
        peer = setting.write("peer", PEER.format(issuer=setting.issuer))
        for ca in OWNERS:
            with Hostapd(setting, ca) as server:
                command = ["eapol_test", "-c", peer, "-a", "127.0.0.1", "-p", server.port, "-s", "secret", "-t", "30"]
                result = psql.run(command, setting.directory, setting.directory, setting.env)
                assert result.status != 0 and "EAP-TLS: Private key not configured" in result.out, result
        return dict.fromkeys(OWNERS, "")


PROGRAMS = {"openvpn": OpenVpn()}
