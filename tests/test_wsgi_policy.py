"""The policy of a guard: read, refused with its problems, read again; and what a guard says of itself."""

import os
import stat
import subprocess
import sys

import gambeson
import pytest
from wsgi_kit import App, ask, environ, guarded, records


def test_every_problem_is_shown_with_its_line(tmp_path):
    with pytest.raises(gambeson.PolicyError) as raised:
        guarded(tmp_path, App(), '[csrf]\nmode = "of"\n\n[haeders]\n')
    text = str(raised.value)
    assert "gambeson.toml:2:8: error: csrf.mode" in text and '2 | mode = "of"' in text and "^^^^" in text
    assert "gambeson.toml:4" in text and "haeders" in text and text.count("help: ") == 2
    assert isinstance(raised.value, ValueError)


def test_a_policy_that_is_not_there(tmp_path):
    with pytest.raises(gambeson.PolicyError, match="gambeson init"):
        gambeson.wsgi(App(), tmp_path / "gambeson.toml")


def test_the_policy_is_looked_for_upward(tmp_path, monkeypatch):
    (tmp_path / "gambeson.toml").write_text("")
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    assert gambeson.wsgi(App()).policy == str(tmp_path / "gambeson.toml") or gambeson.wsgi(App()).policy == tmp_path / "gambeson.toml"
    with pytest.raises(gambeson.PolicyError):
        gambeson.wsgi(App(), "other.toml")


def test_reload_takes_a_good_policy_and_keeps_the_old_for_a_bad_one(tmp_path):
    guard = guarded(tmp_path, App())
    file = tmp_path / "gambeson.toml"
    foreign = [("Sec-Fetch-Site", "cross-site"), ("Cookie", "session=1")]

    def code():
        return ask(guard, environ(method="POST", headers=foreign)).code

    assert code() == 403
    file.write_text('[csrf]\nmode = "off"')
    assert code() == 403, "a policy that was not loaded holds"
    guard.reload()
    assert code() == 200
    file.write_text('[csrf]\nmode = "enforced"')
    with pytest.raises(gambeson.PolicyError, match="csrf.mode"):
        guard.reload()
    assert code() == 200
    file.write_text("")
    guard.reload()
    assert code() == 403


def test_a_request_keeps_the_policy_it_began_with(tmp_path):
    file = tmp_path / "gambeson.toml"

    def app(env, start_response):
        file.write_text('[headers]\nmode = "off"')
        guard.reload()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"ok"]

    guard = guarded(tmp_path, app)
    assert ask(guard, environ()).get("x-content-type-options") == "nosniff"
    assert ask(guard, environ()).get("x-content-type-options") is None


def test_what_is_gaps_is_said_once_at_start(tmp_path, caplog):
    guard = guarded(tmp_path, App())
    told = [entry for entry in caplog.records if entry.name == "gambeson"]
    assert len(told) == 1 and told[0].levelname == "WARNING"
    names = [name for name, _ in guard.gaps]
    assert all(name in told[0].getMessage() for name in names) and any(name.startswith("transport") for name in names)
    for _ in range(3):
        ask(guard, environ())
    assert len([entry for entry in caplog.records if entry.name == "gambeson"]) == 1


def test_the_state_is_for_its_owner_alone(tmp_path):
    guard = guarded(tmp_path, App())
    ask(guard, environ("/../x"))
    records(guard)
    state = tmp_path / ".gambeson"
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in state.rglob("*") if file.is_file())
    os.chmod(state, 0o755)
    with pytest.raises(OSError, match="chmod 700"):
        guarded(tmp_path, App())


def test_the_state_may_be_elsewhere(tmp_path):
    (tmp_path / "gambeson.toml").write_text("")
    gambeson.wsgi(App(), tmp_path / "gambeson.toml", state=tmp_path / "elsewhere")
    assert (tmp_path / "elsewhere").is_dir() and not (tmp_path / ".gambeson").exists()


@pytest.mark.parametrize("app", [None, 7, "app"])
def test_only_a_callable_is_guarded(tmp_path, app):
    with pytest.raises(TypeError):
        guarded(tmp_path, app)


@pytest.mark.parametrize("env", [None, [], "environ", 7])
def test_what_is_no_environ_is_refused(tmp_path, env):
    answer = ask(guarded(tmp_path, App()), env)
    assert answer.code == 500 and answer.get("x-gambeson-ref")


CHILDREN = """
import os, pathlib, sys
sys.path.insert(0, {kit!r})
from wsgi_kit import App, ask, environ, guarded
folder = pathlib.Path({folder!r})
guard = guarded(folder, App())
ask(guard, environ("/../parent"))
children = []
for number in range(4):
    child = os.fork()
    if not child:
        for _ in range(25):
            assert ask(guard, environ("/../child")).code == 400
        sys.exit()
    children.append(child)
assert all(os.waitpid(child, 0)[1] == 0 for child in children)
assert ask(guard, environ("/../parent")).code == 400
"""


def test_forked_workers_write_one_log(tmp_path):
    code = CHILDREN.format(kit=os.path.dirname(__file__), folder=str(tmp_path))
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=120)
    # Each process wrote what it had when it ended, without being asked to.
    found = records(guarded(tmp_path, App()))
    assert len(found) == 102 and len({record["id"] for record in found}) == 102
    sequence = []
    for file in sorted((tmp_path / ".gambeson" / "audit").iterdir()):
        sequence.extend(int(line.split(',"time"')[0].split(":")[1]) for line in file.read_text().splitlines())
    assert sequence == list(range(1, len(sequence) + 1))


def test_the_log_is_kept_as_the_policy_says(tmp_path):
    guard = guarded(tmp_path, App(), '[audit_log]\nfile = "64KiB"\nfiles = 2')
    for number in range(600):
        ask(guard, environ("/../x"))
        if number % 100 == 99:
            records(guard)
    files = list((tmp_path / ".gambeson" / "audit").iterdir())
    assert 1 <= len(files) <= 2 and sum(file.stat().st_size for file in files) < 300_000
