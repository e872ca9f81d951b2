"""Just enough HTTP/2 to send what no client library would: frames and header blocks written by hand."""

import socket
import ssl

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0x0, 0x1, 0x3, 0x4, 0x6, 0x7
END_STREAM, ACK, END_HEADERS = 0x1, 0x1, 0x4


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def text(value):
    """A string of HPACK without Huffman coding (RFC 7541 5.2)."""
    length = len(value)
    if length < 127:
        return bytes([length]) + value
    rest, out = length - 127, b"\x7f"
    while rest >= 128:
        out += bytes([rest % 128 + 128])
        rest //= 128
    return out + bytes([rest]) + value


def block(fields):
    """A header block of literals that are never indexed: any bytes as name and value."""
    return b"".join(b"\x10" + text(name) + text(value) for name, value in fields)


def request(fields, body=None, trailers=None, stream=1):
    """The frames of one request."""
    ends = END_STREAM if body is None and trailers is None else 0
    out = frame(HEADERS, END_HEADERS | ends, stream, block(fields))
    if body is not None:
        out += frame(DATA, 0 if trailers is not None else END_STREAM, stream, body)
    if trailers is not None:
        out += frame(HEADERS, END_HEADERS | END_STREAM, stream, block(trailers))
    return out


def send(port, frames, stream=1):
    """Sends frames on a connection of its own; how the stream ended: a status (200, else 0), "reset", "goaway" or "closed"."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with socket.create_connection(("127.0.0.1", port), 10) as plain, context.wrap_socket(plain, server_hostname="localhost") as conn:
        assert conn.selected_alpn_protocol() == "h2"
        try:
            conn.sendall(PREFACE + frame(SETTINGS, 0, 0) + frames)
            for kind, flags, at, payload in read_frames(conn):
                if kind == SETTINGS and not flags & ACK:
                    conn.sendall(frame(SETTINGS, ACK, 0))
                elif kind == HEADERS and at == stream:
                    # An update of the table's size may come first; 0x88 is `:status: 200` in the static table.
                    return 200 if payload.lstrip(bytes(range(0x20, 0x40)))[:1] == b"\x88" else 0
                elif kind == RST_STREAM and at == stream:
                    return "reset"
                elif kind == GOAWAY and payload[4:8] != bytes(4):
                    return "goaway"
        except (OSError, ssl.SSLError):
            pass
        return "closed"


def read_frames(conn):
    buf = b""
    while piece := conn.recv(65536):
        buf += piece
        while len(buf) >= 9 and len(buf) >= 9 + (length := int.from_bytes(buf[:3], "big")):
            yield buf[3], buf[4], int.from_bytes(buf[5:9], "big") & 0x7FFFFFFF, buf[9:9 + length]
            buf = buf[9 + length:]
