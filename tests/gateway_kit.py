"""A gateway under test, a scripted app behind it, and a client that sees every byte."""

import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time


HOST = b"host: localhost\r\n"


GIVEN = set()


def free_port():
    """A port of this machine that nobody listens on, and another one each time: the system may offer the same one twice."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in GIVEN:
            GIVEN.add(port)
            return port


class Gateway:
    """A `gambeson serve` (or `run`) with its own folder, policy and state."""

    def __init__(self, binary, folder, policy="", upstream=None, plain=True, arguments=(), command=None, listen=""):
        self.binary, self.folder = binary, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.https, self.http, self.admin = free_port(), free_port(), free_port()
        self.arguments, self.command = list(arguments), command
        self.policy_file = folder / "gambeson.toml"
        self.state = folder / ".gambeson"
        self.head = (
            f'[app]\nupstream = "{upstream or "http://127.0.0.1:9"}"\n'
            f'[listen]\nhttps = "127.0.0.1:{self.https}"\nhttp = "127.0.0.1:{self.http}"\n'
            f'admin = "127.0.0.1:{self.admin}"\nplain = {str(plain).lower()}\n{listen}\n'
        )
        self.write_policy(policy)
        self.process = None

    def write_policy(self, policy):
        """Writes what stands in the policy beside `[app]` and `[listen]`."""
        self.policy_file.write_text(self.head + policy, encoding="utf-8")

    def start(self):
        """Starts it and waits until it says that it serves."""
        verb = ["run" if self.command else "serve", "--announce", *self.arguments]
        tail = ["--", *self.command] if self.command else []
        self.log = open(self.folder / "stderr.txt", "ab")
        self.process = subprocess.Popen(
            [self.binary, *verb, "--policy", str(self.policy_file), "--state", str(self.state), *tail],
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the gateway did not start:\n" + self.stderr())
        self.addresses = json.loads(line)
        return self

    def stderr(self):
        return (self.folder / "stderr.txt").read_text(encoding="utf-8", errors="replace")

    def stop(self, how=signal.SIGTERM, patience=40):
        """Stops it and returns its exit code."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self.process.stdout.close()
            self.log.close()

    def run(self, *arguments, **options):
        """Runs another command on the same policy and state."""
        return self.run_with(self.policy_file, *arguments, **options)

    def run_with(self, policy, *arguments, **options):
        """Runs another command on another policy and the same state."""
        where = ["--policy", str(policy), "--state", str(self.state)]
        options.setdefault("timeout", 60)
        return subprocess.run([self.binary, *arguments, *where], capture_output=True, text=True, **options)

    def records(self):
        """The exchanges in the audit log, oldest first. Waits a moment for the writer."""
        time.sleep(0.3)
        found = []
        for path in sorted((self.state).rglob("*.jsonl")):
            for line in path.read_text(encoding="utf-8").splitlines():
                event = json.loads(line).get("event", {})
                if event.get("kind") == "exchange":
                    found.append(event)
        return found

    def root(self):
        """The development authority's certificate."""
        return self.state / "ca" / "root.pem"

    def tls(self, alpn=("http/1.1",), host="localhost"):
        """A verified TLS connection."""
        context = ssl.create_default_context(cafile=str(self.root()))
        context.set_alpn_protocols(list(alpn))
        raw = socket.create_connection(("127.0.0.1", self.https), 10)
        return context.wrap_socket(raw, server_hostname=host)

    def plain(self):
        """A plain connection."""
        return socket.create_connection(("127.0.0.1", self.http), 10)

    def rss_kib(self):
        """Resident memory."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


class App:
    """A scripted app: `script(connection, head)` is called for every request head that comes; it writes what it likes.

    `heads` and `bytes` record what the app saw.
    """

    def __init__(self, script=None):
        self.script = script or App.ok
        self.heads, self.bytes, self.peers = [], b"", []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    @staticmethod
    def ok(connection, _head, body=b"ok", kind=b"text/plain"):
        connection.sendall(
            b"HTTP/1.1 200 OK\r\ncontent-type: " + kind + b"\r\ncontent-length: %d\r\n\r\n" % len(body) + body
        )

    def _accept(self):
        while True:
            try:
                connection, peer = self.listener.accept()
            except OSError:
                return
            self.peers.append(peer[0])
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        buffer = b""
        try:
            with connection:
                while True:
                    while b"\r\n\r\n" not in buffer:
                        data = connection.recv(65536)
                        if not data:
                            return
                        self.bytes += data
                        buffer += data
                    head, buffer = buffer.split(b"\r\n\r\n", 1)
                    self.heads.append(head)
                    length = header(head, b"content-length")
                    while length and len(buffer) < int(length):
                        data = connection.recv(65536)
                        if not data:
                            return
                        buffer += data
                    if length:
                        buffer = buffer[int(length) :]
                    if self.script(connection, head) is False:
                        return
        except OSError:
            pass

    def close(self):
        self.listener.close()


def header(head, name):
    """The value of a field in a raw head."""
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.lower() == name.lower():
            return value.strip()
    return None


def exchange(connection, request, patience=10):
    """Sends raw bytes and reads until the other end closes or is silent; returns all that came."""
    connection.settimeout(patience)
    answer = b""
    try:
        connection.sendall(request)
        while True:
            data = connection.recv(65536)
            if not data:
                break
            answer += data
    except OSError:
        pass
    finally:
        connection.close()
    return answer


def get(gateway, path="/", headers=b"", host=None, patience=10, method=b"GET", body=b""):
    """One request on a connection of its own; returns status, raw head and body."""
    host = host or f"localhost:{gateway.http}"
    length = b"content-length: %d\r\n" % len(body) if body else b""
    request = (
        method + b" " + path.encode() + b" HTTP/1.1\r\nhost: " + host.encode() + b"\r\nconnection: close\r\n" + length + headers
        + b"\r\n" + body
    )
    return parse(exchange(gateway.plain(), request, patience))


def parse(answer):
    """Status, head and body of a raw answer; chunked bodies decoded."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split(b" ")[1]) if head.startswith(b"HTTP/1.") else 0
    if (header(head, b"transfer-encoding") or b"").lower() == b"chunked":
        body = unchunk(body)
    return status, head, body


def unchunk(body):
    """The data of a chunked body, as far as it is whole."""
    data = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        count = int(size or b"0", 16)
        if count == 0:
            break
        data, body = data + rest[:count], rest[count + 2 :]
    return data


def children(pid):
    """The processes started by one."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as listing:
        return [int(child) for child in listing.read().split()]


def is_alive(pid):
    """Whether a process runs."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def rules(gateway):
    """The rules of all findings in the log."""
    return [finding["rule"] for record in gateway.records() for finding in record["findings"]]
