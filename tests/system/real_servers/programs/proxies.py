# SPDX-License-Identifier: MIT OR Apache-2.0
"""Proxies, whose connections to servers use TLS."""

from real_program import Forwards, Proxy

NGINX = """
daemon off; worker_processes 1; pid {work}/pid; error_log stderr notice;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {work}/a; proxy_temp_path {work}/b; fastcgi_temp_path {work}/c; uwsgi_temp_path {work}/d;
    scgi_temp_path {work}/e;
    proxy_ssl_trusted_certificate {issuer}; proxy_ssl_verify on;
    proxy_ssl_name localhost; proxy_ssl_server_name {names};
    {servers}
}}
"""


class Nginx(Proxy):
    name, ready = "nginx", "start worker process"
    stop_signal = "QUIT"

    def _command(self) -> list:
        servers = "".join(
            f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass https://127.0.0.1:{target}; }} }}\n"
            for _, port, target in self.each()
        )
        text = NGINX.format(
            work=self.work, issuer=self._issuer, servers=servers, names="on" if self.names else "off"
        )
        return ["nginx", "-c", self._put("nginx.conf", text), "-e", "stderr", "-p", self.work]


class Stunnel(Proxy):
    name, ready = "stunnel", "Configuration successful"

    def _command(self) -> list:
        text = "foreground = yes\npid =\nclient = yes\n"
        for ca, port, target in self.each():
            text += f"[{ca}]\naccept = 127.0.0.1:{port}\nconnect = 127.0.0.1:{target}\n"
            text += f"CAfile = {self._issuer}\nverifyChain = yes\ncheckHost = localhost\n"
            text += "sni = localhost\n" if self.names else ""
        return ["stunnel4", self._put("stunnel.conf", text)]


HAPROXY = """
global
    log stderr format raw local0
defaults
    mode http
    timeout connect 10s
    timeout client 30s
    timeout server 30s
"""


class HaProxy(Proxy):
    """Prints nothing when it is ready, so that its supervisor -W -db is asked: it prints "Loading success"."""

    name, ready = "HAProxy", "Loading success"
    port_is_taken = "cannot bind"
    stop_signal = "TERM"

    def _command(self) -> list:
        text = HAPROXY
        for ca, port, target in self.each():
            text += f"frontend {ca}\n    bind 127.0.0.1:{port}\n    default_backend {ca}\nbackend {ca}\n"
            text += f"    server s 127.0.0.1:{target} ssl verify required ca-file {self._issuer}"
            text += " verifyhost localhost"
            text += " sni str(localhost)\n" if self.names else "\n"
        return ["haproxy", "-W", "-db", "-f", self._put("haproxy.cfg", text)]


PROGRAMS = {
    "HAProxy, backends": Forwards(HaProxy),
    "nginx, proxy_pass": Forwards(Nginx),
    "stunnel, client": Forwards(Stunnel),
}


def without_names(proxy: type) -> Forwards:
    return Forwards(type(f"{proxy.__name__}WithoutNames", (proxy,), {"names": False}))


# The same without the server name indication.
WITHOUT_NAMES = {name: without_names(proxy) for name, proxy in (
    ("nginx, proxy_pass", Nginx), ("HAProxy, backends", HaProxy), ("stunnel, client", Stunnel)
)}  # fmt: skip
