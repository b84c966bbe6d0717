# SPDX-License-Identifier: MIT OR Apache-2.0
"""Servers in this process, and the forwarding of data between two connections."""

import socket
import threading

SECONDS = 30


def pump(one: socket.socket, other: socket.socket) -> None:
    """Forwards data until `one` ends, then shuts down the sending side of `other`."""
    try:
        while data := one.recv(1 << 14):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Listener:
    """A context manager that handles one connection after the other in a thread."""

    def __init__(self, listener: socket.socket):
        self._listener = listener
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(SECONDS)

    def _serve(self) -> None:
        while True:
            try:
                connection, address = self._listener.accept()
            except OSError:  # the listener is closed
                return
            connection.settimeout(SECONDS)
            self._handle(connection, address)

    def _handle(self, connection: socket.socket, address) -> None:
        raise NotImplementedError


class TcpListener(Listener):
    def __init__(self):
        super().__init__(socket.create_server(("127.0.0.1", 0)))
        self.port = self._listener.getsockname()[1]
