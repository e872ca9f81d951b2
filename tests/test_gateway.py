"""The running gateway: streams, apps that fail, reloads and restarts under load, clients that stall."""

import hashlib
import itertools
import json
import signal
import socket
import threading
import time

import pytest
from gateway_kit import App, children, exchange, get, header, is_alive, parse

HOST = b"host: localhost\r\n"


def rules(gateway):
    """The rules of all findings in the log."""
    return [finding["rule"] for record in gateway.records() for finding in record["findings"]]


# --- ordinary traffic ------------------------------------------------------------------------------------------------


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


# --- apps that fail -------------------------------------------------------------------------------------------------


def test_an_app_that_is_down_is_a_502_with_a_reference_and_a_record(serve):
    gateway = serve(upstream="http://127.0.0.1:1")
    status, head, body = get(gateway, "/", b"accept: text/html\r\n")
    assert status == 502
    reference = header(head, b"x-gambeson-ref")
    assert reference in body
    record = next(record for record in gateway.records() if record["id"] == reference.decode())
    assert record["findings"][0]["rule"] == "app-unreachable"


def failing(how):
    def script(connection, _head):
        if how == "crash":
            return False
        if how == "garbage":
            connection.sendall(b"this is not HTTP\r\n\r\n")
        if how == "half a head":
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-")
        if how == "two lengths":
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nhii")
        if how == "split":
            connection.sendall(b"HTTP/1.1 200 OK\r\nx-a: b\nset-cookie: evil=1\r\ncontent-length: 0\r\n\r\n")
        if how == "hang":
            time.sleep(8)
        return False

    return script


@pytest.mark.parametrize(
    ("how", "status", "rule"),
    [
        ("crash", 502, "app-no-answer"),
        ("garbage", 502, "app-malformed"),
        ("half a head", 502, "app-broke-off"),
        ("two lengths", 502, "app-malformed"),
        ("split", 502, "app-malformed"),
        ("hang", 504, "app-timeout"),
    ],
)
def test_an_app_that_fails_is_a_clear_error_and_the_gateway_lives(serve, how, status, rule):
    gateway = serve('[upstream]\nresponse = "1s"\n', upstream=App(failing(how)).url)
    assert get(gateway, "/")[0] == status
    assert rule in rules(gateway)
    assert get(gateway, "/")[0] == status


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_an_answer_that_breaks_off_is_not_passed_for_whole(serve, framing):
    def script(connection, _head):
        if framing == "length":
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/zip\r\ncontent-length: 100\r\n\r\nhalf")
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/zip\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        return False

    gateway = serve(upstream=App(script).url)
    answer = exchange(gateway.plain(), b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
    assert b"half" in answer and not answer.endswith(b"0\r\n\r\n")
    assert "app-broke-off" in rules(gateway)


def test_a_kept_connection_that_the_app_closed_is_replaced_for_a_get(serve):
    app = App(lambda connection, head: App.ok(connection, head) and False)
    served = itertools.count()

    def once(connection, head):
        App.ok(connection, head)
        next(served)
        return False  # closes although it said nothing of closing

    gateway = serve(upstream=App(once).url)
    connection = gateway.plain()
    connection.settimeout(10)
    for _ in range(5):
        connection.sendall(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
        assert b"200 OK" in connection.recv(4096)
    app.close()


def test_what_is_no_request_is_refused_in_the_same_headers_as_all_else(serve):
    gateway = serve()
    for raw in [b"GET / HTTP/1.1\nhost: localhost\n\n", b"GET /%00 HTTP/1.1\r\n" + HOST + b"\r\n"]:
        status, head, _ = parse(exchange(gateway.plain(), raw, 5))
        assert status == 400
        for name in [b"cross-origin-resource-policy", b"permissions-policy", b"x-content-type-options", b"x-gambeson-ref"]:
            assert header(head, name), (raw, name)


def test_behind_a_proxy_the_record_of_a_malformed_request_names_its_client(serve):
    gateway = serve(listen='trusted_proxies = ["127.0.0.1"]')
    assert get(gateway, "/%00", b"x-forwarded-for: 203.0.113.9\r\n")[0] == 400
    assert [record["client"] for record in gateway.records()] == ["203.0.113.9"]


def test_a_body_over_the_limit_is_a_413_that_arrives(serve):
    app = App()
    gateway = serve('[protocol]\nbody = "1KiB"\n', upstream=app.url)
    head = b"POST / HTTP/1.1\r\n" + HOST + b"content-length: 1000000\r\n\r\n"
    status, answer, _ = parse(exchange(gateway.plain(), head + bytes(1000000)))
    assert status == 413 and header(answer, b"connection") == b"close"
    chunked = b"POST / HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\n" + b"800\r\n" + bytes(2048) + b"\r\n0\r\n\r\n"
    assert parse(exchange(gateway.plain(), chunked))[0] == 413


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_that_is_only_reported_as_too_large_passes_and_is_written_down(serve, framing):
    app = App()
    gateway = serve('[[route]]\npath = "/up"\nbody = "1KiB"\nreport = ["protocol"]\n', upstream=app.url)
    body = (b"content-length: 2048\r\n\r\n" + bytes(2048)) if framing == "length" else (
        b"transfer-encoding: chunked\r\n\r\n" + b"400\r\n" + bytes(1024) + b"\r\n400\r\n" + bytes(1024) + b"\r\n0\r\n\r\n"
    )
    connection = gateway.plain()
    connection.settimeout(10)
    connection.sendall(b"POST /up HTTP/1.1\r\n" + HOST + body)
    assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
    (record,) = gateway.records()
    (finding,) = record["findings"]
    assert (finding["rule"], finding["mode"], record["status"]) == ("body-too-large", "report", 200)
    assert finding["value"] == ("2048 bytes" if framing == "length" else "more than 1024 bytes")


def test_a_large_upload_is_taken_to_its_end_when_the_app_has_answered_already(serve):
    listener, kept = socket.create_server(("127.0.0.1", 0)), []

    def early():
        while True:
            connection, _ = listener.accept()
            if connection.recv(65536):
                connection.sendall(b"HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                kept.append(connection)  # closed now, it might be reset before its answer is read

    threading.Thread(target=early, daemon=True).start()
    connection = serve("", upstream=f"http://127.0.0.1:{listener.getsockname()[1]}").tls()
    connection.settimeout(20)
    # Many clients send all before they look for an answer.
    connection.sendall(b"POST /upload HTTP/1.1\r\n" + HOST + b"content-length: 30000000\r\n\r\n")
    for _ in range(300):
        connection.sendall(b"x" * 100_000)
    assert connection.recv(4096).startswith(b"HTTP/1.1 302 Found")


# --- reload, restart ---------------------------------------------------------------------------------------------------


class Load:
    """Requests without pause from a few threads, on kept connections and on new ones; counts what failed."""

    def __init__(self, gateway, threads=4):
        self.gateway, self.done, self.failed, self.going = gateway, 0, [], True
        self.threads = [threading.Thread(target=self.work, args=(i % 2 == 0,), daemon=True) for i in range(threads)]
        for thread in self.threads:
            thread.start()

    def work(self, keep):
        connection = None
        while self.going:
            try:
                connection = connection or self.gateway.plain()
                connection.settimeout(15)
                connection.sendall(b"GET / HTTP/1.1\r\n" + HOST + (b"" if keep else b"connection: close\r\n") + b"\r\n")
                answer = b""
                while not answer.endswith(b"ok"):
                    data = connection.recv(4096)
                    if not data:
                        raise ConnectionError(f"closed after {answer!r}")
                    answer += data
                if not answer.startswith(b"HTTP/1.1 200"):
                    raise ConnectionError(answer[:200])
                self.done += 1
                if b"connection: close" in answer:
                    connection.close()
                    connection = None
            except OSError as error:
                self.failed.append(repr(error))
                connection = None

    def stop(self):
        self.going = False
        for thread in self.threads:
            thread.join(20)
        return self


def test_a_hundred_reloads_under_load_fail_no_request(serve):
    gateway = serve(WIDE, upstream=App().url)
    load = Load(gateway)
    for i in range(100):
        gateway.write_policy(WIDE + f"# change {i}\n")
        result = gateway.run("reload")
        assert result.returncode == 0, result.stderr
    load.stop()
    assert load.failed == [] and load.done > 100


WIDE = '[rate_limit]\nlimits = []\ndynamic = []\n'


def test_a_bad_policy_keeps_the_old_one_and_says_so(serve):
    app = App()
    gateway = serve("", upstream=app.url)
    gateway.write_policy('[csrf]\nmode = "of"\n')
    result = gateway.run("reload")
    assert result.returncode == 1 and "did you mean `off`?" in result.stderr and "gambeson.toml" in result.stderr
    assert get(gateway, "/")[0] == 200
    gateway.process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert get(gateway, "/")[0] == 200
    assert "the old policy stays in force" in gateway.stderr()


def test_a_reload_names_what_waits_for_a_restart(serve):
    gateway = serve(listen="workers = 1")
    gateway.write_policy('[audit_log]\nfile = "64KiB"\n')
    assert gateway.run("reload").stdout == "the policy is in force\n"
    gateway.head = gateway.head.replace("workers = 1", "workers = 2")
    gateway.write_policy("")
    for _ in range(2):
        done = gateway.run("reload")
        assert (done.returncode, done.stdout) == (0, "the policy is in force, but for what waits for a restart: listen.workers\n")
    assert json.loads(gateway.run("reload", "--json").stdout) == {"reloaded": True, "waits_for_restart": ["listen.workers"]}


def test_a_reload_puts_the_new_policy_in_force(serve):
    app = App()
    gateway = serve("", upstream=app.url)
    assert get(gateway, "/", host="other.example")[0] != 200
    gateway.head = gateway.head.replace("[app]\n", '[app]\nhosts = ["localhost", "other.example"]\n')
    gateway.write_policy("")
    assert gateway.run("reload").returncode == 0
    assert get(gateway, "/", host="other.example")[0] == 200


def test_twenty_restarts_under_load_fail_no_request(serve):
    from gateway_kit import Gateway

    gateway = serve(WIDE, upstream=App().url, listen='drain = "5s"')
    load = Load(gateway)
    current = gateway
    for _ in range(20):
        following = Gateway.__new__(Gateway)
        following.__dict__.update(current.__dict__)
        following.arguments = ["--take-over"]
        following.start()
        assert current.process.wait(30) == 0
        current = following
    load.stop()
    assert load.failed == [] and load.done > 100
    assert current.run("log", "verify").returncode == 0
    current.stop()


def test_a_stop_lets_the_open_exchange_end(serve):
    begun = threading.Event()

    def slow(connection, head):
        begun.set()
        time.sleep(1.5)
        App.ok(connection, head)

    gateway = serve("", upstream=App(slow).url)
    connection = gateway.plain()
    connection.sendall(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
    assert begun.wait(10)
    gateway.process.send_signal(signal.SIGTERM)
    answer = exchange(connection, b"")
    assert b"200 OK" in answer and b"connection: close" in answer
    assert gateway.process.wait(10) == 0


# --- the app as a child ------------------------------------------------------------------------------------------------

CHILD = """
import os, socket, sys
path = sys.argv[1]
server = socket.socket(socket.AF_UNIX); server.bind(path); server.listen(8)
while True:
    connection, _ = server.accept()
    data = connection.recv(65536)
    if b"GET /die" in data: os._exit(3)
    if not data: continue
    body = b"%d" % os.getpid()
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nconnection: close\\r\\ncontent-length: %d\\r\\n\\r\\n" % len(body) + body)
    connection.close()
"""


def test_an_app_that_we_run_is_started_again_and_ends_with_us(serve, tmp_path):
    script = tmp_path / "app.py"
    script.write_text(CHILD)
    gateway = serve("", command=["python3", str(script), "{socket}"])
    first = int(get(gateway, "/")[2])
    assert first in children(gateway.process.pid)
    assert get(gateway, "/die")[0] == 502
    deadline = time.monotonic() + 10
    second = 0
    while time.monotonic() < deadline and not second:
        status, _, body = get(gateway, "/")
        second = int(body) if status == 200 else 0
        time.sleep(0.05)
    assert second and second != first
    gateway.stop()
    assert not is_alive(second)


def test_an_app_that_does_not_start_is_said_at_once(gambeson, tmp_path):
    from gateway_kit import Gateway

    gateway = Gateway(gambeson, tmp_path / "g", command=["python3", "-c", "raise SystemExit('no module named app')"])
    with pytest.raises(RuntimeError, match="ended before it answered"):
        gateway.start()


def test_an_app_that_ends_again_and_again_ends_the_run(serve, tmp_path):
    script = tmp_path / "app.py"
    # As a server does that opens its socket before it loads a broken app.
    script.write_text("import socket, sys, time\ns = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()\ntime.sleep(.3)\nsys.exit(3)\n")
    gateway = serve("", command=["python3", str(script), "{socket}"])
    assert gateway.process.wait(30) == 2
    assert f"`python3 {script} {{socket}}` ended 4 times in a row" in gateway.stderr()


def test_no_app_is_started_where_a_gateway_runs(serve, gambeson, tmp_path):
    from gateway_kit import Gateway

    first = serve("", upstream=App().url)
    mark = tmp_path / "started"
    second = Gateway(gambeson, tmp_path / "second", command=["touch", str(mark)])
    second.head = second.head.replace(f'https = "127.0.0.1:{second.https}"', f'https = "127.0.0.1:{first.https}"')
    second.write_policy("")
    with pytest.raises(RuntimeError, match="another program listens there"):
        second.start()
    second.state = first.state
    second.policy_file.write_text("[listen]\nhttps = \"127.0.0.1:0\"\nhttp = \"\"\nadmin = \"\"\n")
    with pytest.raises(RuntimeError, match="is in use"):
        second.start()
    assert not mark.exists()


def test_a_program_that_is_not_there_is_named(gambeson, tmp_path):
    from gateway_kit import Gateway

    with pytest.raises(RuntimeError, match="there is no program `gunicorn-of-nobody`"):
        Gateway(gambeson, tmp_path / "g", command=["gunicorn-of-nobody", "app:app"]).start()


def test_csp_learn_visits_the_app_that_runs_on_a_private_socket(serve, tmp_path):
    script = tmp_path / "app.py"
    script.write_text(CHILD.replace('b"%d" % os.getpid()', 'b"<script>start()</script>"').replace("content-length", "content-type: text/html\\r\\ncontent-length"))
    gateway = serve("", command=["python3", str(script), "{socket}"])
    learned = gateway.run("csp", "learn")
    assert learned.returncode == 0 and "script_hashes" in learned.stdout, learned.stderr


def test_an_app_that_is_not_there_yet_is_said_at_the_start(serve):
    app = App()
    assert "does not answer" not in serve("", upstream=app.url).stderr()
    gateway = serve("")
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and "does not answer" not in gateway.stderr():
        time.sleep(0.05)
    assert "the app does not answer at http://127.0.0.1:9 yet" in gateway.stderr()


# --- clients that stall ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "trickle"),
    [
        (b"", b""),
        (b"GET / HTTP/1.1\r\n" + HOST + b"x-a: ", b"a"),
        (b"POST / HTTP/1.1\r\n" + HOST + b"content-length: 100000\r\n\r\n", b"a"),
        (b"POST / HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\nff\r\n", b"a"),
    ],
    ids=["idle", "head", "body", "chunk"],
)
def test_slow_clients_are_ended(serve, first, trickle):
    connection = serve("", upstream=App().url).plain()
    connection.settimeout(1)
    connection.sendall(first)
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            if connection.recv(4096) == b"":
                return
        except TimeoutError:
            pass
        except OSError:
            return
        try:
            connection.sendall(trickle)
        except OSError:
            return
    pytest.fail("a slow client was kept for 15 s")


def test_connections_of_one_address_are_bounded(serve):
    gateway = serve("", upstream=App().url, listen="connections_per_address = 8")
    held = [gateway.plain() for _ in range(8)]
    time.sleep(0.2)
    extra = gateway.plain()
    assert exchange(extra, b"GET / HTTP/1.1\r\n" + HOST + b"\r\n", 5) == b""
    for connection in held:
        connection.close()
    time.sleep(0.5)
    assert get(gateway, "/")[0] == 200


# --- what is written down -----------------------------------------------------------------------------------------------


def test_no_planted_secret_is_in_any_log(serve):
    secrets = ["hunter2-PASSWORD", "tok3n-IN-QUERY", "c00kie-VALUE", "bearer-SECRET", "b0dy-SECRET", "r3set-a8Fh29dkQzLw02mXpR7t"]

    def leaky(connection, head):
        body = b"Traceback (most recent call last):\n  File \"/srv/app.py\", line 3, in <module>\npassword='hunter2-PASSWORD' token=tok3n-IN-QUERY\nKeyError: 1\n"
        connection.sendall(b"HTTP/1.1 500 X\r\ncontent-type: text/plain\r\nset-cookie: session=c00kie-VALUE\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

    gateway = serve('[audit_log]\nrecord = "all"\n[record]\nrequests = "all"\nbodies = true\n', upstream=App(leaky).url)
    for path in ("/login?password=hunter2-PASSWORD&token=tok3n-IN-QUERY", "/reset/r3set-a8Fh29dkQzLw02mXpR7t"):
        get(
            gateway,
            path,
            b"cookie: session=c00kie-VALUE\r\nauthorization: Bearer bearer-SECRET\r\norigin: https://evil.example\r\nsec-fetch-site: cross-site\r\n",
            method=b"POST",
            body=b"password=b0dy-SECRET",
        )
        get(gateway, path, b"cookie: session=c00kie-VALUE\r\nx_token: bearer-SECRET\r\nauthorization: Bearer bearer-SECRET\r\n")
    assert gateway.records()
    gateway.stop()
    assert b"xxxxxxxx" in b"".join(path.read_bytes() for path in (gateway.state / "traffic").iterdir())
    for path in gateway.folder.rglob("*"):
        if path.is_file() and path.name != "gambeson.toml":
            text = path.read_bytes()
            for secret in secrets:
                assert secret.encode() not in text, f"{secret} is in {path}"


def test_a_chunked_page_that_is_looked_through_arrives_whole(serve):
    def chunked(connection, _head):
        page = b"<!doctype html><p>x"
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(page), page))

    # What could become markup has the page held before it is passed on.
    request = b"GET /?q=a%3D%27b%27 HTTP/1.1\r\n" + HOST + b"connection: close\r\n\r\n"
    answer = exchange(serve(upstream=App(chunked).url).plain(), request, patience=5)
    assert parse(answer)[2] == b"<!doctype html><p>x"
    assert answer.endswith(b"0\r\n\r\n"), "a body without its end is no whole body"
