"""Under a service manager: it is told when the gateway is ready, and which process serves after a hand-over."""

import os
import shutil
import signal
import socket
import subprocess
import time

from gateway_kit import App, get, is_alive


def manager(folder):
    """The socket of a service manager (sd_notify)."""
    heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    heard.bind(str(folder / "notify"))
    heard.settimeout(30)
    return heard


def told(heard):
    return dict(line.split("=") for line in heard.recv(4096).decode().splitlines())


def test_a_new_version_comes_into_use_and_the_manager_follows(gambeson, serve, tmp_path, monkeypatch):
    heard = manager(tmp_path)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    binary = tmp_path / "gambeson"
    shutil.copy2(gambeson, binary)
    gateway = serve(upstream=App().url)
    gateway.stop()
    assert told(heard)["READY"] == "1" and told(heard) == {"STOPPING": "1"}

    gateway.binary = str(binary)
    gateway.start()
    assert told(heard) == {"READY": "1", "MAINPID": str(gateway.process.pid)}
    shutil.copy2(gambeson, tmp_path / "new")
    os.replace(tmp_path / "new", binary)
    gateway.process.send_signal(signal.SIGUSR2)
    said = told(heard)
    following = int(said["MAINPID"])
    try:
        assert said["READY"] == "1" and following != gateway.process.pid
        assert gateway.process.wait(30) == 0
        assert get(gateway)[0] == 200
        assert os.readlink(f"/proc/{following}/exe") == str(binary)
    finally:
        os.kill(following, signal.SIGTERM)
    assert told(heard) == {"STOPPING": "1"}


def test_an_app_that_we_run_does_not_speak_in_our_name(serve, tmp_path, monkeypatch):
    heard = manager(tmp_path)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    app = (
        "import os, socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(8)\n"
        "while True:\n"
        "    c, _ = s.accept()\n"
        "    if c.recv(65536):\n"
        "        c.sendall(b'HTTP/1.1 200 OK\\r\\nconnection: close\\r\\ncontent-length: 1\\r\\n\\r\\n'\n"
        "                  + (b'y' if 'NOTIFY_SOCKET' in os.environ else b'n'))\n"
        "    c.close()\n"
    )
    gateway = serve(command=["python3", "-c", app, "{socket}"])
    assert told(heard)["READY"] == "1"
    assert get(gateway)[2] == b"n"


def test_told_to_stop_before_the_app_answers_the_app_ends_too(gambeson, tmp_path):
    (tmp_path / "gambeson.toml").write_text("")
    app = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)"
    command = [gambeson, "run", "--", "python3", "-c", app, "{socket}"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)
    pid = tmp_path / "pid"
    until = time.monotonic() + 30
    while not (pid.exists() and pid.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    while is_alive(int(pid.read_text())) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_alive(int(pid.read_text()))
