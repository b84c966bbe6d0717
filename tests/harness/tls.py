# SPDX-License-Identifier: MIT OR Apache-2.0
"""TLS servers in this process, which require a client certificate and record the one that arrives.

Not Python's ssl, which cannot name CAs in a CertificateRequest.
"""

import os
import re
import socket
import threading
from typing import Callable, Optional

from OpenSSL import SSL

from .listener import TcpListener
from .pki import Credential

SECONDS_TO_CONNECT = 10  # after the client has ended


class Stream:
    """A TLS connection. The methods that read raise EOFError at its end."""

    def __init__(self, connection: SSL.Connection):
        self._connection, self._left = connection, b""

    def send(self, data) -> None:
        self._connection.sendall(data.encode() if isinstance(data, str) else data)

    def _more(self) -> None:
        try:
            self._left += self._connection.recv(1 << 14)
        except SSL.Error as error:
            raise EOFError from error

    def read(self, length: int) -> bytes:
        while len(self._left) < length:
            self._more()
        data, self._left = self._left[:length], self._left[length:]
        return data

    def line(self) -> str:
        """Returns a line without its end."""
        while b"\n" not in self._left:
            self._more()
        line, _, self._left = self._left.partition(b"\n")
        return line.decode(errors="replace").rstrip("\r")


class TlsServer(TcpListener):
    """A context manager. Handles each client in its own thread.

    trusted: the CA whose certificates it accepts; its requests name this CA
    talk: what it does with a connection whose handshake succeeded, and the common name that arrived
    before: what it does with the socket before the handshake
    """

    def __init__(
        self,
        own: Credential,
        trusted,
        talk: Callable[[Stream, str], None],
        before: Optional[Callable[[socket.socket], None]] = None,
    ):
        super().__init__()
        self._talk, self._before = talk, before
        self._context = SSL.Context(SSL.TLS_SERVER_METHOD)
        self._context.use_certificate_file(str(own.certificate))
        self._context.use_privatekey_file(str(own.key))
        self._context.load_verify_locations(str(trusted))
        self._context.load_client_ca(os.fsencode(trusted))
        self._context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, self._verify)
        self._context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        self._context.set_options(SSL.OP_NO_TICKET)  # each connection is a full handshake
        self._arrived: list = []
        self._changed = threading.Condition()

    @staticmethod
    def _verify(connection, certificate, error, depth, accepted) -> bool:
        if not accepted:
            connection.set_app_data(f"refused: {certificate.get_subject().CN}")
        return bool(accepted)

    def _handle(self, connection: socket.socket, address) -> None:
        threading.Thread(target=self._serve_client, args=(connection,), daemon=True).start()

    def _serve_client(self, raw: socket.socket) -> None:
        with raw:
            try:
                if self._before is not None:
                    self._before(raw)
                raw.settimeout(None)  # a timeout makes the socket non-blocking, which pyOpenSSL does not expect
                client = SSL.Connection(self._context, raw)
                client.set_accept_state()
                name = self._handshake(client)
                if name:
                    self._talk(Stream(client), name)
                    client.shutdown()
                    raw.shutdown(socket.SHUT_WR)
                    while raw.recv(1 << 14):  # closing with data that was not read would reset the connection
                        pass
            except (EOFError, OSError, SSL.Error):
                pass

    def _handshake(self, client: SSL.Connection) -> str:
        """Returns the common name that arrived, "" if the handshake failed."""
        try:
            client.do_handshake()
        except (SSL.Error, OSError) as error:
            none = "peer did not return a certificate" in str(error)
            self._record(client.get_app_data() or ("" if none else f"failed: {error}"))
            return ""
        name = client.get_peer_certificate().get_subject().CN
        self._record(name)
        return name

    def _record(self, name: str) -> None:
        with self._changed:
            self._arrived.append(name)
            self._changed.notify_all()

    def forget(self) -> None:
        """Forgets what has arrived."""
        with self._changed:
            self._arrived = []

    def take(self) -> str:
        """Waits for a handshake. Returns what arrived in all since the last call, without repetitions: a common name,
        "" for no certificate, or why the handshake failed. A client that tries again and hangs up does not count."""
        with self._changed:
            self._changed.wait_for(lambda: self._arrived, timeout=SECONDS_TO_CONNECT)
            arrived, self._arrived = self._arrived, []
        arrived = [name for name in arrived if not re.search("Unexpected EOF|ECONNRESET", name)] or arrived
        return "; ".join(dict.fromkeys(arrived)) if arrived else "no connection"
