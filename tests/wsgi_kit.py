"""A server and an app as small as they can be, for the tests of `gambeson.wsgi`."""

import io
import json
import os
from urllib.parse import unquote_to_bytes

import gambeson


def environ(path="/", method="GET", *, headers=(), body=b"", peer="127.0.0.1", https=True, **more):
    """An environ as a server makes it: header lines joined, the path decoded once."""
    raw, _, query = path.partition("?")
    made = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(raw).decode("latin-1"),
        "QUERY_STRING": query,
        "REQUEST_URI": path,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "443" if https else "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": peer,
        "HTTP_HOST": "localhost",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https" if https else "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if body:
        made["CONTENT_LENGTH"] = str(len(body))
    for name, value in headers:
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        again = key in made and key != "HTTP_HOST"
        made[key] = f"{made[key]}{'; ' if key == 'HTTP_COOKIE' else ', '}{value}" if again else value
    made.update(more)
    return {key: value for key, value in made.items() if value is not None}


class Answer:
    """What a server was given."""

    def __init__(self):
        self.status = None
        self.headers = []
        self.pieces = []
        self.starts = 0

    @property
    def code(self):
        return int(self.status.split(" ", 1)[0])

    @property
    def body(self):
        return b"".join(self.pieces)

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name]

    def get(self, name):
        return (self.all(name) or [None])[0]

    def start(self, status, headers, exc_info=None):
        assert type(status) is str and type(headers) is list
        assert all(type(pair) is tuple and [type(text) for text in pair] == [str, str] for pair in headers)
        if exc_info and self.pieces:
            raise exc_info[1].with_traceback(exc_info[2])
        assert exc_info or self.status is None, "start_response called twice"
        self.status, self.headers = status, headers
        self.starts += 1
        return self.pieces.append


def ask(app, env):
    """Serves one request as PEP 3333 says."""
    answer = Answer()
    result = app(env, answer.start)
    try:
        for piece in result:
            assert type(piece) is bytes
            assert answer.status is not None, "a body before its head"
            if piece:
                answer.pieces.append(piece)
    finally:
        if hasattr(result, "close"):
            result.close()
    assert answer.status is not None, "no head"
    return answer


class App:
    """Answers with what it was made with, and remembers the environ."""

    def __init__(self, status="200 OK", headers=(("Content-Type", "text/plain"),), body=b"ok"):
        self.status, self.headers, self.body = status, list(headers), body
        self.seen = None
        self.times = 0

    def __call__(self, env, start_response):
        self.seen = env
        self.times += 1
        start_response(self.status, list(self.headers))
        return [self.body]

    def fields(self):
        """The header fields it saw; names in lower case."""
        names = {"CONTENT_TYPE": "content-type"}
        names.update((key, key[5:].lower().replace("_", "-")) for key in self.seen if key.startswith("HTTP_"))
        return {name: self.seen[key] for key, name in names.items() if self.seen.get(key)}


def guarded(folder, app, policy=""):
    """The app behind a policy, with its state in a folder."""
    file = folder / "gambeson.toml"
    file.write_text(policy)
    return gambeson.wsgi(app, policy=file)


def records(guard):
    """The exchanges in the audit log."""
    guard.flush()
    folder = os.path.join(os.path.dirname(guard.policy), ".gambeson", "audit")
    events = []
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as lines:
            events.extend(json.loads(line)["event"] for line in lines)
    return [event for event in events if event["kind"] == "exchange"]
