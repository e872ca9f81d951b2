#!/usr/bin/env python3
"""How many ordinary requests the Core Rule Set would refuse, as released (paranoia level 1), and which of its rules find something in them:
`python3 tests/benign/false_positives.py --write docs/rules.md`, with GAMBESON_CRS or --crs naming the rule set's folder.

The requests are those that our own detectors must let pass: the texts and shapes of this folder, and the lists of crates/detect/benign, each
entry in a form and in JSON.
"""

import argparse
import collections
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "benign")]

import ordinary  # noqa: E402
import shapes  # noqa: E402
from crs_kit import core_rule_set, laid_out  # noqa: E402

#: The rule that refuses a request whose score has reached the threshold, in releases 3 and 4.
REFUSES = 949110
#: Rules that add up what others found.
SUMS = ("949", "959", "980")
BEGIN, END = "<!-- false positives: made by tests/benign/false_positives.py -->", "<!-- end of false positives -->"


def wire(request):
    """The request as bytes."""
    head = [f"{request.method} {request.target} HTTP/1.1", *(f"{name}: {value}" for name, value in request.all_headers().items())]
    return "\r\n".join(head).encode("utf-8", "surrogatepass") + b"\r\n\r\n" + request.body


def judged(judge, folder, requests):
    """The rules that match each request."""
    settings = folder.parent / "detect.conf"
    settings.write_text("SecRuleEngine DetectionOnly\n", encoding="utf-8")
    lines = "".join(wire(request).hex() + "\n" for request in requests)
    told = subprocess.run([judge, folder, settings], input=lines, capture_output=True, text=True, check=True).stdout
    return [set(map(int, line.split())) for line in told.splitlines()]


def judge_built():
    """Our engine behind lines of text."""
    subprocess.run(["cargo", "build", "--locked", "--quiet", "-p", "gambeson-seclang", "--example", "judge"], cwd=ROOT, check=True)
    return pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"), "debug/examples/judge")


class Counted:
    """What of some requests would be refused, and by which rules something was found in them."""

    def __init__(self, matches):
        self.total = len(matches)
        self.refused = sum(REFUSES in rules for rules in matches)
        self.rules = collections.Counter(rule for rules in matches for rule in rules if not str(rule).startswith(SUMS))


def corpora():
    """The requests, under what they are called."""
    yield "requests of browsers and clients (`tests/benign`)", list(ordinary.requests())
    listed = list(dict.fromkeys(ordinary.entries()))
    yield "listed inputs in a form (`crates/detect/benign`)", [shapes.form(text) for text in listed]
    yield "listed inputs in JSON", [shapes.document(text) for text in listed]


def section(crs, counted):
    """The part of the page."""
    lines = [f"Core Rule Set {version(crs)} as released (paranoia level 1, threshold 5), requests that our own detectors let pass, all of them:", ""]
    lines += ["| requests | in all | refused |", "| --- | ---: | ---: |"]
    lines += [f"| {name} | {one.total:,} | {one.refused:,} ({one.refused / one.total:.1%}) |" for name, one in counted.items()]
    lines += ["", "| rule | finds something in so many of them |", "| --- | ---: |"]
    rules = sum((one.rules for one in counted.values()), collections.Counter())
    lines += [f"| {rule} | {count:,} |" for rule, count in sorted(rules.items(), key=lambda pair: (-pair[1], pair[0]))]
    return "\n".join(lines)


def version(crs):
    """As the rules themselves state it."""
    texts = (path.read_text(encoding="utf-8", errors="replace") for path in sorted((crs / "rules").glob("REQUEST-9*.conf")))
    return next((found[1] for found in (re.search(r"ver:'OWASP_CRS/([^']+)'", text) for text in texts) if found), "of unknown version")


def put(path, text):
    """Writes the part of the page between its marks."""
    page = path.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    path.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--crs", type=pathlib.Path, help="the rule set's folder; else GAMBESON_CRS, else Debian's")
    parser.add_argument("--write", type=pathlib.Path, help="the page whose part is written anew")
    options = parser.parse_args()
    crs, setup = (options.crs, None) if options.crs else core_rule_set()
    if crs is None:
        sys.exit("no Core Rule Set: install modsecurity-crs, or name a folder by --crs or GAMBESON_CRS")
    with tempfile.TemporaryDirectory() as place:
        folder, judge = laid_out(pathlib.Path(place, "crs"), crs, setup), judge_built()
        counted = {name: Counted(judged(judge, folder, requests)) for name, requests in corpora()}
    text = section(crs, counted)
    print(text)
    if options.write:
        put(options.write, text)


if __name__ == "__main__":
    main()
