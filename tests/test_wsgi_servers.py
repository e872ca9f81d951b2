"""Real servers in front of a guarded app: what the wire brings reaches the guard, and its answers reach the wire."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from http.client import HTTPResponse
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

POLICY = """
[listen]
trusted_proxies = ["10.0.0.1"]
[rate_limit]
mode = "off"
[transport]
mode = "off"
[[route]]
path = "/upload"
body = 100_000
"""

APP = '''
import os, time, gambeson

def app(env, start_response):
    path = env["PATH_INFO"]
    plain = [("Content-Type", "text/plain")]
    if path == "/crash":
        raise RuntimeError("planted-secret")
    if path == "/upload":
        start_response("200 OK", plain)
        return [str(len(env["wsgi.input"].read())).encode()]
    if path == "/stream":
        start_response("200 OK", plain)
        return slow()
    if path == "/file":
        start_response("200 OK", plain)
        file = open(__file__, "rb")
        wrapper = env.get("wsgi.file_wrapper")
        return wrapper(file) if wrapper else iter([file.read()])
    start_response("200 OK", plain)
    keys = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "HTTP_HOST", "HTTP_X_FORWARDED_FOR", "REMOTE_ADDR", "HTTP_X_A", "HTTP_TE")
    return ["".join(f"{key}={env.get(key)}\\n" for key in keys).encode()]

def slow():
    for number in range(3):
        yield b"%d\\n" % number
        time.sleep(0.5)

guarded = gambeson.wsgi(app, policy=os.path.join(os.path.dirname(__file__), "gambeson.toml"))
'''


@contextlib.contextmanager
def gunicorn(folder, *options):
    command = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", *options, "site_app:guarded"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path]), "PYTHONWARNINGS": "ignore"}
    process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
    told = []
    try:
        for line in process.stderr:
            told.append(line)
            if found := re.search(r"Listening at: http://127.0.0.1:(\d+)", line):
                break
        else:
            pytest.fail("".join(told))
        # Somebody must read on, or the server stops at a full pipe.
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield int(found[1])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@contextlib.contextmanager
def in_thread(serve, stop, port):
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield port
    finally:
        stop()
        thread.join(30)


def waitress(folder):
    from waitress.server import create_server

    server = create_server(load(folder), host="127.0.0.1", port=0, threads=2)
    return in_thread(server.run, server.close, server.effective_port)


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def wsgiref(folder):
    server = make_server("127.0.0.1", 0, load(folder), handler_class=Quiet)
    return in_thread(server.serve_forever, server.shutdown, server.server_port)


def werkzeug(folder):
    from werkzeug import serving

    class Handler(serving.WSGIRequestHandler):
        def log(self, *_):
            pass

    server = serving.make_server("127.0.0.1", 0, load(folder), threaded=True, request_handler=Handler)
    return in_thread(server.serve_forever, server.shutdown, server.server_port)


def load(folder):
    scope = {"__file__": str(folder / "site_app.py"), "__name__": "site_app"}
    exec(compile(APP, str(folder / "site_app.py"), "exec"), scope)
    return scope["guarded"]


SERVERS = {
    "gunicorn-sync": lambda folder: gunicorn(folder),
    "gunicorn-threads": lambda folder: gunicorn(folder, "--threads", "2"),
    "gunicorn-preload": lambda folder: gunicorn(folder, "--preload", "--workers", "2"),
    "waitress": waitress,
    "wsgiref": wsgiref,
    "werkzeug": werkzeug,
}


@pytest.fixture(scope="module", params=SERVERS)
def port(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    (folder / "gambeson.toml").write_text(POLICY)
    (folder / "site_app.py").write_text(APP)
    with SERVERS[request.param](folder) as found:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", found), 5):
                break
            time.sleep(0.1)
        yield found


def get(port, target, *lines, method="GET", body=b""):
    """Sends a request as it is written here, and reads the answer: status, fields, body, and what follows it."""
    fields = "".join(f"{line}\r\n" for line in ("Host: localhost", "Connection: close", *lines))
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(f"{method} {target} HTTP/1.1\r\n{fields}\r\n".encode("latin-1"))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(body)
        answer = HTTPResponse(connection, method=method)
        answer.begin()
        return answer.status, answer.headers, answer.read()


def test_the_app_sees_what_was_decided(port):
    status, fields, body = get(port, "/%61/b%20c?d=%2e", "X-A: 1", "X-Forwarded-For: 10.0.0.9", "TE: trailers")
    assert status == 200 and fields["x-content-type-options"] == "nosniff"
    seen = dict(line.split("=", 1) for line in body.decode().splitlines())
    assert seen == {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/a/b c",
        "QUERY_STRING": "d=%2e",
        "HTTP_HOST": "localhost",
        "HTTP_X_FORWARDED_FOR": "127.0.0.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_X_A": "1",
        "HTTP_TE": "None",
    }


@pytest.mark.parametrize("target", ["/../etc/passwd", "/a/%2e%2e/b", "/a\\b", "/%00"])
def test_hostile_targets_are_refused(port, target):
    status, _, body = get(port, target)
    assert status == 400 and b"PATH_INFO" not in body


def test_crashes_tell_nothing(port):
    status, fields, body = get(port, "/crash")
    assert status == 500 and b"planted" not in body and fields["x-gambeson-ref"].encode() in body


def test_bodies_are_counted(port):
    own = "Sec-Fetch-Site: same-origin"
    assert get(port, "/upload", own, "Content-Length: 100000", method="POST", body=b"x" * 100_000)[2] == b"100000"
    assert get(port, "/upload", own, "Content-Length: 100001", method="POST", body=b"x" * 100_001)[0] == 413


# The server in wsgiref hands chunks over as they are, without an end: nothing can be read of them.
@pytest.mark.parametrize("port", [name for name in SERVERS if name != "wsgiref"], indirect=True)
def test_chunked_bodies_are_counted(port):
    own = ("Sec-Fetch-Site: same-origin", "Transfer-Encoding: chunked")
    chunk = b"2710\r\n" + b"x" * 10_000 + b"\r\n"
    assert get(port, "/upload", *own, method="POST", body=chunk * 10 + b"0\r\n\r\n")[2] == b"100000"
    assert get(port, "/upload", *own, method="POST", body=chunk * 11 + b"0\r\n\r\n")[0] == 413


def test_streams_arrive_as_they_are_made(port):
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(b"GET /stream HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        got = b""
        while b"0\n" not in got:
            got += connection.recv(65536)
        assert b"2\n" not in got.partition(b"\r\n\r\n")[2], "the stream was held"
        got += b"".join(iter(lambda: connection.recv(65536), b""))
    assert b"2\n" in got


def test_files_are_sent(port):
    status, _, body = get(port, "/file")
    assert status == 200 and b"planted-secret" in body


def test_head_has_no_body(port):
    asked = b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(asked)
        got = b"".join(iter(lambda: connection.recv(65536), b""))
    # Not one byte after the head: the next answer on a kept connection would begin with it.
    assert got.partition(b" ")[2].startswith(b"200") and got.endswith(b"\r\n\r\n") and got.count(b"\r\n\r\n") == 1


def test_a_flask_websocket(tmp_path):
    """A WebSocket passes in the app's process too, and a foreign page's does not."""
    (tmp_path / "gambeson.toml").write_text(POLICY)
    (tmp_path / "site_app.py").write_text(
        "import os, flask, flask_sock, gambeson\n"
        "app = flask.Flask(__name__)\n"
        "@flask_sock.Sock(app).route('/live')\n"
        "def live(ws):\n"
        "    ws.send(ws.receive())\n"
        "guarded = gambeson.wsgi(app.wsgi_app, os.path.join(os.path.dirname(__file__), 'gambeson.toml'))\n"
    )
    head = (
        "GET /live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-Fetch-Site: {site}\r\nOrigin: {origin}\r\nCookie: session=1\r\n\r\n"
    )
    with gunicorn(tmp_path, "--threads", "2") as port:
        with socket.create_connection(("127.0.0.1", port), 30) as connection:
            connection.sendall(head.format(site="same-origin", origin="http://localhost").encode())
            assert connection.recv(4096).startswith(b"HTTP/1.1 101")
            connection.sendall(b"\x81\x82\0\0\0\0hi")
            assert connection.recv(4) == b"\x81\x02hi"
        with socket.create_connection(("127.0.0.1", port), 30) as connection:
            connection.sendall(head.format(site="cross-site", origin="https://evil.test").encode())
            assert connection.recv(4096).startswith(b"HTTP/1.1 403")


