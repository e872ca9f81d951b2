"""The cases of the layers' READMEs hold inside the app's process, too: the answers agree with the engine's."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from wsgi_kit import App, ask, environ, guarded, records

ROOT = Path(__file__).parents[1]
READMES = sorted(ROOT.glob("crates/core/src/layers/*/README.md"))


def cases():
    """Every case, as the reader of cases prints it."""
    if not shutil.which("cargo"):
        return [pytest.param(None, marks=pytest.mark.skip("the reader of cases is built with cargo, which is absent"))]
    command = ["cargo", "run", "-q", "-p", "gambeson-testkit", "--bin", "cases", "--", "--json", *map(str, READMES)]
    found = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    return [pytest.param(case, id=f"{Path(case['file']).parent.name}:{case['line']}") for case in found if "wsgi" in case["hosts"]]


CASES = cases()


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
    assert case["policy"] is not None and faults(case, app, answer, last) == []


def faults(case, app, answer, findings):
    expect = case["expect"]
    found = verdict_faults(expect["verdict"], app, answer, findings)
    named = {f"{finding['layer']}/{finding['rule']}": finding for finding in findings}
    for action, rule in expect["findings"]:
        one = named.get(rule)
        if not one or (one["mode"] != "report" if action == "report" else one["action"] != action):
            found.append(f"no {action} {rule} in {list(named)}")
    return found + [fault for detail in expect["details"] if (fault := detail_fault(detail, app, answer))]


def verdict_faults(verdict, app, answer, findings):
    found = []
    kind, rule = verdict["kind"], verdict.get("rule")
    if (app.seen is not None) != (kind in ("forward", "replace")):
        found.append(f"the app {'was' if app.seen is not None else 'was not'} asked")
    if "status" in verdict and answer.code != verdict["status"]:
        found.append(f"the status is {answer.code}")
    decided = [
        (finding["action"], f"{finding['layer']}/{finding['rule']}")
        for finding in findings
        if finding["mode"] != "report" and finding["action"] in ("refuse", "answer", "replace")
    ]
    # An ordinary answer of a layer is not written down.
    unseen = kind == "answer" and not decided
    if decided != ([] if kind == "forward" else [(kind, rule)]) and not unseen:
        found.append(f"decided: {decided}")
    return found


def detail_fault(detail, app, answer):
    kind, value = detail["kind"], detail["value"]
    fields = app.fields() if app.seen is not None else {}
    if kind == "status":
        holds = answer.code == value
    elif kind == "upstream-target":
        holds = app.seen is not None and app.seen["REQUEST_URI"] == value
    elif kind == "upstream-header":
        holds = fields.get(value[0]) == value[1]
    elif kind == "upstream-header-absent":
        holds = value not in fields
    elif kind == "response-header":
        holds = value[1] in answer.all(value[0])
    elif kind == "response-header-absent":
        holds = not answer.all(value)
    elif kind == "body-contains":
        holds = value in answer.body.decode()
    elif kind == "body-lacks":
        holds = value not in answer.body.decode()
    else:
        holds = False
    return None if holds else f"{kind} {value}: {answer.status} {answer.headers} {fields}"
