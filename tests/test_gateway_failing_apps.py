"""The gateway before apps that are down, hang, break off, or answer what cannot be read; and requests that never get that far."""

import itertools
import socket
import threading
import time

import pytest
from gateway_kit import HOST, App, exchange, get, header, parse, rules


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
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 100\r\n\r\nhalf")
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/zip\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        return False

    gateway = serve(upstream=App(script).url)
    answer = exchange(gateway.plain(), b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
    assert b"half" in answer and not answer.endswith(b"0\r\n\r\n")
    assert "app-broke-off" in rules(gateway)


def test_an_answer_that_breaks_off_before_its_head_left_is_a_502(serve):
    def script(connection, _head):
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 100\r\n\r\nhalf")
        return False

    gateway = serve(upstream=App(script).url)
    answer = exchange(gateway.plain(), b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 502 ") and b"half" not in answer
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
