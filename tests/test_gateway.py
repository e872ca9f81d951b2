"""The running gateway: ordinary requests, bodies, streams and WebSockets."""

import hashlib
import itertools
import socket
import threading
import time

import pytest
from gateway_kit import HOST, App, exchange, get, header, parse, rules


def test_a_request_reaches_the_app_as_it_was_decided(serve):
    app = App()
    gateway = serve(upstream=app.url)
    status, _, body = get(
        gateway,
        "/a%7eb/?q=O'Brien%20UNION%20SELECT",
        b"x-forwarded-for: 9.9.9.9\r\nforwarded: for=9.9.9.9\r\nx-real-ip: 9.9.9.9\r\nproxy-authorization: x\r\nconnection: x-gone\r\nx-gone: 1\r\n",
    )
    assert (status, body) == (200, b"ok")
    head = app.heads[0]
    assert head.startswith(b"GET /a~b/?q=O'Brien%20UNION%20SELECT HTTP/1.1\r\n")
    assert header(head, b"x-forwarded-for") == b"127.0.0.1"
    assert header(head, b"x-forwarded-proto") == b"http"
    for gone in (b"forwarded", b"x-real-ip", b"proxy-authorization", b"x-gone", b"connection", b"transfer-encoding"):
        assert header(head, gone) is None, gone


def test_the_app_never_takes_a_stranger_for_loopback(serve):
    app = App()
    get(serve(upstream=app.url), "/")
    assert set(app.peers) == {"127.71.77.66"}, "neither with a request nor to ask whether it is there"


def test_pipelined_requests_are_answered_in_order(serve):
    counter = itertools.count()
    app = App(lambda connection, head: App.ok(connection, head, b"%d" % next(counter)))
    one = b"GET /%d HTTP/1.1\r\n" + HOST
    requests = one % 1 + b"\r\n" + one % 2 + b"\r\n" + one % 3 + b"connection: close\r\n\r\n"
    answer = exchange(serve(upstream=app.url).plain(), requests)
    assert [part[-1:] for part in answer.split(b"HTTP/1.1 200 OK")[1:]] == [b"0", b"1", b"2"]


def test_http_1_0_clients_get_bodies_that_end_with_the_connection(serve):
    def chunked(connection, _head):
        connection.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")

    answer = exchange(serve(upstream=App(chunked).url).plain(), b"GET / HTTP/1.0\r\n" + HOST + b"\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert body == b"hi"
    assert header(head, b"transfer-encoding") is None


def test_head_is_answered_without_a_body_but_with_its_length(serve):
    def head_only(connection, _head):
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 12345\r\n\r\n")

    status, head, body = get(serve(upstream=App(head_only).url), "/", method=b"HEAD")
    assert (status, body, header(head, b"content-length")) == (200, b"", b"12345")


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_fifty_megabytes_pass_in_both_directions_without_being_held(serve, framing):
    size = 50 << 20
    seen = hashlib.sha256()

    def swallow(connection, buffer):
        """Reads to the body's very end: what is left unread when it closes would reset the connection, answer and all."""
        _, _, rest = buffer.partition(b"\r\n\r\n")
        if framing == "length":
            count = len(rest)
            seen.update(rest)
            while count < size:
                rest = connection.recv(1 << 20)
                assert rest, "the body broke off"
                count += len(rest)
                seen.update(rest)
            return
        while True:
            line, mark, after = rest.partition(b"\r\n")
            length = int(line, 16) if mark else 0
            if mark and len(after) >= length + 2:
                seen.update(after[:length])
                rest = after[length + 2 :]
                if length == 0:
                    return
                continue
            more = connection.recv(1 << 20)
            assert more, "the body broke off"
            rest += more

    listener = socket.create_server(("127.0.0.1", 0))

    def app():
        buffer = b""
        while not buffer:  # a connection without a request asks whether the app is there
            connection, _ = listener.accept()
            buffer = connection.recv(65536)
        while b"\r\n\r\n" not in buffer:
            buffer += connection.recv(65536)
        swallow(connection, buffer)
        connection.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % size)
        block = bytes(1 << 20)
        for _ in range(size >> 20):
            connection.sendall(block)
        connection.close()

    threading.Thread(target=app, daemon=True).start()
    gateway = serve('[protocol]\nbody = "64MiB"\n', upstream=f"http://127.0.0.1:{listener.getsockname()[1]}")
    before = gateway.rss_kib()
    block = bytes(range(256)) * 256
    sent = hashlib.sha256()
    connection = gateway.plain()
    connection.settimeout(60)
    framed = b"content-length: %d\r\n" % size if framing == "length" else b"transfer-encoding: chunked\r\n"
    connection.sendall(b"POST /upload HTTP/1.1\r\n" + HOST + framed + b"connection: close\r\n\r\n")
    for _ in range(size // len(block)):
        sent.update(block)
        connection.sendall(block if framing == "length" else b"%x\r\n" % len(block) + block + b"\r\n")
    if framing == "chunked":
        connection.sendall(b"0\r\n\r\n")
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(1 << 16)
    count = len(received.partition(b"\r\n\r\n")[2])
    while data := connection.recv(1 << 20):
        count += len(data)
    assert received.startswith(b"HTTP/1.1 200")
    assert count == size
    assert seen.digest() == sent.digest()
    assert gateway.rss_kib() - before < 24 * 1024, "the body was held"


def test_expect_continue_is_answered_by_us_and_never_reaches_the_app(serve):
    app = App()
    connection = serve(upstream=app.url).plain()
    connection.settimeout(10)
    connection.sendall(b"POST / HTTP/1.1\r\n" + HOST + b"content-length: 2\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n")
    assert connection.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
    status, _, body = parse(exchange(connection, b"hi"))
    assert (status, body) == (200, b"ok")
    assert header(app.heads[0], b"expect") is None


def test_server_sent_events_arrive_one_by_one(serve):
    more = threading.Event()

    def events(connection, _head):
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: one\n\n")
        assert more.wait(10)
        connection.sendall(b"data: two\n\n")
        return False

    connection = serve(upstream=App(events).url).plain()
    connection.settimeout(10)
    connection.sendall(b"GET /events HTTP/1.1\r\n" + HOST + b"\r\n")
    seen = b""
    while b"data: one" not in seen:
        seen += connection.recv(4096)
    assert b"data: two" not in seen
    more.set()
    while b"data: two" not in seen:
        seen += connection.recv(4096)


def websocket(connection, head):
    """Agrees to every upgrade, then echoes bytes."""
    if header(head, b"upgrade") != b"websocket":
        return App.ok(connection, head)
    connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: x\r\n\r\n")
    while data := connection.recv(4096):
        connection.sendall(data)
    return False


UPGRADE = b"GET /ws HTTP/1.1\r\n" + HOST + b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


def test_a_websocket_of_our_own_page_is_opened_and_carried(serve):
    gateway = serve(upstream=App(websocket).url)
    connection = gateway.plain()
    connection.settimeout(10)
    connection.sendall(UPGRADE + b"origin: http://localhost\r\n\r\n")
    answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 101 ") and header(answer, b"upgrade") == b"websocket"
    connection.sendall(b"\x81\x05hello")
    assert connection.recv(4096) == b"\x81\x05hello"


def test_a_websocket_of_a_foreign_page_is_refused_and_with_csrf_off_it_is_not(serve):
    foreign = UPGRADE + b"origin: https://evil.example\r\n\r\n"
    app = App(websocket)
    gateway = serve(upstream=app.url)
    status, head, _ = parse(exchange(gateway.plain(), foreign, 5))
    assert status == 403 and not app.heads
    assert header(head, b"x-gambeson-ref")
    off = serve('[csrf]\nmode = "off"\n', upstream=app.url)
    connection = off.plain()
    connection.settimeout(5)
    connection.sendall(foreign)
    assert connection.recv(4096).startswith(b"HTTP/1.1 101 ")


def test_an_open_websocket_holds_its_place_among_the_connections_to_the_app(serve):
    few = '[upstream]\nconnections = 2\nconnect = "500ms"\n'  # one client gets half of them: one
    gateway = serve(few, upstream=App(websocket).url, listen="workers = 1")
    connection = gateway.plain()
    connection.settimeout(10)
    connection.sendall(UPGRADE + b"origin: http://localhost\r\n\r\n")
    assert connection.recv(4096).startswith(b"HTTP/1.1 101 ")
    assert get(gateway)[0] == 503
    assert rules(gateway) == ["app-busy"]
    connection.close()
    deadline = time.monotonic() + 10
    while (status := get(gateway)[0]) == 503 and time.monotonic() < deadline:
        pass
    assert status == 200


def test_upgrades_to_anything_but_websocket_are_plain_requests(serve):
    app = App()
    request = b"GET / HTTP/1.1\r\n" + HOST + b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n"
    status, _, _ = parse(exchange(serve(upstream=app.url).plain(), request, 2))
    assert status != 101
    assert all(header(head, b"upgrade") is None for head in app.heads)


def test_an_app_is_left_alone_when_its_client_is_gone(serve):
    """A page that is closed must not keep a worker busy with events that nobody reads."""
    left = threading.Event()

    def events(connection, _head):
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: one\n\n")
        connection.settimeout(10)
        if connection.recv(1) == b"":
            left.set()
        return False

    connection = serve(upstream=App(events).url).plain()
    connection.settimeout(10)
    connection.sendall(b"GET /events HTTP/1.1\r\n" + HOST + b"\r\n")
    assert b"200 OK" in connection.recv(4096)
    connection.close()
    assert left.wait(10), "the app was still waited for"


@pytest.mark.parametrize("rest", [b"content-length: 0\r\n\r\n", b"content-length: 9\r\n\r\nx"])
def test_who_hangs_up_leaves_a_trace(serve, rest):
    app = App(lambda *_: time.sleep(2))
    gateway = serve('[csrf]\nmode = "report"\n', upstream=app.url)
    connection = gateway.plain()
    connection.sendall(b"POST /pay HTTP/1.1\r\n" + HOST + b"sec-fetch-site: cross-site\r\n" + rest)
    time.sleep(0.5)
    connection.close()
    time.sleep(0.5)
    assert [(record["path"], record["status"]) for record in gateway.records()] == [("/pay", 499)]
    assert rules(gateway) == ["cross-site"]


def test_an_answer_that_switches_protocols_unasked_is_not_believed(serve):
    def switch(connection, _head):
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\nGET /smuggled")
        return False

    app = App(switch)
    gateway = serve(upstream=app.url)
    assert get(gateway, "/")[0] == 502
    with_body = UPGRADE.replace(b"GET", b"POST") + b"origin: http://localhost\r\ncontent-length: 3\r\n\r\nabc"
    assert parse(exchange(gateway.plain(), with_body, 3))[0] in (400, 405)


def test_a_chunked_page_that_is_looked_through_arrives_whole(serve):
    def chunked(connection, _head):
        page = b"<!doctype html><p>x"
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(page), page))

    # What could become markup has the page held before it is passed on.
    request = b"GET /?q=a%3D%27b%27 HTTP/1.1\r\n" + HOST + b"connection: close\r\n\r\n"
    answer = exchange(serve(upstream=App(chunked).url).plain(), request, patience=5)
    assert parse(answer)[2] == b"<!doctype html><p>x"
    assert answer.endswith(b"0\r\n\r\n"), "a body without its end is no whole body"
