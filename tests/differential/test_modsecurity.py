"""libmodsecurity and our engine judge the same mutated requests by the same rules; every rule that only one of them finds is explained or fails.

The rules are a Core Rule Set's at paranoia level 4, detecting only. GAMBESON_DIFFERENTIAL_CASES=2000 runs more in each place of a request;
GAMBESON_DIFFERENTIAL_SEED another sequence; -s prints the counts.
"""

import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest
from crs_kit import core_rule_set, laid_out
from modsecurity_explained import EXPLAINED, rules_of
from modsecurity_peer import library
from modsecurity_requests import ATTACKS, ORDINARY, PLACES, cases, wire

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PRELUDE = ROOT / "crates/seclang/src/prelude.conf"
COUNT = int(os.environ.get("GAMBESON_DIFFERENTIAL_CASES", "40"))
SEED = int(os.environ.get("GAMBESON_DIFFERENTIAL_SEED", "1"))
# The names of releases 3 and 4.
SETTINGS = 'SecRuleEngine DetectionOnly\nSecAction "id:900005,phase:1,pass,t:none,nolog,{}"\n'.format(
    ",".join(f"setvar:tx.{name}paranoia_level=4" for name in ("", "executing_", "blocking_", "detection_"))
)
#: Rules that add up what others found: they differ when those do.
SUMS = ("949", "959", "980")


class Engine:
    """One of the two, behind lines of text."""

    def __init__(self, command):
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def judge(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        told = self.process.stdout.readline()
        assert told, "the engine has ended"
        return {int(number) for number in told.split() if not number.startswith(SUMS)}

    def end(self):
        self.process.communicate(timeout=30)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The rules, and the settings of this test."""
    crs, setup = core_rule_set()
    if crs is None:
        pytest.skip("no Core Rule Set: install modsecurity-crs, or name a folder by GAMBESON_CRS")
    if library() is None:
        pytest.skip("no libmodsecurity: install libmodsecurity3")
    if not shutil.which("cargo"):
        pytest.skip("cargo is not there to build our engine's example")
    place = tmp_path_factory.mktemp("modsecurity")
    (place / "settings.conf").write_text(SETTINGS, encoding="utf-8")
    return laid_out(place / "crs", crs, setup)


@pytest.fixture(scope="module")
def engines(folder):
    """Ours and theirs."""
    subprocess.run(["cargo", "build", "--locked", "--quiet", "-p", "gambeson-seclang", "--example", "judge"], cwd=ROOT, check=True)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    settings = folder.parent / "settings.conf"
    peer = pathlib.Path(__file__).with_name("modsecurity_peer.py")
    both = Engine([target / "debug/examples/judge", folder, settings]), Engine([sys.executable, peer, PRELUDE, folder, settings])
    yield both
    for engine in both:
        engine.end()


def judged(engines, case):
    """The rules that each finds."""
    texts = {name: case[name].hex() for name in ("method", "target", "body")}
    line = json.dumps({**texts, "headers": [(name.hex(), value.hex()) for name, value in case["headers"]]})
    return engines[0].judge(wire(case).hex()), engines[1].judge(line)


def explanation(rules, case, number, ours):
    """The entry that explains that one engine alone finds this rule; None if there is none."""
    rule = rules.get(number)
    return rule and next((one.__name__ for one in EXPLAINED if one(case, rule, ours)), None)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_every_rule_that_only_one_engine_finds_is_explained(engines, folder, place):
    rules, counts, unexplained, alike, found = rules_of(PRELUDE, folder), collections.Counter(), [], 0, 0
    for case in cases(place, COUNT, SEED):
        mine, theirs = judged(engines, case)
        alike, found = alike + (mine == theirs), found + len(mine | theirs)
        for number in sorted(mine ^ theirs):
            why = explanation(rules, case, number, number in mine)
            counts[why or "unexplained"] += 1
            if why is None:
                unexplained.append((number, "ours alone" if number in mine else "theirs alone", wire(case)))
    total = len(ATTACKS) + len(ORDINARY) + COUNT
    print(f"\n{place.__name__}: {alike} of {total} requests judged alike, {found} matches, " + ", ".join(f"{why} {n}" for why, n in counts.most_common()))
    assert found > total / 2, "the engines find too little for this test to mean anything"
    assert not unexplained, f"{len(unexplained)} without an explanation, such as {unexplained[:5]}"
