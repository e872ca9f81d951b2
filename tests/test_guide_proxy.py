"""The guide's nginx configuration and the policy beside it work together: visitors are told apart, and the defences hold."""

import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import time

import pytest
from gateway_kit import App, exchange, free_port, header, parse

ROOT = pathlib.Path(__file__).resolve().parent.parent

PAGE = (ROOT / "docs" / "proxy.md").read_text(encoding="utf-8")
HOST = "www.example.com"


def block(kind):
    """The first block of this kind on the page."""
    return re.search(rf"^```{kind}\n(.*?)^```", PAGE, re.M | re.S)[1]


class Nginx:
    """nginx with the guide's configuration, in a folder of its own."""

    def __init__(self, folder, upstream):
        self.port = free_port()
        certificate = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={HOST}"]
        files = ["-keyout", folder / "site.key", "-out", folder / "site.pem"]
        subprocess.run([*certificate, *files], check=True, capture_output=True)
        site = block("nginx").replace("443 ssl", f"127.0.0.1:{self.port} ssl").replace("127.0.0.1:8080", f"127.0.0.1:{upstream}")
        site = site.replace(f"/etc/ssl/{HOST}", str(folder / "site"))
        temporary = "".join(f"{kind}_temp_path {folder};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        main = f"daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}"
        (folder / "nginx.conf").write_text(f"{main} http {{ access_log off; {temporary}\n{site}\n}}")
        self.process = subprocess.Popen(["nginx", "-c", folder / "nginx.conf"], stderr=subprocess.DEVNULL)

    def ask(self, method=b"GET", headers=b""):
        context = ssl._create_unverified_context()
        until = time.monotonic() + 20
        while True:
            try:
                raw = socket.create_connection(("127.0.0.1", self.port), 10)
                break
            except OSError:
                assert time.monotonic() < until
                time.sleep(0.05)
        length = b"content-length: 0\r\n" if method == b"POST" else b""
        request = method + b" / HTTP/1.1\r\nhost: " + HOST.encode() + b"\r\nconnection: close\r\n" + length + headers + b"\r\n"
        return parse(exchange(context.wrap_socket(raw, server_hostname=HOST), request))


@pytest.fixture
def proxied(serve, tmp_path):
    if not shutil.which("nginx") or not shutil.which("openssl"):
        pytest.skip("nginx or openssl is not installed")
    app = App()
    policy = block("toml")
    assert "plain = true" in policy and "trusted_proxies" in policy
    gateway = serve(upstream=app.url, listen='trusted_proxies = ["127.0.0.1/32"]\nconnections_per_address = 10000')
    gateway.write_policy("")
    gateway.policy_file.write_text(gateway.policy_file.read_text().replace("[app]", f'[app]\nhosts = ["{HOST}"]'))
    assert gateway.run("reload").returncode == 0
    nginx = Nginx(tmp_path, gateway.http)
    yield nginx, app
    nginx.process.terminate()
    nginx.process.wait(20)
    app.close()


def test_behind_the_guides_nginx_the_app_knows_who_asks(proxied):
    nginx, app = proxied
    status, head, _ = nginx.ask(headers=b"x-forwarded-for: 6.6.6.6\r\nx-forwarded-proto: http\r\n")
    assert status == 200 and header(head, b"strict-transport-security")
    told = [header(app.heads[0], b"x-forwarded-" + name) for name in (b"for", b"proto", b"host")]
    assert told == [b"127.0.0.1", b"https", HOST.encode()]


def test_behind_the_guides_nginx_origins_are_compared_with_the_public_one(proxied):
    nginx, app = proxied
    cookie = b"cookie: __Host-session=1\r\n"
    assert nginx.ask(b"POST", cookie + b"origin: https://www.example.com\r\n")[0] == 200
    assert nginx.ask(b"POST", cookie + b"origin: https://evil.example\r\n")[0] == 403
    assert nginx.ask(b"POST", cookie + b"origin: http://www.example.com\r\n")[0] == 403
    assert len(app.heads) == 1
