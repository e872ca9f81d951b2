"""Ordinary requests of ordinary people, through the gateway in its default policy, to real apps: none may be stopped.

GAMBESON_BENIGN_SHOW=1 prints what was stopped and why, instead of the first few.
"""

import http.client
import json
import os
import pathlib
import subprocess
import sys
import time

import pytest
from gateway_kit import Gateway, free_port

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "benign"))

import shapes  # noqa: E402  (these lie in the folder above)
import texts  # noqa: E402
import wires  # noqa: E402
from ordinary import requests  # noqa: E402
from visitor import Forms, Visitor  # noqa: E402

pytest.importorskip("django", reason="pip install -r tests/requirements.txt")
APPS = ROOT / "tests" / "benign"
FRAMEWORKS = ["other", "flask", "django", "fastapi", "bottle"]


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


def test_uploads_of_every_size_and_framing_pass(served):
    for size, pieces in ((0, 0), (1, 0), (70_000, 3), (50 << 20, 0), (3 << 20, 7)):
        content = (b"it's a line; of <b>text</b> -- 1 = 1\n" * (size // 37 + 1))[:size]
        body = shapes.form_data({"note": "it's"}, {"file": ("it's big.log", "text/plain", content)})
        headers = {**shapes.BROWSER, **shapes.FORM_DATA, "host": "localhost"}
        step = len(body) // pieces + 1 if pieces else len(body)
        connection = http.client.HTTPConnection("127.0.0.1", served.gateway.http, timeout=120)
        split = (body[at : at + step] for at in range(0, len(body), step))
        connection.request("POST", "/echo", split if pieces else body, headers, encode_chunked=bool(pieces))
        answer = connection.getresponse()
        page = answer.read()
        connection.close()
        # Waitress and the frameworks read chunked bodies differently; the gateway must have let all of it through.
        assert answer.status == 200 and (b"big.log" in page or pieces), (size, pieces, answer.status, served.reasons())


# --- what looks like an attack, because it is one elsewhere --------------------------------------------------------------


def like_attacks():
    """Each value in a form of a path of its own, so that what is allowed for one says nothing of another."""
    for number, (name, text) in enumerate([*texts.LIKE_ATTACKS.items(), *texts.EMBEDS.items(), *texts.TELEMETRY.items()]):
        request = shapes.form(text) if isinstance(text, str) else wires.document(name, text)
        request.name, request.target = name, f"/echo/{number}"
        yield request


def test_the_log_proposes_the_exception_that_lets_it_pass_there_alone(gambeson, tmp_path):
    strict = Served([str(APPS / "apps.py"), "flask"], "flask", gambeson, tmp_path)
    try:
        stopped = dict((name, status) for status, name in strict.send(like_attacks()))
        assert stopped == {request.name: 403 for request in like_attacks()}
        proposed = [finding["allow"] for record in strict.gateway.records() for finding in record["findings"]]
        assert len(proposed) == len(stopped)
        strict.gateway.write_policy(QUICK + "\n".join(proposed))
        assert strict.gateway.run("check").returncode == 0
        strict.gateway.stop()
        strict.gateway.start()
        again = strict.send(like_attacks())
        assert not again, (again, strict.reasons())
        elsewhere = list(like_attacks())
        for request in elsewhere:
            request.target = "/echo/elsewhere"
        assert len(strict.send(elsewhere)) == len(elsewhere)
    finally:
        strict.stop()


# --- the pages that FastAPI makes of itself ------------------------------------------------------------------------------


def test_the_documentation_of_an_api_is_served_and_tried(gambeson, tmp_path):
    served = Served([str(APPS / "apps.py"), "fastapi"], "fastapi", gambeson, tmp_path)
    try:
        page = "https://localhost/docs"
        tried = {"accept": "application/json", "referer": page, "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}
        wanted = [shapes.Request(path, target=path) for path in ("/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect?state=a%3D%3D&code=4/0A-_")]
        wanted += [
            shapes.Request("try", target="/items/7?q=o%27b&tags=a&tags=b", headers=tried),
            wires.document("add", {"name": "it's", "price": 7.5, "description": None}, target="/items", **{}),
            wires.document("wrong", {"name": 1}, target="/items"),
        ]
        assert served.send(wanted) == [(422, "wrong")], served.reasons()
    finally:
        served.stop()


# --- the admin of a stock Django project ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def desk(gambeson, tmp_path_factory):
    served = Served([str(APPS / "apps.py"), "desk"], "django", gambeson, tmp_path_factory.mktemp("desk"))
    yield served
    served.stop()


@pytest.fixture
def administrator(desk):
    """Somebody who is logged in."""
    visitor = Visitor(desk.gateway)
    visitor.get("/admin/login/?next=/admin/desk/thing/%3Fq%3Do%2527b")
    visitor.post({"username": "ann", "password": "it's a secret; really"})
    assert "Log out" in visitor.page, (visitor.asked, desk.reasons())
    yield visitor
    stopped = [asked for asked in visitor.asked if asked[0] not in FINE]
    assert not stopped, (stopped, desk.reasons())


def test_users_and_groups_are_kept_in_the_admin(administrator):
    administrator.get("/admin/auth/group/add/")
    administrator.post({"name": "Editors & Co. (it's us)", "permissions": ["1", "2", "3"]})
    for number, name in enumerate(texts.NAMES[:12]):
        administrator.get("/admin/auth/user/add/")
        password = texts.PASSWORDS[number]
        administrator.post({"username": f"user{number}@example.com", "password1": password, "password2": password, "usable_password": "true"})
        assert "was added successfully" in administrator.page
        first, _, last = name.partition(" ")
        administrator.post({"first_name": first, "last_name": last, "email": f"o'b{number}@example.com", "groups": "1", "_save": "Save"})
        assert "was changed successfully" in administrator.page
    administrator.get("/admin/auth/user/?q=o%27b+%22%40example.com%22&is_staff__exact=0&groups__id__exact=1&o=-1.2")
    assert "12 users" in administrator.page
    administrator.get("/admin/auth/user/2/password/")
    administrator.post({"password1": "q;W:e,R.t<Y>'\"", "password2": "q;W:e,R.t<Y>'\""})
    administrator.get("/admin/auth/user/2/history/")


def test_things_are_added_found_changed_and_deleted_in_the_admin(administrator):
    administrator.get("/admin/desk/box/add/?_to_field=id&_popup=1")
    administrator.post({"name": "D'Angelo & Söhne", "thing_set-0-name": "it's <new>"})
    words = [*texts.PROSE, *texts.MARKDOWN, *texts.EDITORS.values(), *texts.PASTED]
    for number, text in enumerate(words[:40] + words[-40:]):
        administrator.get("/admin/desk/thing/add/")
        data = json.dumps({"text": text, "tags": ["it's", None]}, indent=1, ensure_ascii=False)
        fields = {"name": texts.NAMES[number % 20], "text": text, "data": data, "made_0": "2026-11-22", "made_1": "12:30:00", "box": "1"}
        administrator.post(fields, files={"file": (wires.NAMES[number % 12], "application/pdf", b"%PDF-1.7\n")})
        assert "was added successfully" in administrator.page, text
    administrator.get("/admin/desk/thing/?q=o%27brien+%22x%22&is_sold__exact=0&box__id__exact=1&made__year=2026")
    administrator.get("/admin/autocomplete/?term=D%27A&page=1&app_label=desk&model_name=thing&field_name=box")
    administrator.get("/admin/desk/thing/?o=-2.1&all=")
    administrator.post({"form-0-price": "7.50", "form-0-is_sold": "on", "_save": "Save"})
    assert "changed successfully" in administrator.page
    administrator.get("/admin/desk/thing/")
    chosen = [value for name, value in Forms(administrator.page).forms[-1] if name.endswith("-id")][:5]
    administrator.post({"action": "sell", "_selected_action": chosen, "select_across": "0", "index": "0"})
    administrator.post({"action": "delete_selected", "_selected_action": chosen, "select_across": "0", "index": "0"})
    administrator.post({})
    assert "Successfully deleted 5 things" in administrator.page
    administrator.get("/admin/desk/box/1/change/?_changelist_filters=q%3Do%2527b%26o%3D-1")
    administrator.post({"name": "it's another", "_continue": "Save and continue editing"})
    assert "was changed successfully" in administrator.page


def test_formsets_are_shown_again_and_accepted(desk):
    visitor = Visitor(desk.gateway)
    for words in (["it's", "<b>"], ["", "x"], ["SELECT 1", "a\tb"]):
        visitor.get("/formset/")
        assert "form-__prefix__-word" in visitor.page
        visitor.post({"form-0-word": words[0], "form-0-many": "seven", "form-1-word": words[1]}, files={})
        visitor.post({"form-0-word": words[0] or "y", "form-0-many": "7"}, files={})
        assert '"lines"' in visitor.page, (visitor.asked, desk.reasons())
