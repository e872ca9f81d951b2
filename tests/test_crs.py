"""A SecLang rule set in front of an app: through the gateway, in the app, installed by the command, changed while it serves.

The rules here are our own, made for the test. Where GAMBESON_CRS names a folder of the Core Rule Set, or Debian's is installed, it is tried, too.
"""

import io
import json
import tarfile

import gambeson
import pytest
from crs_kit import core_rule_set
from gateway_kit import App, get
from wsgi_kit import App as WsgiApp
from wsgi_kit import ask, environ, guarded

RULES = """SecRule ARGS "@contains attack" "id:1,phase:2,deny,t:none,t:lowercase,msg:'An attack',severity:CRITICAL"
SecRule REQUEST_BODY|ARGS "@pmFromFile words.data" "id:2,phase:2,deny,msg:'A word of the list'"
SecRule RESPONSE_BODY "@contains root:x:0" "id:3,phase:4,deny,msg:'A file of the system'"
"""
CRS = '[intrusion.crs]\npath = "own"\n'
FORM = b"sec-fetch-site: same-origin\r\ncontent-type: application/x-www-form-urlencoded\r\n"


def rule_set(folder, rules=RULES):
    """A folder of rules."""
    (folder / "rules").mkdir(parents=True, exist_ok=True)
    (folder / "crs-setup.conf").write_text("# nothing to set\n", encoding="utf-8")
    (folder / "rules" / "own.conf").write_text(rules, encoding="utf-8")
    (folder / "rules" / "words.data").write_text("badword\n", encoding="utf-8")


@pytest.fixture
def guarded_app(serve, tmp_path):
    """A gateway whose policy may name the folder `own`."""

    def start(policy, script=None):
        rule_set(tmp_path / "gateway-0" / "own")
        return serve(policy, upstream=App(script).url)

    return start


def post(gateway, body, path="/notes"):
    return get(gateway, path, FORM, method=b"POST", body=body)[0]


def findings(gateway):
    return [finding for record in gateway.records() for finding in record["findings"] if finding["rule"] == "crs"]


def test_attacks_are_refused_and_their_twins_pass(guarded_app):
    gateway = guarded_app(CRS)
    assert [get(gateway, "/?q=An+Attack")[0], get(gateway, "/?q=A+note")[0]] == [403, 200]
    assert [post(gateway, b"q=an+attack"), post(gateway, b"q=a+note")] == [403, 200]
    assert [post(gateway, b"q=a+badword"), post(gateway, b"q=a+word")] == [403, 200]
    found = findings(gateway)
    assert [(one["where"], one["value"]) for one in found][0] == ("ARGS:q", "an attack")
    assert found[0]["why"] == "rule 1: An attack" and found[0]["transformations"] == ["lowercase"]
    assert found[0]["allow"] == '[intrusion.crs]\nexclude = ["1 ARGS:q /"]'
    gateway.write_policy(CRS + 'exclude = ["1 ARGS:q /"]\n')
    assert gateway.run("reload").returncode == 0
    assert [get(gateway, "/?q=An+Attack")[0], get(gateway, "/?r=An+Attack")[0], get(gateway, "/a?q=An+Attack")[0]] == [200, 403, 403]


def test_off_lets_pass_and_report_only_writes_down(guarded_app):
    gateway = guarded_app("")
    assert get(gateway, "/?q=attack")[0] == 200 and post(gateway, b"q=attack") == 200
    gateway.write_policy(CRS + 'mode = "report"\n')
    assert gateway.run("reload").returncode == 0
    assert get(gateway, "/?q=attack")[0] == 200 and post(gateway, b"q=attack") == 200
    assert [one["mode"] for one in findings(gateway)] == ["report", "report"]


def test_a_page_that_shows_a_file_of_the_system_is_replaced(guarded_app):
    def answer(connection, head):
        App.ok(connection, head, b"<p>root:x:0:0" if b"/leak" in head else b"<p>fine", b"text/html")

    gateway = guarded_app(CRS, answer)
    assert b"root:x" not in get(gateway, "/leak")[2]
    assert get(gateway, "/page")[2] == b"<p>fine"


def test_a_body_longer_than_what_is_held_passes_whole(guarded_app):
    seen = []

    def script(connection, head):
        seen.append(head)
        App.ok(connection, head)

    gateway = guarded_app(CRS + 'body = "4KiB"\n', script)
    assert post(gateway, b"a=" + b"x" * 100_000 + b"&q=attack") == 200
    assert post(gateway, b"q=attack&a=" + b"x" * 100_000) == 403
    assert len(seen) == 1
    assert "crs-partial" in [finding["rule"] for record in gateway.records() for finding in record["findings"]]


def test_a_reload_with_a_broken_rule_keeps_the_old_rules(guarded_app):
    gateway = guarded_app(CRS)
    rules = gateway.folder / "own" / "rules" / "own.conf"
    rules.write_text('SecRule ARG "@contains note" "id:1,phase:2,deny"\n', encoding="utf-8")
    for command in ("reload", "check"):
        done = gateway.run(command)
        told = done.stdout + done.stderr
        assert done.returncode == 1
        assert "own/rules/own.conf:1:1: rule 1: unknown variable `ARG`" in told and "did you mean `ARGS`?" in told
    assert [get(gateway, "/?q=attack")[0], get(gateway, "/?q=note")[0]] == [403, 200]
    rules.write_text('SecRule ARGS "@contains note" "id:1,phase:2,deny"\n', encoding="utf-8")
    assert gateway.run("reload").returncode == 0
    assert [get(gateway, "/?q=attack")[0], get(gateway, "/?q=note")[0]] == [200, 403]


def test_the_guard_in_the_app_says_the_same(tmp_path):
    rule_set(tmp_path / "own")
    guard = guarded(tmp_path, WsgiApp(), CRS)
    form = [("Content-Type", "application/x-www-form-urlencoded"), ("Sec-Fetch-Site", "same-origin")]

    def code(path, body=b""):
        return ask(guard, environ(path, "POST" if body else "GET", headers=form if body else (), body=body)).code

    assert [code("/?q=An+Attack"), code("/?q=A+note"), code("/", b"q=attack"), code("/", b"q=note")] == [403, 200, 403, 200]
    (tmp_path / "own" / "rules" / "own.conf").write_text("SecRul\n", encoding="utf-8")
    with pytest.raises(gambeson.PolicyError, match="unknown directive"):
        guard.reload()
    assert code("/?q=attack") == 403


def test_rules_are_installed_listed_and_updated(guarded_app):
    gateway = guarded_app("")
    own = gateway.folder / "own"
    archive = gateway.folder / "own-2.tar.gz"
    added = gateway.run("rules", "add", str(own))
    assert added.returncode == 0 and 'path = ".gambeson/rules/crs"' in added.stdout, added.stderr
    assert gateway.run("rules", "add", str(own)).returncode == 2
    gateway.write_policy('[intrusion.crs]\npath = ".gambeson/rules/crs"\n')
    assert gateway.run("reload").returncode == 0
    assert [get(gateway, "/?q=attack")[0], get(gateway, "/?q=note")[0]] == [403, 200]

    rule_set(own, 'SecRule ARGS "@contains note" "id:1,phase:2,deny"\n')
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(own, "own-2")
    wrong = gateway.run("rules", "update", str(archive), "--sha256", "00" * 32)
    assert wrong.returncode == 2 and "SHA-256" in wrong.stderr
    assert gateway.run("rules", "update", str(archive)).returncode == 0 and gateway.run("reload").returncode == 0
    assert [get(gateway, "/?q=attack")[0], get(gateway, "/?q=note")[0]] == [200, 403]
    listed = json.loads(gateway.run("rules", "list", "--json").stdout)
    assert [one["name"] for one in listed] == ["crs", "crs.before"]


def test_an_archive_that_leads_elsewhere_is_refused(guarded_app):
    gateway = guarded_app("")
    archive = gateway.folder / "bad.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in ("crs/crs-setup.conf.example", "crs/rules/../../../../stray.conf"):
            tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    done = gateway.run("rules", "add", str(archive))
    assert done.returncode == 2 and "outside" in done.stderr
    assert not list(gateway.folder.rglob("stray.conf"))


@pytest.mark.parametrize("rule", ["Include /etc/passwd", 'SecRule ARGS "@pmFromFile /etc/passwd" "id:9,phase:2,deny"'])
def test_a_rule_set_that_reads_elsewhere_is_not_installed(guarded_app, tmp_path, rule):
    gateway = guarded_app("")
    rule_set(tmp_path / "hostile", RULES + rule + "\n")
    done = gateway.run("rules", "add", str(tmp_path / "hostile"))
    assert done.returncode == 2 and "outside the rule set" in done.stderr, done.stderr
    assert "root:" not in done.stderr + done.stdout


def test_the_regression_tests_of_a_rule_set_are_run_and_named(guarded_app):
    gateway = guarded_app("")
    own = gateway.folder / "own"
    assert gateway.run("rules", "test", str(own)).returncode == 2, "there are no tests in it yet"
    (own / "tests").mkdir()
    stage = "  - test_id: {}\n    stages:\n      - input: {{uri: '/?q={}', headers: {{Host: localhost}}}}\n        output: {{log: {{expect_ids: [1]}}}}\n"
    (own / "tests" / "1.yaml").write_text("rule_id: 1\ntests:\n" + stage.format(1, "attack") + stage.format(2, "note"), encoding="utf-8")
    done = gateway.run("rules", "test", str(own), "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["passed"], [one["test"] for one in report["failed"]]) == (1, 1, ["1-2"])
    assert gateway.run("rules", "test", str(own), "--only", "1-1").returncode == 0


def rule_set_with_tests(folder):
    """Two attacks that rule 1 finds, one that nothing finds, one that no gateway lets through, and an answer that leaks."""
    rule_set(folder, RULES.replace("severity:CRITICAL", "severity:CRITICAL,logdata:'%{MATCHED_VAR}'").replace("msg:'A file", "severity:ERROR,msg:'A file"))
    stage = "  - test_id: {}\n    stages:\n      - input: {{uri: '/?q={}', headers: {{Host: localhost{}}}}}\n        output: {{log: {{{}}}}}\n"
    finds, leaves = "expect_ids: [1]", "no_expect_ids: [1]"
    rows = [(1, "attack", "", finds), (2, "note", "", finds), (3, "note", "", leaves), (4, "attack", ", Transfer-Encoding: gzip", finds)]
    rows += [(5, "note", "", "match_regex: 'in words'"), (6, "an-attack", ", Connection: keep-alive", finds)]
    leak = '{"body": "root:x:0:0"}'
    answer = f"  - test_id: 7\n    stages:\n      - input: {{method: POST, uri: /reflect, headers: {{Host: localhost, Content-Type: application/json}}, data: '{leak}'}}\n"
    answer += "        output: {log: {expect_ids: [3]}}\n"
    (folder / "tests").mkdir()
    (folder / "tests" / "1.yaml").write_text("rule_id: 1\ntests:\n" + "".join(stage.format(*row) for row in rows) + answer, encoding="utf-8")


def named(tests):
    return [one["test"] for one in tests]


def test_the_regression_tests_are_sent_through_a_gateway(guarded_app):
    gateway = guarded_app("")
    own = gateway.folder / "tested"
    rule_set_with_tests(own)
    done = gateway.run("rules", "test", str(own), "--through-gateway", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["passed"], named(report["failed"])) == (1, 4, ["1-2"])
    assert report["refused_earlier"] == [{"test": "1-4", "why": "protocol (rule unknown-transfer-coding)"}]
    assert named(report["excepted"]) == ["1-5"] and "words" in report["excepted"][0]["why"]
    assert gateway.run("rules", "test", str(own), "--through-gateway", "--only", "1-1").returncode == 0


def test_what_is_found_is_stopped_and_passes_without_the_rules(guarded_app):
    gateway = guarded_app("")
    own = gateway.folder / "tested"
    rule_set_with_tests(own)
    done = gateway.run("rules", "test", str(own), "--blocking", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["requests_stopped"], report["answers_stopped"], report["failed"]) == (0, 2, 1, [])
    assert named(report["refused_earlier"]) == ["1-4"]
    # A rule that finds and lets pass is no defence.
    rules = own / "rules" / "own.conf"
    rules.write_text(rules.read_text(encoding="utf-8").replace("phase:2,deny,t:none", "phase:2,pass,t:none"), encoding="utf-8")
    done = gateway.run("rules", "test", str(own), "--blocking", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["answers_stopped"], named(report["failed"])) == (1, 1, ["1-1", "1-6"])


def test_the_core_rule_set_stops_attacks_and_lets_ordinary_requests_pass(guarded_app):
    folder, setup = core_rule_set()
    if folder is None:
        pytest.skip("no Core Rule Set: install modsecurity-crs, or name a folder by GAMBESON_CRS")
    own = "".join(f'"{name}", ' for name in ("sql", "html", "shell", "path", "scanner"))
    gateway = guarded_app(f"[intrusion]\nallow = [{own}]\n")
    added = gateway.run("rules", "add", str(folder), *(["--setup", str(setup)] if setup else []))
    assert added.returncode == 0, added.stderr
    gateway.write_policy(f'[intrusion]\nallow = [{own}]\n[intrusion.crs]\npath = ".gambeson/rules/crs"\n')
    reloaded = gateway.run("reload")
    assert reloaded.returncode == 0, reloaded.stderr
    browser = b"user-agent: Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0\r\naccept: text/html\r\n"

    def status(path, body=b""):
        return get(gateway, path, browser + (FORM if body else b""), method=b"POST" if body else b"GET", body=body)[0]

    attacks = ["/?q=1%27%20OR%20%271%27=%271%27--%20", "/?q=%3Cscript%3Ealert(1)%3C/script%3E", "/?f=../../../../etc/passwd"]
    assert [status(path) for path in attacks] == [403] * 3
    assert [status("/?q=green+tea"), status("/notes?page=2&sort=name"), status("/", b"title=Tea&text=It+is+green.")] == [200] * 3
    assert status("/", b"q=1+UNION+SELECT+password+FROM+users--+") == 403
    assert all("exclude = [" in finding["allow"] for finding in findings(gateway))


@pytest.fixture
def tested_rule_set():
    """The source of a Core Rule Set, with its regression tests: Debian's package comes without."""
    folder = core_rule_set()[0]
    if folder is None or not (folder / "tests").is_dir():
        pytest.skip("no Core Rule Set with its regression tests: name the folder of its source by GAMBESON_CRS")
    return str(folder)


def test_the_core_rule_sets_tests_pass_through_the_gateway(guarded_app, tested_rule_set):
    done = guarded_app("").run("rules", "test", tested_rule_set, "--through-gateway", "--json", timeout=600)
    report = json.loads(done.stdout)
    assert done.returncode == 0, report["failed"]
    assert report["passed"] > 5000 and len(report["refused_earlier"]) < 20 and len(report["excepted"]) < 30


def test_what_the_core_rule_sets_critical_rules_find_is_stopped(guarded_app, tested_rule_set):
    done = guarded_app("").run("rules", "test", tested_rule_set, "--blocking", "--json", timeout=600)
    report = json.loads(done.stdout)
    assert done.returncode == 0, report["failed"]
    assert report["requests_stopped"] > 2000 and report["answers_stopped"] > 50
