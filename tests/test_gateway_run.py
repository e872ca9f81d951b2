"""An app that the gateway runs as its child."""

import time

import pytest
from gateway_kit import App, children, get, is_alive

CHILD = """
import os, socket, sys
path = sys.argv[1]
server = socket.socket(socket.AF_UNIX); server.bind(path); server.listen(8)
while True:
    connection, _ = server.accept()
    data = connection.recv(65536)
    if b"GET /die" in data: os._exit(3)
    if not data: continue
    body = b"%d" % os.getpid()
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nconnection: close\\r\\ncontent-length: %d\\r\\n\\r\\n" % len(body) + body)
    connection.close()
"""


def test_an_app_that_we_run_is_started_again_and_ends_with_us(serve, tmp_path):
    script = tmp_path / "app.py"
    script.write_text(CHILD)
    gateway = serve("", command=["python3", str(script), "{socket}"])
    first = int(get(gateway, "/")[2])
    assert first in children(gateway.process.pid)
    assert get(gateway, "/die")[0] == 502
    deadline = time.monotonic() + 10
    second = 0
    while time.monotonic() < deadline and not second:
        status, _, body = get(gateway, "/")
        second = int(body) if status == 200 else 0
        time.sleep(0.05)
    assert second and second != first
    gateway.stop()
    assert not is_alive(second)


def test_an_app_that_does_not_start_is_said_at_once(gambeson, tmp_path):
    from gateway_kit import Gateway

    gateway = Gateway(gambeson, tmp_path / "g", command=["python3", "-c", "raise SystemExit('no module named app')"])
    with pytest.raises(RuntimeError, match="ended before it answered"):
        gateway.start()


def test_an_app_that_ends_again_and_again_ends_the_run(serve, tmp_path):
    script = tmp_path / "app.py"
    # As a server does that opens its socket before it loads a broken app.
    script.write_text("import socket, sys, time\ns = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()\ntime.sleep(.3)\nsys.exit(3)\n")
    gateway = serve("", command=["python3", str(script), "{socket}"])
    assert gateway.process.wait(30) == 2
    assert f"`python3 {script} {{socket}}` ended 4 times in a row" in gateway.stderr()


def test_no_app_is_started_where_a_gateway_runs(serve, gambeson, tmp_path):
    from gateway_kit import Gateway

    first = serve("", upstream=App().url)
    mark = tmp_path / "started"
    second = Gateway(gambeson, tmp_path / "second", command=["touch", str(mark)])
    second.head = second.head.replace(f'https = "127.0.0.1:{second.https}"', f'https = "127.0.0.1:{first.https}"')
    second.write_policy("")
    with pytest.raises(RuntimeError, match="another program listens there"):
        second.start()
    second.state = first.state
    second.policy_file.write_text("[listen]\nhttps = \"127.0.0.1:0\"\nhttp = \"\"\nadmin = \"\"\n")
    with pytest.raises(RuntimeError, match="is in use"):
        second.start()
    assert not mark.exists()


def test_a_program_that_is_not_there_is_named(gambeson, tmp_path):
    from gateway_kit import Gateway

    with pytest.raises(RuntimeError, match="there is no program `gunicorn-of-nobody`"):
        Gateway(gambeson, tmp_path / "g", command=["gunicorn-of-nobody", "app:app"]).start()


def test_csp_learn_visits_the_app_that_runs_on_a_private_socket(serve, tmp_path):
    script = tmp_path / "app.py"
    script.write_text(CHILD.replace('b"%d" % os.getpid()', 'b"<script>start()</script>"').replace("content-length", "content-type: text/html\\r\\ncontent-length"))
    gateway = serve("", command=["python3", str(script), "{socket}"])
    learned = gateway.run("csp", "learn")
    assert learned.returncode == 0 and "script_hashes" in learned.stdout, learned.stderr


def test_an_app_that_is_not_there_yet_is_said_at_the_start(serve):
    app = App()
    assert "does not answer" not in serve("", upstream=app.url).stderr()
    gateway = serve("")
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and "does not answer" not in gateway.stderr():
        time.sleep(0.05)
    assert "the app does not answer at http://127.0.0.1:9 yet" in gateway.stderr()
