"""The same inputs against servers in use: whatever they tolerate, nothing reaches them that the gateway did not mean."""

import importlib.util
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.parse

import inputs
import pytest
import raw
from gateway_kit import Gateway, free_port

HERE = pathlib.Path(__file__).resolve().parent
SERVERS = {
    "gunicorn": ["-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--log-level", "error", "apps:wsgi"],
    "gunicorn threads": ["-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--threads", "4", "--log-level", "error", "apps:wsgi"],
    "waitress": ["-m", "waitress", "--listen=127.0.0.1:{port}", "apps:wsgi"],
    "uvicorn": ["-m", "uvicorn", "--host", "127.0.0.1", "--port", "{port}", "--log-level", "error", "apps:asgi"],
}


def wait_for(port, process):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert process.poll() is None, "the server did not start"
            time.sleep(0.1)
    raise AssertionError("the server does not listen")


@pytest.fixture(params=SERVERS, ids=lambda name: name.replace(" ", "-"))
def guarded(request, gambeson, tmp_path):
    """A gateway in front of a real server, and the log of what the app received."""
    module = request.param.split()[0]
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed: pip install -r tests/requirements.txt")
    log, port = tmp_path / "received", free_port()
    log.touch()
    arguments = [part.format(port=port) for part in SERVERS[request.param]]
    server = subprocess.Popen([sys.executable, *arguments], cwd=HERE, env={**os.environ, "HOSTILE_LOG": str(log)}, stderr=subprocess.DEVNULL)
    try:
        wait_for(port, server)
        front = Gateway(gambeson, tmp_path / "gateway", raw.POLICY, upstream=f"http://127.0.0.1:{port}")
        try:
            yield front.start(), log
        finally:
            front.stop()
    finally:
        server.terminate()
        server.wait(15)


def received(log):
    return [json.loads(line)[0] for line in log.read_text().splitlines()]


def decoded(target):
    """A forwarded target as an app sees it: the path decoded, in latin-1 as WSGI has it; a lone `?` is gone."""
    path, question, query = target.partition("?")
    return urllib.parse.unquote_to_bytes(path).decode("latin1") + (question + query if query else "")


def judge(entry, answer, targets):
    """What is wrong with how this input ended, if anything."""
    if any("smuggled" in target for target in targets):
        return f"{entry}: smuggled, {targets}"
    if entry.expect is None:
        return None if not targets and 200 not in answer.statuses else f"{entry}: accepted, {targets}, {answer}"
    expected = [decoded(target) for target in entry.expect]
    if entry.optional and targets == expected[: len(targets)]:
        return None
    return None if targets == expected else f"{entry}: {targets} instead of {expected}, {answer}"


def test_nothing_is_smuggled(guarded):
    front, log = guarded
    problems, before = [], 0
    for entry in inputs.every_input():
        answer = raw.send(front.http, entry.data, answers=max(1, len(entry.expect or [])))
        targets = received(log)[before:]
        before += len(targets)
        problem = judge(entry, answer, targets)
        problems += [problem] if problem else []
    time.sleep(0.5)  # What arrives late was not allowed by any answer above.
    assert not received(log)[before:]
    assert not problems, "\n".join(problems)
    assert front.process.poll() is None, "the gateway ended by itself"
