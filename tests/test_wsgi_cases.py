"""The cases of the layers' READMEs hold inside the app's process, too: the answers agree with the engine's."""

import pytest
from cases_kit import Observed, cases, faults
from wsgi_kit import App, ask, environ, guarded, records

CASES = cases("wsgi")


def test_there_are_cases():
    assert len(CASES) >= 20


def send(guard, request):
    """The case's request, as often as it says."""
    headers = [(name, value) for name, value in request["headers"] if name not in ("host", "content-length")]
    hosts = [value for name, value in request["headers"] if name == "host"]
    more = {"HTTP_HOST": hosts[0] if hosts else None}
    body = request["body"].encode()
    lengths = [value for name, value in request["headers"] if name == "content-length"]
    if lengths:
        more["CONTENT_LENGTH"] = lengths[0]
    env = environ(
        request["target"], request["method"], headers=headers, body=body, peer=request["peer"], https=request["tls"], **more
    )
    return ask(guard, env)


@pytest.mark.parametrize("case", CASES)
def test_case(case, tmp_path):
    response = case["response"]
    app = App(f"{response['status']} Status", [tuple(pair) for pair in response["headers"]], response["body"].encode())
    guard = guarded(tmp_path, app, case["policy"])
    for _ in range(case["times"]):
        app.seen = None
        before = len(records(guard)) if case["times"] == 1 else None
        answer = send(guard, case["request"])
    # A request that is not written down had no findings.
    written = records(guard)
    last = written[-1]["findings"] if written and (before is None or len(written) > before) else []
    seen = Observed(answer.code, answer.headers, answer.body.decode(), last)
    if app.seen is not None:
        seen.target, seen.asked = app.seen["REQUEST_URI"], list(app.fields().items())
    assert faults(case, seen) == []
