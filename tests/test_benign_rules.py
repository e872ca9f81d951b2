"""False alarms of a rule set on ordinary requests are counted. The rule set here is our own, made for the test."""

import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "benign"))

import false_positives  # noqa: E402  (it lies in the folder below)
import shapes  # noqa: E402

RULES = """SecRule ARGS "@contains tea" "id:1,phase:2,pass,log,setvar:tx.score=+3"
SecRule ARGS "@contains select" "id:2,phase:2,pass,log,setvar:tx.score=+5"
SecRule TX:SCORE "@ge 5" "id:949110,phase:2,deny"
"""


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "crs"
    (place / "rules").mkdir(parents=True)
    (place / "crs-setup.conf.example").write_text("", encoding="utf-8")
    (place / "rules" / "REQUEST-900.conf").write_text(RULES, encoding="utf-8")
    return place


@pytest.mark.skipif(not shutil.which("cargo"), reason="cargo is not there to build our engine's example")
def test_refusals_and_rules_are_counted(folder):
    requests = [shapes.form(text) for text in ("green tea", "select a tea", "select", "nothing")]
    matches = false_positives.judged(false_positives.judge_built(), folder, requests)
    counted = false_positives.Counted(matches)
    assert (counted.total, counted.refused) == (4, 2)
    assert counted.rules == {1: 2, 2: 2}
    text = false_positives.section(folder, {"forms": counted})
    assert "| forms | 4 | 2 (50.0%) |" in text and "| 1 | 2 |" in text


def test_every_list_is_read():
    entries = list(false_positives.ordinary.entries())
    assert len(set(entries)) > 2500 and any("\n" in entry for entry in entries)


def test_only_its_part_of_the_page_is_written(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{false_positives.BEGIN}\nold\n{false_positives.END}\nafter\n", encoding="utf-8")
    false_positives.put(page, "new")
    assert page.read_text(encoding="utf-8") == f"before\n{false_positives.BEGIN}\nnew\n{false_positives.END}\nafter\n"
