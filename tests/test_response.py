"""What follows for whoever attacks again and again: through the running gateway, by its command, over restarts."""

import json
import re
import signal
import socket
import threading

import pytest
from gateway_kit import App, exchange, header, parse

ATTACK = "/search?q=1%27%20union%20select%20password%20from%20users--"
#: The second attack is one too many, and a ban follows at once.
BAN = '[[response.scenario]]\nname = "probing"\ncount = 2\nladder = ["ban"]\n'
ATTACKER, VISITOR = "127.44.0.1", "127.44.0.2"


def script(connection, head):
    """An app with a few pages, a login, and nothing else."""
    method, path = head.split(b" ")[:2]
    path = path.split(b"?")[0]
    status, more = b"200 OK", b""
    if path == b"/login" and method == b"POST":
        right = header(head, b"x-password") == b"right"
        status, more = (b"302 Found", b"location: /\r\nset-cookie: session=fresh\r\n") if right else (b"401 Unauthorized", b"")
    elif path not in (b"/", b"/login", b"/search", b"/account"):
        status = b"404 Not Found"
    cookie = header(head, b"cookie") or b"none"
    connection.sendall(
        b"HTTP/1.1 " + status + b"\r\ncontent-type: text/plain\r\n" + more
        + b"content-length: %d\r\n\r\ncookie: " % (len(cookie) + 8) + cookie
    )


@pytest.fixture
def app():
    app = App(script)
    yield app
    app.close()


def ask(gateway, path, source=ATTACKER, method="GET", headers=(), body=b""):
    """One request from an address of its own; status, head, body."""
    connection = socket.create_connection(("127.0.0.1", gateway.http), 10, source_address=(source, 0))
    lines = [f"host: localhost:{gateway.http}", "connection: close", *headers]
    if body:
        lines.append(f"content-length: {len(body)}")
    request = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{line}\r\n" for line in lines) + "\r\n"
    return parse(exchange(connection, request.encode() + body))


def status(gateway, path, source=ATTACKER, **options):
    return ask(gateway, path, source, **options)[0]


def log_in(gateway, source, name="alice", password="wrong"):
    return status(
        gateway, "/login", source, method="POST", body=f"name={name}&password=x".encode(),
        headers=["content-type: application/x-www-form-urlencoded", f"x-password: {password}"],
    )


def bans(gateway, *arguments):
    """`gambeson bans …`, which must succeed; its JSON."""
    run = gateway.run("bans", *arguments, "--json")
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


# --- bans ------------------------------------------------------------------------------------------------------------


def test_an_attacker_is_banned_over_a_restart_until_it_is_lifted(serve, app):
    gateway = serve(BAN, upstream=app.url)
    assert [status(gateway, ATTACK) for _ in range(2)] == [403, 403]
    assert status(gateway, "/") == 403
    assert status(gateway, "/", VISITOR) == 200
    seen = len(app.heads)
    gateway.stop(signal.SIGKILL)
    gateway.start()
    code, head, body = ask(gateway, "/")
    assert code == 403 and len(app.heads) == seen and int(header(head, b"retry-after")) > 0
    (ban,) = bans(gateway, "list")
    assert (ban["subject"], ban["rung"], ban["scenario"]) == (ATTACKER, "ban", "probing")
    assert bans(gateway, "lift", ban["id"])[0]["id"] == ban["id"]
    assert bans(gateway, "list") == []
    assert status(gateway, "/") == 200
    gateway.stop()
    gateway.start()
    assert status(gateway, "/") == 200, "what was lifted stays lifted"


def test_without_the_layer_attacks_are_refused_one_by_one(serve, app):
    gateway = serve('[response]\nmode = "off"\n' + BAN, upstream=app.url)
    assert [status(gateway, ATTACK) for _ in range(5)] == [403] * 5
    assert status(gateway, "/") == 200


def test_the_operator_bans_and_lifts_with_and_without_a_gateway(serve, app):
    gateway = serve("", upstream=app.url)
    assert status(gateway, "/", VISITOR) == 200
    ban = bans(gateway, "add", VISITOR, "--for", "1h", "--reason", "spam")
    assert ban["reason"] == "spam" and ban["until_ms"] - ban["since_ms"] == 3_600_000
    assert status(gateway, "/", VISITOR) == 403
    gateway.stop()
    assert [one["subject"] for one in bans(gateway, "list")] == [VISITOR]
    bans(gateway, "add", "2001:db8::7")
    bans(gateway, "lift", VISITOR)
    gateway.start()
    assert status(gateway, "/", VISITOR) == 200
    assert [one["subject"] for one in bans(gateway, "list")] == ["2001:db8::/64"]


def test_the_command_says_what_it_does_not_take(serve, app):
    gateway = serve("", upstream=app.url)
    for wrong in (["add", "alice"], ["add", "192.0.0.0/16"], ["add", "192.0.2.1", "--for", "ever"], ["lift", "192.0.2.1"]):
        run = gateway.run("bans", *wrong)
        assert run.returncode == 2 and run.stderr and "panicked" not in run.stderr, wrong


def test_a_ban_that_refuses_nothing_is_said_to(serve, app):
    gateway = serve("", upstream=app.url)
    run = gateway.run("bans", "add", "127.0.0.1", "--json")
    assert "response.never" in run.stderr and json.loads(run.stdout)["subject"] == "127.0.0.1"
    assert "never" not in gateway.run("bans", "add", VISITOR).stderr


def test_a_broken_file_of_bans_keeps_nobody_from_serving(serve, app):
    gateway = serve("", upstream=app.url)
    bans(gateway, "add", VISITOR)
    gateway.stop()
    file = gateway.state / "bans.ndjson"
    whole = file.read_bytes()
    file.write_bytes(b"\x00\xff{{{\nnull\n" + whole + b'{"ban":{"id":"cut o')
    gateway.start()
    assert status(gateway, "/", VISITOR) == 403 and status(gateway, "/") == 200
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_ban_is_explained_with_the_command_that_lifts_it(serve, app):
    gateway = serve(BAN, upstream=app.url)
    for _ in range(2):
        ask(gateway, ATTACK)
    _, head, body = ask(gateway, "/")
    reference = header(head, b"x-gambeson-ref").decode()
    assert reference.encode() in body
    (ban,) = bans(gateway, "list")
    for _ in range(100):
        shown = gateway.run("log", "show", reference)
        if shown.returncode == 0:
            break
    assert f"gambeson bans lift {ban['id']}" in shown.stdout and "response/ban" in shown.stdout
    assert "probing" in shown.stdout and f'never = ["127.0.0.1/32", "::1/128", "{ATTACKER}"]' in shown.stdout
    events = [json.loads(line)["event"] for path in gateway.state.rglob("audit*.jsonl") for line in path.read_text().splitlines()]
    (event,) = [event for event in events if event.get("what") == "sanction"]
    assert ATTACKER in event["detail"] and ban["id"] in event["detail"]


def test_the_next_process_knows_what_the_one_before_had_banned(serve, app):
    gateway = serve(BAN, upstream=app.url)
    for _ in range(2):
        ask(gateway, ATTACK)
    before = gateway.process
    gateway.arguments = ["--take-over"]
    gateway.start()
    before.wait(30)
    assert status(gateway, "/") == 403 and status(gateway, "/", VISITOR) == 200


def test_behind_a_proxy_the_client_is_banned_and_not_the_proxy(serve, app):
    gateway = serve(BAN, upstream=app.url, listen='trusted_proxies = ["127.0.0.1"]')
    by = lambda client: {"source": "127.0.0.1", "headers": [f"x-forwarded-for: {client}"]}
    for _ in range(2):
        ask(gateway, ATTACK, **by("2001:db8:0:7::1"))
    assert status(gateway, "/", **by("2001:db8:0:7:ffff::2")) == 403, "the same /64"
    assert status(gateway, "/", **by("2001:db8:0:8::1")) == status(gateway, "/", **by("203.0.113.5")) == 200
    assert [one["subject"] for one in bans(gateway, "list")] == ["2001:db8:0:7::/64"]


def test_who_sends_what_is_no_http_again_and_again_is_banned(serve, app):
    gateway = serve(BAN, upstream=app.url)
    for _ in range(2):
        connection = socket.create_connection(("127.0.0.1", gateway.http), 10, source_address=(ATTACKER, 0))
        assert parse(exchange(connection, b"GET / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1, 2\r\n\r\n"))[0] == 400
    assert status(gateway, "/") == 403 and status(gateway, "/", VISITOR) == 200


# --- who is hurt, and who is not -------------------------------------------------------------------------------------


def test_a_user_is_not_locked_out_by_a_stranger_who_knows_their_name(serve, app):
    policy = '[rate_limit]\nlogin = []\n[[response.scenario]]\nname = "brute-force"\ncount = 10\nladder = ["block"]\n'
    gateway = serve(policy, upstream=app.url)
    tries = [log_in(gateway, ATTACKER, "alice") for _ in range(12)]
    assert tries == [401] * 10 + [403] * 2
    assert log_in(gateway, VISITOR, "alice", "right") == 302
    assert status(gateway, "/account", headers=["cookie: session=of-a-colleague"]) == 200, "the login alone is shut"


def test_many_names_from_one_network_are_noticed_and_one_name_is_not(serve, app):
    policy = (
        '[rate_limit]\nlogin = []\n[[response.scenario]]\nname = "brute-force"\nenabled = false\n'
        '[[response.scenario]]\nname = "credential-stuffing"\ncount = 5\nladder = ["block"]\n'
    )
    gateway = serve(policy, upstream=app.url)
    assert [log_in(gateway, VISITOR, "alice") for _ in range(12)] == [401] * 12
    assert [log_in(gateway, ATTACKER, f"user-{number}") for number in range(6)] == [401] * 5 + [403]
    assert log_in(gateway, VISITOR, "alice", "right") == 302
    assert not any("user-3" in path.read_text() for path in gateway.state.rglob("*.jsonl")), "names are nobody's to read"


def test_a_few_typos_and_broken_links_cost_nothing(serve, app):
    gateway = serve("", upstream=app.url)
    assert [log_in(gateway, VISITOR) for _ in range(6)] == [401] * 6
    assert log_in(gateway, VISITOR, password="right") == 302
    assert [status(gateway, f"/old/page-{page}", VISITOR) for page in range(30)] == [404] * 30
    picture = ["sec-fetch-site: same-origin", "sec-fetch-dest: image"]
    assert [status(gateway, f"/media/{page}.png", VISITOR, headers=picture) for page in range(100)] == [404] * 100
    call = ["sec-fetch-site: same-origin", "sec-fetch-dest: empty"]
    assert [status(gateway, f"/api/users/{user}/avatar", VISITOR, headers=call) for user in range(40)] == [404] * 40
    assert status(gateway, "/", VISITOR) == 200
    assert bans(gateway, "list") == []


def test_a_session_is_ended_and_its_colleagues_go_on(serve, app):
    policy = '[[response.scenario]]\nname = "probing"\ncount = 4\nladder = ["end-session"]\n'
    gateway = serve(policy, upstream=app.url)
    bad, good = ["cookie: session=stolen; theme=dark"], ["cookie: session=good"]
    for _ in range(4):
        ask(gateway, ATTACK, headers=bad)
    _, head, body = ask(gateway, "/account", headers=bad)
    assert body == b"cookie: theme=dark" and b"session=; Path=/; Max-Age=0" in head
    assert ask(gateway, "/account", headers=good)[2] == b"cookie: session=good"
    (one,) = bans(gateway, "list")
    assert one["subject"].startswith("session ") and one["rung"] == "end-session" and "stolen" not in str(one)


def test_a_foreign_page_cannot_have_its_visitors_shut_out(serve, app):
    gateway = serve(BAN, upstream=app.url)
    made = ["sec-fetch-site: cross-site", "sec-fetch-mode: no-cors", "sec-fetch-dest: image"]
    for _ in range(40):
        ask(gateway, ATTACK, VISITOR, headers=made)
    assert {one["rung"] for one in bans(gateway, "list")} == {"challenge"}


# --- the ladder ------------------------------------------------------------------------------------------------------


CHALLENGE = '[response]\nwait = "1s"\n[[response.scenario]]\nname = "probing"\ncount = 2\nladder = ["challenge", "block"]\n'


def challenged(gateway, path="/account?page=2"):
    """The form of the page; its action with what it sends."""
    code, head, body = ask(gateway, path, headers=["accept: text/html"])
    assert code == 429 and b"script" not in body
    assert b"form-action 'self'" in head and header(head, b"cache-control") == b"no-store"
    fields = dict(re.findall(rb'name="(\w+)" value="([^"]*)"', body))
    action = re.search(rb'<form action="([^"]+)"', body)[1].decode()
    assert fields[b"next"] == path.encode()
    return f"{action}?token={fields[b'token'].decode()}&next=%2Faccount%3Fpage%3D2"


def test_a_person_passes_a_challenge_by_waiting_and_a_program_does_not(serve, app):
    gateway = serve(CHALLENGE, upstream=app.url)
    for _ in range(2):
        ask(gateway, ATTACK)
    way = challenged(gateway)
    assert status(gateway, way) == 429, "at once"
    assert status(gateway, "/", method="POST", body=b"a=b") == 429
    code, head, _ = ask(gateway, way)
    for _ in range(200):
        if code == 303:
            break
        code, head, _ = ask(gateway, way)
        threading.Event().wait(0.05)
    assert code == 303 and header(head, b"location") == b"/account?page=2"
    line = header(head, b"set-cookie").decode()
    assert "HttpOnly" in line and "SameSite" in line
    cookie = [f"cookie: {line.split(';')[0]}"]
    assert status(gateway, "/", headers=cookie) == 200
    assert status(gateway, "/") == 429, "without the pass"
    for forged in ("x", line.split("=")[1].split(";")[0][:-1]):
        assert status(gateway, "/", headers=[f"cookie: gambeson-pass={forged}"]) == 429


def test_a_pass_is_for_its_network_alone(serve, app):
    gateway = serve(CHALLENGE, upstream=app.url)
    other = "127.44.0.9"
    for source in (ATTACKER, other):
        for _ in range(2):
            ask(gateway, ATTACK, source)
    way = challenged(gateway)
    threading.Event().wait(1.1)
    _, head, _ = ask(gateway, way)
    cookie = [f"cookie: {header(head, b'set-cookie').decode().split(';')[0]}"]
    assert status(gateway, "/", headers=cookie) == 200
    assert status(gateway, "/", other, headers=cookie) == 429
    assert status(gateway, way, other) == 429


def test_programs_are_told_in_json(serve, app):
    gateway = serve(CHALLENGE, upstream=app.url)
    for _ in range(2):
        ask(gateway, ATTACK)
    code, head, body = ask(gateway, "/", headers=["accept: application/json"])
    assert code == 429 and json.loads(body)["reference"]


def test_who_is_slowed_waits_and_gets_the_answer(serve, app):
    policy = '[response]\nslow = "700ms"\n[[response.scenario]]\nname = "probing"\ncount = 2\nladder = ["slow"]\n'
    gateway = serve(policy, upstream=app.url)
    for _ in range(2):
        ask(gateway, ATTACK)
    ended = []

    def one(source):
        assert status(gateway, "/", source) == 200
        ended.append(source)

    slow = threading.Thread(target=one, args=(ATTACKER,))
    slow.start()
    one(VISITOR)
    slow.join(30)
    assert ended == [VISITOR, ATTACKER]
    assert status(gateway, "/account", method="POST", body=b"text=hello") == 200, "and so does what it sends"


def test_decoys_give_a_scanner_away_and_hide_no_page(serve, app):
    gateway = serve('[intrusion]\nmode = "off"\n[response]\ndecoys = ["/account"]\n', upstream=app.url)
    assert status(gateway, "/account", VISITOR) == 404
    assert [status(gateway, path) for path in ("/wp-login.php", "/.env", "/phpmyadmin/index.php")] == [404] * 3
    assert status(gateway, "/") == 429
    assert status(gateway, "/", VISITOR) == 200, "one decoy is a mistake"


def test_metrics_count_sanctions(serve, app):
    gateway = serve(BAN, upstream=app.url)
    for _ in range(3):
        ask(gateway, ATTACK)
    connection = socket.create_connection(("127.0.0.1", gateway.admin), 10)
    _, _, page = parse(exchange(connection, b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"))
    assert b'gambeson_sanctions_total{rung="ban"} 1' in page
    assert b'gambeson_findings_total{layer="response",rule="ban",mode="enforce"} 1' in page


# --- ways around it --------------------------------------------------------------------------------------------------


def rungs(gateway):
    return {one["rung"] for one in bans(gateway, "list")}


def test_who_says_that_a_foreign_page_made_it_attack_gets_to_the_challenge_all_the_same(serve, app):
    gateway = serve('[response]\nslow = "1ms"\n', upstream=app.url)
    for _ in range(40):
        ask(gateway, ATTACK, headers=["sec-fetch-site: cross-site", "sec-fetch-mode: no-cors", "sec-fetch-dest: image"])
    assert rungs(gateway) == {"challenge"}
    assert status(gateway, "/") == 429 and status(gateway, "/", VISITOR) == 200


def test_a_scanner_is_one_whatever_it_says_that_it_asks_for(serve, app):
    gateway = serve('[response]\nslow = "1ms"\n', upstream=app.url)
    picture = ["sec-fetch-site: same-origin", "sec-fetch-dest: image"]
    assert [status(gateway, f"/old-{page}.zip", headers=picture) for page in range(300)].count(404) == 300
    # A quarter of these counts, and nobody knows which.
    found = set()
    for user in range(3000):
        status(gateway, f"/users/{user}", VISITOR, headers=picture)
        if user % 100 == 99:
            found = {one["scenario"] for one in bans(gateway, "list")}
        if "enumeration" in found:
            break
    assert found == {"scanning", "enumeration"}


def test_a_pass_is_for_one_offence(serve, app):
    policy = CHALLENGE.replace('"challenge", "block"', '"challenge"')
    gateway = serve(policy, upstream=app.url)
    for _ in range(2):
        ask(gateway, ATTACK)
    way = challenged(gateway)
    threading.Event().wait(1.1)
    cookie = [f"cookie: {header(ask(gateway, way)[1], b'set-cookie').decode().split(';')[0]}"]
    assert status(gateway, "/", headers=cookie) == 200
    for _ in range(2):
        assert status(gateway, ATTACK, headers=cookie) == 403
    assert status(gateway, "/", headers=cookie) == 429, "who attacks on with the pass has none any more"
    assert status(gateway, way, headers=cookie) == 429, "nor a second one for the same form"


def guesses(gateway, **options):
    return [ask(gateway, "/form", method="POST", **options)[0] for _ in range(4)]


def form_app(connection, head):
    """An app whose login answers as the request asks for it."""
    status, kind, body = (header(head, name) for name in (b"x-status", b"x-type", b"x-body"))
    body = body or b""
    connection.sendall(
        b"HTTP/1.1 " + (status or b"200 OK") + b"\r\ncontent-type: " + (kind or b"text/html; charset=utf-8")
        + b"\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    )


GUESS = (
    '[rate_limit]\nlogin = []\nlogin_paths = ["/form"]\n'
    '[[response.scenario]]\nname = "brute-force"\ncount = 3\nladder = ["block"]\n'
)
FORM = "content-type: application/x-www-form-urlencoded"


@pytest.fixture
def login():
    app = App(form_app)
    yield app
    app.close()


FORM_AGAIN = 'x-body: <form><input name=user><input type="password" name=p></form>'


@pytest.mark.parametrize("headers", [
    [FORM, FORM_AGAIN],
    [FORM.replace("application/x-www", "Application/X-WWW"), FORM_AGAIN],
    [" content-type: application/json".strip(), 'x-type: application/json', 'x-body: {"error": "wrong password"}'],
    ["content-type: application/json", 'x-type: application/json; charset=utf-8', 'x-body: {"ok": false, "detail": "no"}'],
    ["content-type: application/json", 'x-type: application/json', 'x-body: {"data": null, "errors": [{"message": "no"}]}'],
    ["content-type: application/json", "x-status: 401 Unauthorized", "x-type: application/json", "x-body: {}"],
])
def test_failed_logins_are_seen_in_every_shape(serve, login, headers):
    gateway = serve(GUESS, upstream=login.url)
    body = b'{"user": "me", "password": "x"}' if "json" in headers[0] else b"user=me&password=x"
    answers = guesses(gateway, headers=headers, body=body)
    assert answers[-1] == 403 and 403 not in answers[:-1]


@pytest.mark.parametrize("headers", [
    [FORM, "x-body: <h1>Welcome back</h1>"],
    [FORM, "x-status: 302 Found"],
    ["content-type: application/json", "x-type: application/json", 'x-body: {"token": "abc", "error": null}'],
    ["content-type: application/json", "x-type: application/json", 'x-body: {"ok": true, "text": "error"}'],
    ["content-type: application/json", "x-type: application/json", 'x-body: {"user": {"error": "no"}, "errors": []}'],
])
def test_logins_that_worked_are_no_guesses(serve, login, headers):
    gateway = serve(GUESS, upstream=login.url)
    body = b'{"user": "me", "password": "x"}' if "json" in headers[0] else b"user=me&password=x"
    assert 403 not in guesses(gateway, headers=headers, body=body)


def test_guesses_by_basic_authentication_are_seen_on_every_path(serve, login):
    gateway = serve(GUESS, upstream=login.url)
    tries = lambda scheme, source: [
        ask(gateway, "/admin", source, headers=[f"authorization: {scheme} YTpi", "x-status: 401 Unauthorized"])[0] for _ in range(4)
    ]
    assert tries("basic", ATTACKER) == [401] * 3 + [403]
    assert tries("Bearer", VISITOR) == [401] * 4, "a token that has ended is no guess"
    assert status(gateway, "/admin", ATTACKER, headers=["cookie: session=of-a-colleague"]) == 200


def by(client):
    return {"source": "127.0.0.1", "headers": [f"x-forwarded-for: {client}"]}


def test_who_changes_networks_within_an_allocation_is_challenged_and_not_shut_out(serve, app):
    gateway = serve('[response]\nslow = "1ms"\n', upstream=app.url, listen='trusted_proxies = ["127.0.0.1"]')
    seen = [status(gateway, ATTACK, **by(f"2001:db8:0:{net:x}::1")) for net in range(130)]
    assert seen[-1] == 429 and rungs(gateway) == {"challenge"}
    assert status(gateway, "/", **by("2001:db8:0:ffff::1")) == 429
    assert status(gateway, "/", **by("2001:db8:1::1")) == status(gateway, "/", **by("192.0.2.1")) == 200
    (one,) = bans(gateway, "list")
    assert (one["subject"], one["scenario"]) == ("2001:db8::/48", "probing-allocation")
    bans(gateway, "lift", "2001:db8::/48")
    assert status(gateway, "/", **by("2001:db8:0:ffff::1")) == 200


def test_one_attacker_costs_its_neighbours_nothing(serve, app):
    gateway = serve('[response]\nslow = "1ms"\nwait = "0s"\n', upstream=app.url, listen='trusted_proxies = ["127.0.0.1"]')
    for _ in range(400):
        ask(gateway, ATTACK, **by("192.0.2.7"))
    assert status(gateway, "/", **by("192.0.2.8")) == 200
    assert {one["subject"] for one in bans(gateway, "list")} == {"192.0.2.7"}


def test_pictures_that_strangers_put_into_a_page_shut_no_visitor_out(serve, app):
    policy = "".join(f'[[response.scenario]]\nname = "{name}"\nladder = ["block"]\n' for name in ("decoy", "probing"))
    gateway = serve(policy, upstream=app.url)
    shown = ["sec-fetch-site: same-origin", "sec-fetch-mode: no-cors", "sec-fetch-dest: image"]
    for _ in range(15):
        for path in ("/.env", "/wp-login.php", "/.git/config", ATTACK):
            ask(gateway, path, VISITOR, headers=shown)
    assert rungs(gateway) == {"challenge"}


def test_what_cannot_be_read_bans_no_proxy(serve, app):
    policy = '[[response.scenario]]\nname = "probing"\ncount = 2\nladder = ["ban"]\n'
    gateway = serve(policy, upstream=app.url, listen=f'trusted_proxies = ["{ATTACKER}"]')
    for _ in range(6):
        connection = socket.create_connection(("127.0.0.1", gateway.http), 10, source_address=(ATTACKER, 0))
        parse(exchange(connection, b"GET / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1, 2\r\n\r\n"))
    assert rungs(gateway) == {"challenge"}
    assert status(gateway, "/", headers=["x-forwarded-for: 203.0.113.9"]) == 200


def test_nobody_is_charged_for_what_another_claims_to_be(serve, app):
    gateway = serve(BAN, upstream=app.url, listen='trusted_proxies = ["127.0.0.1"]')
    victim = "203.0.113.9"
    claims = [f"x-forwarded-for: {victim}", f"forwarded: for={victim}", f"x-real-ip: {victim}", f"true-client-ip: {victim}"]
    for claim in claims:
        for _ in range(2):
            ask(gateway, ATTACK, headers=[claim])
    for _ in range(2):
        ask(gateway, ATTACK, "127.0.0.1", headers=[f"x-forwarded-for: {victim}, 198.51.100.7"])
    assert {one["subject"] for one in bans(gateway, "list")} == {ATTACKER, "198.51.100.7"}


def test_a_password_in_the_query_is_a_guess_too(serve, login):
    gateway = serve(GUESS, upstream=login.url)
    tries = [ask(gateway, "/form?user=me&p%61ssword=x", headers=["x-status: 401 Unauthorized"])[0] for _ in range(4)]
    assert tries == [401] * 3 + [403]
    assert [status(gateway, "/form", VISITOR) for _ in range(6)] == [200] * 6


def test_many_streams_at_once_are_all_counted(serve, app):
    gateway = serve(BAN.replace("count = 2", "count = 40"), upstream=app.url)
    threads = [threading.Thread(target=lambda: [ask(gateway, ATTACK, method=method) for method in ("GET", "HEAD")]) for _ in range(20)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert rungs(gateway) == {"ban"}
