"""Recorded traffic, judged again by another policy: what would newly pass, what would newly be stopped, and what cannot be told."""

import json
import stat

from gateway_kit import App, get

FORM = b"content-type: application/x-www-form-urlencoded\r\n"
OWN = b"sec-fetch-site: same-origin\r\n"
SQL = "x'%20UNION%20SELECT%20name,%20password%20FROM%20users--"
SCRIPT = b"text=%3Cscript%3Ealert(1)%3C/script%3E"
RECORD = '[record]\nrequests = "all"\nbodies = true\n'


def post(gateway, path, body, site=OWN):
    """Posts a form; gives the status."""
    return get(gateway, path, site + FORM, method=b"POST", body=body)[0]


def recorded(gateway):
    """Stops the gateway, so that all is written; the recorded requests, oldest first."""
    gateway.stop()
    lines = [line for path in sorted((gateway.state / "traffic").glob("*.jsonl")) for line in path.read_text().splitlines()]
    return [json.loads(line) for line in lines]


def replay(gateway, policy, *arguments):
    """Replays by another policy; exit code and report."""
    new = gateway.folder / "new.toml"
    new.write_text(gateway.head + policy, encoding="utf-8")
    done = gateway.run_with(new, "replay", "--json", *arguments)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def groups(report, kind):
    return {(group["rule"], group.get("where", ""), group["request"]): group["count"] for group in report[kind]}


def fill(gateway):
    """Some requests of each kind."""
    assert get(gateway, "/articles?page=2")[0] == 200
    assert get(gateway, f"/search?q={SQL}")[0] == 403
    assert post(gateway, "/articles", SCRIPT) == 403
    assert post(gateway, "/articles", b"text=hello") == 200
    assert post(gateway, "/comments", b"a=1", b"sec-fetch-site: cross-site\r\n") == 403


def test_the_same_policy_changes_nothing(serve):
    gateway = serve(RECORD, upstream=App().url)
    fill(gateway)
    requests = recorded(gateway)
    assert [request["status"] for request in requests] == [200, 403, 403, 200, 403]
    code, report = replay(gateway, RECORD)
    assert code == 0, report
    assert (report["stopped_still"], report["passed_still"], report["not_judged"]) == (3, 2, {})


def test_what_an_exception_lets_pass_and_a_rule_stops_is_listed_with_its_references(serve):
    gateway = serve(RECORD, upstream=App().url)
    fill(gateway)
    ids = [request["id"] for request in recorded(gateway)]
    looser = '[[intrusion.except]]\npath = "/search"\nparameter = "query q"\nrules = ["sql"]\n[[route]]\npath = "/articles"\nmethods = ["POST"]\noff = ["intrusion"]\n'
    code, report = replay(gateway, looser)
    assert code == 1
    assert groups(report, "newly_passing") == {
        ("intrusion/sql.union", "query q", "GET /search"): 1,
        ("intrusion/html.script", "form text", "POST /articles"): 1,
    }
    assert sorted(id for group in report["newly_passing"] for id in group["ids"]) == sorted(ids[1:3])
    assert report["newly_stopped"] == []
    code, report = replay(gateway, "", "--against", str(gateway.policy_file))
    assert (code, report["stopped_still"], report["passed_still"]) == (0, 3, 2), report
    code, report = replay(gateway, '[[route]]\npath = "/articles"\nbody = 4\n')
    assert code == 1 and groups(report, "newly_stopped") == {("protocol/body-too-large", "body", "POST /articles"): 1}, report


def test_limits_are_counted_again_at_the_recorded_times(serve):
    gateway = serve(RECORD, upstream=App().url)
    for _ in range(5):
        assert get(gateway, "/a")[0] == 200
    recorded(gateway)
    code, report = replay(gateway, '[[route]]\npath = "/a"\nlimit = "3/hour per address"\n')
    assert code == 1 and [(group["rule"], group["count"]) for group in report["newly_stopped"]] == [("rate_limit/route", 2)], report
    assert list(report["judged_in_part"].values()) == [2], "an address is recorded as its network"


def test_what_cannot_be_told_is_said(serve):
    gateway = serve('[record]\nrequests = "refused"\n[[route]]\npath = "/a"\nlimit = "1/hour per address"\n', upstream=App().url)
    assert post(gateway, "/articles", SCRIPT) == 403
    assert get(gateway, f"/?password={SQL}")[0] == 403
    assert [get(gateway, "/a")[0] for _ in range(2)] == [200, 429]
    requests = recorded(gateway)
    assert len(requests) == 3 and "text" not in requests[0]["body"]
    code, report = replay(gateway, '[intrusion]\nmode = "off"\n')
    assert code == 0 and sorted(report["not_judged"].values()) == [1, 1, 1], report
    # Without what was not recorded nothing is claimed, and what was recorded is judged all the same.
    assert report["newly_passing"] == [] and report["judged_in_part"]


def test_another_rule_set_is_tried_before_it_is_used(serve):
    gateway = serve(RECORD, upstream=App().url)
    fill(gateway)
    assert post(gateway, "/orders", b"note=forbidden-word") == 200
    recorded(gateway)
    rules = gateway.folder / "rules-2" / "rules"
    rules.mkdir(parents=True)
    (rules.parent / "crs-setup.conf").write_text("SecRuleEngine On\nSecRequestBodyAccess On\n")
    rule = 'SecRule ARGS_POST "@contains forbidden-word" "id:100,phase:2,deny,status:403,msg:\'not here\'"\n'
    (rules / "own.conf").write_text(rule)
    code, report = replay(gateway, '[intrusion.crs]\npath = "rules-2"\n')
    assert code == 1 and groups(report, "newly_stopped") == {("intrusion/crs", "ARGS_POST:note", "POST /orders"): 1}, report
    (rules / "own.conf").write_text("SecRule ARGS nonsense(\n")
    new = gateway.folder / "new.toml"
    done = gateway.run_with(new, "replay")
    assert done.returncode == 2 and "own.conf" in done.stderr, done.stderr


def test_a_refusal_by_a_sanction_is_not_judged_again(serve):
    response = '[response]\nnever = []\n[[response.scenario]]\nname = "probing"\ncount = 2\nladder = ["ban"]\n'
    gateway = serve(RECORD + response, upstream=App().url)
    for _ in range(3):
        assert get(gateway, f"/search?q={SQL}")[0] == 403
    assert get(gateway, "/")[0] == 403
    assert recorded(gateway)[-1]["stopped"]["rule"] == "ban"
    code, report = replay(gateway, RECORD + response)
    assert (code, report["newly_passing"], sum(report["not_judged"].values())) == (0, [], 1), report


def test_an_app_that_was_down_had_been_let_pass(serve):
    gateway = serve(RECORD)
    assert get(gateway, "/")[0] == 502
    assert recorded(gateway)[0]["stopped"]["rule"] == "app-unreachable"
    code, report = replay(gateway, RECORD)
    assert (code, report["passed_still"], report["not_judged"]) == (0, 1, {}), report


def test_known_attacks_show_what_an_exception_costs(serve):
    gateway = serve("", upstream=App().url)
    gateway.stop()
    looser = '[[intrusion.except]]\npath = "/articles"\nparameter = "form text"\nholds = "markup"\n'
    code, report = replay(gateway, looser, "--against", str(gateway.policy_file))
    attacks = report["attacks"]
    assert code == 1 and attacks["tried"] > 2000
    assert {group["place"] for group in attacks["newly_passing"]} == {"POST /articles (form text)"}, attacks["newly_passing"]
    assert attacks["newly_stopped"] == [] and all(group["examples"] for group in attacks["newly_passing"])
    assert {group["rule"].split(".")[0] for group in attacks["newly_passing"]} == {"intrusion/html"}


def test_files_are_ours_alone_and_without_traffic_it_says_so(serve):
    gateway = serve("", upstream=App().url)
    assert get(gateway, "/")[0] == 200
    gateway.stop()
    assert not (gateway.state / "traffic").exists()
    done = gateway.run("replay")
    assert done.returncode == 2 and "requests = " in done.stderr
    gateway = serve(RECORD, upstream=App().url)
    assert get(gateway, "/")[0] == 200
    recorded(gateway)
    files = list((gateway.state / "traffic").iterdir())
    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o600]
    done = gateway.run("replay", "--traffic", str(files[0]))
    assert done.returncode == 0 and "as before: 0 stopped, 1 passed" in done.stdout, done.stdout + done.stderr


def test_recording_is_switched_on_by_a_reload(serve):
    gateway = serve("", upstream=App().url)
    assert get(gateway, "/before")[0] == 200
    gateway.write_policy(RECORD)
    assert gateway.run("reload").returncode == 0
    assert get(gateway, "/after")[0] == 200
    assert [request["target"] for request in recorded(gateway)] == ["/after"]


def hostile(gateway, **odd):
    """A line as it is recorded, with something odd in it."""
    line = {"id": "0123456789abc", "time_ms": 1, "client": "192.0.2.1", "method": "GET", "target": "/", "version": 11,
            "headers": [["host", "localhost"]], "status": 200, "one_of_all": True, "https": True}
    return json.dumps(line | odd)


def test_who_would_have_been_sanctioned_is_told(serve):
    gateway = serve(RECORD + 'client = "address"\n[response]\nmode = "off"\n', upstream=App().url)
    for _ in range(8):
        assert get(gateway, f"/search?q={SQL}")[0] == 403
    recorded(gateway)
    scenario = '[response]\nnever = []\n[[response.scenario]]\nname = "probing"\ncount = 2\nladder = ["challenge", "ban"]\n'
    code, report = replay(gateway, scenario)
    assert code == 0 and report["sanctions"] == [
        {"scenario": "probing", "rung": "ban", "count": 1, "clients": ["127.0.0.1"]},
        {"scenario": "probing", "rung": "challenge", "count": 1, "clients": ["127.0.0.1"]},
    ], "who is shut out attacks no more"
    assert replay(gateway, "")[1]["sanctions"] == [], "this machine is spared"
    assert not (gateway.state / "bans.ndjson").exists()


def test_what_the_app_answered_counts_too(serve):
    gateway = serve("")
    gateway.stop()
    file = gateway.folder / "traffic.jsonl"
    lines = [hostile(gateway, target=f"/page-{page}", status=404, time_ms=page) for page in range(70)]
    file.write_text("\n".join(lines))
    code, report = replay(gateway, "", "--traffic", str(file))
    assert [(one["scenario"], one["rung"], one["clients"]) for one in report["sanctions"]] == [("scanning", "slow", ["192.0.2.1"])], report


def test_a_hostile_recording_neither_stops_the_clock_nor_the_terminal(serve):
    gateway = serve("")
    gateway.stop()
    file = gateway.folder / "traffic.jsonl"
    limit = '[[route]]\npath = "/a"\nlimit = "3/hour per address"\n'
    far = [hostile(gateway, time_ms=2**64 - 1), hostile(gateway, method="\x00"), "[" * 9000, hostile(gateway, method="A" * 90000)]
    hours = [hostile(gateway, target="/a", time_ms=hour * 3_600_000) for hour in range(9)]
    file.write_text("\n".join(far + hours))
    code, report = replay(gateway, limit, "--traffic", str(file))
    assert not [group for group in report["newly_stopped"] if group["rule"].startswith("rate_limit")], report
    assert sum(report["not_judged"].values()) == 3
    done = gateway.run_with(gateway.folder / "new.toml", "replay", "--traffic", str(file))
    assert max(map(len, done.stdout.splitlines())) < 500


def test_a_file_that_cannot_be_read_is_no_empty_one(serve):
    gateway = serve("")
    gateway.stop()
    done = gateway.run("replay", "--traffic", str(gateway.folder))
    assert done.returncode == 2 and str(gateway.folder) in done.stderr
