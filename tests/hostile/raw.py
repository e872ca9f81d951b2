"""Speak raw bytes to a gateway."""

import socket

#: Hundreds of refused requests from one address are these tests' purpose, and what values do is not.
POLICY = """
[rate_limit]
mode = "off"
[intrusion]
mode = "off"
"""


class Answer:
    """What came back on a connection: the status of every answer, and whether the gateway closed."""

    def __init__(self, raw, closed):
        self.raw, self.closed = raw, closed
        self.statuses = list(read_statuses(raw))

    def __repr__(self):
        return f"Answer({self.statuses}, closed={self.closed}, {self.raw[:200]!r})"


def read_statuses(raw):
    """The statuses of the answers in `raw`, framed by Content-Length as ours are, or chunked."""
    while raw.startswith(b"HTTP/1.1 "):
        head, _, rest = raw.partition(b"\r\n\r\n")
        yield int(head[9:12])
        fields = [line.partition(b":")[::2] for line in head.lower().split(b"\r\n")[1:]]
        lengths = [int(value) for name, value in fields if name == b"content-length"]
        if (b"transfer-encoding", b" chunked") in fields:
            rest = rest.partition(b"0\r\n\r\n")[2]
        raw = rest[sum(lengths):]


def send(port, data, *, pieces=1, answers=1):
    """Sends `data` on a connection of its own, cut into `pieces`; reads until the gateway closes or `answers` have come.

    When the gateway waits for more, it is told after a while that there is none.
    """
    raw = b""
    with socket.create_connection(("127.0.0.1", port), 5) as conn:
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            size = max(1, -(-len(data) // pieces))
            for at in range(0, len(data), size):
                conn.sendall(data[at:at + size])
            for patience, last_word in ((1.0, True), (15.0, False)):
                conn.settimeout(patience)
                try:
                    while piece := conn.recv(65536):
                        raw += piece
                        if b"connection: close" not in raw and len(list(read_statuses(raw))) >= answers:
                            return Answer(raw, closed=False)
                    return Answer(raw, closed=True)
                except TimeoutError:
                    if last_word:
                        conn.shutdown(socket.SHUT_WR)
            return Answer(raw, closed=False)
        except OSError:  # A reset: the gateway was done with us.
            return Answer(raw, closed=True)
