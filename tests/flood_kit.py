"""Floods from addresses of this machine, what they cost the gateway, and somebody else who is served meanwhile."""

import os
import pathlib
import socket
import subprocess
import sys
import threading
import time

from gateway_kit import App, exchange, free_port, header, parse

#: Seconds until somebody else must have been answered: whether, not how fast.
LIVENESS = 60
TICKS = os.sysconf("SC_CLK_TCK")

APP = '''
import functools, gzip, zlib

ZEROS = bytes(64 << 20)
TRACE = b"Traceback (most recent call last):\\n  File \\"/srv/app.py\\", line 3, in show\\nKeyError: 1\\n"
BOMBS = {
    "gzip": ("gzip", lambda: gzip.compress(ZEROS)),
    "deflate": ("deflate", lambda: zlib.compress(ZEROS)),
    "twice": ("gzip, gzip", lambda: gzip.compress(gzip.compress(ZEROS))),
    "often": ("gzip" + ", gzip" * 50, lambda: gzip.compress(ZEROS)),
    "members": ("gzip", lambda: gzip.compress(b"") * 100_000),
    "behind": ("gzip", lambda: gzip.compress(ZEROS + TRACE)),
    "before": ("gzip", lambda: gzip.compress(TRACE + ZEROS)),
}

@functools.cache
def bomb(name):
    coding, make = BOMBS[name]
    return coding, make()

def app(environ, start_response):
    """Reads every body to its end and says how long it was; `/bomb/...` answers with one, `/echo` with what was sent."""
    path, length, body = environ["PATH_INFO"], 0, b""
    while piece := environ["wsgi.input"].read(1 << 16):
        length += len(piece)
        body = piece if path == "/echo" and not body else body
    kind, coding, answer, status = "text/html", "identity", str(length).encode(), "200 OK"
    if path.startswith("/bomb/"):
        coding, answer = bomb(path.split("/")[3])
        status = path.split("/")[2] + " X"
    elif path == "/echo":
        answer = b"<!doctype html><body>" + (body or environ["QUERY_STRING"].encode())
    start_response(status, [("content-type", kind), ("content-encoding", coding), ("content-length", str(len(answer)))])
    return [answer]
'''


class Gunicorn:
    """A small app behind a real server."""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "floods_app.py").write_text(APP, encoding="utf-8")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "gunicorn", "--chdir", str(folder), "--bind", f"127.0.0.1:{self.port}", "--threads", "32"]
        self.log = open(folder / "gunicorn.txt", "ab")
        self.process = subprocess.Popen([*command, "--timeout", "300", "--keep-alive", "75", "floods_app:app"], stdout=self.log, stderr=self.log)
        # It listens before it can answer.
        end = time.monotonic() + LIVENESS
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError((folder / "gunicorn.txt").read_text(encoding="utf-8"))
            time.sleep(0.1)

    def answers(self):
        try:
            connection = socket.create_connection(("127.0.0.1", self.port), LIVENESS)
        except OSError:
            return False
        return exchange(connection, b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", LIVENESS) != b""

    def stop(self):
        self.process.terminate()
        self.process.wait(LIVENESS)
        self.log.close()


class Patient(App):
    """An app with a thread for each connection, which reads bodies to their end and keeps nothing of them."""

    def _serve(self, connection):
        with connection:
            while head := self.read_head(connection):
                head, _, body = head.partition(b"\r\n\r\n")
                left = int(header(head, b"content-length") or 0) - len(body)
                while left > 0 and (data := connection.recv(min(left, 1 << 16))):
                    left -= len(data)
                if left:
                    return
                App.ok(connection, head)

    def read_head(self, connection):
        head = b""
        while b"\r\n\r\n" not in head and (data := connection.recv(1 << 12)):
            head += data
        return head


def connect(port, source="127.0.0.2"):
    """A connection from another address of this machine: another client, to the gateway."""
    return socket.create_connection(("127.0.0.1", port), LIVENESS, source_address=(source, 0))


def head(length, kind="application/x-www-form-urlencoded", path="/notes", more=b""):
    """The head of a request with a body, as a page of the same site sends it."""
    return (
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nsec-fetch-site: same-origin\r\n"
        f"content-type: {kind}\r\ncontent-length: {length}\r\n"
    ).encode() + more + b"\r\n"


def send(gateway, request, pieces=(), source="127.0.0.2", patience=600):
    """Sends a request by pieces as fast as they are taken; status and body of the answer. Status 0 is a connection cut off."""
    connection = connect(gateway.http, source)
    connection.settimeout(patience)
    try:
        connection.sendall(request)
        for piece in pieces:
            connection.sendall(piece)
    except OSError:
        pass  # refused while it was sent: the answer is there
    status, _, body = parse(exchange(connection, b"", patience))
    return status, body


class Cost:
    """What the gateway takes from here on: memory at its highest, seconds of work."""

    def __init__(self, gateway):
        self.proc = pathlib.Path("/proc", str(gateway.process.pid))
        # Sets the high-water mark back (proc(5), clear_refs).
        (self.proc / "clear_refs").write_text("5", encoding="ascii")
        self.began, self.before = self.worked(), self.peak_mib()

    def worked(self):
        fields = (self.proc / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def peak_mib(self):
        status = (self.proc / "status").read_text(encoding="ascii")
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024

    def growth_mib(self):
        """By how much the peak is above what was held before."""
        return self.peak_mib() - self.before

    def seconds(self):
        return self.worked() - self.began


class Bystander:
    """Somebody else with ordinary requests, one after the other: each must be answered."""

    REQUESTS = (
        b"GET /?q=green+tea HTTP/1.1\r\nhost: localhost\r\nuser-agent: Mozilla/5.0\r\naccept: text/html\r\nconnection: close\r\n\r\n",
        head(27, more=b"user-agent: Mozilla/5.0\r\naccept: text/html\r\n") + b"title=Tea&text=It+is+green.",
    )

    def __init__(self, gateway):
        self.gateway, self.over = gateway, threading.Event()
        self.answers, self.longest = [], 0
        self.thread = threading.Thread(target=self.ask, daemon=True)

    def ask(self):
        while len(self.answers) < 4 or not self.over.wait(0.1):
            request = self.REQUESTS[len(self.answers) % 2]
            began = time.monotonic()
            self.answers.append(parse(exchange(connect(self.gateway.http, "127.0.0.1"), request, LIVENESS))[0])
            self.longest = max(self.longest, time.monotonic() - began)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, failed, *_):
        self.over.set()
        self.thread.join(10 * LIVENESS)
        if failed is None:
            assert set(self.answers) == {200}, f"others were not served: {self.answers}"
