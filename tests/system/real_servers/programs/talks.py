# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the servers say, by kind: as little of a protocol as its clients need."""

import struct

from harness.tls import Stream


def https(client: Stream, name: str) -> None:
    """Answers one request with a page that has the name."""
    while client.line():
        pass
    page = f"/CN={name}\n"
    header = f"Content-Type: text/plain\r\nContent-Length: {len(page)}\r\nConnection: close"
    client.send(f"HTTP/1.1 200 OK\r\n{header}\r\n\r\n{page}")


def smtp(client: Stream, name: str) -> None:
    client.send("220 localhost ESMTP\r\n")
    command = ""
    while command != "QUIT":
        command = client.line().upper()
        if command == "DATA":
            client.send("354 \r\n")
            while client.line() != ".":
                pass
        client.send(f"{'221' if command == 'QUIT' else '250'} localhost\r\n")


def imap(client: Stream, name: str) -> None:
    answers = {"CAPABILITY": "CAPABILITY IMAP4rev1", "LIST": 'LIST () "/" INBOX'}
    client.send("* OK IMAP4rev1\r\n")
    command = ""
    while command != "LOGOUT":
        tag, command, *_ = client.line().split()
        if command.upper() in answers:
            client.send(f"* {answers[command.upper()]}\r\n")
        client.send(f"{tag} OK\r\n")


def pop3(client: Stream, name: str) -> None:
    client.send("+OK\r\n")
    command = ""
    while command != "QUIT":
        command = client.line().upper()
        client.send("+OK\r\n.\r\n" if command == "CAPA" else "+OK 0 0\r\n")


def ldap(client: Stream, name: str) -> None:
    """Answers a bind request, whose message ID is 1: success."""
    client.read(int(client.read(2)[1]))
    client.send(bytes.fromhex("300c 020101 6107 0a0100 0400 0400"))


def dns(client: Stream, name: str) -> None:
    """Answers with the query itself, as a response without records."""
    query = client.read(int.from_bytes(client.read(2), "big"))
    answer = query[:2] + b"\x81\x80\x00\x01" + bytes(6) + query[12:].partition(b"\0")[0] + b"\0" + b"\x00\x01\x00\x01"
    client.send(struct.pack(">H", len(answer)) + answer)


# Methods of AMQP 0-9-1 and their answers: class, method, arguments.
AMQP = {
    (10, 11): (10, 30, struct.pack(">HIH", 0, 1 << 17, 0)),  # Start-Ok: Tune
    (10, 40): (10, 41, b"\0"),  # Open: Open-Ok
    (20, 10): (20, 11, bytes(4)),  # Channel.Open
    (20, 40): (20, 41, b""),  # Channel.Close
    (10, 50): (10, 51, b""),  # Close
}


def amqp(client: Stream, name: str) -> None:
    def send(channel: int, number: int, method: int, arguments: bytes) -> None:
        payload = struct.pack(">HH", number, method) + arguments
        client.send(struct.pack(">BHI", 1, channel, len(payload)) + payload + b"\xce")

    client.read(8)  # the protocol header
    send(0, 10, 10, b"\0\x09" + bytes(4) + b"\0\0\0\x05PLAIN\0\0\0\x05en_US")  # Start
    while True:
        kind, channel, length = struct.unpack(">BHI", client.read(7))
        payload = client.read(length + 1)
        answer = AMQP.get(struct.unpack(">HH", payload[:4])) if kind == 1 else None
        if answer:
            send(channel, *answer)


def silent(client: Stream, name: str) -> None:
    """Reads until the client ends."""
    while True:
        client.line()


def hangs_up(client: Stream, name: str) -> None:
    """Ends the connection after the handshake."""


TALKS = {
    "https": https, "smtp": smtp, "imap": imap, "pop3": pop3, "ldap": ldap, "dns": dns, "amqp": amqp,
    "silent": silent, "hangs up": hangs_up,
}  # fmt: skip
BEFORE: dict = {}
