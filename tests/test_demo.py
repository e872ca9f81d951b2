"""The example app, bare and guarded: what `intrusion` claims to stop works on the one and not on the other, each by its detector."""

import json

import pytest
from comments_kit import EXAMPLE, Comments, Guard

#: A probe for every detector: the one that its own rule stops.
PROBES = {
    "sql": "sql-union", "html": "stored-markup", "js": "script-callback", "shell": "shell", "path": "path-traversal",
    "template": "template", "python": "python", "serialised": "pickle", "xml": "xml-entity", "url": "internal-url", "ldap": "ldap",
    "xpath": "xpath", "nosql": "nosql", "header": "mail-header", "scanner": "scanner",
}


@pytest.fixture
def example(tmp_path):
    app = Comments(tmp_path)
    yield app
    app.stop()


@pytest.fixture
def guard(gambeson, tmp_path, example):
    gateway = Guard(gambeson, tmp_path / "guard", example).start()
    yield gateway
    gateway.stop()


def test_every_detector_stops_a_probe_that_the_bare_app_does_not(example, guard):
    arguments = ["--bare", example.url, "--connect-to", "127.0.0.1", "--app", str(EXAMPLE / "attack.toml"), "--only", "intrusion"]
    ran = guard.run("attack", guard.url, *arguments, "--json", timeout=300)
    report = json.loads(ran.stdout)
    bare = {one["id"]: one["verdict"] for one in report["bare"]["findings"]}
    guarded = {one["id"].split("/")[1]: one for one in report["guarded"]["findings"]}
    assert set(bare.values()) == {"succeeded"}, bare
    assert {one["verdict"] for one in guarded.values()} == {"stopped"}, guarded
    assert {one["twin"]["result"] for one in guarded.values()} == {"passed"}, guarded
    assert ran.returncode == 0
    (section,) = json.loads(guard.run("explain", "intrusion", "--json").stdout)
    names = [rule["name"].removeprefix("intrusion/") for rule in section["rules"]]
    assert set(PROBES) == {name.split(".")[0] for name in names if "." in name}
    stopped_by = detectors_by_probe(guard.records(), list(guarded))
    assert {probe for detector, probe in PROBES.items() if detector not in stopped_by[probe]} == set(), stopped_by


def detectors_by_probe(records, probes):
    """Each attack comes from an address with its own number in it: 127.x.NUMBER.129."""
    found = {probe: set() for probe in probes}
    for record in records:
        *_, number, side = record["client"].split(".")
        if side == "129":
            rules = [one["rule"] for one in record.get("findings", []) if one["layer"] == "intrusion"]
            found[probes[int(number)]].update(rule.split(".")[0] for rule in rules)
    return found
