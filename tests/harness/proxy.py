# SPDX-License-Identifier: MIT OR Apache-2.0
"""An HTTP proxy that forwards connections (CONNECT, RFC 9110, section 9.3.6)."""

import socket
import threading

from .listener import SECONDS, TcpListener, pump


class Proxy(TcpListener):
    """Connects to the requested port of 127.0.0.1, whatever the host name is. Handles each client in its own thread."""

    def __init__(self):
        super().__init__()
        self.requested: list = []  # HOST:PORT of each CONNECT request
        self.url = f"http://127.0.0.1:{self.port}"

    def _handle(self, connection: socket.socket, address) -> None:
        threading.Thread(target=self._connect, args=(connection,), daemon=True).start()

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
