"""What the app answers reaches the server as PEP 3333 says, and never around the engine."""

import io
import sys
import threading
from wsgiref.handlers import SimpleHandler
from wsgiref.util import FileWrapper
from wsgiref.validate import validator

import pytest
from wsgi_kit import Answer, App, ask, environ, guarded, records

PLAIN = [("Content-Type", "text/plain")]
PAGE = [("Content-Type", "text/html; charset=utf-8")]
# What the disclosure layer knows as the inside of a Python app.
TRACEBACK = b'Traceback (most recent call last):\n  File "/srv/app/views.py", line 41, in login\n    1 / 0\nZeroDivisionError: x\n'


def test_a_list_is_passed_as_it_is(tmp_path):
    app = App("200 Very Well", [*PLAIN, ("X-A", "1"), ("X-A", "2")], b"hello")
    answer = ask(guarded(tmp_path, app), environ())
    assert (answer.status, answer.body, answer.all("x-a")) == ("200 Very Well", b"hello", ["1", "2"])
    # Whatever the layers add, they add it here too.
    assert answer.get("x-content-type-options") == "nosniff"


def test_validators_on_both_sides(tmp_path):
    def app(env, start_response):
        size = int(env.get("CONTENT_LENGTH") or 0)
        data = env["wsgi.input"].read(size)
        start_response("200 OK", [*PLAIN])
        yield data or b"none"
        yield b"!"

    guard = validator(guarded(tmp_path, validator(app)))
    env = environ(method="POST", body=b"text", headers=[("Sec-Fetch-Site", "same-origin")], CONTENT_TYPE="text/plain")
    assert ask_strictly(guard, env) == b"text!"
    assert ask_strictly(guard, environ("/../etc"))
    head = environ(method="HEAD")
    assert ask_strictly(validator(guarded(tmp_path, validator(App(body=b"")))), head) == b""


def ask_strictly(app, env):
    """The validator wants the body closed, and a real server's own start_response."""
    answer = Answer()
    result = app(env, answer.start)
    try:
        return b"".join(result)
    finally:
        result.close()


def test_a_generator_that_starts_late(tmp_path):
    def app(env, start_response):
        yield b""
        start_response("201 Created", [*PLAIN])
        yield b""
        yield b"a"
        yield b"b"

    answer = ask(guarded(tmp_path, app), environ())
    assert (answer.code, answer.pieces) == (201, [b"a", b"b"])


def test_streams_are_not_held(tmp_path):
    given = []

    def app(env, start_response):
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        for number in range(5):
            given.append(number)
            yield b"data: %d\n\n" % number

    answer = Answer()
    result = iter(guarded(tmp_path, app)(environ(), answer.start))
    for number in range(5):
        assert next(result) == b"data: %d\n\n" % number
        assert given == list(range(number + 1)), "the app was asked for more than was taken"
    assert answer.code == 200
    with pytest.raises(StopIteration):
        next(result)


def test_what_must_be_seen_is_held_and_replaced(tmp_path):
    def app(env, start_response):
        start_response("500 Oops", [*PAGE, ("Content-Length", str(len(TRACEBACK)))])
        yield TRACEBACK[:40]
        yield TRACEBACK[40:]

    answer = ask(guarded(tmp_path, app), environ())
    assert answer.code == 500 and b"Traceback" not in answer.body and b"views.py" not in answer.body
    assert answer.all("content-length") == [str(len(answer.body))]
    assert answer.get("x-gambeson-ref").encode() in answer.body


def test_what_was_held_leaves_whole(tmp_path):
    pieces = [b"<p>sorry</p>", b"", b"<p>later</p>"]

    def app(env, start_response):
        start_response("503 Busy", [*PAGE])
        yield from pieces

    answer = ask(guarded(tmp_path, app), environ())
    assert (answer.status, answer.body) == ("503 Busy", b"".join(pieces))


def test_holding_is_bounded(tmp_path):
    taken = []

    def app(env, start_response):
        start_response("500 Oops", [*PAGE])
        for number in range(10_000):
            taken.append(number)
            yield b"x" * 10_000

    answer = Answer()
    result = iter(guarded(tmp_path, app)(environ(), answer.start))
    next(result)
    assert len(taken) < 1000, "an endless error page was held"


def test_the_control_off_shows_the_traceback(tmp_path):
    answer = ask(guarded(tmp_path, App("500 Oops", PAGE, TRACEBACK), '[disclosure]\nmode = "off"'), environ())
    assert answer.body == TRACEBACK


def test_write_goes_through_the_engine(tmp_path):
    def app(env, start_response):
        write = start_response("200 OK", [*PLAIN])
        write(b"")
        write(b"one ")
        write(b"two ")
        return [b"three"]

    answer = ask(guarded(tmp_path, app), environ())
    assert (answer.code, answer.pieces) == (200, [b"one ", b"two ", b"three"])

    def leaks(env, start_response):
        start_response("500 Oops", [*PAGE])(TRACEBACK)
        return []

    assert b"Traceback" not in ask(guarded(tmp_path, leaks), environ()).body


@pytest.mark.parametrize("data", ["text", None, 7])
def test_write_takes_bytes(tmp_path, data):
    def app(env, start_response):
        start_response("200 OK", [*PLAIN])(data)
        return []

    assert ask(guarded(tmp_path, app), environ()).code == 500


def test_an_error_before_the_body_may_change_the_head(tmp_path):
    def app(env, start_response):
        start_response("200 OK", [*PLAIN])
        try:
            raise ValueError("late")
        except ValueError:
            start_response("409 Conflict", [*PLAIN], sys.exc_info())
        return [b"conflict"]

    answer = ask(guarded(tmp_path, app), environ())
    assert (answer.status, answer.body, answer.starts) == ("409 Conflict", b"conflict", 1)


def test_an_error_after_the_body_began_is_raised(tmp_path):
    def app(env, start_response):
        start_response("200 OK", [*PLAIN])
        yield b"begun"
        try:
            raise ValueError("too late")
        except ValueError:
            start_response("500 Oops", [*PLAIN], sys.exc_info())
        yield b"never"

    answer = Answer()
    result = iter(guarded(tmp_path, app)(environ(), answer.start))
    assert next(result) == b"begun"
    with pytest.raises(ValueError, match="too late"):
        next(result)


@pytest.mark.parametrize(
    "misuse",
    [
        lambda start: start("200 OK", PLAIN) and start("200 OK", PLAIN),
        lambda start: start("OK", PLAIN),
        lambda start: start("200 OK\r\nX: y", PLAIN),
        lambda start: start("100 Continue", PLAIN),
        lambda start: start(b"200 OK", PLAIN),
        lambda start: start("200 OK", [("X-A", "1\r\nSet-Cookie: a=b")]),
        lambda start: start("200 OK", [("X A", "1")]),
        lambda start: start("200 OK", [("X-A", "€")]),
        lambda start: start("200 OK", [("X-A", 1)]),
        lambda start: start("200 OK", [("X-A",)]),
        lambda start: start("200 OK", {"X-A": "1"}),
        lambda start: start(),
        lambda start: None,
    ],
)
def test_misuse_of_start_response_is_the_apps_error(tmp_path, misuse):
    def app(env, start_response):
        misuse(start_response)
        return [b"app's own"]

    answer = ask(guarded(tmp_path, app), environ())
    assert answer.code == 500 and b"app's own" not in answer.body
    assert answer.get("x-gambeson-ref")
    assert not answer.all("set-cookie")


@pytest.mark.parametrize("result", [b"bytes", "text", ["text"], [b"a", None], 7, None, [7]])
def test_what_is_no_iterable_of_bytes(tmp_path, result):
    def app(env, start_response):
        start_response("500 Oops", [*PAGE])
        return result

    assert ask(guarded(tmp_path, app), environ()).code == 500


def test_the_app_raises(tmp_path, caplog):
    secret = "hunter2"

    def app(env, start_response):
        raise KeyError(f"no such key {secret}")

    guard = guarded(tmp_path, app)
    answer = ask(guard, environ())
    id = answer.get("x-gambeson-ref")
    assert answer.code == 500 and id.encode() in answer.body and secret.encode() not in answer.body
    assert any(id in entry.message and entry.exc_info for entry in caplog.records)
    (record,) = records(guard)
    assert (record["id"], record["status"]) == (id, 500) and secret not in str(record)


def test_the_app_raises_while_it_is_read(tmp_path):
    def app(env, start_response):
        start_response("200 OK", [*PLAIN])
        if env["PATH_INFO"] == "/begun":
            yield b"begun"
        raise KeyError("inside")

    guard = guarded(tmp_path, app)
    assert ask(guard, environ()).code == 500
    answer = Answer()
    result = iter(guard(environ("/begun"), answer.start))
    assert next(result) == b"begun"
    with pytest.raises(KeyError):
        next(result)


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_what_is_no_error_is_not_caught(tmp_path, kind):
    def app(env, start_response):
        raise kind()

    with pytest.raises(kind):
        ask(guarded(tmp_path, app), environ())


class Watched:
    def __init__(self, pieces):
        self.pieces, self.closed = iter(pieces), 0

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.pieces)

    def close(self):
        self.closed += 1


@pytest.mark.parametrize("status", ["200 OK", "500 Oops"])
@pytest.mark.parametrize("taken", [0, 1, 9])
def test_close_is_called_once(tmp_path, status, taken):
    watched = Watched([TRACEBACK, b"b", b"c"])

    def app(env, start_response):
        start_response(status, [*PAGE])
        return watched

    result = guarded(tmp_path, app)(environ(), Answer().start)
    for _, _ in zip(range(taken), result):
        pass
    result.close()
    result.close()
    assert watched.closed == 1


def test_an_error_of_close_is_the_servers_to_hear(tmp_path):
    class Bad(Watched):
        def close(self):
            raise OSError("close")

    def app(env, start_response):
        start_response("200 OK", [*PLAIN])
        return Bad([b"a"])

    with pytest.raises(OSError, match="close"):
        ask(guarded(tmp_path, app), environ())


def test_head_has_the_fields_and_no_body(tmp_path):
    app = App(headers=[*PLAIN, ("Content-Length", "2")], body=b"")
    answer = ask(guarded(tmp_path, app), environ(method="HEAD"))
    assert answer.get("content-length") == "2" and answer.body == b""
    refused = ask(guarded(tmp_path, app), environ("/../x", "HEAD"))
    assert refused.code == 400 and refused.body == b""
    told = ask(guarded(tmp_path, App()), environ(method="HEAD"))
    assert told.get("content-length") == "2" and told.body == b""
    replaced = ask(guarded(tmp_path, App("500 Oops", PAGE, TRACEBACK)), environ(method="HEAD"))
    assert replaced.body == b""


def test_the_servers_fields_are_the_servers(tmp_path):
    app = App(headers=[*PLAIN, ("Connection", "close"), ("Transfer-Encoding", "chunked"), ("Keep-Alive", "5")])
    answer = ask(guarded(tmp_path, app), environ())
    assert not any(answer.all(name) for name in ("connection", "transfer-encoding", "keep-alive"))


def test_a_file_stays_in_the_servers_wrapper(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"x" * 100_000)

    def app(env, start_response):
        start_response(env["HTTP_X_STATUS"], [("Content-Type", "application/octet-stream")])
        return env["wsgi.file_wrapper"](open(file, "rb"))

    guard = guarded(tmp_path, app)
    more = {"wsgi.file_wrapper": FileWrapper}
    result = guard(environ(headers=[("X-Status", "200 OK")], **more), Answer().start)
    assert type(result) is FileWrapper and b"".join(result) == b"x" * 100_000
    result.close()
    answer = ask(guard, environ(headers=[("X-Status", "200 OK")], **more))
    assert len(answer.body) == 100_000


def test_a_server_that_refuses_the_head_is_told_nothing_more(tmp_path):
    def start(status, headers, exc_info=None):
        raise BrokenPipeError("gone")

    guard = guarded(tmp_path, App())
    for env in (environ(), environ("/../x")):
        with pytest.raises(BrokenPipeError):
            guard(env, start)


def test_a_real_handler(tmp_path):
    out = io.BytesIO()
    env = environ()
    handler = SimpleHandler(env["wsgi.input"], out, env["wsgi.errors"], env)
    # It says itself that it speaks plain HTTP.
    handler.run(guarded(tmp_path, App(), "[transport]\nredirect = false"))
    head, body = out.getvalue().split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.0 200 OK") and body == b"ok"


def test_threads_share_a_guard(tmp_path):
    guard = guarded(tmp_path, App(), '[rate_limit]\nmode = "off"')
    faults = []

    def work():
        for _ in range(200):
            if ask(guard, environ()).body != b"ok":
                faults.append(1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
