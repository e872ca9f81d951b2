"""Somebody is told at once: by webhook and by syslog, as often as the policy says, without a secret, and whatever the receiver does."""

import http.server
import json
import queue
import re
import socket
import ssl
import subprocess
import threading
import time

import pytest
from gateway_kit import App, get

ATTACK = "/search?password=hunter2-S3CRET&q=x'%20UNION%20SELECT%20name,%20password%20FROM%20users--"
PATIENCE = 20


class Hook:
    """A webhook's receiver: each post is queued as (header fields, body); it answers as told."""

    def __init__(self, answers=(), certificate=None):
        self.posts, answers = queue.Queue(), list(answers)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(handler):
                body = handler.rfile.read(int(handler.headers["content-length"]))
                self.posts.put((handler.path, handler.headers, body))
                handler.send_response(answers.pop(0) if answers else 204)
                handler.send_header("content-length", "0")
                handler.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        scheme = "https" if certificate else "http"
        self.url = f"{scheme}://localhost:{self.server.server_port}/hook/t0ken-IN-PATH?x=1"

    def next(self):
        return self.posts.get(timeout=PATIENCE)

    def alert(self):
        return json.loads(self.next()[2])

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def hook():
    """Makes receivers, each closed at the end."""
    made = []

    def make(*arguments, **options):
        made.append(Hook(*arguments, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def notices(gateway, what):
    """The details of the log's notices of that name."""
    lines = [line for path in sorted((gateway.state / "audit").glob("*.jsonl")) for line in path.read_text().splitlines()]
    events = [json.loads(line)["event"] for line in lines]
    return [event["detail"] for event in events if event["kind"] == "notice" and event["what"] == what]


def test_attacks_are_told_by_webhook_with_the_secret_and_without_the_visitors(serve, hook, tmp_path):
    receiver = hook()
    (tmp_path / "secret").write_text("Bearer h00k-SECRET\n")
    (tmp_path / "address").write_text(receiver.url)
    policy = f'[alert]\nwebhook = "file:{tmp_path}/address"\nsecret = "file:{tmp_path}/secret"\nattacks_per_minute = 3\n'
    gateway = serve(policy, upstream=App().url)
    for _ in range(5):
        assert get(gateway, ATTACK, b"cookie: sid=c00kie-VALUE\r\n")[0] == 403
    path, fields, body = receiver.next()
    assert path == "/hook/t0ken-IN-PATH?x=1" and fields["authorization"] == "Bearer h00k-SECRET"
    assert fields["content-type"] == "application/json"
    alert = json.loads(body)
    assert (alert["topic"], alert["severity"], alert["count"]) == ("attacks", "warning", "3")
    assert alert["rule"] == "intrusion/sql.union" and alert["request"].endswith("/search") and alert["client"] == "127.0.0.1"
    assert alert["reference"] in [record["id"] for record in gateway.records()]
    gateway.stop()
    assert receiver.posts.empty(), "once a minute"
    for secret in (b"S3CRET", b"c00kie", b"UNION"):
        assert secret not in body
    written = b"".join(path.read_bytes() for path in gateway.folder.rglob("*") if path.is_file())
    assert b"h00k-SECRET" not in written and b"t0ken-IN-PATH" not in written


def test_a_webhook_is_spoken_to_by_tls_and_only_if_its_certificate_is_trusted(serve, hook, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", *subject, "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    receiver = hook(certificate=(certificate, key))
    trusting = serve(f'[alert]\nwebhook = "{receiver.url}"\nroot = "{certificate}"\non = ["refusals"]\n', upstream=App().url)
    assert get(trusting, ATTACK)[0] == 403
    assert receiver.alert()["topic"] == "refusals"
    doubting = serve(f'[alert]\nwebhook = "{receiver.url}"\non = ["refusals"]\n', upstream=App().url)
    assert get(doubting, ATTACK)[0] == 403
    assert wait_for(lambda: notices(doubting, "alert failed")), "what could not be told is in the log"
    assert "t0ken" not in "".join(notices(doubting, "alert failed")) and receiver.posts.empty()


def wait_for(what, patience=PATIENCE):
    """Waits until something holds; gives what it was."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    return None


def test_a_failure_is_tried_again_and_a_refusal_is_not(serve, hook):
    receiver = hook(answers=[503, 200, 403])
    gateway = serve(f'[alert]\nwebhook = "{receiver.url}"\non = ["refusals"]\n', upstream=App().url)
    assert get(gateway, ATTACK)[0] == 403
    assert receiver.alert() == receiver.alert()
    assert get(gateway, ATTACK)[0] == 403
    receiver.alert()
    assert wait_for(lambda: notices(gateway, "alert failed")) == ["webhook: it answered 403 Forbidden"]
    page = get_admin(gateway, "/metrics")
    assert 'gambeson_alerts_total{to="webhook",result="succeeded"} 1\n' in page
    assert 'gambeson_alerts_total{to="webhook",result="failed"} 1\n' in page


def get_admin(gateway, path):
    with socket.create_connection(("127.0.0.1", gateway.admin), 10) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


def test_a_receiver_that_hangs_or_is_gone_hurts_no_request_and_no_other_receiver(serve):
    silent = socket.create_server(("127.0.0.1", 0))
    log = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    log.bind(("127.0.0.1", 0))
    log.settimeout(PATIENCE)
    policy = f'[alert]\nwebhook = "http://127.0.0.1:{silent.getsockname()[1]}/"\nsyslog = "udp://127.0.0.1:{log.getsockname()[1]}"\non = ["refusals"]\nper_minute = 600\n'
    gateway = serve(policy, upstream=App().url)
    for _ in range(40):
        assert get(gateway, ATTACK, patience=5)[0] == 403
    assert get(gateway, "/", patience=5)[0] == 200
    for _ in range(40):
        assert b"refusals" in log.recv(4096)
    with silent, log:
        assert gateway.stop() == 0, "it waits for nobody for ever"


def test_beyond_the_limit_a_minute_one_alert_says_how_many_more(serve, hook):
    receiver = hook()
    gateway = serve(f'[alert]\nwebhook = "{receiver.url}"\non = ["refusals"]\nper_minute = 2\n', upstream=App().url)
    for _ in range(9):
        assert get(gateway, ATTACK)[0] == 403
    assert [receiver.alert()["topic"] for _ in range(2)] == ["refusals"] * 2
    assert gateway.stop() == 0
    summary = receiver.alert()
    assert summary["count"] == "7" and summary["message"].startswith("and 7 more: 7 about refusals"), summary
    assert receiver.posts.empty()


RFC5424 = re.compile(
    r'<8[0-7]>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S+ gambeson \d+ policy \[gambeson@32473 topic="policy" app="[^"]*"\] reload refused: .+'
)
CEF = re.compile(r"<8[0-7]>1 \S+ \S+ gambeson \d+ policy - CEF:0\|Gambeson\|gambeson\|[^|]+\|policy\|reload refused: [^|]+\|7\|rt=\d+ dvchost=.+ cs1Label=app cs1=.*")


@pytest.mark.parametrize("kind", ["udp", "tcp", "unix"])
@pytest.mark.parametrize("form, shape", [("rfc5424", RFC5424), ("cef", CEF)])
def test_a_policy_that_did_not_come_into_force_is_told_by_syslog(serve, tmp_path, kind, form, shape):
    if kind == "tcp":
        server = socket.create_server(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
    elif kind == "udp":
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("127.0.0.1", 0))
        address = f"udp://127.0.0.1:{server.getsockname()[1]}"
    else:
        server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        server.bind(str(tmp_path / "log"))
        address = f"unix:{tmp_path}/log"
    server.settimeout(PATIENCE)
    good = f'[alert]\nsyslog = "{address}"\nformat = "{form}"\n'
    gateway = serve(good, upstream=App().url)
    gateway.write_policy(good + '[intrusion.crs]\npath = "not-there"\n')
    assert gateway.run("reload").returncode == 1
    with server:
        if kind == "tcp":
            connection, _ = server.accept()
            connection.settimeout(PATIENCE)
            with connection:
                length, _, line = b"".join(iter(lambda: connection.recv(4096), b"")).partition(b" ")
            assert int(length) == len(line)
        else:
            line = server.recv(4096)
    assert shape.fullmatch(line.decode()), line


def test_an_app_that_ends_is_told(serve, hook, tmp_path):
    receiver = hook()
    script = tmp_path / "app.py"
    script.write_text(
        "import http.server, os, sys\n"
        "class Handler(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        os._exit(3)\n"
        "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()\n"
    )
    import sys

    gateway = serve(f'[alert]\nwebhook = "{receiver.url}"\n', command=[sys.executable, str(script), "{port}"])
    get(gateway, "/")
    alert = receiver.alert()
    assert (alert["topic"], alert["severity"]) == ("app", "critical") and "app ended" in alert["message"], alert


def test_a_ban_is_told(serve, hook):
    receiver = hook()
    response = '[response]\nnever = []\n[[response.scenario]]\nname = "probing"\ncount = 2\nladder = ["ban"]\n'
    gateway = serve(f'[alert]\nwebhook = "{receiver.url}"\n{response}', upstream=App().url)
    for _ in range(3):
        assert get(gateway, ATTACK)[0] == 403
    alert = receiver.alert()
    assert alert["topic"] == "sanctions" and alert["message"].startswith("sanction: ban of 127.0.0.1 for "), alert


def test_a_log_that_was_cut_is_told(serve, hook):
    receiver = hook()
    policy = f'[alert]\nwebhook = "{receiver.url}"\n'
    gateway = serve(policy, upstream=App().url)
    assert get(gateway, ATTACK)[0] == 403
    gateway.stop()
    path = max((gateway.state / "audit").glob("*.jsonl"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-2]))
    gateway.start()
    alert = receiver.alert()
    assert (alert["topic"], alert["severity"]) == ("audit", "critical") and "damaged" in alert["message"], alert


def test_a_secret_that_is_not_there_is_said_at_the_start_and_changes_nothing_at_a_reload(serve):
    gateway = serve("", upstream=App().url)
    gateway.write_policy('[alert]\nwebhook = "https://hooks.example/x"\nsecret = "env:NOT_SET_HERE"\n')
    done = gateway.run("reload")
    assert done.returncode == 1 and "NOT_SET_HERE is not set" in done.stderr
    assert get(gateway, "/")[0] == 200
    gateway.stop()
    with pytest.raises(RuntimeError, match="NOT_SET_HERE is not set"):
        gateway.start()


def test_a_reload_changes_who_is_told(serve, hook):
    first, second = hook(), hook()
    gateway = serve(f'[alert]\nwebhook = "{first.url}"\non = ["refusals"]\n', upstream=App().url)
    assert get(gateway, ATTACK)[0] == 403
    assert first.alert()["topic"] == "refusals"
    gateway.write_policy(f'[alert]\nwebhook = "{second.url}"\non = ["refusals"]\n')
    assert gateway.run("reload").returncode == 0
    assert get(gateway, ATTACK)[0] == 403
    assert second.alert()["topic"] == "refusals" and first.posts.empty()


def test_without_an_audit_log_attacks_are_told_all_the_same(serve, hook):
    receiver = hook()
    policy = f'[audit_log]\nmode = "off"\n[alert]\nwebhook = "{receiver.url}"\nattacks_per_minute = 2\non = ["attacks", "refusals"]\n'
    gateway = serve(policy, upstream=App().url)
    for _ in range(2):
        assert get(gateway, ATTACK)[0] == 403
    told = [receiver.alert() for _ in range(3)]
    assert sorted(alert["topic"] for alert in told) == ["attacks", "refusals", "refusals"]
    assert "gambeson log show" not in str(told)
