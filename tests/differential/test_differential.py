"""The real frameworks and our readers read the same mutated requests; every disagreement is explained or fails.

A disagreement is explained if we would not let the request through as it is (we cannot read it, or note something that the
framework is not known to read as we do), if the app gets nothing at all, or by a named entry of `EXPLAINED`.

GAMBESON_DIFFERENTIAL_CASES=200000 runs more; GAMBESON_DIFFERENTIAL_SEED another sequence; -s prints the counts.
"""

import collections
import json
import os
import pathlib
import shutil
import subprocess

import pytest
from reading_apps import APPS, apps_for, is_json, is_xml, json_of_any_type, one_value, read_as
from reading_explained import EXPLAINED, text_as
from reading_requests import FORM, SEEDS, cases

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# The frameworks complain about what they are sent.
pytestmark = pytest.mark.filterwarnings("ignore")
COUNT = int(os.environ.get("GAMBESON_DIFFERENTIAL_CASES", "1000"))
# What an ordinary request may come to: a framework may leave out a cookie it cannot read, or take an empty input for a file.
USUAL = ("same", "explained: empty file name", "explained: fewer cookies", "app reads nothing")
SEED = int(os.environ.get("GAMBESON_DIFFERENTIAL_SEED", "1"))


@pytest.fixture(scope="session")
def reader():
    """Our readers behind JSON lines."""
    if not shutil.which("cargo"):
        pytest.skip("cargo is not there to build the readers' example")
    subprocess.run(["cargo", "build", "--locked", "--quiet", "-p", "gambeson-read", "--example", "read"], cwd=ROOT, check=True)
    target = os.environ.get("CARGO_TARGET_DIR", ROOT / "target")
    return os.path.join(target, "debug", "examples", "read")


def ours(reader, app, wanted):
    """What our readers make of the requests, knowing that this framework is behind them."""
    lines = "".join(json.dumps({**case, "app": app, "bytes": case["bytes"].hex()}) + "\n" for case in wanted)
    told = subprocess.run([reader], input=lines, capture_output=True, text=True, check=True).stdout
    return [unhexed(json.loads(line)) for line in told.splitlines()]


def unhexed(told):
    told["fields"] = [(kind, bytes.fromhex(name), bytes.fromhex(value)) for kind, name, value in told["fields"]]
    told["files"] = [(bytes.fromhex(name), bytes.fromhex(file), bytes.fromhex(content)) for name, file, content in told["files"]]
    return told


def as_app(app, case, told):
    """Our reading in the shape of the app's, with text decoded as this framework decodes it."""
    if is_json(case):
        return {"json": [(name, kind, value) for kind, name, value in told["fields"]]}
    if is_xml(case):
        return {"xml": [(name.decode(), kind, value.decode("utf-8", "replace")) for kind, name, value in told["fields"]]}
    reading = {"fields": {}, "files": {}}
    for _, name, value in told["fields"]:
        reading["fields"].setdefault(text_as(app, case, name), []).append(text_as(app, case, value))
    for name, filename, content in told["files"]:
        reading["files"].setdefault(text_as(app, case, name), []).append((text_as(app, case, filename), content))
    return reading


def flattened(value, name=""):
    """A JSON value as our reader gives it."""
    below = f"{name}." if name else ""
    if isinstance(value, (dict, list)):
        pairs = list(value.items() if isinstance(value, dict) else enumerate(value))
        if not pairs:
            return [(name.encode("utf-8", "surrogatepass"), "Empty", b"")]
        return [entry for key, inner in pairs for entry in flattened(inner, f"{below}{key}")]
    kinds = {str: "Text", bool: "Bool", type(None): "Null"}
    return [(name.encode("utf-8", "surrogatepass"), kinds.get(type(value), "Number"), value)]


def same(app_reading, our_reading):
    if "json" not in app_reading:
        return app_reading == our_reading
    theirs, mine = flattened(app_reading["json"]), our_reading["json"]
    return len(theirs) == len(mine) and all(same_scalar(*pair) for pair in zip(theirs, mine))


def same_scalar(theirs, mine):
    (name, kind, value), (our_name, our_kind, our_value) = theirs, mine
    if (name, kind) != (our_name, our_kind):
        return False
    if kind == "Text":
        return value.encode("utf-8", "surrogatepass") == our_value
    return kind == "Empty" or json.loads(our_value) == value


def verdict(app, case, told):
    """Why this request is no way around us, or None."""
    app_reading = read_as(app, case)
    if app_reading is None:
        return "app reads nothing"
    if told["stop"]:
        return "not read by us"
    our_reading = as_app(app, case, told)
    equal = same(app_reading, our_reading)
    if not told["agrees"]:
        return "noted, read alike" if equal else "noted"
    if equal:
        return "same"
    return next((f"explained: {name}" for name, holds in EXPLAINED.items() if holds(app, case, app_reading, our_reading)), None)


@pytest.mark.parametrize("kind", SEEDS)
def test_every_disagreement_is_explained(reader, kind):
    wanted = list(cases(kind, COUNT, SEED))
    counts, unexplained = {app: collections.Counter() for app in apps_for(kind)}, []
    for app, count in counts.items():
        for case, told in zip(wanted, ours(reader, app, wanted), strict=True):
            why = verdict(app, case, told)
            count[why] += 1
            if why is None:
                unexplained.append((app, case, told, read_as(app, case)))
    for app, count in counts.items():
        print(f"\n{kind:10} {app:10} " + ", ".join(f"{why} {number}" for why, number in count.most_common()))
        explained = sum(number for why, number in count.items() if why and why.startswith("explained"))
        assert count["same"] + explained > len(wanted) * 0.1, f"{app} agrees on too little for this test to mean anything"
    for app, case, told, reading in unexplained[:10]:
        print(f"\n{app}: {case}\n  ours   {told}\n  theirs {reading}")
    assert not unexplained, f"{len(unexplained)} disagreements without an explanation"


@pytest.mark.parametrize("kind", SEEDS)
def test_ordinary_requests_are_read_alike_by_all(reader, kind):
    for app in apps_for(kind):
        for case, told in zip(SEEDS[kind], ours(reader, app, SEEDS[kind]), strict=True):
            assert told["agrees"] or not told["notes"], (app, case, told["notes"])
            assert verdict(app, case, told) in USUAL, (app, case, told, read_as(app, case))
    for case, told in zip(SEEDS[kind], ours(reader, "any", SEEDS[kind]), strict=True):
        assert told["agrees"], ("any", case, told["notes"])


@pytest.mark.parametrize("start", [b"", b" \r\n", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("media", ["text/plain", "image/png", "", FORM])
def test_json_of_any_type_is_seen(reader, media, start):
    case = {"kind": "guess", "type": media, "bytes": start + b'{"a": "x\\u0027"}'}
    readers = [app for app in ("django", "starlette", "aiohttp") if json_of_any_type(app, case) == {"a": "x'"}]
    assert "django" in readers
    for app in readers:
        assert ("Text", b"a", b"x'") in ours(reader, app, [case])[0]["fields"]


@pytest.fixture(params=APPS)
def claimed(request, reader):
    """What our profile of a framework says of it."""
    line = json.dumps({"app": request.param, "kind": "profile"})
    told = subprocess.run([reader], input=line, capture_output=True, text=True, check=True).stdout
    return request.param, json.loads(told)


def test_profiles_say_which_of_several_values_counts(claimed):
    app, claims = claimed
    assert one_value(app, b"a=first&a=last") == claims["pick"].lower()


def test_profiles_say_how_many_fields_are_read(claimed):
    app, claims = claimed
    most = claims["form_fields_max"]
    for count in (999, 1000, 1001, 20_000):
        case = {"kind": "body", "type": FORM, "bytes": b"&".join([b"a=1"] * count)}
        assert (read_as(app, case) is not None) == (most is None or count <= most), count


def test_profiles_say_whose_forms_have_any_type(claimed):
    app, claims = claimed
    case = {"kind": "body", "type": "text/plain", "bytes": b"a=1"}
    assert (read_as(app, case) is not None) == claims["any_type_as_form"]
