"""Abuse of HTTP/2 by one client: the connection ends soon, memory stays, and everybody else is served meanwhile."""

import itertools
import select
import socket
import ssl
import struct
import threading
import time

import pytest
from gateway_kit import App, get
from hostile.frames import (
    ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS, block, frame, text,
)

PRIORITY, WINDOW_UPDATE, CONTINUATION = 0x2, 0x8, 0x9
GET = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"localhost"), (b":path", b"/slow")]
POST = [(b":method", b"POST"), *GET[1:]]
PATIENCE = 10  # seconds until an abused connection must have ended
GROWTH_KIB_MAX = 24 * 1024
#: The limits of requests would end much of this; here the connection itself must.
POLICY = '[rate_limit]\nmode = "off"\n[protocol]\nsend_stall = "2s"\nbody_grace = "2s"\n'


class Client:
    """An HTTP/2 connection that sends as fast as it can and notes how the gateway takes it."""

    def __init__(self, gateway, settings=b"", reads=True, buffer=None, source="127.0.0.1"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        raw = socket.socket()
        if buffer:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        raw.settimeout(10)
        raw.bind((source, 0))
        raw.connect(("127.0.0.1", gateway.https))
        self.connection = context.wrap_socket(raw, server_hostname="localhost")
        assert self.connection.selected_alpn_protocol() == "h2"
        self.connection.setblocking(False)
        self.reads, self.received, self.frames = reads, b"", []
        self.goaway, self.closed, self.sent = None, False, 0
        self.send(PREFACE + frame(SETTINGS, 0, 0, settings))

    def send(self, data, patience=PATIENCE):
        """Sends all of it unless the connection ends or the time is up; whether it could."""
        view, until = memoryview(data), time.monotonic() + patience
        while view and not self.ended() and time.monotonic() < until:
            try:
                view = view[self.connection.send(view[:16384]) :]
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                select.select([self.connection], [self.connection], [], 0.05)
            except OSError:
                self.closed = True
            self.receive()
        self.sent += len(data) - len(view)
        return not view

    def receive(self):
        """Takes what has come, unless this client does not read."""
        try:
            while self.reads and (data := self.connection.recv(1 << 16)):
                self.received += data
            self.closed = self.closed or self.reads
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except OSError:
            self.closed = True
        while len(self.received) >= 9 and len(self.received) >= 9 + (length := int.from_bytes(self.received[:3], "big")):
            self.note(self.received[3], self.received[4], int.from_bytes(self.received[5:9], "big"), self.received[9 : 9 + length])
            self.received = self.received[9 + length :]

    def note(self, kind, flags, stream, payload):
        self.frames.append((kind, flags, stream, payload if kind != DATA else len(payload)))
        # NO_ERROR only announces the end of an idle connection; it goes on answering.
        if kind == GOAWAY and payload[4:8] != bytes(4):
            self.goaway = int.from_bytes(payload[4:8], "big")

    def ended(self):
        return self.closed or self.goaway is not None

    def wait(self, until, patience=PATIENCE):
        """Receives until something holds; whether it came to hold."""
        end = time.monotonic() + patience
        while not until() and not self.closed and time.monotonic() < end:
            select.select([self.connection], [], [], 0.05)
            self.receive()
        return until()

    def answered(self, stream):
        """Whether an answer to a stream began."""
        return any(kind == HEADERS and at == stream for kind, _, at, _ in self.frames)

    def reset(self, stream):
        return any(kind == RST_STREAM and at == stream for kind, _, at, _ in self.frames)


class Bystander:
    """Somebody else, who asks all the time: the longest wait, and how much memory the gateway took meanwhile."""

    def __init__(self, gateway):
        self.gateway, self.over = gateway, threading.Event()
        self.before, self.most = gateway.rss_kib(), 0
        self.answers, self.longest = [], 0
        self.thread = threading.Thread(target=self.ask, daemon=True)

    def ask(self):
        while len(self.answers) < 3 or not self.over.wait(0.05):
            began = time.monotonic()
            self.answers.append(get(self.gateway, "/", patience=PATIENCE)[0])
            self.longest = max(self.longest, time.monotonic() - began)
            self.most = max(self.most, self.gateway.rss_kib())

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, failed, *_):
        self.over.set()
        self.thread.join(2 * PATIENCE)
        if failed is None:
            assert self.answers and set(self.answers) == {200}, f"others were not served: {self.answers}"
            assert self.longest < 5, f"others waited {self.longest:.1f} s"
            assert self.most - self.before < GROWTH_KIB_MAX, f"{self.most - self.before} KiB more memory"


class Slow(App):
    """Answers `/slow` after a second, `/large` with a gigabyte; `sending` counts those that it is busy with."""

    def __init__(self):
        super().__init__(self.answer)
        self.sending = 0

    def answer(self, connection, head):
        if b"/large" in head:
            return self.large(connection)
        if b"/slow" in head:
            time.sleep(1)
        return App.ok(connection, head)

    def large(self, connection):
        self.sending += 1
        try:
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n" % (1 << 30))
            for _ in range(1 << 10):
                connection.sendall(bytes(1 << 20))
        finally:
            self.sending -= 1
        return False


@pytest.fixture
def app():
    app = Slow()
    yield app
    app.close()


@pytest.fixture
def gateway(serve, app):
    gateway = serve(POLICY, upstream=app.url)
    assert get(gateway)[0] == 200
    return gateway


def headers(stream, fields=GET, flags=END_HEADERS | END_STREAM):
    return frame(HEADERS, flags, stream, block(fields))


def reset(stream):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", 8))


def window(stream, increment):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def streams():
    return itertools.count(1, 2)


def rapid_reset():
    return (headers(stream) + reset(stream) for stream in streams())


def rapid_reset_with_open_bodies():
    return (headers(stream, POST, END_HEADERS) + reset(stream) for stream in streams())


def made_you_reset(fault):
    """Opens streams and makes the gateway reset them, which leaves the app working (CVE-2025-8671)."""
    return lambda: (headers(stream, POST, END_HEADERS) + fault(stream) for stream in streams())


def header_block(piece):
    """A header block that never ends."""

    def attack():
        yield frame(HEADERS, END_STREAM, 1, block(GET))
        while True:
            yield frame(CONTINUATION, 0, 1, piece)

    return attack


def one_value_by_bytes():
    """A field of 2 MB, a byte in each frame."""
    yield frame(HEADERS, END_STREAM, 1, block(GET) + b"\x10" + text(b"x-a") + b"\x7f\x81\xff\x7f")
    while True:
        yield frame(CONTINUATION, 0, 1, b"a")


def on_one_stream(piece):
    def attack():
        yield headers(1, POST, END_HEADERS)
        while True:
            yield piece

    return attack


def repeated(piece):
    return lambda: itertools.repeat(piece)


ATTACKS = {
    "rapid reset": rapid_reset,
    "rapid reset with open bodies": rapid_reset_with_open_bodies,
    "made you reset by an empty window update": made_you_reset(lambda stream: window(stream, 0)),
    "made you reset by a window too large": made_you_reset(lambda stream: window(stream, 0x7FFFFFFF)),
    "made you reset by data after the end": made_you_reset(
        lambda stream: frame(DATA, END_STREAM, stream, b"a") + frame(DATA, 0, stream, b"a")
    ),
    "made you reset by headers after the end": made_you_reset(
        lambda stream: frame(DATA, END_STREAM, stream, b"a") + headers(stream)
    ),
    "made you reset by a stream that depends on itself": made_you_reset(
        lambda stream: frame(PRIORITY, 0, stream, struct.pack(">IB", stream, 1))
    ),
    "continuation": header_block(block([(b"x-a", b"a" * 16_000)])),
    "small continuation": header_block(block([(b"x", b"a")])),
    "one value by bytes": one_value_by_bytes,
    "empty continuation": header_block(b""),
    "settings": repeated(frame(SETTINGS, 0, 0)),
    "settings that change": repeated(
        frame(SETTINGS, 0, 0, struct.pack(">HI", 1, 0)) + frame(SETTINGS, 0, 0, struct.pack(">HI", 1, 65536))
    ),
    "settings acknowledged": repeated(frame(SETTINGS, ACK, 0)),
    "ping": repeated(frame(PING, 0, 0, bytes(8))),
    "ping acknowledged": repeated(frame(PING, ACK, 0, bytes(8))),
    "priority": repeated(frame(PRIORITY, 0, 1, struct.pack(">IB", 3, 1))),
    "unknown frames": repeated(frame(0xEE, 0, 0)),
    "empty data": on_one_stream(frame(DATA, 0, 1)),
    "padding alone": on_one_stream(frame(DATA, 0x8, 1, b"\0")),
    "window by bytes": on_one_stream(window(0, 1)),
}
#: Answers to these pile up when the client does not read them.
ANSWERED = ["settings", "ping", "made you reset by an empty window update"]


def batches(pieces, count=200):
    """The frames of an attack, many in a write: that is how a flood comes."""
    pieces = iter(pieces)
    while batch := b"".join(itertools.islice(pieces, count)):
        yield batch


def flood(client, pieces):
    """Sends until the connection ends or the time is up; the seconds it took."""
    began = time.monotonic()
    for batch in batches(pieces):
        left = began + PATIENCE - time.monotonic()
        if client.ended() or left <= 0 or not client.send(batch, left):
            break
    client.wait(client.ended, max(0, began + PATIENCE - time.monotonic()))
    return time.monotonic() - began


@pytest.mark.parametrize("name", ATTACKS)
def test_a_flood_ends_the_connection(name, gateway):
    with Bystander(gateway) as others:
        client = Client(gateway)
        seconds = flood(client, ATTACKS[name]())
        assert client.ended(), f"still open after {seconds:.1f} s and {client.sent} bytes"
    print(f"{name}: {seconds:.2f} s, {client.sent} bytes, GOAWAY {client.goaway}, {others.most - others.before} KiB, {others.longest:.2f} s")


@pytest.mark.parametrize("name", ANSWERED)
def test_a_flood_whose_answers_nobody_reads_ends(name, gateway):
    with Bystander(gateway):
        client = Client(gateway, reads=False, buffer=4096)
        flood(client, ATTACKS[name]())
        client.reads = True
        assert client.wait(client.ended, 1), "still open"


def test_an_ordinary_client_is_not_taken_for_one(gateway):
    """Five hundred requests, some cancelled, with pings, settings and windows as browsers send them."""
    client = Client(gateway)
    for number, stream in enumerate(itertools.islice(streams(), 500)):
        fields = [*GET[:3], (b":path", b"/%d" % number)]
        assert client.send(headers(stream, fields) + window(0, 65536))
        if number % 10 == 0:
            assert client.send(frame(PING, 0, 0, bytes(8)) + frame(SETTINGS, 0, 0) + reset(stream))
            continue
        assert client.wait(lambda: client.answered(stream)), f"stream {stream} was not answered: {client.frames[-3:]}"
    assert not client.ended()


def test_an_upload_answered_before_its_end_is_taken_all_the_same(serve, app):
    """A client that sends all before it looks for the answer would take the end of the stream for an error (curl 7 does)."""
    client = Client(serve('[protocol]\nbody = "1KiB"\n', upstream=app.url))
    assert client.send(headers(1, [*POST, (b"content-length", b"200000")], END_HEADERS))
    assert client.wait(lambda: client.answered(1)) and client.send(frame(SETTINGS, ACK, 0))
    for last in [0] * 19 + [END_STREAM]:  # 200,000 bytes: less than a client may send unasked
        assert client.send(frame(DATA, last, 1, bytes(10000)))
    assert client.send(frame(PING, 0, 0, bytes(8)))
    assert client.wait(lambda: any(kind == PING and flags & ACK for kind, flags, *_ in client.frames))
    assert not client.reset(1) and not client.ended()


# --- large and many --------------------------------------------------------------------------------------------------


def fields_by_number():
    return block([*GET, *((b"x-%d" % number, b"a" * 100) for number in range(1000))])


def bomb():
    """One field in the table, referred to thousands of times: 8 kB that unfold to 16 MB (RFC 7541 section 7.3)."""
    return block(GET) + b"\x40" + text(b"x-bomb") + text(b"a" * 3900) + b"\xbe" * 4096


def one_huge_value():
    return block([*GET, (b"x-a", b"a" * 100_000)])


@pytest.mark.parametrize("make", [fields_by_number, bomb, one_huge_value])
def test_huge_header_lists_never_reach_the_app(make, gateway, app):
    before = len(app.heads)
    pieces = [make()[at : at + 16_000] for at in range(0, len(make()), 16_000)]
    frames = frame(HEADERS, END_STREAM | (END_HEADERS if len(pieces) == 1 else 0), 1, pieces[0])
    for number, piece in enumerate(pieces[1:], 2):
        frames += frame(CONTINUATION, END_HEADERS if number == len(pieces) else 0, 1, piece)
    with Bystander(gateway):
        client = Client(gateway)
        client.send(frames)
        over = client.wait(lambda: client.ended() or client.answered(1) or client.reset(1))
        assert over, "neither refused nor ended"
    assert not any(b"/slow" in head for head in app.heads[before:]), "it reached the app"


def test_a_thousand_idle_streams_are_bounded_and_end(gateway):
    """What is beyond `http2_streams` is refused at once; bodies that never come end by `body_grace`."""
    with Bystander(gateway):
        client = Client(gateway)
        opened = list(itertools.islice(streams(), 1000))
        client.send(b"".join(headers(stream, POST, END_HEADERS) for stream in opened))
        over = lambda: client.ended() or all(client.answered(stream) or client.reset(stream) for stream in opened)
        assert client.wait(over, 15), "streams are left open"


def test_a_window_that_never_opens_ends_by_the_deadline(gateway):
    """`send_stall` is two seconds here."""
    with Bystander(gateway):
        client = Client(gateway, settings=struct.pack(">HI", 4, 0))
        client.send(headers(1, [*GET[:3], (b":path", b"/large")]))
        assert client.wait(lambda: client.answered(1))
        assert client.wait(lambda: client.ended() or client.reset(1)), "still held"
        assert not any(kind == DATA and payload for kind, _, _, payload in client.frames)


def test_a_client_that_reads_nothing_ends_by_the_deadline(gateway, app):
    """Windows wide open, but the socket is full: many large answers are asked for and none is taken."""
    wide = struct.pack(">HI", 4, 0x7FFFFFFF)
    with Bystander(gateway):
        client = Client(gateway, settings=wide, reads=False, buffer=4096)
        client.send(window(0, 0x7FFFFFFF - 65535))
        for stream in itertools.islice(streams(), 20):
            client.send(headers(stream, [*GET[:3], (b":path", b"/large")]))
        time.sleep(1)
        assert app.sending == 20
        until = time.monotonic() + PATIENCE
        while app.sending and time.monotonic() < until:
            time.sleep(0.1)
        assert not app.sending, "the app still sends to nobody"
