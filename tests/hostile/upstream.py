"""An app that records every byte it receives and reads it more strictly than any server."""

import re
import socket
import threading

HEAD = re.compile(rb"([A-Z]+) (/[!-~]*|\*) HTTP/1\.1\r\n((?:[a-z0-9!#$%&'*+.^_`|~-]+: ?[^\x00-\x08\x0a-\x1f\x7f]*\r\n)*)\r\n")
CHUNK = re.compile(rb"([0-9a-f]{1,16})\r\n")


class Seen:
    """One request as the app saw it; `complete` when its body came to its end."""

    def __init__(self, method, target, fields):
        self.method, self.target, self.fields = method, target, fields
        self.body, self.complete = b"", False

    def __repr__(self):
        return f"{self.method} {self.target} {self.fields} {self.body[:60]!r} complete={self.complete}"

    def get(self, name):
        return [value for key, value in self.fields if key == name]


class Recorder:
    """Listens on a port of its own. `seen` are the requests, `garbage` the bytes that are none."""

    def __init__(self):
        self.lock, self.seen, self.garbage = threading.Lock(), [], []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def stop(self):
        self.listener.close()

    def take(self):
        """What was seen since the last call."""
        with self.lock:
            seen, garbage = self.seen, self.garbage
            self.seen, self.garbage = [], []
        return seen, garbage

    def serve(self, conn):
        stream = Stream(conn)
        with conn:
            try:
                while request := self.read_request(stream):
                    stream.read_body(request)
                    request.complete = True
                    head = request.method == "HEAD"
                    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n" + (b"" if head else b"ok"))
            except Garbage as found:
                with self.lock:
                    self.garbage.append(found.args[0])
            except OSError:
                pass

    def read_request(self, stream):
        head = stream.until(b"\r\n\r\n")
        if head is None:
            if stream.buf.strip():
                raise Garbage(stream.buf)
            return None
        found = HEAD.fullmatch(head)
        if not found:
            raise Garbage(head)
        fields = [tuple(part.strip() for part in line.split(":", 1)) for line in found[3].decode("latin1").split("\r\n") if line]
        request = Seen(found[1].decode(), found[2].decode(), fields)
        if len(request.get("content-length")) + len(request.get("transfer-encoding")) > 1 or len(request.get("host")) != 1:
            raise Garbage(head)
        with self.lock:
            self.seen.append(request)
        return request


class Garbage(Exception):
    """Bytes that no request of ours consists of."""


class Stream:
    def __init__(self, conn):
        self.conn, self.buf = conn, b""
        conn.settimeout(30)

    def fill(self):
        piece = self.conn.recv(65536)
        self.buf += piece
        return bool(piece)

    def until(self, end):
        while end not in self.buf:
            if not self.fill():
                return None
        head, _, self.buf = self.buf.partition(end)
        return head + end

    def exactly(self, count):
        while len(self.buf) < count:
            if not self.fill():
                raise OSError("cut off")
        data, self.buf = self.buf[:count], self.buf[count:]
        return data

    def read_body(self, request):
        for length in request.get("content-length"):
            request.body = self.exactly(int(length))
        for coding in request.get("transfer-encoding"):
            if coding != "chunked":
                raise Garbage(coding.encode())
            self.read_chunks(request)

    def read_chunks(self, request):
        while True:
            line = self.until(b"\r\n")
            if line is None:
                raise OSError("cut off")
            found = CHUNK.fullmatch(line)
            if not found:
                raise Garbage(line)
            size = int(found[1], 16)
            request.body += self.exactly(size)
            if self.exactly(2) != b"\r\n":
                raise Garbage(b"chunk end")
            if size == 0:
                return
