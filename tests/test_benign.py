"""Ordinary requests of ordinary people, through the gateway in its default policy, to real apps: none may be stopped.

GAMBESON_BENIGN_SHOW=1 prints what was stopped and why, instead of the first few.
"""

import http.client
import itertools
import os
import subprocess
import sys
import time
from urllib.parse import quote

import pytest
from conftest import ROOT
from gateway_kit import Gateway, free_port

sys.path.insert(0, str(ROOT / "tests" / "benign"))

import shapes  # noqa: E402  (lies in the folder above)
import texts  # noqa: E402
import wires  # noqa: E402

pytest.importorskip("django", reason="pip install -r tests/requirements.txt")
APPS = ROOT / "tests" / "benign"
FRAMEWORKS = ["other", "flask", "django", "fastapi", "bottle"]


def values():
    """Every text, with the kind it is of."""
    for kind in ("NAMES", "ADDRESSES", "PROSE", "PASSWORDS", "SEARCHES", "MARKDOWN", "URLS", "TOKENS", "PASTED"):
        yield from ((kind.lower(), text) for text in getattr(texts, kind))
    yield from (("editors", text) for text in texts.EDITORS.values())


def requests():
    """Every request: each text in each shape, and those that are whole by themselves."""
    for kind, text in values():
        for shape in shapes.EVERY + shapes.SHORT * (len(text) < 200):
            request = shape(text)
            request.name = f"{kind} in {request.name}: {text[:60]!r}"
            yield request
    yield from wires.requests()


# --- the apps and the gateways before them -----------------------------------------------------------------------------


class Served:
    """An app in a process of its own, and what stands before it."""

    def __init__(self, command, framework, gambeson, folder, policy=""):
        self.port = free_port()
        self.log = open(folder / "app.txt", "wb")
        self.app = subprocess.Popen([sys.executable, *command, str(self.port)], stdout=self.log, stderr=self.log)
        self.gateway = Gateway(gambeson, folder, upstream=f"http://127.0.0.1:{self.port}")
        named = f'[app]\nframework = "{framework}"\n' if framework != "other" else "[app]\n"
        self.gateway.head = self.gateway.head.replace("[app]\n", named)
        self.gateway.write_policy(QUICK + policy)
        self.gateway.start()
        self.wait()

    def wait(self):
        """Until the app listens."""
        for _ in range(200):
            try:
                http.client.HTTPConnection("127.0.0.1", self.port, timeout=5).connect()
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("the app did not start")

    def stop(self):
        self.gateway.stop()
        self.app.terminate()
        self.app.wait(20)
        self.log.close()

    def send(self, wanted):
        """Sends requests on one connection after the other; what was stopped, with the reason out of the log."""
        stopped = []
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.http, timeout=60)
        for request in wanted:
            status = answered(connection, request)
            if status not in FINE:
                stopped.append((status, request.name))
        connection.close()
        return stopped

    def reasons(self):
        """Why something was refused, of each that was."""
        found = [finding for record in self.gateway.records() for finding in record["findings"]]
        return [(finding["rule"], finding.get("at") or finding.get("part"), finding.get("shown") or finding) for finding in found]


#: One client sends more requests than a person: that limit is not what is tested.
QUICK = '[rate_limit]\nmode = "off"\n'
FINE = {200, 201, 204, 302, 303}


def answered(connection, request):
    """The status of one request's answer."""
    connection.request(request.method, request.target, request.body or None, request.all_headers())
    answer = connection.getresponse()
    answer.read()
    return answer.status


@pytest.fixture(scope="module", params=FRAMEWORKS)
def served(request, gambeson, tmp_path_factory):
    kind = "flask" if request.param == "other" else request.param
    served = Served([str(APPS / "apps.py"), kind], request.param, gambeson, tmp_path_factory.mktemp(request.param))
    yield served
    served.stop()


# --- what ordinary people send -----------------------------------------------------------------------------------------


def test_there_are_many_requests_and_no_two_alike():
    made = [(request.method, request.target, request.body, tuple(request.headers.items())) for request in requests()]
    assert len(set(made)) == len(made) >= 1000


def test_no_ordinary_request_is_stopped(served):
    stopped = served.send(requests())
    shown = stopped if os.environ.get("GAMBESON_BENIGN_SHOW") else stopped[:20]
    assert not stopped, "\n".join(map(str, [*shown, *served.reasons()]))
