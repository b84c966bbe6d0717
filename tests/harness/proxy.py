# SPDX-License-Identifier: MIT OR Apache-2.0
"""An HTTP proxy that forwards connections (CONNECT, RFC 9110, section 9.3.6)."""

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


class Proxy:
    """A context manager. It connects to the requested port of 127.0.0.1, whatever the host name is."""

    def __init__(self):
        self.requested: list = []  # HOST:PORT of each CONNECT request

    def __enter__(self) -> "Proxy":
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exception) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(SECONDS)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # the listener is closed
                return
            client.settimeout(SECONDS)
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        with client, client.makefile("rb", buffering=0) as lines:
            method, where, _ = lines.readline().decode().split()
            while lines.readline().strip():  # header fields
                pass
            assert method == "CONNECT", method
            self.requested.append(where)
            port = int(where.rpartition(":")[2])
            with socket.create_connection(("127.0.0.1", port), SECONDS) as server:
                client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                back = threading.Thread(target=pump, args=(server, client), daemon=True)
                back.start()
                pump(client, server)
                back.join(SECONDS)
