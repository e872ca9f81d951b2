"""HTTP/2 requests that would become two in HTTP/1, or another one than the gateway judged (downgrade smuggling)."""

import time

import frames
import pytest
from gateway_kit import App
from test_recorded import check_seen, take

BASE = {b":method": b"GET", b":scheme": b"https", b":authority": b"localhost", b":path": b"/t"}
INNER = b"GET /smuggled HTTP/1.1\r\nhost: localhost\r\n\r\n"


def fields(*more, without=(), **changed):
    """A sound request's fields with pseudo-fields changed or left out, and fields added."""
    pseudo = {**BASE, **{b":" + name.encode(): value for name, value in changed.items()}}
    return [(name, value) for name, value in pseudo.items() if name[1:].decode() not in without] + list(more)


def with_values():
    """Values and names that would add a line."""
    for wrong in (b"a\r\nx-b: c", b"a\nx-b: c", b"a\rx-b: c", b"a\0b", b"a\r\n\r\n" + INNER, b"\x0b", b"\x7f"):
        yield f"value {wrong[:12]!a}", fields((b"x-a", wrong)), None
        yield f"cookie {wrong[:12]!a}", fields((b"cookie", wrong)), None
        yield f"user-agent {wrong[:12]!a}", fields((b"user-agent", wrong)), None
    for wrong in (b"X-A", b"x a", b"x-a:", b"x-a: b\r\nx-c", b"x\0", b"", b"x\r\n", b":x", b"x_forwarded_for", b"transfer-encoding\r\n", b"x\xc3\xa9"):
        yield f"name {wrong!a}", fields((wrong, b"1")), None


def with_pseudo_fields():
    paths = [b"", b"t", b"*", b"/t /smuggled", b"/t HTTP/1.1\r\nhost: localhost\r\n\r\n" + INNER, b"/t\r\nx: y", b"/t\n", b"/t\0", b"http://localhost/t", b"/t/../smuggled", b"/t/%2e%2e/smuggled", b"/t\\..\\smuggled", b"/%00", b"/t\t"]
    yield from ((f"path {path[:20]!a}", fields(path=path), None) for path in paths)
    methods = [b"", b"GET /smuggled HTTP/1.1\r\nhost: localhost\r\n\r\nGET", b"G T", b"GET\r\n", b"GET\0", b"CONNECT"]
    yield from ((f"method {method[:12]!a}", fields(method=method), None) for method in methods)
    hosts = [b"", b"evil", b"localhost\r\nx: y", b"localhost evil", b"user@localhost", b"localhost/", b"localhost:x", b"localhost:99999", b"localhost, evil", b"localhost\0"]
    yield from ((f"authority {host!a}", fields(authority=host), None) for host in hosts)
    yield from ((f"scheme {scheme!a}", fields(scheme=scheme), None) for scheme in (b"https://evil/?", b"ht tp"))
    yield from ((f"no {name}", fields(without=(name,)), None) for name in ("method", "scheme", "path", "authority"))
    yield from ((f"two {name.decode()}", fields() + [(name, value)], None) for name, value in BASE.items())
    yield "host differs", fields((b"host", b"evil")), None
    yield "two hosts", fields((b"host", b"localhost"), (b"host", b"evil")), None
    yield "pseudo-field after a field", [(b"x-a", b"b"), *fields()], None
    yield "unknown pseudo-field", [(b":x", b"b"), *fields()], None
    yield "status in a request", [(b":status", b"200"), *fields()], None


def with_framing():
    for field in ((b"transfer-encoding", b"chunked"), (b"connection", b"close"), (b"connection", b"upgrade"), (b"keep-alive", b"5"), (b"proxy-connection", b"close"), (b"upgrade", b"h2c"), (b"te", b"gzip")):
        yield f"{field[0].decode()} {field[1].decode()}", fields(field, method=b"POST"), b"0\r\n\r\n" + INNER
    post = {"method": b"POST"}
    for length in (b"1", b"3", b"2, 2", b"+2", b"0x2", b"-1", b"2 2", b"18446744073709551618", b""):
        yield f"content-length {length.decode()!r} for two bytes", fields((b"content-length", length), **post), b"hi"
    yield "content-length hiding a request", fields((b"content-length", b"2"), **post), b"hi" + INNER
    yield "two content-lengths", fields((b"content-length", b"2"), (b"content-length", b"0"), **post), b"hi"


REFUSED = [*with_values(), *with_pseudo_fields(), *with_framing()]


#: May be refused or read in one harmless way: nothing of them reaches the app but the last column.
HARMLESS = [
    ("fragment", fields(path=b"/t#f"), None, ("GET", "/t", b"")),
    ("empty scheme", fields(scheme=b""), None, ("GET", "/t", b"")),
    ("other scheme", fields(scheme=b"file"), None, ("GET", "/t", b"")),
    ("content-length 0 for two bytes", fields((b"content-length", b"0"), method=b"POST"), b"hi", ("POST", "/t", b"")),
]


def ids(entries):
    return [entry[0] for entry in entries]


@pytest.mark.parametrize("name, head, body", REFUSED, ids=ids(REFUSED))
def test_refused(name, head, body, front, recorder):
    recorder.take()
    end = frames.send(front.https, frames.request(head, body))
    time.sleep(0.02)  # A request that came through would be on its way.
    seen, garbage = take(recorder, 0)
    check_seen(seen, garbage)
    assert end != 200 and not [request for request in seen if request.complete], f"accepted: {end}, {seen}"


@pytest.mark.parametrize("name, head, body, expected", HARMLESS, ids=ids(HARMLESS))
def test_harmless(name, head, body, expected, front, recorder):
    recorder.take()
    frames.send(front.https, frames.request(head, body))
    time.sleep(0.02)
    seen, garbage = take(recorder, 0)
    check_seen(seen, garbage)
    assert [(request.method, request.target, request.body) for request in seen if request.complete] in ([], [expected])


POST = {"method": b"POST"}
ACCEPTED = [
    ("plain", fields(), None, None, ("GET", "/t", b"")),
    ("same host", fields((b"host", b"localhost")), None, None, ("GET", "/t", b"")),
    ("te trailers", fields((b"te", b"trailers")), None, None, ("GET", "/t", b"")),
    ("text in a value", fields((b"x-a", b"caf\xc3\xa9\tb")), None, None, ("GET", "/t", b"")),
    ("body of unsaid length", fields(**POST), b"hi", None, ("POST", "/t", b"hi")),
    ("body of said length", fields((b"content-length", b"2"), **POST), b"hi", None, ("POST", "/t", b"hi")),
    ("a request in the body", fields(**POST), b"0\r\n\r\n" + INNER, None, ("POST", "/t", b"0\r\n\r\n" + INNER)),
    ("trailers", fields(**POST), b"hi", [(b"x-sum", b"1")], ("POST", "/t", b"hi")),
    ("path made canonical", fields(path=b"//%74?a=b"), None, None, ("GET", "/t?a=b", b"")),
]


@pytest.mark.parametrize("name, head, body, trailers, expected", ACCEPTED, ids=ids(ACCEPTED))
def test_accepted(name, head, body, trailers, expected, front, recorder):
    recorder.take()
    assert frames.send(front.https, frames.request(head, body, trailers)) == 200
    seen, garbage = take(recorder, 1)
    check_seen(seen, garbage)
    assert [(request.method, request.target, request.body) for request in seen] == [expected]


def test_crumbs_of_a_cookie_become_one_field(front, recorder):
    recorder.take()
    assert frames.send(front.https, frames.request(fields((b"cookie", b"a=b"), (b"cookie", b"c=d")))) == 200
    seen, _ = take(recorder, 1)
    assert seen[0].get("cookie") == ["a=b; c=d"], "RFC 9113 8.2.3"


def test_a_refusal_arrives_although_the_body_was_not_read(front):
    head = frames.frame(frames.HEADERS, frames.END_HEADERS, 1, frames.block(fields(authority=b"evil", method=b"POST")))
    assert frames.send(front.https, head + frames.frame(frames.DATA, 0, 1, b"more to come")) == 0, "a status, not a bare reset"


@pytest.mark.parametrize(("bytes_at_a_time", "whole"), [(1, False), (4096, True)])
def test_an_answer_taken_byte_by_byte_is_given_up(bytes_at_a_time, whole, serve):
    """A window that opens by a byte every now and then would hold one of the app's connections for ever (CWE-400)."""
    app = App(lambda connection, head: App.ok(connection, head, b"x" * 20_000))
    gateway = serve('[protocol]\nsend_stall = "1s"', upstream=app.url)
    taken, ended = 0, None
    with gateway.tls(alpn=["h2"]) as connection:
        small = (4).to_bytes(2, "big") + (1).to_bytes(4, "big")
        connection.sendall(frames.PREFACE + frames.frame(frames.SETTINGS, 0, 0, small) + frames.request(fields()))
        connection.settimeout(0.3)
        deadline = time.monotonic() + 10
        received = b""
        while ended is None and time.monotonic() < deadline:
            try:
                received += connection.recv(65536)
            except TimeoutError:
                connection.sendall(frames.frame(0x8, 0, 1, bytes_at_a_time.to_bytes(4, "big")))
            while len(received) >= 9 and len(received) >= 9 + int.from_bytes(received[:3], "big"):
                length, kind, flags = int.from_bytes(received[:3], "big"), received[3], received[4]
                received = received[9 + length :]
                if kind == frames.DATA:
                    taken += length
                    ended = "whole" if flags & frames.END_STREAM else None
                elif kind in (frames.RST_STREAM, frames.GOAWAY):
                    ended = "reset"
    assert ended == ("whole" if whole else "reset")
    assert (taken == 20_000) == whole
