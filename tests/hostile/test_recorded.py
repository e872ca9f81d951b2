"""Every input against an app that records every byte."""

import time

import inputs
import pytest
import raw

#: Names that only the gateway may use towards the app.
OURS = {"x-forwarded-for": ["127.0.0.1"], "x-forwarded-proto": ["http", "https"]}


def take(recorder, expected):
    """What the app saw, once as much as `expected` arrived: the app may be a moment behind the answer."""
    seen, garbage = recorder.take()
    for _ in range(20):
        if len(seen) >= expected and all(request.complete for request in seen):
            break
        time.sleep(0.01)
        more, waste = recorder.take()
        seen, garbage = seen + more, garbage + waste
    return seen, garbage


def check_seen(seen, garbage):
    """What holds for everything that ever reaches the app."""
    assert not garbage, f"the app received what is no request of ours: {garbage}"
    for request in seen:
        assert "smuggled" not in request.target, f"smuggled: {request}"
        names = [name for name, _ in request.fields]
        assert not [name for name in names if "_" in name or name.startswith(("proxy-", "keep-alive", "te", "trailer"))], request
        for name, values in OURS.items():
            assert len(request.get(name)) <= 1 and set(request.get(name)) <= set(values), f"the client spoke as the gateway: {request}"


@pytest.mark.parametrize("pieces", [1, 9], ids=["whole", "in pieces"])
@pytest.mark.parametrize("entry", inputs.every_input(), ids=str)
def test_input(entry, pieces, front, recorder):
    recorder.take()
    expected = entry.expect or []
    answer = raw.send(front.http, entry.data, pieces=pieces, answers=max(1, len(expected)))
    seen, garbage = take(recorder, len(expected) if 200 in answer.statuses else 0)
    check_seen(seen, garbage)
    complete = [request.target for request in seen if request.complete]
    if entry.expect is None:
        assert 200 not in answer.statuses and not complete, f"accepted: {answer}, {seen}"
        assert answer.closed or answer.statuses, f"left hanging: {answer}"
    elif not (entry.optional and complete == expected[: len(complete)]):
        assert (answer.statuses, complete) == ([200] * len(expected), expected), answer


def test_fields_of_one_hop_and_of_the_gateway_do_not_pass(front, recorder):
    lines = b"Connection: close, X-Real-Ip\r\nX-Real-Ip: 9.9.9.9\r\nX-Forwarded-For: 9.9.9.9\r\nForwarded: for=9.9.9.9\r\nKeep-Alive: 1\r\nTE: trailers\r\n"
    recorder.take()
    raw.send(front.http, inputs.get(lines))
    seen, _ = take(recorder, 1)
    check_seen(seen, [])
    assert "9.9.9.9" not in str(seen[0].fields)


def test_the_families_are_large_enough():
    entries = inputs.every_input()
    refused = [entry for entry in entries if entry.expect is None]
    assert len(refused) > 500 and len(entries) - len(refused) > 40
    assert len({entry.name for entry in entries}) == len(entries)
