"""A real browser before the guarded example app: its own pages work, and what foreign pages try does not.

Every defence is also switched off, and the same attack then succeeds: otherwise its failure would prove nothing.
"""

import os
import shutil
import subprocess

import pytest
from attacker_kit import Attacker
from comments_kit import HOST, Comments, Guard

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install -r tests/requirements.txt")
pytest.importorskip("flask_sock", reason="the example app needs Flask: pip install -r tests/requirements.txt")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.skipif(not CHROMIUM, reason="no chromium on this machine (or name it: CHROMIUM=/path)"),
    pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl: the attacker's site has no certificate"),
]

#: A site of its own, and one that shares the app's site: browsers send it SameSite cookies.
FOREIGN, SIBLING = "evil.example", f"evil.{HOST}"


# --- browser, app and gateways ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def attacker(tmp_path_factory):
    site = Attacker(tmp_path_factory.mktemp("attacker"))
    yield site
    site.server.shutdown()


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    app = Comments(tmp_path_factory.mktemp("app"))
    yield app
    app.stop()


@pytest.fixture(scope="module")
def guards(gambeson, app, tmp_path_factory):
    """Gateways before the app by the layers they do without; all have one development authority."""
    running = {}

    def start(*off):
        if off not in running:
            authority = running[()].state / "ca" if running else None
            running[off] = Guard(gambeson, tmp_path_factory.mktemp("guard"), app, off, authority).start()
        return running[off]

    start()
    yield start
    for guard in running.values():
        guard.stop()


@pytest.fixture(scope="module")
def chromium(guards, attacker, tmp_path_factory):
    """A browser that trusts the development authority as a user's would, and knows where the names are."""
    home = tmp_path_factory.mktemp("home")
    trust(guards(), home)
    rules = ", ".join(f"MAP {name} 127.0.0.1" for name in (HOST, FOREIGN, SIBLING))
    arguments = (
        "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync --no-first-run"
    ).split()
    arguments += [f"--host-resolver-rules={rules}", f"--ignore-certificate-errors-spki-list={attacker.key_hash()}"]
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=arguments, env=dict(os.environ, HOME=str(home)))
        yield browser
        browser.close()


def trust(guard, home):
    """`gambeson ca trust` for this home folder alone: without root's rights it leaves the system's store to the user."""
    if not shutil.which("certutil"):
        pytest.skip("no certutil: Chromium's trust store cannot be filled (Debian: libnss3-tools)")
    command = [guard.binary, "ca", "trust", "--policy", str(guard.policy_file), "--state", str(guard.state)]
    if os.geteuid() == 0:
        command = ["unshare", "--user", *command]
    done = subprocess.run(command, env=dict(os.environ, HOME=str(home)), capture_output=True, text=True)
    if f"browser ({home}/.pki/nssdb): done" not in done.stdout:
        pytest.skip(f"this machine does not let the test fill a trust store of its own: {done.stdout}{done.stderr}")


@pytest.fixture
def visit(chromium):
    """Opens fresh windows; `complaints` of each has what the browser refused or what failed in its pages."""
    contexts = []

    def open_window(state=None, **options):
        contexts.append(chromium.new_context(storage_state=state, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(30_000)
        page.complaints = []
        page.on("console", lambda said: page.complaints.append(said.text) if is_complaint(said) else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        return page

    yield open_window
    for context in contexts:
        context.close()


def is_complaint(said):
    """Not that the app has no icon, nor that Chromium for Linux knows no Bluetooth, which the policy switches off elsewhere."""
    harmless = "Unrecognized feature: 'bluetooth'" in said.text or said.location["url"].endswith("/favicon.ico")
    return said.type in ("error", "warning") and not harmless


LOGGED_IN = {}


@pytest.fixture
def alice(visit):
    """A window of Alice, logged in at a gateway. She logs in once at each: guesses at passwords are limited."""

    def window(guard, **options):
        if guard.url not in LOGGED_IN:
            page = visit()
            log_in(page, guard, "alice", "wonderland")
            LOGGED_IN[guard.url] = page.context.storage_state()
        return visit(LOGGED_IN[guard.url], **options)

    return window


def log_in(page, guard, name, password):
    page.goto(guard.url + "/login")
    page.fill("#name", name)
    page.fill("#password", password)
    page.click("main button")
    page.wait_for_url(guard.url + "/")


def comments(visit, guard):
    page = visit()
    page.goto(guard.url + "/")
    return page.inner_text("main")


# --- the app's own pages ---------------------------------------------------------------------------------------------


def test_the_apps_own_pages_work(guards, visit, tmp_path):
    guard, page = guards(), visit()
    page.goto(guard.url + "/register")
    for field, value in (("name", "nuala"), ("display_name", "Nuala O'Neill"), ("email", "n@example.org"), ("password", "p o'--tato")):
        page.fill(f"#{field}", value)
    page.click("main button")
    page.wait_for_url("**/login")
    assert page.inner_text(".message") == "Welcome! Please log in."
    log_in(page, guard, "nuala", "p o'--tato")
    page.fill("#body", "SELECT your lunch; DROP by at one -- it's <3 o'clock?")
    page.click("main form:not(.delete) button")
    page.wait_for_selector("text=DROP by at one")
    page.goto(guard.url + "/search")
    page.fill("#q", "lunch")
    page.click("main button")
    page.wait_for_selector("text=1 results for")
    page.click("nav >> text=Nuala")
    picture = tmp_path / "me.png"
    picture.write_bytes(bytes.fromhex(PIXEL))
    page.set_input_files("#file", picture)
    page.click("text=Upload")
    page.wait_for_selector("text=Uploaded me.png.")
    assert page.evaluate("document.querySelector('.avatar').naturalWidth") == 1, "the uploaded picture does not show"
    assert page.complaints == []


PIXEL = (
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415478"
    "9c63f8cfc000000301010018dd8db00000000049454e44ae426082"
)


def test_the_apps_own_scripts_and_live_channels_work(guards, alice):
    guard = guards()
    page = alice(guard)
    page.goto(guard.url + "/live")
    page.wait_for_selector("#answers >> text=Hello Alice Liddell <alice@comments.example>")
    page.fill("#say", "hi there")
    page.click("text=Send")
    page.wait_for_selector("#answers >> text=You said: hi there")
    writer = alice(guard)
    writer.goto(guard.url + "/")
    writer.fill("#body", "told to listeners")
    writer.click("main form:not(.delete) button")
    page.wait_for_selector("#events >> text=told to listeners")
    page.click("#theme")
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark", "the inline script did not run"
    accent = "getComputedStyle(document.documentElement).getPropertyValue('--accent')"
    assert page.evaluate(accent), "the style sheets do not apply"
    assert page.complaints == writer.complaints == []


def test_sessions_are_kept_from_scripts_and_sister_hosts(guards, alice):
    guard = guards()
    page = alice(guard)
    page.goto(guard.url + "/")
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    session = cookies["__Host-session"]
    assert session["secure"] and session["httpOnly"] and session["sameSite"] == "Lax" and session["domain"] == HOST
    assert "session" not in page.evaluate("document.cookie")


# --- what foreign pages try ------------------------------------------------------------------------------------------

BOTH = pytest.mark.parametrize("name", [FOREIGN, SIBLING])


def forge(page, attacker, name, guard, text):
    """Lures the visitor of `page` to a foreign page whose form posts a comment."""
    field = f'<form method="post" action="{guard.url}/comments"><input name="body" value="{text}"></form>'
    page.goto(attacker.put(name, field))
    with page.expect_navigation():
        page.evaluate("document.forms[0].submit()")


@BOTH
def test_a_foreign_form_is_stopped(name, attacker, guards, alice, visit):
    guard = guards()
    page = alice(guard)
    forge(page, attacker, name, guard, f"forged by {name}")
    assert page.inner_text("h1") == "Forbidden"
    assert f"forged by {name}" not in comments(visit, guard)


def test_without_csrf_a_sibling_forges_comments(attacker, guards, alice, visit):
    guard = guards("csrf")
    forge(alice(guard), attacker, SIBLING, guard, "forged without csrf")
    assert "forged without csrf" in comments(visit, guard)


def test_without_csrf_and_cookies_every_site_does(attacker, guards, alice, visit):
    """Browsers send a cookie that says no SameSite with foreign forms in its first two minutes: Alice logs in anew."""
    guard, page = guards("csrf", "cookies"), visit()
    log_in(page, guard, "alice", "wonderland")
    forge(page, attacker, FOREIGN, guard, "forged without csrf and cookies")
    assert "forged without csrf and cookies" in comments(visit, guard)


def framed(page, attacker, name, guard):
    """What the visitor sees of the app in a frame of a foreign page."""
    page.goto(attacker.put(name, f'<iframe id="app" width="900" height="600" src="{guard.url}/"></iframe>'))
    page.wait_for_load_state("networkidle")
    frame = page.query_selector("#app").content_frame()
    return frame.inner_text("body")


@BOTH
def test_a_foreign_page_cannot_frame_the_app(name, attacker, guards, alice):
    page = alice(guards())
    assert "What people say" not in framed(page, attacker, name, guards())


def test_without_headers_it_can(attacker, guards, alice):
    guard = guards("headers")
    assert "What people say" in framed(alice(guard), attacker, SIBLING, guard)


#: The ways in which a comment could run a script; each would leave a mark.
SCRIPTS = [
    "<script>document.documentElement.dataset.ran = 1</script>",
    "<img src=/none onerror='document.documentElement.dataset.ran = 1'>",
    "<svg onload='document.documentElement.dataset.ran = 1'></svg>",
    '<iframe srcdoc="<script>parent.document.documentElement.dataset.ran = 1</script>"></iframe>',
    "<object data='data:text/html,<script>parent.document.documentElement.dataset.ran = 1</script>'></object>",
    "<base href='https://evil.example/'>",
]


def inject(page, guard):
    """Posts every script as a comment and looks at the page that shows them; whether one ran."""
    page.goto(guard.url + "/")
    for script in SCRIPTS:
        page.fill("#body", script)
        with page.expect_navigation():
            page.click("main form:not(.delete) button")
    page.complaints.clear()
    page.goto(guard.url + "/", wait_until="networkidle")
    return page.evaluate("'ran' in document.documentElement.dataset")


def remove_comments(page, guard):
    """Removes what a test wrote, so that the pages are sound again."""
    page.goto(guard.url + "/")
    page.evaluate(
        """async (kept) => {
            const ids = [...document.querySelectorAll(".comment")].map((one) => Number(one.dataset.id)).filter((id) => id > kept);
            for (const id of ids) await fetch(location.origin + "/api/comments/" + id, { method: "DELETE" });
        }""",
        3,
    )


def test_an_injected_script_does_not_run(guards, alice):
    guard = guards("intrusion")  # which would not let the script in
    page = alice(guard)
    try:
        assert not inject(page, guard)
        assert any("Content Security Policy" in complaint for complaint in page.complaints)
        assert page.evaluate("document.baseURI") == guard.url + "/"
    finally:
        remove_comments(page, guard)


def test_without_headers_it_runs(guards, alice):
    guard = guards("headers", "intrusion")
    page = alice(guard)
    try:
        assert inject(page, guard)
    finally:
        remove_comments(page, guard)


#: Files that are pages: what their script would do in the name of whoever opens them.
UPLOADS = {
    "page.html": "<h1>Hello</h1><script>document.documentElement.dataset.ran = 1</script>",
    "drawing.svg": "<svg xmlns='http://www.w3.org/2000/svg'><script>document.documentElement.dataset.ran = 1</script></svg>",
}


def open_upload(page, guard, name, folder):
    """Uploads a file and opens it as a page; whether its script ran."""
    file = folder / name
    file.write_text(UPLOADS[name])
    page.goto(guard.url + "/profile/2")
    page.set_input_files("#file", file)
    page.click("text=Upload")
    page.wait_for_selector(f"text=Uploaded {name}.")
    page.goto(guard.url + "/download?name=" + name)
    return page.evaluate("'ran' in document.documentElement.dataset")


@pytest.mark.parametrize("name", UPLOADS)
def test_an_uploaded_page_runs_no_script(name, guards, alice, tmp_path):
    assert not open_upload(alice(guards()), guards(), name, tmp_path)


@pytest.mark.parametrize("name", UPLOADS)
def test_without_headers_an_uploaded_page_does(name, guards, alice, tmp_path):
    guard = guards("headers")
    assert open_upload(alice(guard), guard, name, tmp_path)


FETCH = """async (url) => {
    try { return await (await fetch(url, { credentials: "include" })).text(); } catch (error) { return "failed: " + error.message; }
}"""


def read_across(page, attacker, name, guard):
    """What a foreign page reads of the visitor's private data."""
    page.goto(attacker.put(name, "<h1>Win a prize</h1>"))
    return page.evaluate(FETCH, guard.url + "/api/me")


@BOTH
def test_a_foreign_page_cannot_read_with_the_visitors_cookie(name, attacker, guards, alice):
    guard = guards()
    page = alice(guard)
    assert read_across(page, attacker, name, guard) == "failed: Failed to fetch"
    page.goto(guard.url + "/")
    assert "alice@comments.example" in page.evaluate(FETCH, guard.url + "/api/me"), "its own page cannot read either"


def test_without_cors_and_csrf_a_sibling_can(attacker, guards, alice):
    """Both stop it: `cors` takes the app's grant away, `csrf` refuses logged-in data that only a foreign script would read."""
    guard = guards("cors", "csrf")
    assert "alice@comments.example" in read_across(alice(guard), attacker, SIBLING, guard)


def test_with_cors_alone_it_cannot(attacker, guards, alice):
    guard = guards("csrf")
    assert read_across(alice(guard), attacker, SIBLING, guard) == "failed: Failed to fetch"


SOCKET = """(url) => new Promise((done) => {
    const socket = new WebSocket(url);
    socket.onmessage = (message) => done(message.data);
    socket.onerror = () => done("refused");
})"""


def listen_across(page, attacker, name, guard):
    """What a foreign page's WebSocket is told."""
    page.goto(attacker.put(name, "<h1>Win a prize</h1>"))
    return page.evaluate(SOCKET, guard.url.replace("https", "wss") + "/ws")


@BOTH
def test_a_foreign_page_opens_no_websocket(name, attacker, guards, alice):
    assert listen_across(alice(guards()), attacker, name, guards()) == "refused"


def test_without_csrf_a_sibling_does(attacker, guards, alice):
    guard = guards("csrf")
    assert "alice@comments.example" in listen_across(alice(guard), attacker, SIBLING, guard)


# --- the page that says no -------------------------------------------------------------------------------------------

PHONE = {"viewport": {"width": 360, "height": 640}, "device_scale_factor": 2, "is_mobile": True, "java_script_enabled": False}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_refusal_is_readable_on_a_phone_without_javascript(scheme, guards, visit, tmp_path):
    guard, page = guards(), visit(color_scheme=scheme, **PHONE)
    answer = page.goto(guard.url + "/a%00b")
    reference = answer.headers["x-gambeson-ref"]
    assert answer.status == 400
    assert reference in page.inner_text("main")
    assert page.complaints == ["Failed to load resource: the server responded with a status of 400 ()"]
    text = page.locator("main p").last.bounding_box()
    assert text["x"] >= 8 and text["x"] + text["width"] <= 360 - 8, "the text runs out of the window"
    picture = os.environ.get("SCREENSHOTS") or str(tmp_path)
    page.screenshot(path=f"{picture}/refusal-{scheme}.png")
    shown = subprocess.run([guard.binary, "log", "show", reference, "--state", str(guard.state)], capture_output=True, text=True)
    assert "/a%00b" in shown.stdout or "protocol" in shown.stdout, "the reference leads nowhere"
