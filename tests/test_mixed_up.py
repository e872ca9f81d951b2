"""Answers and requests that must not get mixed up between clients who share the gateway's connections to the app."""

import socket
import threading
import time

from gateway_kit import App, exchange, get, parse

HOST = b"host: localhost\r\n"
POISON = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison"


def test_the_body_of_an_answer_that_has_none_is_nobodys_answer(serve):
    """Apps that send a body after HEAD or with 304 (CWE-444): the attacker writes it, the next client would read it."""
    for start in (b"HEAD / HTTP/1.1\r\n", b"GET /not-modified HTTP/1.1\r\n"):

        def script(connection, head):
            if head.startswith(start.strip()):
                status = b"200 OK" if start.startswith(b"HEAD") else b"304 Not Modified"
                connection.sendall(b"HTTP/1.1 " + status + b"\r\ncontent-length: %d\r\n\r\n" % len(POISON))
                time.sleep(0.1)
                connection.sendall(POISON)
            else:
                App.ok(connection, head)

        app = App(script)
        requests = start + HOST + b"\r\nGET /next HTTP/1.1\r\n" + HOST + b"connection: close\r\n\r\n"
        answer = exchange(serve(upstream=app.url).plain(), requests)
        assert b"poison" not in answer and answer.endswith(b"ok")


def test_a_request_is_not_swallowed_as_the_rest_of_another_clients_body(serve):
    """An app that answers a large upload late and unread, and reads the rest of it then (CWE-444)."""
    size = 24 << 20
    seen = []

    def script_of(app_socket):
        buffer = b""
        while b"\r\n\r\n" not in buffer:
            buffer += app_socket.recv(1024)
        head, _, rest = buffer.partition(b"\r\n\r\n")
        seen.append(head.split(b" ")[1])
        if head.startswith(b"POST"):
            time.sleep(2.5)
            app_socket.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlate")
            left = size - len(rest)
            while left > 0:
                data = app_socket.recv(1 << 20)
                if not data:
                    return False
                left -= len(data)
        else:
            App.ok(app_socket, head)
        return True

    class Raw(App):
        def _serve(self, connection):
            with connection:
                while script_of(connection):
                    pass

    gateway = serve('[protocol]\nsend_stall = "1s"\nbody = "32MB"\n[upstream]\nkeep_idle = "20s"', upstream=Raw().url)
    upload = b"POST /upload HTTP/1.1\r\n" + HOST + b"content-length: %d\r\n\r\n" % size + b"x" * size
    attacker = threading.Thread(target=exchange, args=(gateway.plain(), upload, 6))
    attacker.start()
    time.sleep(4)
    status, _, body = get(gateway, "/victim", patience=4)
    attacker.join()
    assert (status, body) == (200, b"ok")
    assert seen == [b"/upload", b"/victim"]


def test_one_client_does_not_hold_all_connections_to_the_app(serve):
    """Uploads that trickle in (CWE-400): others are still served, and the same client is told to wait."""
    # Small bodies are judged whole before the app gets any of them; here they are not.
    gateway = serve('[upstream]\nconnections = 4\nconnect = "1s"\n[intrusion]\nmode = "off"', upstream=App().url, listen="workers = 1")
    upload = b"POST / HTTP/1.1\r\n" + HOST + b"content-length: 100\r\n\r\nx"
    slow = [gateway.plain() for _ in range(4)]
    for connection in slow:
        connection.sendall(upload)
    time.sleep(0.5)
    other = socket.create_connection(("127.0.0.1", gateway.http), 10, ("127.0.0.2", 0))
    request = b"GET / HTTP/1.1\r\n" + HOST + b"connection: close\r\n\r\n"
    assert parse(exchange(other, request))[0] == 200
    assert parse(exchange(gateway.plain(), request))[0] == 503
    for connection in slow:
        connection.close()
    time.sleep(0.3)
    assert parse(exchange(gateway.plain(), request))[0] == 200
