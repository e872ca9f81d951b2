"""What a broken or hostile app answers never becomes two answers, nor the answer to somebody else's request."""

import inputs
import pytest
import raw
from gateway_kit import App, Gateway

EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"

#: Answers that can be read in two ways, or in none: the client gets 502.
BAD = {
    "length and chunked": OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + EVIL,
    "different lengths": OK + b"Content-Length: 2\r\nContent-Length: 47\r\n\r\nok" + EVIL,
    "listed length": OK + b"Content-Length: 2, 2\r\n\r\nok",
    "signed length": OK + b"Content-Length: +2\r\n\r\nok",
    "unknown coding": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "NUL in a value": OK + b"X-A: b\0c\r\nContent-Length: 2\r\n\r\nok",
    "CR in a value": OK + b"X-A: b\rSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\nok",
    "lines that end in LF": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "folded value": OK + b"X-A: b\r\n Set-Cookie: a=b\r\nContent-Length: 2\r\n\r\nok",
    "space before colon": OK + b"Content-Length : 2\r\n\r\nok",
    "name that is no token": OK + b"X A: b\r\nContent-Length: 2\r\n\r\nok",
    "status of two digits": b"HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok",
    "status 999": b"HTTP/1.1 999 No\r\nContent-Length: 2\r\n\r\nok",
    "another version": b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "endless head": OK + b"X-A: " + b"a" * 200_000,
    "a thousand fields": OK + b"X-A: b\r\n" * 1000 + b"\r\n",
    "nothing": b"",
}

#: Sound answers, and bytes after them that belong to no request.
FOLLOWED = {
    "another answer": OK + b"Content-Length: 2\r\n\r\nok" + EVIL,
    "another answer after chunks": OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" + EVIL,
    "garbage": OK + b"Content-Length: 2\r\n\r\nokgarbage",
    "a body with 204": b"HTTP/1.1 204 No Content\r\nContent-Length: 44\r\n\r\n" + EVIL,
    "a body with 304": b"HTTP/1.1 304 Not Modified\r\n\r\n" + EVIL,
}


@pytest.fixture(scope="module")
def scripted(gambeson, tmp_path_factory):
    """A gateway before an app that answers `/bad` with whatever `answer` holds, and everything else soundly."""
    answer = {}

    def script(connection, head):
        if b" /bad " not in head:
            return connection.sendall(OK + b"Content-Length: 2\r\n\r\nok")
        connection.sendall(answer["bytes"])
        return bool(answer["bytes"])

    app = App(script)
    gateway = Gateway(gambeson, tmp_path_factory.mktemp("answers"), raw.POLICY, upstream=app.url).start()
    yield gateway, answer
    gateway.stop()
    app.close()


def ask(gateway, target=b"/t"):
    return raw.send(gateway.http, inputs.get(b"Connection: close\r\n", target=target))


@pytest.mark.parametrize("name", BAD)
def test_bad_answers_become_502(name, scripted):
    gateway, answer = scripted
    answer["bytes"] = BAD[name]
    got = ask(gateway, b"/bad")
    assert got.statuses == [502] and b"evil" not in got.raw and b"set-cookie" not in got.raw.lower(), got


@pytest.mark.parametrize("name", FOLLOWED)
def test_what_follows_an_answer_answers_nobody(name, scripted):
    gateway, answer = scripted
    answer["bytes"] = FOLLOWED[name]
    for _ in range(4):
        got = ask(gateway, b"/bad")
        assert len(got.statuses) == 1 and b"evil" not in got.raw and b"garbage" not in got.raw, got
        after = ask(gateway)
        assert after.statuses == [200] and after.raw.endswith(b"\r\n\r\nok"), after


def test_a_chunked_answer_that_breaks_off_is_seen_to_break_off(scripted):
    gateway, answer = scripted
    for rest in (b"2\r\nokXX", b"2;x\r\nok\r\n0\r\n\r\n", b"fffffffffffffffff\r\nok", b"zz\r\n"):
        answer["bytes"] = OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n" + rest + EVIL
        got = ask(gateway, b"/bad")
        whole = got.statuses == [200] and got.raw.endswith(b"0\r\n\r\n")
        assert not whole and b"evil" not in got.raw, got
        assert ask(gateway).raw.endswith(b"\r\n\r\nok")
