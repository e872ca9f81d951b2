"""What reaches the app is exactly what was decided, and what cannot be decided reaches nobody."""

import io
import logging
import random

import gambeson
import pytest
from wsgi_kit import Answer, App, ask, environ, guarded, records

OWN = [("Sec-Fetch-Site", "same-origin")]


def seen(folder, env, policy=""):
    app = App()
    return ask(guarded(folder, app, policy), env), app.seen


@pytest.mark.parametrize(
    "sent, path, target",
    [
        ("/", "/", "/"),
        ("/a%20b", "/a b", "/a%20b"),
        ("/%61//b", "/a/b", "/a/b"),
        ("/caf%C3%A9", "/cafÃ©", "/caf%C3%A9"),
        ("/a;b=c?q=%20&r=%2f", "/a;b=c", "/a;b=c?q=%20&r=%2f"),
        ("/100%25", "/100%", "/100%25"),
    ],
)
@pytest.mark.parametrize("raw", [True, False])
def test_the_app_sees_the_one_reading_of_the_target(tmp_path, sent, path, target, raw):
    env = environ(sent) if raw else environ(sent, REQUEST_URI=None)
    answer, app = seen(tmp_path, env)
    assert answer.code == 200
    assert app["PATH_INFO"] == path and app["QUERY_STRING"] == target.partition("?")[2]
    assert app.get("REQUEST_URI") == (target if raw else None)


@pytest.mark.parametrize("path", ["/../etc/passwd", "/a/./b", "/a\\..\\b", "/nul\0", "/\x80", "no-slash", "/line\nfeed"])
def test_what_reads_in_two_ways_is_refused(tmp_path, path):
    answer, app = seen(tmp_path, environ(PATH_INFO=path, REQUEST_URI=None))
    assert answer.code == 400 and app is None


def test_a_raw_target_that_says_otherwise_is_not_believed(tmp_path):
    # An outer middleware rewrote the path; or the server's raw target is another request's.
    answer, app = seen(tmp_path, environ(PATH_INFO="/inner", REQUEST_URI="/outer?x=1", QUERY_STRING="y=2"))
    assert answer.code == 200
    assert (app["PATH_INFO"], app["QUERY_STRING"], app["REQUEST_URI"]) == ("/inner", "y=2", "/inner?y=2")


def test_routes_are_matched_below_a_mount(tmp_path):
    policy = '[[route]]\npath = "/app/hook"\noff = ["csrf"]'
    foreign = [("Sec-Fetch-Site", "cross-site"), ("Cookie", "session=a")]
    for script, code in (("/app", 200), ("/other", 403)):
        env = environ(method="POST", headers=foreign, SCRIPT_NAME=script, PATH_INFO="/hook", REQUEST_URI=None)
        answer, app = seen(tmp_path, env, policy)
        assert answer.code == code
        assert app is None or (app["SCRIPT_NAME"], app["PATH_INFO"]) == (script, "/hook")


def test_what_is_said_of_the_client_is_ours(tmp_path):
    forged = [("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-Proto", "http"), ("X-Forwarded-User", "root"), ("Forwarded", "for=x")]
    answer, app = seen(tmp_path, environ(headers=[*forged, ("X-Real-Ip", "::1"), ("TE", "trailers")], peer="192.0.2.7"))
    assert answer.code == 200
    assert app["HTTP_X_FORWARDED_FOR"] == "192.0.2.7" and app["HTTP_X_FORWARDED_PROTO"] == "https"
    for gone in ("HTTP_X_FORWARDED_USER", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_TE"):
        assert gone not in app


def test_a_trusted_proxy_is_believed(tmp_path):
    policy = '[listen]\ntrusted_proxies = ["10.0.0.0/8"]'
    told = [("X-Forwarded-For", "192.0.2.7"), ("X-Forwarded-Proto", "https")]
    for peer, client in (("10.1.2.3", "192.0.2.7"), ("10.1.2.3", "192.0.2.7")):
        answer, app = seen(tmp_path, environ(headers=told, peer=peer, https=False), policy)
        assert answer.code == 200
        assert (app["REMOTE_ADDR"], app["wsgi.url_scheme"], app["HTTP_X_FORWARDED_FOR"]) == (client, "https", client)


def test_nobodys_address_is_not_this_machine(tmp_path):
    for peer in ("", "unix:", None):
        answer, app = seen(tmp_path, environ(headers=[("X-Forwarded-For", "127.0.0.1")], peer=peer))
        assert answer.code == 200 and app["HTTP_X_FORWARDED_FOR"] == "0.0.0.0"


@pytest.mark.parametrize("key", ["HTTP_X-A", "HTTP_x_a", "HTTP_X A", "HTTP_X_Ä", "HTTP_"])
def test_a_name_no_server_makes_is_refused(tmp_path, key):
    answer, app = seen(tmp_path, environ(**{key: "1"}))
    assert answer.code == 400 and app is None


@pytest.mark.parametrize("value", ["a\r\nX: b", "a\0", "€", "\ud800", b"bytes", 7, None])
def test_a_value_no_field_may_have_is_refused(tmp_path, value):
    env = environ()
    env["HTTP_X_A"] = value
    answer, app = seen(tmp_path, env)
    assert answer.code == 400 and app is None


def test_twins_of_length_and_type_do_not_reach_the_app(tmp_path):
    env = environ(method="POST", headers=OWN, body=b"abc", CONTENT_TYPE="text/plain")
    env |= {"HTTP_CONTENT_LENGTH": "0", "HTTP_CONTENT_TYPE": "text/html", "HTTP_TRANSFER_ENCODING": "chunked"}
    answer, app = seen(tmp_path, env)
    assert app is None or not [key for key in app if key in ("HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE", "HTTP_TRANSFER_ENCODING")]


@pytest.mark.parametrize("length", ["-1", "1e3", "0x10", "٣", "9" * 30, " 5", "+5"])
def test_a_length_that_is_no_number_is_refused(tmp_path, length):
    answer, app = seen(tmp_path, environ(method="POST", headers=OWN, CONTENT_LENGTH=length))
    assert answer.code == 400 and app is None


LIMIT = '[[route]]\npath = "/*"\nbody = 1000'


def test_a_declared_body_over_the_limit_is_refused_unread(tmp_path):
    class Unread(io.BytesIO):
        def read(self, *_):
            raise AssertionError("read")

    env = environ(method="POST", headers=OWN, CONTENT_LENGTH="1001", **{"wsgi.input": Unread()})
    answer, app = seen(tmp_path, env, LIMIT)
    assert answer.code == 413 and app is None


def readers():
    yield "read", lambda stream: stream.read()
    yield "read-sized", lambda stream: stream.read(10_000)
    yield "read-none", lambda stream: stream.read(None)
    yield "pieces", lambda stream: b"".join(iter(lambda: stream.read(100), b""))
    yield "readline", lambda stream: b"".join(iter(stream.readline, b""))
    yield "readlines", lambda stream: b"".join(stream.readlines())
    yield "readlines-hint", lambda stream: b"".join(iter(lambda: b"".join(stream.readlines(50)), b""))
    yield "iterated", lambda stream: b"".join(stream)


@pytest.mark.parametrize("swallow", [True, False])
@pytest.mark.parametrize("read", [pytest.param(read, id=name) for name, read in readers()])
def test_an_undeclared_body_is_counted(tmp_path, read, swallow):
    got = []

    def app(env, start_response):
        try:
            got.append(read(env["wsgi.input"]))
        except gambeson.BodyTooLarge:
            if not swallow:
                raise
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"stored"]

    for size, code in ((1000, 200), (1001, 413), (500_000, 413)):
        body = (b"x" * 99 + b"\n") * (size // 100) + b"y" * (size % 100)
        stream = io.BytesIO(body)
        env = environ(method="POST", headers=OWN, **{"wsgi.input": stream, "wsgi.input_terminated": True})
        answer = ask(guarded(tmp_path, app, LIMIT), env)
        assert answer.code == code
        assert stream.tell() <= 70_000, "far more was read than is allowed"
        if code == 200:
            assert got == [body]
        else:
            assert b"stored" not in answer.body


ATTACK = b"q=x'+UNION+SELECT+v+FROM+secret--+&z=" + b"z" * 3000


@pytest.mark.parametrize("more", [{"wsgi.input_terminated": True}, {}, {"CONTENT_LENGTH": ""}], ids=["ended", "silent", "empty-length"])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_what_nothing_announces_is_judged_or_does_not_reach_the_app(tmp_path, method, more):
    """HTTP/2 needs no length, and some servers undo chunks without a word."""
    got = []

    def app(env, start_response):
        got.append(env["wsgi.input"].read())
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"ok"]

    def send(body):
        more_of = {"CONTENT_TYPE": "application/x-www-form-urlencoded", "wsgi.input": io.BytesIO(body), **more}
        return ask(guarded(tmp_path, app), environ("/", method, headers=OWN, **more_of)).code

    judged = method == "POST" and "wsgi.input_terminated" in more
    assert send(ATTACK) == (403 if judged else 200)
    assert not any(got)
    assert send(b"q=apple") == 200
    assert got[-1] == (b"q=apple" if judged else b"")


def test_an_app_that_reads_on_after_a_refusal_gets_nothing_more(tmp_path):
    got = []

    def app(env, start_response):
        for _ in range(300):
            try:
                got.append(env["wsgi.input"].read(1000))
            except gambeson.BodyTooLarge:
                got.append(None)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"stored"]

    def send(body):
        got.clear()
        form = {"body": body, "CONTENT_TYPE": "application/x-www-form-urlencoded"}
        return ask(guarded(tmp_path, app), environ("/", "POST", headers=OWN, **form)).code

    behind_the_window = b"a=" + b"a" * 70_000 + b"&"
    assert send(behind_the_window + ATTACK) == 403
    assert None in got and not any(got[got.index(None) :])
    assert send(behind_the_window + b"q=apple") == 200
    assert b"".join(got).endswith(b"q=apple")


def test_a_declared_body_ends_where_it_was_declared_to(tmp_path):
    class Endless:
        """A socket: what is not there yet is waited for, in vain."""

        def read(self, size):
            assert 0 <= size <= 5
            return b"x" * size

        readline = read

    for read in (lambda s: s.read(), lambda s: s.read(99), lambda s: s.readline(), lambda s: b"".join(s)):
        def app(env, start_response, read=read):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [read(env["wsgi.input"])]

        env = environ(method="POST", headers=OWN, CONTENT_LENGTH="5", **{"wsgi.input": Endless()})
        assert ask(guarded(tmp_path, app), env).body == b"xxxxx"


def test_an_error_of_the_servers_input_is_the_apps_to_see(tmp_path):
    class Broken:
        def read(self, size):
            raise ConnectionResetError("client gone")

    def app(env, start_response):
        with pytest.raises(ConnectionResetError):
            env["wsgi.input"].read()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"ok"]

    env = environ(method="POST", headers=OWN, CONTENT_LENGTH="5", **{"wsgi.input": Broken()})
    assert ask(guarded(tmp_path, app), env).code == 200


def test_a_browsers_form_passes_and_a_foreign_one_does_not(tmp_path):
    form = {"body": b"text=O'Brien", "CONTENT_TYPE": "application/x-www-form-urlencoded"}
    foreign = [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.test"), ("Cookie", "session=1")]
    assert seen(tmp_path, environ("/c", "POST", headers=OWN, **form))[0].code == 200
    answer, app = seen(tmp_path, environ("/c", "POST", headers=foreign, **form))
    assert answer.code == 403 and app is None
    assert seen(tmp_path, environ("/c", "POST", headers=foreign, **form), '[csrf]\nmode = "off"')[0].code == 200


def test_refusals_are_written_down_under_their_reference(tmp_path):
    guard = guarded(tmp_path, App())
    answer = ask(guard, environ("/../x", peer="192.0.2.7"))
    (record,) = records(guard)
    assert record["id"] == answer.get("x-gambeson-ref") and record["client"] == "192.0.2.7" and record["status"] == 400


HOSTILE = [
    "", " ", "\0", "\r\n", "é", "€", "\ud800", "😀", "%", "%2e%2e", "..", "/", "//", "\\", "*", "?", "#", "a" * 70_000, "-1", "0",
    "9" * 40, b"bytes", b"", None, 0, -1, 1.5, True, [], {}, (), object(), ValueError, "http://evil.test/", "chunked", "https",
    "HTTP/9.9", "GET /", "::1", "[::1]:80", "fe80::1%eth0", "999.1.1.1",
]  # fmt: skip
KEYS = [
    "REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "REQUEST_URI", "RAW_URI", "SERVER_PROTOCOL", "REMOTE_ADDR",
    "CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_HOST", "HTTP_COOKIE", "HTTP_ORIGIN", "HTTP_TRANSFER_ENCODING", "HTTP_UPGRADE",
    "HTTP_CONNECTION", "HTTP_X_FORWARDED_FOR", "HTTP_ACCEPT", "HTTP_SEC_FETCH_SITE", "HTTP_EXPECT", "HTTP_", "HTTP_A-B", "SERVER_NAME",
    "wsgi.input", "wsgi.url_scheme", "wsgi.file_wrapper", "wsgi.input_terminated", "wsgi.errors", "x",
]  # fmt: skip


class Text(str):
    """A string that is not what it seems."""

    def __eq__(self, other):
        return True

    def __hash__(self):
        return hash("PATH_INFO")


def mutated(dice):
    env = environ(dice.choice(["/", "/a?b=c"]), dice.choice(["GET", "POST", "HEAD"]), body=dice.choice([b"", b"abc"]))
    for _ in range(dice.randint(1, 5)):
        key = dice.choice([*KEYS, *KEYS, dice.choice(HOSTILE)])
        if dice.random() < 0.2:
            env.pop(key if isinstance(key, str) else "PATH_INFO", None)
        elif type(key).__hash__:
            env[key] = dice.choice(HOSTILE)
    if dice.random() < 0.05:
        env[Text("a")] = "/b"
    return env


def test_no_environ_makes_it_raise_or_pass_unjudged(tmp_path):
    logging.getLogger("gambeson").setLevel(logging.CRITICAL)
    dice = random.Random(20261122)
    policy = '[rate_limit]\nmode = "off"'
    app = App(body=b"the app's own")
    guard = guarded(tmp_path, app, policy)
    codes = {}
    for number in range(1000):
        env, app.seen = mutated(dice), None
        shown = repr(env)[:2000]
        answer = Answer()
        try:
            for piece in guard(env, answer.start):
                answer.pieces.append(piece)
        except Exception as error:
            pytest.fail(f"{number}: {error!r}: {shown}")
        codes[answer.code] = codes.get(answer.code, 0) + 1
        assert (app.seen is not None) == (answer.code == 200), shown
        assert answer.get("x-content-type-options") == "nosniff", (shown, answer.headers)
        if app.seen is not None:
            assert str(app.seen["PATH_INFO"]).startswith(("/", "*")) and ".." not in app.seen["PATH_INFO"].split("/")
    assert codes[200] > 50 and codes[400] > 200, codes
    logging.getLogger("gambeson").setLevel(logging.NOTSET)


def test_planted_secrets_are_in_no_log(tmp_path, caplog):
    secret = "Tr0ub4dor-planted"
    fields = [
        ("Cookie", f"session={secret}; theme={secret}"),
        ("Authorization", f"Bearer {secret}"),
        ("X-Api-Key", secret),
        ("Origin", "https://evil.test"),
        ("Sec-Fetch-Site", "cross-site"),
    ]
    form = f"password={secret}&token={secret}".encode()
    guard = guarded(tmp_path, App("500 Oops", [("Content-Type", "text/html"), ("Set-Cookie", f"session={secret}")], b"Traceback"))
    for path in (f"/login?password={secret}&token={secret}", "/x", f"/../x?token={secret}"):
        for method in ("GET", "POST"):
            ask(guard, environ(path, method, headers=fields, body=form, CONTENT_TYPE="application/x-www-form-urlencoded"))
    ask(guard, environ(headers=fields, **{"HTTP_A-B": secret}))
    assert len(records(guard)) >= 4
    written = [file.read_bytes() for file in (tmp_path / ".gambeson").rglob("*") if file.is_file()]
    assert not any(secret.encode() in text for text in written)
    assert secret not in caplog.text
