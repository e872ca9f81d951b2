"""The executable cases of the layers' READMEs, and whether what a host did is what a case expects."""

import json
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
READMES = sorted(ROOT.glob("crates/core/src/layers/*/README.md"))


def cases(host, stand_ins=()):
    """Every case for a host, as the reader of cases prints it; `stand_ins` are pairs of texts to put in another's place."""
    if not shutil.which("cargo"):
        return [pytest.param(None, marks=pytest.mark.skip("the reader of cases is built with cargo, which is absent"))]
    command = ["cargo", "run", "-q", "-p", "gambeson-testkit", "--bin", "cases", "--", "--json", *map(str, READMES)]
    printed = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    for text, stand_in in stand_ins:
        printed = printed.replace(text, stand_in)
    found = [case for case in json.loads(printed) if host in case["hosts"]]
    return [pytest.param(case, id=f"{Path(case['file']).parent.name}:{case['line']}") for case in found]


@dataclass
class Observed:
    """What came of a case's last request. `target` is what the app was asked for, None when it was not asked."""

    status: int
    headers: list  # pairs
    body: str
    findings: list
    target: str = None
    asked: list = field(default_factory=list)  # pairs: the header fields that the app saw


def values(pairs, name):
    return [value for key, value in pairs if key.lower() == name]


def faults(case, seen):
    """Everything in which it differs from what the case expects."""
    expect = case["expect"]
    found = verdict_faults(expect["verdict"], seen)
    named = {f"{finding['layer']}/{finding['rule']}": finding for finding in seen.findings}
    for action, rule in expect["findings"]:
        one = named.get(rule)
        if not one or (one["mode"] != "report" if action == "report" else one["action"] != action):
            found.append(f"no {action} {rule} in {list(named)}")
    return found + [f"{detail}: {seen}" for detail in expect["details"] if not holds(detail["kind"], detail["value"], seen)]


def verdict_faults(verdict, seen):
    found = []
    kind, rule = verdict["kind"], verdict.get("rule")
    if (seen.target is not None) != (kind in ("forward", "replace")):
        found.append(f"the app {'was' if seen.target is not None else 'was not'} asked")
    if "status" in verdict and seen.status != verdict["status"]:
        found.append(f"the status is {seen.status}")
    decided = [
        (finding["action"], f"{finding['layer']}/{finding['rule']}")
        for finding in seen.findings
        if finding["mode"] != "report" and finding["action"] in ("refuse", "answer", "replace")
    ]
    # An ordinary answer of a layer is no finding.
    unseen = kind == "answer" and not decided
    if decided != ([] if kind == "forward" else [(kind, rule)]) and not unseen:
        found.append(f"decided: {decided}")
    return found


def holds(kind, value, seen):
    """Whether a detail is as the case says."""
    if kind == "status":
        return seen.status == value
    if kind == "upstream-target":
        return seen.target == value
    if kind == "upstream-header":
        return values(seen.asked, value[0]) == [value[1]]
    if kind == "upstream-header-absent":
        return not values(seen.asked, value)
    if kind == "response-header":
        return value[1] in values(seen.headers, value[0])
    if kind == "response-header-absent":
        return not values(seen.headers, value)
    if kind == "body-contains":
        return value in seen.body
    return kind == "body-lacks" and value not in seen.body
