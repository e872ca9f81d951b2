"""Sanctions inside the app's process: each guard counts for itself, bans are shared by all that use one state directory."""

import time

from wsgi_kit import App, ask, environ, guarded

BAN = '[[response.scenario]]\nname = "probing"\ncount = 2\nladder = ["ban"]\n'
ATTACK = "/search?q=1%27%20union%20select%20password%20from%20users--"
ATTACKER, VISITOR = "192.0.2.7", "192.0.2.8"


def status(guard, path="/", peer=ATTACKER, **more):
    return ask(guard, environ(path, peer=peer, **more)).code


def until(holds):
    """Waits until another process' news have come; it looks every second."""
    for _ in range(200):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it never happened")


def test_a_ban_of_one_worker_holds_for_the_others(tmp_path):
    one, other = guarded(tmp_path, App(), BAN), guarded(tmp_path, App(), BAN)
    assert status(other) == 200
    assert [status(one, ATTACK) for _ in range(2)] == [403, 403]
    assert status(one) == 403 and status(one, peer=VISITOR) == 200
    until(lambda: status(other) == 403)
    assert status(guarded(tmp_path, App(), BAN)) == 403, "and after a restart"


def test_without_the_layer_nobody_is_banned(tmp_path):
    guard = guarded(tmp_path, App(), '[response]\nmode = "off"\n' + BAN)
    assert [status(guard, ATTACK) for _ in range(4)] == [403] * 4
    assert status(guard) == 200


def test_who_shall_be_slow_does_not_hold_a_worker(tmp_path):
    policy = '[response]\nslow = "30s"\n[[response.scenario]]\nname = "probing"\ncount = 2\nladder = ["slow"]\n'
    guard = guarded(tmp_path, App(), policy)
    assert [status(guard, ATTACK) for _ in range(2)] == [403, 403]
    assert [status(guard) for _ in range(20)] == [200] * 5 + [429] * 15, "a page comes in, a program does not"
    assert status(guard, peer=VISITOR) == 200


def test_an_app_that_refuses_logins_gives_a_guesser_away(tmp_path):
    policy = '[[response.scenario]]\nname = "brute-force"\ncount = 5\nladder = ["block"]\n'
    guard = guarded(tmp_path, App(status="401 Unauthorized"), policy)
    form = [("content-type", "application/x-www-form-urlencoded")]
    tries = [status(guard, "/login", method="POST", headers=form, body=b"name=alice&password=x") for _ in range(6)]
    assert tries == [401] * 5 + [403]
    assert status(guard, "/") == 401, "the login alone is shut"
