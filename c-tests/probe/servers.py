# SPDX-License-Identifier: MIT OR Apache-2.0
"""Servers that are no PostgreSQL, or not a sound one: each says its words and no more."""

import socket
import threading

SSL_REQUEST = bytes([0, 0, 0, 8, 4, 210, 22, 47])
SECONDS = 30


class Speaker:
    """Accepts one connection after the other, and says the same to each.

    `greeting` comes unasked, `answer` when the request for TLS has come. `hold`: the connection
    stays open until the block that uses the server ends; otherwise it is closed after the words.
    """

    def __init__(self, answer: bytes = b"", greeting: bytes = b"", hold: bool = False):
        self.heard: list = []
        self._answer, self._greeting, self._hold = answer, greeting, hold
        self._held: list = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "Speaker":
        self._thread.start()
        return self

    def __exit__(self, *exception) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(SECONDS)
        for connection in self._held:
            connection.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(SECONDS)
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


class Relay:
    """A Unix-domain socket behind which there is a server on TCP."""

    def __init__(self, path, port: int):
        self._port = port
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "Relay":
        self._thread.start()
        return self

    def __exit__(self, *exception) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(SECONDS)

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._port), SECONDS)
            near.settimeout(SECONDS)
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=pump, args=(one, other), daemon=True).start()


def pump(one: socket.socket, other: socket.socket) -> None:
    """Until this side ends; then the other is told."""
    try:
        while data := one.recv(1 << 14):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)
    except OSError:
        pass
