"""What MDN's HTTP Observatory and Google's CSP Evaluator say of guarded pages. Both run here; nobody outside is asked."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest
from comments_kit import HOST, Comments, Guard
from gateway_kit import App, Gateway

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGES = ["@mdn/mdn-http-observatory@1.4.8", "csp_evaluator@1.1.8"]
CACHE = pathlib.Path(os.environ.get("GAMBESON_CACHE") or ROOT / ".cache") / "npm"
SCAN = ROOT / "tests" / "observatory" / "scan.mjs"

#: Reported of every policy that names `'self'` without `'strict-dynamic'`: harmful where the app serves scripts that visitors
#: wrote (JSONP, uploads). Strict CSP would need every app to put nonces into its pages.
SELF = {"severity": "MEDIUM_MAYBE", "type": "SCRIPT_ALLOWLIST_BYPASS", "directive": "script-src", "value": "'self'"}


@pytest.fixture(scope="module")
def packages():
    """The folder with both packages, installed once; their own installation scripts, which download lists, do not run."""
    if not shutil.which("npm"):
        pytest.skip("no node and npm on this machine")
    CACHE.mkdir(parents=True, exist_ok=True)
    done = CACHE / "installed.txt"
    if not done.exists() or done.read_text() != repr(PACKAGES):
        install = "npm install --no-audit --no-fund --ignore-scripts --omit=optional --prefix".split()
        outcome = subprocess.run([*install, str(CACHE), *PACKAGES], capture_output=True, text=True, timeout=300)
        if outcome.returncode:
            pytest.skip("npm cannot get the packages: " + outcome.stderr[-300:])
        done.write_text(repr(PACKAGES))
    return CACHE


@pytest.fixture
def scan(packages):
    """Scans a page of a gateway."""

    def scan_page(gateway, page="/"):
        command = ["node", str(SCAN), HOST, str(gateway.http), str(gateway.https), page]
        trusted = dict(os.environ, NODE_EXTRA_CA_CERTS=str(gateway.root()))
        done = subprocess.run(command, cwd=packages, env=trusted, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return scan_page


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    pytest.importorskip("flask_sock", reason="the example app needs Flask: pip install -r tests/requirements.txt")
    app = Comments(tmp_path_factory.mktemp("app"))
    yield app
    app.stop()


@pytest.fixture
def guard(gambeson, tmp_path):
    running = []

    def start(app, *off):
        running.append(Guard(gambeson, tmp_path / "guard", app, off))
        return running[-1].start()

    yield start
    for gateway in running:
        gateway.stop()


def page_with_a_session(connection, _head):
    page = b'<!doctype html><title>Shop</title><script src="/shop.js"></script><h1>Shop</h1>'
    connection.sendall(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\nset-cookie: session=abc; Path=/\r\n"
        b"server: gunicorn\r\ncontent-length: %d\r\n\r\n" % len(page) + page
    )


@pytest.fixture
def shop(gambeson, tmp_path):
    """A gateway before a naive app that gives every visitor a session, which the Observatory looks at, too."""
    running = []

    def start(policy=""):
        gateway = Gateway(gambeson, tmp_path / "shop", policy, upstream=App(page_with_a_session).url, plain=False)
        gateway.head = gateway.head.replace("[app]\n", f'[app]\nhosts = ["{HOST}"]\n')
        gateway.write_policy(policy)
        running.append(gateway)
        return gateway.start()

    yield start
    for gateway in running:
        gateway.stop()


def test_the_guarded_example_gets_130_points(example, guard, scan):
    """Its first page sets no cookie; a good one would be worth another five."""
    found = scan(guard(example))
    assert (found["score"], found["grade"]) == (130, "A+"), found["tests"]
    assert all(test["pass"] for test in found["tests"].values())
    # The same question of the folder of its own scripts, where nothing of visitors lies.
    assert found["findings"] == [dict(SELF, value=f"https://{HOST}:*/static/")]


def test_a_page_with_a_session_gets_135_points(shop, scan):
    found = scan(shop('[headers.csp]\nstyle_src = ["\'self\'"]\n'))
    assert (found["score"], found["grade"]) == (135, "A+"), found["tests"]
    assert found["tests"]["cookies"]["result"] == "cookies-secure-with-httponly-sessions-and-samesite"
    assert found["findings"] == [SELF]


def test_the_defaults_alone_get_125_points(shop, scan):
    """Ten less, for inline styles."""
    found = scan(shop())
    assert (found["score"], found["grade"]) == (125, "A+"), found["tests"]
    assert found["findings"] == [SELF]


def test_without_headers_transport_and_cookies_it_fails(example, guard, scan):
    found = scan(guard(example, "headers", "transport", "cookies"))
    assert found["score"] < 50, found["tests"]
    assert not found["tests"]["content-security-policy"]["pass"]
