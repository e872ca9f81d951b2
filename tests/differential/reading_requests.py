"""Requests to read: ordinary ones, and what becomes of them when a few bytes change."""

import random

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
XML = "application/xml"
MULTIPART = "multipart/form-data; boundary="

QUERIES = [
    b"q=hello+world&page=2",
    b"a=1&a=2&a=3&b=",
    b"name=J%C3%BCrgen&city=K%C3%B6ln&note=100%25%20sure",
    b"next=%2Fa%2Fb%3Fc%3Dd%26e&flag&x=y=z",
    b"filter%5Bname%5D=x&filter%5Bage%5D=%3E5",
]
COOKIES = [
    b"session=abc123; theme=dark",
    b"sessionid=eyJhIjoxfQ.Zx1-2_3; csrftoken=Qw3rTy; _ga=GA1.2.1234.5678",
    b"a=1; b=x=y; __Host-id=aGVsbG8=",
    b'messages="[[\\"saved\\"\\054 1]]"; plain="x"; sid=1',
    b'consent={"ads":false,"id":"x"}; list=a,b,c; path=x',
]
JSONS = [
    b'{"name": "J\xc3\xbcrgen", "tags": ["a", "b"], "age": 41, "ok": true, "none": null}',
    b'[1, -2.5e3, "x\\n\\u00e9\\ud83d\\ude00", {}, [], {"a": {"b": [{"c": "d"}]}}]',
    b'{"query": "query Q($id: ID!) { user(id: $id) { name } }", "variables": {"id": "1"}}',
    b'"text"',
    b'{"a": {"b": {"c": [[], {}, [1, [2, [3]]]]}}, "n": [0, -0.0, 1e-7, 12345678901234567890], "s": "\\u2028\\ud83d\\ude00\\/"}',
]
XMLS = [
    b'<?xml version="1.0" encoding="UTF-8"?>\n<order id="7"><item sku=\'a-1\' n="2">Caf\xc3\xa9 &amp; tea</item><note/></order>\n',
    b"<a xmlns:x='urn:x'>\r\n <x:b>one<!-- two -->three<![CDATA[<four> & five]]></x:b>\r\n <c d='&lt;&#x41;'>x &gt; y</c>\r\n</a>",
    b"<soap:Envelope xmlns:soap='http://www.w3.org/2003/05/soap-envelope'><soap:Body><m:Get xmlns:m='urn:m'><m:Id>1</m:Id></m:Get></soap:Body></soap:Envelope>",
]

PLAIN = (
    b'--B0undary\r\nContent-Disposition: form-data; name="title"\r\n\r\nHello, world\r\n'
    b'--B0undary\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nline 1\r\nline 2\r\n\r\n'
    b"--B0undary--\r\n"
)
BROWSER = (
    b"------WebKitFormBoundaryA1\r\n"
    b'Content-Disposition: form-data; name="avatar"; filename=""\r\nContent-Type: application/octet-stream\r\n\r\n\r\n'
    b"------WebKitFormBoundaryA1\r\n"
    b'Content-Disposition: form-data; name="caf\xc3\xa9"\r\n\r\n\xe2\x82\xac 5\r\n'
    b"------WebKitFormBoundaryA1\r\n"
    b'Content-Disposition: form-data; name="pic"; filename="f\xc3\xbc.png"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n\x1a\n\x00\xff\r\n'
    b"------WebKitFormBoundaryA1--\r\n"
)
CLIENT = (
    b'--77d\r\nContent-Disposition: form-data; name="json"\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 9\r\n\r\n{"a": 1}\n\r\n'
    b'--77d\r\nContent-Disposition: form-data; name="empty"\r\n\r\n\r\n'
    b'--77d\r\nContent-Disposition: form-data; name=file; filename=b.bin\r\nContent-Type: application/octet-stream\r\n'
    b"Content-Transfer-Encoding: binary\r\n\r\n\x00\x01--77\r\n--7\r\n--77d--\r\n"
)

SEEDS = {
    "query": [{"kind": "query", "type": "", "bytes": text} for text in QUERIES],
    "form": [{"kind": "body", "type": FORM, "bytes": text} for text in QUERIES],
    "cookie": [{"kind": "cookie", "type": "", "bytes": text} for text in COOKIES],
    "json": [{"kind": "body", "type": JSON, "bytes": text} for text in JSONS],
    "xml": [{"kind": "body", "type": XML, "bytes": text} for text in XMLS],
    "multipart": [
        {"kind": "body", "type": MULTIPART + "B0undary", "bytes": PLAIN},
        {"kind": "body", "type": MULTIPART + "----WebKitFormBoundaryA1", "bytes": BROWSER},
        {"kind": "body", "type": MULTIPART + '"77d"', "bytes": CLIENT},
    ],
}

# What each format's readers react to.
ATOMS = {
    "query": [b"&", b"=", b"%", b"%4", b"%00", b"%C3", b"%A9", b"%ff", b"%u0041", b"+", b";", b"%26", b"%3D", b"a", b"[]", b".", b"\xc3\xa9", b"\xff", b"&&", b"==", b"#", b" "],
    "cookie": [b";", b"=", b'"', b"\\", b"\\073", b"\\\"", b",", b" ", b"\t", b"%20", b"$Version=1", b"path=/", b"a", b"\xc3\xa9", b"\xff", b"; ", b"[", b"expires=Wed, 09 Jun 2021 10:18:14 GMT", b"{", b"("],
    "json": [b"{", b"}", b"[", b"]", b'"', b":", b",", b"\\", b"\\u0041", b"\\ud800", b"\\udc00", b"\\u00", b"0", b"1", b"-", b".", b"e5", b"true", b"null", b"NaN", b"Infinity", b"-Infinity", b" ", b"\n", b"\x00", b"\x1f", b"\xef\xbb\xbf", b"\xff", b"\xed\xa0\x80", b'"a":', b'"a.b":1,', b"//", b"'", b"[[[[", b"\x0b", b"\xc2\xa0"],
    "xml": [b"<", b">", b"/", b"<b>", b"</b>", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<?pi?>", b"<!DOCTYPE a>", b"<!DOCTYPE a [<!ENTITY e 'v'>]>", b"&e;", b"&amp;", b"&#65;", b"&#0;", b"&", b";", b'"', b"'", b"=", b" x='1'", b" id='1'", b"\r\n", b"\t", b"\xc3\xa9", b"\xff", b"\x00", b"\x01", b":", b"<a/>", b"]]", b"--"],
    "multipart": [
        b"\r\n", b"\n", b"\r", b" ", b"\t", b"-", b"--", b":", b";", b'"', b"'", b"\\", b'\\"', b"%22", b"=", b",", b"/", b"<", b">", b"(", b"&amp;", b"\x00", b"\x0b", b"\x0c", b"\x85", b"\xff", b"\xc3\xa9", b"\xe2\x80\xa8",
        b"a", b"name", b"filename", b'; name="x"', b'; filename="y"', b"; filename*=utf-8''z%20", b"; filename*=utf-7''z", b'; filename*0="a"; filename*1="b"', b"; name*=utf-8''n",
        b"Content-Disposition: form-data; name=\"again\"\r\n", b"content-disposition: form-data; name=\"lower\"\r\n", b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Transfer-Encoding: quoted-printable\r\n", b"Content-Type: text/plain; charset=utf-7\r\n", b"Content-Type: text/plain; charset=iso-8859-1\r\n",
        b"Content-Type: multipart/mixed; boundary=x\r\n", b"Content-Length: 3\r\n", b"Content-Encoding: gzip\r\n", b"X: y\r\n", b"X : y\r\n", b" folded\r\n", b"no colon\r\n", b"X: y\r\n" * 9, b"X: " + b"y" * 990 + b"\r\n",
        b'form-data; name="_charset_"', b"attachment", b"\r\n\r\n", b"\n\n", b"C:\\x\\", b"../",
    ],
}
ATOMS["form"] = ATOMS["query"] + [b"\r\n", b"\n"]

TYPES = [
    "; charset=utf-16", "; charset=utf-8", "; charset=latin-1", "; boundary=other", '; boundary="', "; x=y", ";", "; boundary*=utf-8''B0undary", ", x", "; charset=utf-7", " ", ";boundary",
]  # fmt: skip

ESSENCES = ["Multipart/Form-Data", "MULTIPART/form-data", "multipart/Form-Data", "multipart/mixed", "multipart/form-data ", " multipart/form-data", "multipart"]

# Parts put together of what clients write and attackers try: one oddity at a time is seen best in a whole request.
DISPOSITIONS = [
    'form-data; name="a"', 'form-data; name="b"; filename="x.txt"', "form-data; name=c", 'form-data; name="d"; filename=""', 'FORM-DATA; NAME="e"',
    'form-data;name="f";filename="g"', 'form-data; filename="x.txt"; name="h"', 'form-data; name="a%22b"', 'form-data; name="f"; filename="a%22b.txt"',
    'form-data; name="f"; filename="a\\"b.txt"', 'form-data; name="f"; filename="a\\\\b.txt"', 'form-data; name="f"; filename="a\\b.txt"',
    'form-data; name="f"; filename="a; b.txt"', 'form-data; name="f"; filename="a;b;c.txt"', 'form-data; name="f"; filename="/etc/x"', 'form-data; name="f"; filename="../x"',
    'form-data; name="f"; filename="C:\\dir\\x"', 'form-data; name="f"; filename=" x "', 'form-data; name=" f "', 'form-data; name="f"; filename="R&D &copy; &amp.txt"',
    "form-data; name=\"f\"; filename*=utf-8''n%C3%A4me.txt", "form-data; name=\"f\"; filename*=UTF-8''plain.txt", "form-data; name=\"f\"; filename*=utf-8'en'x",
    "form-data; name=\"f\"; filename=\"x\"; filename*=utf-8''y", "form-data; name=\"f\"; filename*=iso-8859-1''%E4", "form-data; name=\"f\"; filename*=utf-8''%E4",
    'form-data; name="f"; filename*0="x"; filename*1="y"', "form-data; name*=utf-8''n", "form-data; name='f'", 'form-data; name="f"; name="g"', "form-data", "attachment; name=\"f\"",
    'form-data; name="f"; size=3', 'form-data; name=""', 'form-data; name="\u00e9"; filename="\u20ac.txt"', 'form-data; name="f"; filename=a,b', 'form-data; name="f"; filename=(x)',
    "form-data ; name=\"f\"", 'form-data; name = "f"', 'form-data; name="f";', 'form-data; name="f"; ', 'form-data; name="[a][b]"', 'form-data; name="a.b:c/d"',
    "form-data; name=\"f\"; filename*=utf-8''%22x%22", "form-data; name=\"f\"; filename*=utf-8''a%2Fb", "form-data; name=\"f\"; filename*=utf-8''", "form-data; name=\"f\"; filename*=utf-8''a b",
]  # fmt: skip
HEADERS = [
    "Content-Type: text/plain", "Content-Type: text/plain; charset=utf-8", "Content-Type: text/plain; charset=ISO-8859-1", "Content-Type: text/csv; charset=windows-1252",
    "Content-Type: application/octet-stream", "Content-Type: application/json", "content-type: text/plain;charset=\"UTF-8\"", "Content-Type: text/plain; charset=utf-16",
    "Content-Length: 5", "Content-Length: x", "Content-Transfer-Encoding: binary", "Content-Transfer-Encoding: 8bit", "Content-Transfer-Encoding: base64",
    "Content-Transfer-Encoding: quoted-printable", "Content-Transfer-Encoding: 7BIT", "Content-Encoding: gzip", "Content-ID: <a@b>", "X-Y: z", "X-Long: " + "y" * 1100, "X: a\r\n b",
    "Mime-Version: 1.0", "X:y", "X: \u00e9", "X-Empty:", "Content-Type: multipart/mixed; boundary=i",
]  # fmt: skip
CONTENTS = [b"hello", b"", b"caf\xc3\xa9", b"\xff\x00", b"a\r\nb", b"\r\n", b"--", b"aGVsbG8=", b"a=3D1", b"a\nb\n", b"\r", b"x" * 3000, b"- --B", b" ", b'{"a": 1}']
BOUNDARIES = ["B", "----WebKitFormBoundaryZ", "a.b_c", "'q'", "0" * 70, "=_Part_1", "x:y", "a+b", "B-"]


def built(random):
    boundary = random.choice(BOUNDARIES)
    body = b""
    for _ in range(random.randint(1, 4)):
        headers = ["Content-Disposition: " + (random.choice(DISPOSITIONS) if random.random() < 0.6 else f'form-data; name="n{random.randint(1, 3)}"')]
        headers += random.sample(HEADERS, random.choice((0, 0, 0, 1, 1, 2)))
        if random.random() < 0.2:
            random.shuffle(headers)
        head = "".join(header + "\r\n" for header in headers).encode()
        body += b"--" + boundary.encode() + b"\r\n" + head + b"\r\n" + random.choice(CONTENTS) + b"\r\n"
    quoted = f'"{boundary}"' if random.random() < 0.3 or not boundary.replace("-", "").isalnum() else boundary
    return {"kind": "body", "type": MULTIPART + quoted, "bytes": body + b"--" + boundary.encode() + b"--\r\n"}


def boundary_atoms(case):
    boundary = case["type"].partition("boundary=")[2].strip('"').encode()
    marks = [b"--", b"\r\n--", b"\n--", b"\r--"]
    ends = [b"", b"\r\n", b"--", b"--\r\n", b" \r\n", b"\n", b"x", b"-- \r\n", b"\t\r\n"]
    return [mark + boundary + end for mark in marks for end in ends]


def mutated(kind, random):
    """One request, with one to three changes."""
    case = dict(random.choice(SEEDS[kind]))
    if kind == "multipart" and random.random() < 0.6:
        case = built(random)
        if random.random() < 0.6:
            return case
    body = bytearray(case["bytes"])
    atoms = ATOMS[kind] + (boundary_atoms(case) if kind == "multipart" else [])
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        change(body, atoms, random)
    if kind in ("multipart", "form", "json") and random.random() < 0.08:
        case["type"] += random.choice(TYPES)
    if kind == "multipart" and random.random() < 0.04:
        case["type"] = case["type"].replace("multipart/form-data", random.choice(ESSENCES))
    case["bytes"] = bytes(body)
    if kind == "json" and random.random() < 0.03:
        case["bytes"] = case["bytes"].decode("utf-8", "replace").encode(random.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig")))
    return case


def change(body, atoms, random):
    at, end = sorted((random.randint(0, len(body)), random.randint(0, len(body))))
    near = min(len(body), at + random.randint(1, 4))
    match random.randrange(8):
        case 0 | 1 | 2:
            body[at:at] = random.choice(atoms)
        case 3:
            body[at:near] = random.choice(atoms)
        case 4:
            del body[at:near]
        case 5:
            body[at:at] = body[at:end][:200]
        case 6:
            found = random.choice(atoms)
            where = body.find(found, at)
            if where >= 0:
                body[where : where + len(found)] = random.choice(atoms)
        case 7:
            body[at:near] = bytes([random.randrange(256)])


def cases(kind, count, seed=1):
    """The ordinary requests, then mutated ones; the same for the same seed."""
    yield from SEEDS[kind]
    source = random.Random(f"{kind} {seed}")
    for _ in range(count):
        yield mutated(kind, source)
