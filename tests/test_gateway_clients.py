"""Clients that stall or come in numbers, and what is written down of all of them."""

import time

import pytest
from gateway_kit import HOST, App, exchange, get


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
    part = b'--B\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\nb0dy-SECRET\r\n'
    bodies = {
        b"application/x-www-form-urlencoded": b"user=bob&password=b0dy-SECRET",
        b"application/json": b'{"user": "bob", "login": {"password": ["b0dy-SECRET"]}}',
        b"multipart/form-data; boundary=B": part % (b"password", b"") + part % (b"f", b'; filename="x"') + b"--B--\r\n",
        b"text/plain": b"my password is b0dy-SECRET",
    }
    for kind, body in bodies.items():
        fields = b"sec-fetch-site: same-origin\r\ncontent-type: " + kind + b"\r\n"
        assert get(gateway, "/profile", fields, method=b"POST", body=body)[0] == 500
    assert gateway.records()
    gateway.stop()
    recorded = b"".join(path.read_bytes() for path in (gateway.state / "traffic").iterdir())
    assert recorded.count(b'"text":') == 3 and recorded.count(b"xxxxxxxx") > 6, "what can be masked is recorded, and no more"
    for path in gateway.folder.rglob("*"):
        if path.is_file() and path.name != "gambeson.toml":
            text = path.read_bytes()
            for secret in secrets:
                assert secret.encode() not in text, f"{secret} is in {path}"
