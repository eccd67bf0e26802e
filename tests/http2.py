"""Just enough of an HTTP/2 client (RFC 9113) to ask one thing: no library here speaks it."""

import socket
import ssl
import struct
from typing import NamedTuple

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, PING, GOAWAY = 0, 1, 4, 6, 7
ACKNOWLEDGED, END_STREAM, END_HEADERS = 1, 1, 4
# The first entry of HPACK's table (RFC 7541, appendix A) with this status: an answer of 200 begins with it.
STATUS_200 = 0x88
SECONDS_MAX = 30.0


class Answer(NamedTuple):
    """What came back."""

    is_ok: bool
    body: bytes


def get(address: tuple[str, int], path: str, headers: dict[str, str]) -> Answer:
    """Ask for a path over TLS, on a connection that is to speak HTTP/2; raises ConnectionError if it does not."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection(address, SECONDS_MAX) as plain,
        context.wrap_socket(plain, server_hostname=address[0]) as connection,
    ):
        if connection.selected_alpn_protocol() != "h2":
            raise ConnectionError("The server does not speak HTTP/2.")
        named = {":method": "GET", ":scheme": "https", ":authority": f"{address[0]}:{address[1]}", ":path": path}
        block = b"".join(_literal(name, value) for name, value in {**named, **headers}.items())
        asked = _frame(HEADERS, END_STREAM | END_HEADERS, 1, block)
        connection.sendall(PREFACE + _frame(SETTINGS, 0, 0, b"") + asked)
        return _read(connection)


def _read(connection: ssl.SSLSocket) -> Answer:
    is_ok, body = False, b""
    while True:
        length, kind, flags, stream = struct.unpack(">IBBI", b"\0" + _exactly(connection, 9))
        payload = _exactly(connection, length)
        if kind == SETTINGS and not flags & ACKNOWLEDGED:
            connection.sendall(_frame(SETTINGS, ACKNOWLEDGED, 0, b""))
        elif kind == PING and not flags & ACKNOWLEDGED:
            connection.sendall(_frame(PING, ACKNOWLEDGED, 0, payload))
        elif kind == GOAWAY:
            raise ConnectionError(f"The server gave up: {payload!r}")
        elif kind == HEADERS and stream == 1:
            is_ok = payload[0] == STATUS_200
        elif kind == DATA and stream == 1:
            body += payload
        if stream == 1 and flags & END_STREAM and kind in {DATA, HEADERS}:
            return Answer(is_ok, body)


def _exactly(connection: ssl.SSLSocket, length: int) -> bytes:
    read = b""
    while len(read) < length:
        more = connection.recv(length - len(read))
        if not more:
            raise ConnectionError("The server closed the connection.")
        read += more
    return read


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">IBBI", len(payload), kind, flags, stream)[1:] + payload


def _literal(name: str, value: str) -> bytes:
    """Write a header that no table keeps (RFC 7541 §6.2.2)."""
    return b"\0" + _text(name.encode()) + _text(value.encode())


def _text(text: bytes) -> bytes:
    if len(text) < 127:
        return bytes([len(text)]) + text
    rest, digits = len(text) - 127, bytearray([127])
    while rest >= 128:
        digits.append(rest % 128 + 128)
        rest //= 128
    return bytes(digits) + bytes([rest]) + text
