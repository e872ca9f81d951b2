"""Floods, huge and hostile bodies, bombs and drips (CWE-400, CWE-409, CWE-770): memory and work stay within bounds, others are served.

Our own detectors are on, as they are by default; where a Core Rule Set is to be had, everything is done with it, too. Memory is the
high-water mark of the process. Work is compared with itself at another size, never with a clock.
"""

import base64
import gzip
import io
import itertools
import json
import threading
import time
import zipfile
import zlib

import pytest
from crs_kit import core_rule_set, laid_out
from flood_kit import LIVENESS, Bystander, Cost, Gunicorn, Patient, connect, head, send
from gateway_kit import exchange, rules
from hostile.frames import DATA, END_HEADERS, END_STREAM, HEADERS, block, frame
from test_h2_abuse import Client

#: Most memory that an attack may cost beyond what was held before it.
GROWTH_MIB = 64
HUGE = 50 << 20
PIECE = 64 << 10


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    app = Gunicorn(tmp_path_factory.mktemp("app"))
    yield app
    app.stop()


@pytest.fixture(scope="module", params=["own", "crs"])
def engines(request):
    if request.param == "crs" and core_rule_set()[0] is None:
        pytest.skip("no Core Rule Set: install modsecurity-crs, or name a folder by GAMBESON_CRS")
    return request.param


@pytest.fixture
def guarded(serve, engines, tmp_path):
    """Starts gateways of two threads."""
    policy = ""
    if engines == "crs":
        folder = laid_out(tmp_path / "crs", *core_rule_set())
        policy = f'[intrusion.crs]\npath = "{folder}"\n'

    def start(upstream):
        gateway = serve(policy, upstream=upstream, listen="workers = 2")
        gateway.engines = engines
        return gateway

    return start


@pytest.fixture
def gateway(guarded, app):
    return guarded(app.url)


#: So many connections of one client in a flood of them.
EACH = 60
#: And so many of one that holds what it can: more than two serving threads grant it.
HOLDERS = 40
#: What two serving threads may hold of bodies (48 MiB each), and what that costs besides.
HELD_MIB = 320


class Bounded:
    """What happens within it stays within the bound for memory, and others are served meanwhile."""

    def __init__(self, gateway, what, most_mib=GROWTH_MIB):
        self.gateway, self.what, self.most_mib = gateway, what, most_mib
        self.others, self.cost = Bystander(gateway), Cost(gateway)

    def __enter__(self):
        self.others.__enter__()
        return self

    def __exit__(self, failed, *rest):
        self.others.__exit__(failed, *rest)
        growth = self.cost.growth_mib()
        print(f"{self.gateway.engines} {self.what}: {self.cost.before:.1f} + {growth:.1f} MiB, {self.cost.seconds():.2f} s CPU, others {self.others.longest:.2f} s")
        if failed is None:
            assert growth < self.most_mib, f"{self.what}: {growth:.1f} MiB more"


def repeated(piece, size):
    """About so many bytes of a piece, in large pieces, and how many they are."""
    many = piece * max(1, PIECE // len(piece))
    count = max(1, size // len(many))
    return len(many) * count, itertools.repeat(many, count)


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
MULTIPART = "multipart/form-data; boundary=b"
#: Of every type that has a reader: name, type, beginning, what is repeated, end.
TYPES = [
    ("form, one field", "application/x-www-form-urlencoded", b"a=", b"It is green. ".replace(b" ", b"+"), b""),
    ("form, fields", "application/x-www-form-urlencoded", b"", b"a=b&", b"c=d"),
    ("form, names", "application/x-www-form-urlencoded", b"", b"a&", b""),
    ("form, percent", "application/x-www-form-urlencoded", b"a=", b"%25", b""),
    ("multipart, a file", MULTIPART, b'--b\r\ncontent-disposition: form-data; name="f"; filename="a.txt"\r\n\r\n', b"line\r\n--c\r\n", b"\r\n--b--\r\n"),
    ("multipart, parts", MULTIPART, b"", b'--b\r\ncontent-disposition: form-data; name="f"\r\n\r\nx\r\n', b"--b--\r\n"),
    ("multipart, one head", MULTIPART, b"--b\r\n", b"x-a: b\r\n", b"\r\n\r\n--b--\r\n"),
    ("multipart, no boundary", MULTIPART, b"", b"\r\n--", b""),
    ("JSON, one text", "application/json", b'{"a":"', b"It is green. ", b'"}'),
    ("JSON, wide", "application/json", b"[0", b',"a"', b"]"),
    ("JSON, deep", "application/json", b"", b"[", b""),
    ("JSON, deep names", "application/json", b"", b'{"a":', b""),
    ("JSON, space", "application/json", b"[", b" ", b"]"),
    ("XML, wide", "application/xml", b"<a>", b"<b c='d'/>", b"</a>"),
    ("XML, deep", "application/xml", b"", b"<a>", b""),
    ("XML, one text", "application/xml", b"<a>", b"It is green. ", b"</a>"),
    ("XML, entities", "application/xml", f'<!DOCTYPE a [<!ENTITY l0 "ha">{LAUGHS}]><a>'.encode(), b"&l11;", b"</a>"),
    ("XML, an unending declaration", "application/xml", b"<!DOCTYPE a [", b"<!ENTITY b 'c'>", b""),
    ("XML, a comment", "application/xml", b"<a><!--", b"It is green. ", b"--></a>"),
    ("GraphQL, a batch", "application/json", b'[{"query":"{a}"}', b',{"query":"' + b"a" * 60_000 + b'"}', b"]"),
    ("GraphQL, deep", "application/json", b'{"query":"', b"{a", b'"}'),
    ("text", "text/plain", b"", b"It is green.\n", b""),
    ("JSON by lines", "application/x-ndjson", b"", b'{"a":"b"}\n', b""),
    ("no type that is known", "x/y", b"", b"It is green. ", b""),
    ("bytes", "application/octet-stream", b"", bytes(range(256)), b""),
]
#: Ordinary in all but their length: they reach the app.
WHOLE = {"multipart, a file", "JSON by lines", "text", "no type that is known", "bytes"}


def huge(kind, start, piece, end, size=HUGE, path="/notes"):
    """A request's head and pieces."""
    length, pieces = repeated(piece, size)
    length += len(start) + len(end)
    return length, head(length, kind, path), itertools.chain([start], pieces, [end])


def test_huge_bodies_of_every_type(gateway):
    """What is written so is refused or passed on, as its reader finds; no body is held, and a file arrives whole."""
    for name, kind, *parts in TYPES:
        path = "/graphql" if "GraphQL" in name else "/notes"
        length, request, pieces = huge(kind, *parts, path=path)
        with Bounded(gateway, f"{HUGE >> 20} MiB, {name}"):
            status, body = send(gateway, request, pieces)
        assert status in (200, 400, 403), f"{name}: {status}"
        if name in WHOLE and gateway.engines == "own":
            assert (status, int(body)) == (200, length), name


#: Each the worst for some reader, detector or decoding.
WORST = [
    *("'", "''", "' ", '"', "<", "<<<<", "<a ", "<a b='<", "<script>", "((((", "((select ", "{{", "{{{{", "{%", "${", "$(", "`", "[", "/*"),
    *("%25", "%2525", "%", "%%%", "%27", "&lt;", "&#60;", "\\x27", "\\u0027", "\u02bc", "\uff1c", "\u201d", "+ADw-", "\n", "\r\n", " "),
    *("../", "; id", "' or 'a'='a", "union select ", "__a__.", ".__class__", "<!ENTITY a 'b'>", "http://a@", "(S'a'\n", "\0", "{\"a\":\"'\"},"),
]


def nested_base64(text=b"It's green. ", layers=8, size=PIECE):
    """A text in base64, and that in base64, and so on."""
    text *= size // (2**layers) // len(text) + 1
    for _ in range(layers):
        text = base64.b64encode(text)
    return text


def nested_json(layers=8):
    """JSON in a string of JSON, and so on."""
    text = "It's green."
    for _ in range(layers):
        text = json.dumps({"a": text})
    return text.encode()


def archive(layers=8):
    """A ZIP archive in a ZIP archive, and so on, around zeros (CWE-409)."""
    data = bytes(16 << 20)
    for _ in range(layers):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("a", data)
        data = out.getvalue()
    return data


def hostile_bodies(size):
    """Types and bodies of about that size."""
    for piece in WORST:
        text = piece * (size // len(piece.encode()))
        yield "application/x-www-form-urlencoded", b"a=" + text.replace("&", "%26").encode()
        yield "application/json", json.dumps({"a": text}).encode()
    for text in (nested_base64(size=size), b"%27" * (size // 3), b"%2527" * (size // 5)):
        yield "application/x-www-form-urlencoded", b"a=" + text
    yield "application/json", nested_json()
    yield "application/json", ("{" + ",".join(f'"k{n}":"v\'{n}"' for n in range(size // 16)) + "}").encode()
    yield "application/json", ("{" + ",".join('"k":"v"' for _ in range(size // 8)) + "}").encode()
    yield "application/json", b'{"query":"' + b"{a" * (size // 4) + b"}" * (size // 4) + b'"}'
    yield "application/json", ("[" * (size // 2) + "]" * (size // 2)).encode()
    part = b'--b\r\ncontent-disposition: form-data; name="f\'%d"\r\n\r\nx\r\n'
    yield MULTIPART, b"".join(part % number for number in range(size // 64)) + b"--b--\r\n"
    yield MULTIPART, b"--b\r\ncontent-disposition: form-data" + b"; a=b" * (size // 5) + b"\r\n\r\nx\r\n--b--\r\n"
    yield MULTIPART, b'--b\r\ncontent-disposition: form-data; name="f"\r\n\r\n' + b"\r\n--" * (size // 4) + b"\r\n--b--\r\n"
    yield "application/xml", b"<a>" * (size // 7) + b"</a>" * (size // 7)
    yield "application/xml", b"<a " + b" ".join(b"b%d='c'" % number for number in range(size // 10)) + b"/>"
    yield "application/xml", b"<a>" + b"&amp;" * (size // 5) + b"</a>"
    yield "text/plain", b"{'" * (size // 2)
    yield "text/plain", b"{\"a\":\"'\"}\n" * (size // 10)
    yield "text/xml", f"<!DOCTYPE a [<!ENTITY l0 'ha'>{LAUGHS}]><a>&l11;</a>".encode()


def test_hostile_bodies(gateway):
    """The worst for each reader and detector: others are served meanwhile, and so much more work is no more than so much longer."""
    spent = {}
    for size in (16 << 10, 64 << 10):
        bodies = list(hostile_bodies(size))
        with Bounded(gateway, f"{len(bodies)} hostile bodies of {size >> 10} KiB") as bounded:
            for number, (kind, body) in enumerate(bodies):
                # From addresses of their own: the limit for one of them is not what is tried here.
                status, _ = send(gateway, head(len(body), kind) + body, source=f"127.0.2.{number + 1}")
                assert status in (200, 400, 403), f"{kind} {body[:40]}: {status}"
            spent[size] = bounded.cost.seconds()
    # Four times the bytes, four times the work; generous, as a busy machine adds to either.
    assert spent[64 << 10] < 12 * spent[16 << 10] + 2, spent


def test_what_takes_too_much_work_is_refused_and_written_down(gateway):
    """A spent budget is an event of its own, never a silent pass (CWE-636)."""
    gateway.write_policy('[intrusion]\nwork = 1\n')
    assert gateway.run("reload").returncode == 0
    body = b"a=" + b"It's+%2527+&lt;(" * 4096
    assert send(gateway, head(len(body), "text/plain") + body)[0] == 400
    assert "work" in rules(gateway)


def test_compressed_bodies_are_not_undone(gateway):
    """Bombs in requests (CWE-409): nobody here unfolds them."""
    bomb = gzip.compress(bytes(64 << 20))
    coded = b"content-encoding: gzip\r\n"
    bodies = [
        ("application/json", bomb, coded),
        ("application/json", zlib.compress(bytes(64 << 20)), b"content-encoding: deflate\r\n"),
        ("application/json", gzip.compress(bomb), b"content-encoding: gzip, gzip\r\n"),
        ("application/gzip", bomb, b""),
        ("application/zip", archive(), b""),
        (MULTIPART, b'--b\r\ncontent-disposition: form-data; name="f"; filename="a.zip"\r\n\r\n' + archive() + b"\r\n--b--\r\n", b""),
    ]
    with Bounded(gateway, "bombs in requests") as bounded:
        for number, (kind, body, more) in enumerate(bodies):
            status, _ = send(gateway, head(len(body), kind, more=more) + body, source=f"127.0.2.{number + 1}")
            assert status in (200, 400, 403), f"{kind} {more}: {status}"


def test_bombs_in_answers_are_undone_within_bounds(gateway):
    """What is looked into for errors and reflections unfolds to half a megabyte, however small it is sent (CWE-409)."""
    suspect = "q=%22+id=x+onfocus=alert(1)+"
    gateway.write_policy('[intrusion]\nallow = ["html", "js"]\n')
    assert gateway.run("reload").returncode == 0
    for path in ("200", "500"):
        for name in ("gzip", "deflate", "twice", "often", "members", "behind", "before"):
            # The app makes its bomb, which costs nobody but it.
            send(gateway, f"GET /bomb/{path}/{name} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode())
            with Bounded(gateway, f"answers {path}, {name}"):
                ask = f"GET /bomb/{path}/{name}?{suspect} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode()
                asking = [threading.Thread(target=send, args=(gateway, ask)) for _ in range(16)]
                [thread.start() for thread in asking]
                [thread.join() for thread in asking]


def test_values_that_never_end_are_not_held_without_bound(guarded):
    """A megabyte of a value on each of hundreds of connections, and then nothing: from some on they are told to come again."""
    # One that makes others wait is not what is tried here.
    gateway = guarded(Patient().url)
    beginnings = [
        head(50 << 20) + b"a=" + b"x" * (1000 << 10),
        head(50 << 20, "application/json") + b'{"a":"' + b"x" * (1000 << 10),
        head(50 << 20, "application/xml") + b"<a>" + b"x" * (1000 << 10),
        head(50 << 20, MULTIPART) + b'--b\r\ncontent-disposition: form-data; name="a"\r\n\r\n' + b"x" * (1000 << 10),
    ]
    with Bounded(gateway, f"{len(beginnings) * HOLDERS} values without an end", HELD_MIB):
        held = []
        for number, beginning in enumerate(beginnings):
            for _ in range(HOLDERS):
                connection = connect(gateway.http, f"127.0.6.{number + 1}")
                connection.settimeout(LIVENESS)
                try:
                    connection.sendall(beginning)
                except OSError:
                    pass  # told to come again
                held.append(connection)
        for connection in held:
            connection.close()
    assert "body-no-room" in rules(gateway)


def test_who_drips_from_many_addresses_keeps_nobody_from_sending(guarded):
    """More clients than there is room for, each with what it may hold: a large form of somebody else is read all the same."""
    gateway = guarded(Patient().url)
    held = []
    for number in range(8 * HOLDERS):
        connection = connect(gateway.http, f"127.0.7.{number // HOLDERS + 1}")
        connection.settimeout(LIVENESS)
        try:
            connection.sendall(head(50 << 20) + b"a=" + b"x" * (1000 << 10))
        except OSError:
            pass  # told to come again
        held.append(connection)
    form = b"text=" + b"x" * (200 << 10)
    # The last from an address that drips, too. While the flood still comes in, anybody may be told to come again.
    for source in ["127.0.8.1"] * 4 + ["127.0.7.1"]:
        assert any(send(gateway, head(len(form)), [form], source)[0] == 200 for _ in range(30)), source
    for connection in held:
        connection.close()
    assert "body-no-room" in rules(gateway)


DRIPS = [
    (b"GET / HTTP/1.1\r\nhost: localhost\r\nx-a: ", b"a"),
    (head(100_000) + b"a=", b"'"),
    (head(100_000, "application/json") + b'{"a":"', b"("),
    (head(100_000, MULTIPART) + b'--b\r\ncontent-disposition: form-data; name="', b"'"),
    (head(100_000, "application/xml") + b"<a>", b"<"),
    (head(0).replace(b"content-length: 0", b"transfer-encoding: chunked") + b"ff\r\n", b"a"),
]


def test_hundreds_that_drip_are_ended_and_hold_nobody_up(gateway):
    """A byte a second each, of a head or a body (slowloris): all are ended by us, and others are served meanwhile."""
    with Bounded(gateway, f"{len(DRIPS) * EACH} drips"):
        dripping = []
        for number, (first, drop) in enumerate(DRIPS):
            for _ in range(EACH):
                connection = connect(gateway.http, f"127.0.4.{number + 1}")
                connection.setblocking(False)
                connection.send(first)
                dripping.append((connection, drop))
        drip(dripping)


def drip(connections):
    """Sends to each a byte a second until the other end closes."""
    over, end = threading.Event(), time.monotonic() + 3 * LIVENESS
    while connections:
        assert time.monotonic() < end, f"{len(connections)} are still open"
        over.wait(1)
        connections = [one for one in connections if is_open(*one)]


def is_open(connection, drop):
    try:
        connection.send(drop)
        while data := connection.recv(4096):
            pass
        return data != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def test_a_flood_of_connections_and_requests(gateway):
    """Clients that ask as fast as they can, on as many connections as they get."""

    def flood(source):
        request = b"GET /?q=it%27s+(green)&r=%2527%3Cb HTTP/1.1\r\nhost: localhost\r\n\r\n" * 50
        for _ in range(20):
            connections = []
            for _ in range(20):
                try:
                    connections.append(connect(gateway.http, source))
                    connections[-1].settimeout(LIVENESS)
                    connections[-1].sendall(request)
                except OSError:
                    pass
            for connection in connections:
                exchange(connection, b"", 0.01)

    with Bounded(gateway, "a flood of requests"):
        floods = [threading.Thread(target=flood, args=(f"127.0.5.{number + 1}",)) for number in range(4)]
        [thread.start() for thread in floods]
        [thread.join() for thread in floods]


STREAMS = 100


def h2_head(stream, kind=b"application/x-www-form-urlencoded"):
    fields = [(b":method", b"POST"), (b":scheme", b"https"), (b":authority", b"localhost"), (b":path", b"/notes"), (b"content-type", kind)]
    return frame(HEADERS, END_HEADERS, stream, block([*fields, (b"sec-fetch-site", b"same-origin")]))


def test_hostile_bodies_in_http_2(gateway):
    """Streams of one connection, each with a body that is work."""
    bodies = [(kind.encode(), body[: 8 << 10]) for kind, body in hostile_bodies(8 << 10)]
    opened = [2 * number + 1 for number in range(len(bodies))]
    with Bounded(gateway, "hostile bodies in HTTP/2"):
        client = Client(gateway, source="127.0.2.1")
        for number, (stream, (kind, body)) in enumerate(zip(opened, bodies, strict=True)):
            client.send(h2_head(stream, kind) + frame(DATA, END_STREAM, stream, body), LIVENESS)
            # Seven at a time fit into the connection's first window.
            if number % 7 == 6 or stream == opened[-1]:
                answered = lambda: all(client.answered(one) for one in opened[: number + 1])
                assert client.wait(answered, LIVENESS), f"streams are left open: {client.goaway}"


def test_drips_in_http_2(gateway):
    """A byte a second on each of a hundred streams, on each of some connections."""
    with Bounded(gateway, f"drips on {4 * STREAMS} streams"):
        clients = [Client(gateway, source=f"127.0.4.{number + 1}") for number in range(4)]
        opened = [2 * number + 1 for number in range(STREAMS)]
        for client in clients:
            client.send(b"".join(h2_head(stream) for stream in opened))
        end = time.monotonic() + 3 * LIVENESS
        is_over = lambda client: client.ended() or all(client.answered(stream) or client.reset(stream) for stream in opened)
        while not all(is_over(client) for client in clients):
            assert time.monotonic() < end, "streams are left open"
            for client in clients:
                client.send(b"".join(frame(DATA, 0, stream, b"'") for stream in opened if not client.answered(stream) and not client.reset(stream)))
                client.wait(lambda: is_over(client), 0.25)
