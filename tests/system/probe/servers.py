# SPDX-License-Identifier: MIT OR Apache-2.0
"""Servers in this process: with fixed answers, with a record of what clients send, and a relay."""

import queue
import socket
import ssl
import threading
from dataclasses import dataclass, field

from harness.listener import SECONDS, Listener, TcpListener, pump

SSL_REQUEST = bytes([0, 0, 0, 8, 4, 210, 22, 47])


def error_message(text: bytes) -> bytes:
    """Returns PostgreSQL's ErrorResponse for a refused connection."""
    body = b"SFATAL\0C57P03\0M" + text + b"\0\0"
    return b"E" + (len(body) + 4).to_bytes(4, "big") + body


class Speaker(TcpListener):
    """Sends the same bytes on each connection: a greeting, and an answer to the SSLRequest.

    hold: connections stay open until the end of the block
    """

    def __init__(self, answer: bytes = b"", greeting: bytes = b"", hold: bool = False):
        super().__init__()
        self.heard: list = []
        self._answer, self._greeting, self._hold = answer, greeting, hold
        self._held: list = []

    def __exit__(self, *exception) -> None:
        super().__exit__(*exception)
        for connection in self._held:
            connection.close()

    def _handle(self, connection: socket.socket, address) -> None:
        try:
            self._speak(connection)
        except OSError:
            pass
        if self._hold:
            self._held.append(connection)
        else:
            connection.close()

    def _speak(self, connection: socket.socket) -> None:
        connection.sendall(self._greeting)
        request = b""
        while len(request) < len(SSL_REQUEST):
            more = connection.recv(len(SSL_REQUEST) - len(request))
            if not more:
                return
            request += more
        self.heard.append(request)
        connection.sendall(self._answer)


@dataclass
class Heard:
    """The data that a client sent on one connection."""

    certificates: list = field(default_factory=list)  # its Certificate messages, decrypted
    text: bytes = b""  # the first application data

    def has(self, certificate) -> bool:
        der = ssl.PEM_cert_to_DER_cert(certificate.read_text())
        return any(der in message for message in self.certificates)


class Recorder(TcpListener):
    """A TLS server that records what clients send, even if the handshake fails.

    It accepts an SSLRequest as well as direct TLS, requests a certificate of `trusted` without requiring one, and
    closes after the first application data.
    """

    def __init__(self, certificate, key, trusted, tls: str):
        super().__init__()
        self._heard = Heard()
        self._done: queue.Queue = queue.Queue()
        version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[tls]
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = self._context.maximum_version = version
        self._context.load_cert_chain(certificate, key)
        self._context.load_verify_locations(trusted)
        self._context.verify_mode = ssl.CERT_OPTIONAL
        self._context.set_alpn_protocols(["postgresql"])
        self._context._msg_callback = self._on_message

    def connections(self) -> list:
        """Returns the records of the connections since the last call.

        Our own connection marks the end, because the server handles connections in turn.
        """
        with socket.create_connection(("127.0.0.1", self.port), SECONDS) as ours:
            last = ours.getsockname()
        connections = []
        while (done := self._done.get(timeout=SECONDS))[0] != last:
            connections.append(done[1])
        return connections

    def _on_message(self, _connection, direction, _version, content, message, data) -> None:
        handshake, certificate = 22, 11  # RFC 8446, appendix B
        if (direction, content, message) == ("read", handshake, certificate):
            self._heard.certificates.append(data)

    def _handle(self, connection: socket.socket, address) -> None:
        self._heard = Heard()
        try:
            self._hear(connection)
        except OSError:  # includes ssl.SSLError
            pass
        connection.close()
        self._done.put((address, self._heard))

    def _hear(self, connection: socket.socket) -> None:
        if connection.recv(1, socket.MSG_PEEK) == SSL_REQUEST[:1]:
            connection.recv(len(SSL_REQUEST), socket.MSG_WAITALL)
            connection.sendall(b"S")
        with self._context.wrap_socket(connection, server_side=True) as secured:
            self._heard.text += secured.recv(1 << 14)


class Relay(Listener):
    """A Unix-domain socket that forwards connections to a TCP port."""

    def __init__(self, path, port: int):
        self._port = port
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()
        super().__init__(listener)

    def _handle(self, connection: socket.socket, address) -> None:
        far = socket.create_connection(("127.0.0.1", self._port), SECONDS)
        for one, other in ((connection, far), (far, connection)):
            threading.Thread(target=pump, args=(one, other), daemon=True).start()
