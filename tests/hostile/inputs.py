"""Hostile inputs and their benign twins.

An input is the bytes of a whole connection. Every target begins with `/t`; a request hidden in another one asks for `/smuggled`.
No input that is to be refused may become a complete request at the app.
"""

import dataclasses

HOST = b"Host: localhost\r\n"
INNER = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
CONTROLS = [bytes([code]) for code in (*range(32), 127)]
LF, CR, TAB = b"\n", b"\r", b"\t"


@dataclasses.dataclass
class Input:
    name: str
    data: bytes
    #: The targets the app may see, in order; None: refused, it may see none complete.
    expect: list | None = None
    #: Refusing it is right too.
    optional: bool = False

    def __str__(self):
        return self.name


def get(lines=b"", target=b"/t", version=b"HTTP/1.1", host=HOST):
    return b"GET " + target + b" " + version + b"\r\n" + host + lines + b"\r\n"


def post(lines, body=b"", version=b"HTTP/1.1"):
    return b"POST /t " + version + b"\r\n" + HOST + lines + b"\r\n" + body


def chunked(body, lines=b""):
    return post(b"Transfer-Encoding: chunked\r\n" + lines, body)


def bad(family, label, data):
    text = label if isinstance(label, str) else ascii(label)[2:-1]
    return Input(f"{family}: {text}", data)


def good(family, label, data, expect=("/t",)):
    return Input(f"{family}: {label}", data, list(expect))


def classic():
    """The inputs that strict gateways are compared by."""
    te, end = b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"
    fits = b"Content-Length: %d\r\n" % (len(end) + len(INNER))
    cases = {
        "length and chunked": post(b"Content-Length: 4\r\n" + te, end),
        "length and chunked, hiding one": post(fits + te, end + INNER),
        "equal lengths": post(b"Content-Length: 2\r\n" * 2, b"hi"),
        "different lengths": post(b"Content-Length: 2\r\nContent-Length: 0\r\n", b"hi"),
        "listed length": post(b"Content-Length: 2, 2\r\n", b"hi"),
        "signed length": post(b"Content-Length: +2\r\n", b"hi"),
        "hexadecimal length": post(b"Content-Length: 0x2\r\n", b"hi"),
        "unknown coding": post(b"Transfer-Encoding: xchunked\r\n", end),
        "chunked, then identity": post(b"Transfer-Encoding: chunked, identity\r\n", end),
        "gzip, then chunked": post(b"Transfer-Encoding: gzip, chunked\r\n", end),
        "two transfer encodings": post(te + b"Transfer-Encoding: identity\r\n", end),
        "vertical tab before chunked": post(b"Transfer-Encoding: \x0bchunked\r\n", end),
        "space before colon": post(b"Transfer-Encoding : chunked\r\n", end),
        "folded value": get(b"X-A: b\r\n c\r\n"),
        "folded transfer encoding": post(b"Transfer-Encoding:\r\n chunked\r\n", end),
        "lines that end in LF": b"GET /t HTTP/1.1\nHost: localhost\n\n",
        "CR inside a value": get(b"X-A: b\rX-B: c\r\n"),
        "NUL inside a value": get(b"X-A: b\0c\r\n"),
        "chunked in HTTP/1.0": post(te, end, version=b"HTTP/1.0"),
        "chunk extension": chunked(b"2;a=b\r\nhi\r\n" + end),
        "chunk extension ending in LF": chunked(b"2;\nxx\r\nhi\r\n" + end),
        "chunk size ending in LF": chunked(b"2\nhi\r\n" + end),
        "chunk data not ended": chunked(b"2\r\nhiXX" + end),
        "chunk size of 17 digits": chunked(b"10000000000000002\r\nhi\r\n" + end),
        "two hosts": get(b"Host: evil\r\n"),
        "no host": get(host=b""),
        "absolute target, other host": get(target=b"http://evil/t"),
        "space in target": get(target=b"/t t"),
        "underscore in a forwarded name": get(b"X_Forwarded_For: 9.9.9.9\r\n"),
        "space before the first field": b"GET /t HTTP/1.1\r\n X: y\r\n" + HOST + b"\r\n",
        "101 fields": get(b"".join(b"X-%d: a\r\n" % i for i in range(101))),
        "field of 64 KiB": get(b"X-A: " + b"a" * 65536 + b"\r\n"),
        "field of 700 KiB": get(b"X-A: " + b"a" * 700_000 + b"\r\n"),
    }
    return [bad("classic", name, data) for name, data in cases.items()]


def lengths():
    values = [
        b"", b"-1", b"-0", b"2.0", b"2e0", b"1_0", b"0b10", b"0o2", b"2;", b"2 ,", b",2", b"2 2", b"2\x0c", b"'2'", b'"2"', b"two", b"\xb2", b"\xd9\xa2",
        b"\xef\xbc\x92", b"18446744073709551616", b"18446744073709551618", b"99999999999999999999999999999999", b"2\0", b"2\x0b", b"\x0b2", b"NaN",
        b"0x", b"2h", b"$2", b"2,3", b"2,\t2", b"[2]", b"2#", b"\xa02", b"2\xa0",
    ]
    yield from (bad("length", value, post(b"Content-Length: " + value + b"\r\n", b"hi" + INNER)) for value in values)
    names = [b"Content-Length ", b"Content-Length\t", b" Content-Length", b"Content Length", b"Content-Length\0", b"\0Content-Length", b"Content-Length\x0b",
             b"Content_Length", b"Content-Length\xa0", b"Content-\x00Length", b"Content-Length\r", b"Content-Leng\xc5\xa5h", b"(Content-Length)"]
    yield from (bad("length name", name, post(name + b": 2\r\n", b"hi")) for name in names)
    for other in (b"0", b"2", b"44", b"5"):
        twice = b"Content-Length: 2\r\nX-A: b\r\ncontent-length: " + other + b"\r\n"
        yield bad("length twice", other, post(twice, b"hi" + INNER))
    for value in (b"2", b"02", b"\t2 ", b"00000000000000000002"):
        yield good("length", ascii(value), post(b"Content-Length: " + value + b"\r\n", b"hi"))
    yield good("length", "none", post(b"Content-Length: 0\r\n"))


def transfer_encodings():
    end = b"0\r\n\r\n"
    values = [
        b"", b"identity", b"chunke", b"chunkedd", b"xchunked", b"chunked,", b",chunked", b"chunked,chunked", b"chunked, chunked", b"chunked;", b"chunked;q=1", b'"chunked"',
        b"'chunked'", b"chunked\0", b"\0chunked", b"chunked\x0b", b"\x0cchunked", b"chunked\x0c", b"\xa0chunked", b"chunked\xa0", b"chu nked", b"chunked identity", b"gzip",
        b"gzip,chunked", b"deflate, chunked", b"chunked, gzip", b"trailers", b"cow", b"chunked\xef\xbb\xbf", b"\xef\xbb\xbfchunked", b"[chunked]", b"{chunked}", b"chunked:",
        b"chun\xe2\x80\x8bked", b"c%68unked", b"chunKed\x01", b"=chunked", b"chunked\\", b"compress", b"\xc4\x8dhunked", b"chunked x", b"x chunked", b"chunked, trailers",
    ]
    for value in values:
        yield bad("coding", value, post(b"Transfer-Encoding: " + value + b"\r\n", end + INNER))
        both = b"Content-Length: %d\r\nTransfer-Encoding: %s\r\n" % (len(end), value)
        yield bad("coding with length", value, post(both, end + INNER))
    names = [b"Transfer-Encoding ", b"Transfer-Encoding\t", b" Transfer-Encoding", b"Transfer Encoding", b"Transfer-Encoding\0", b"Transfer-Encoding\x0b", b"Transfer_Encoding",
             b"Transfer-\rEncoding", b"\xa0Transfer-Encoding", b"Transfer-Encoding\xa0", b"Transfer-Encod\xc4\xb1ng", b"\x00Transfer-Encoding", b"Transfer-Encoding\x7f"]
    for name in names:
        yield bad("coding name", name, post(b"Content-Length: 5\r\n" + name + b": chunked\r\n", end + INNER))
        yield bad("coding name alone", name, post(name + b": chunked\r\n", end))
    for value in (b"chunked", b"CHUNKED", b"\tchunked "):
        yield good("coding", ascii(value), post(b"Transfer-Encoding: " + value + b"\r\n", b"2\r\nhi\r\n" + end))


def line_ends():
    """Each CRLF of a sound request replaced by what a lax parser takes for one."""
    lines = [b"POST /t HTTP/1.1", b"Host: localhost", b"X-A: b", b"Content-Length: 2", b""]
    for wrong in (LF, CR, b"\n\r", b"\r\r\n", b"\0\r\n", b"\x0b", b"\x0c", b"\x85", b"\xe2\x80\xa8", b"\r\x0b\n", b"\r \n"):
        for place in range(len(lines)):
            if wrong > b"\x7f" and place == 2:
                continue  # Text, in a value.
            data = b"".join(line + (wrong if at == place else b"\r\n") for at, line in enumerate(lines))
            yield bad("line end", f"{ascii(wrong)} after line {place}", data + b"hi" + INNER)
    yield good("line end", "one empty line first", b"\r\n" + get())
    yield bad("line end", "two empty lines first", b"\r\n\r\n" + get())
    yield good("line end", "two requests", get() + get(target=b"/t2"), ["/t", "/t2"])


def control_bytes():
    for byte in CONTROLS:
        label = ascii(byte)
        yield bad("control in method", label, b"G" + byte + b"T /t HTTP/1.1\r\n" + HOST + b"\r\n")
        yield bad("control in target", label, get(target=b"/t" + byte + b"t"))
        yield bad("control in query", label, get(target=b"/t?" + byte + b"t"))
        yield bad("control in version", label, get(version=b"HTTP/1" + byte + b"1"))
        yield bad("control in name", label, get(b"X" + byte + b"A: b\r\n"))
        yield bad("control after name", label, get(b"X-A" + byte + b": b\r\n"))
        yield bad("control in host", label, get(host=b"Host: local" + byte + b"host\r\n"))
        if byte != TAB:
            yield bad("control in value", label, get(b"X-A: b" + byte + b"c\r\n"))
            yield bad("control in cookie", label, get(b"Cookie: a=b" + byte + b"c\r\n"))
    yield good("control", "a tab in a value is text", get(b"X-A: b\tc\r\n"))
    yield good("control", "bytes from 0x80 in a value are text", get(b"X-A: caf\xc3\xa9\r\n"))
    for byte in (b'"', b"(", b")", b",", b"/", b";", b"<", b"=", b">", b"?", b"@", b"[", b"\\", b"]", b"{", b"}", b"\x80", b"\xff", b" "):
        yield bad("delimiter in name", byte, get(b"X" + byte + b"A: b\r\n"))
        yield bad("delimiter in method", byte, b"G" + byte + b"T /t HTTP/1.1\r\n" + HOST + b"\r\n")


def hosts():
    values = [
        b"", b" ", b"evil", b"localhost, evil", b"localhost evil", b"localhost@evil", b"evil@localhost", b"localhost:", b"localhost:x", b"localhost:99999", b"localhost:80:80", b"localhost:-1",
        b"localhost/", b"localhost/t", b"localhost?x", b"localhost#x", b"localhost\\evil", b"http://localhost", b"//localhost", b"localhost%00", b"localhost%2eevil", b".localhost", b"localhost..",
        b"[localhost]", b"[::1", b"::1", b"[::1]x", b"localhost;evil", b"localhost'", b"(localhost)", b"*", b"localhost.evil", b"evil.localhost", b"localhost\xe3\x80\x82evil", b"loc\xc3\xa5lhost",
    ]
    yield from (bad("host", value, get(host=b"Host: " + value + b"\r\n")) for value in values)
    yield bad("host", "twice the same", get(HOST))
    yield bad("host", "in HTTP/1.0 missing", get(version=b"HTTP/1.0", host=b""))
    yield bad("host", "with a space before the colon", get(host=b"Host : localhost\r\n"))
    yield bad("host", "folded", get(host=b"Host:\r\n localhost\r\n"))
    yield good("host", "any case", get(host=b"hOST:LocalHost\r\n"))
    for target in (b"http://evil/t", b"http://localhost@evil/t", b"http://evil@localhost/t", b"http://localhost:81/t", b"http://localhost.evil/t", b"http:///t", b"http:/t", b"http:t",
                   b"ftp://localhost/t", b"https://evil/t", b"//evil@localhost:x/..", b"localhost/t", b"localhost:80", b"*", b"t", b"?t", b"http://localhost\\evil/t"):
        yield bad("target form", target, get(target=target))
    yield bad("target form", "CONNECT", b"CONNECT localhost:80 HTTP/1.1\r\n" + HOST + b"\r\n")
    yield good("target form", "absolute", get(target=b"http://localhost/t"))


def targets():
    for path in (b"/..", b"/t/..", b"/t/../smuggled", b"/./t", b"/%2e%2e/smuggled", b"/t/%2E./smuggled", b"/t/..%2fsmuggled", b"/t%2f..%2fsmuggled", b"/t/..\\smuggled", b"/t\\..\\smuggled", b"/t%5c..%5csmuggled",
                 b"/t%00", b"/t%0d%0aX:y", b"/t%0a", b"/t%7f", b"/t%", b"/t%2", b"/t%zz", b"/t%u0041", b"/t#f", b"/t?a#f", b"/%c0%ae%c0%ae/smuggled", b"/t%c0%af", b"/t%e0%80%af", b"/t%ff", b"/t\xff",
                 b"/t%ed%a0%80", b"/t%f5%80%80%80", b"/t%2Fu", b"/t%5Cu", b"\\t", b"/t\\"):
        yield bad("path", path, get(target=path))
    same = {b"//t": "/t", b"/%74": "/t", b"/t/%7euser": "/t/~user", b"/t%c3%a9": "/t%C3%A9", b"/t\xc3\xa9": "/t%C3%A9", b"/t?a=../..&b=%00%zz": "/t?a=../..&b=%00%zz",
            b"/t;a=1,2": "/t;a=1,2", b"/t%252e%252e": "/t%252e%252e", b"/t///u": "/t/u", b"/t/...": "/t/...", b"/t?": "/t?"}
    for sent, forwarded in same.items():
        yield good("path", ascii(sent), get(target=sent), [forwarded])
    yield bad("path", "9 KiB", get(target=b"/t" + b"a" * 9000))
    yield good("path", "4 KiB of query", get(target=b"/t?" + b"a" * 4000), ["/t?" + "a" * 4000])


def versions():
    for version in (b"HTTP/1.2", b"HTTP/2.0", b"HTTP/2", b"HTTP/0.9", b"HTTP/3.0", b"HTTP/1", b"HTTP/1.", b"HTTP/.1", b"HTTP/11", b"HTTP/1.10", b"HTTP/01.1", b"http/1.1", b"Http/1.1", b"HTTP/1,1", b"HTTP/1.1x",
                    b"HTTP/1.1 ", b" HTTP/1.1", b"xHTTP/1.1", b"HTTPS/1.1", b"ICAP/1.0", b"HTTP/a.b", b"HTTP /1.1", b"HTTP/ 1.1", b"HTTP/-1.1", b"HTTP/1.\xb9"):
        yield bad("version", version, get(version=version))
    yield bad("version", "none", b"GET /t\r\n")
    yield bad("version", "h2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
    yield bad("version", "TLS", bytes.fromhex("16030100a5010000a10303") + bytes(150))
    yield bad("version", "SSH", b"SSH-2.0-OpenSSH_9.6\r\n")
    yield good("version", "HTTP/1.0", get(version=b"HTTP/1.0"))


def chunks():
    end = b"0\r\n\r\n"
    sizes = [b"", b" 2", b"2 ", b"\t2", b"2\t", b"+2", b"-2", b"0x2", b"2h", b"g", b"2;", b"2;a", b"2;a=b", b'2;a="\r\n"', b"2 ;a=b", b"2,", b"2.0", b"2\0", b"\x0b2", b"2\x0c", b"\xef\xbc\x92", b"2\r", b"0002\n",
             b"00000000000000002", b"10000000000000002", b"fffffffffffffffff", b"ffffffffffffffffffffffffffffff", b"2_", b"0b10", b'"2"']
    yield from (bad("chunk size", size, chunked(size + b"\r\nhi\r\n" + end + INNER)) for size in sizes)
    for wrong in (LF, CR, b"\n\r", b"\r\r\n", b"\0\n", b" \r\n", b""):
        yield bad("chunk size end", wrong, chunked(b"2" + wrong + b"hi\r\n" + end + INNER))
        yield bad("chunk data end", wrong, chunked(b"2\r\nhi" + wrong + end + INNER))
        if wrong:
            yield bad("last chunk end", wrong, chunked(b"2\r\nhi\r\n0" + wrong + b"\r\n" + INNER))
    yield bad("chunk", "more data than said", chunked(b"2\r\nhix\r\n" + end + INNER))
    yield bad("chunk", "less data than said", chunked(b"4\r\nhi\r\n" + end + INNER))
    for trailer in (b"X : y", b" X: y", b"X", b": y", b"X: \0", b"X: a\rb", b"X: a\nb", b"X(: y", b"X: " + b"a" * 9000, b"\r\n".join([b"X: y"] * 40)):
        yield bad("trailer", ascii(trailer[:20]), chunked(b"2\r\nhi\r\n0\r\n" + trailer + b"\r\n\r\n"))
    for body in (b"2\r\nhi\r\n" + end, b"002\r\nhi\r\n" + end, b"1\r\nh\r\n1\r\ni\r\n" + end, b"A\r\n0123456789\r\n" + end, b"2\r\nhi\r\n0000\r\n\r\n", b"2\r\nhi\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\n\r\n"):
        yield good("chunk", ascii(body[:30]), chunked(body))
    yield good("chunk", "then another request", chunked(b"2\r\nhi\r\n" + end) + get(target=b"/t2"), ["/t", "/t2"])


def fields():
    """Fields that would let a client speak as the gateway, or for one hop only."""
    for name in (b"X_Forwarded_For", b"X_Real_IP", b"X_Forwarded_Proto", b"X-Forwarded_For", b"Forwarded_"):
        yield bad("aliasing name", name, get(name + b": 1\r\n"))
    # These may be refused or dropped, but never arrive: `test_recorded` looks for underscores in what does.
    for name in (b"HTTP_HOST", b"SCRIPT_NAME", b"PATH_INFO", b"REMOTE_USER", b"Content_Type", b"x_csrf_token", b"wsgi.url_scheme"):
        yield Input(f"CGI name: {name.decode()}", get(name + b": 1\r\n"), ["/t"], optional=True)
    named = b"Connection: close, X-Real-Ip\r\nX-Real-Ip: 9.9.9.9\r\n"
    yield good("connection names", "a field", get(named))
    yield Input("upgrade: then another request", get(b"Connection: upgrade\r\nUpgrade: foo\r\n") + INNER.replace(b"/smuggled", b"/t2"), ["/t", "/t2"], optional=True)
    for named in (b"Host", b"Content-Length", b"Transfer-Encoding", b"close, host", b"a b", b"a/b", b"\xc3\xa9"):
        yield bad("connection names", named, post(b"Connection: " + named + b"\r\nContent-Length: 2\r\n", b"hi"))
    yield bad("expect", "unknown", post(b"Expect: 200-ok\r\nContent-Length: 2\r\n", b"hi"))
    yield bad("sizes", "three fields of 15 KiB", get(b"".join(b"X-%d: %s\r\n" % (i, b"a" * 15_000) for i in range(3))))
    yield bad("sizes", "an endless method", b"G" * 5000)
    yield bad("sizes", "an endless name", get(b"X" * 70_000))
    yield good("sizes", "90 fields", get(b"".join(b"X-%d: a\r\n" % i for i in range(90))))
    yield good("sizes", "a cookie of 8 KiB", get(b"Cookie: a=" + b"b" * 8000 + b"\r\n"))
    yield good("sizes", "three requests at once", get() + post(b"Content-Length: 2\r\n", b"hi") + get(target=b"/t3"), ["/t", "/t", "/t3"])


def every_input():
    families = (classic, lengths, transfer_encodings, line_ends, control_bytes, hosts, targets, versions, chunks, fields)
    return [entry for family in families for entry in family()]
