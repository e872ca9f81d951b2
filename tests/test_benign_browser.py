"""A real browser sends forms, files with odd names, and what scripts send, through the gateway in its default policy."""

import base64
import os
import pathlib
import shutil

import pytest
from test_benign import APPS, Served, wires

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install -r tests/requirements.txt")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no chromium on this machine (or name it: CHROMIUM=/path)")
ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "tests" / "benign" / "browser.html"
TEXT = "It's <b>bold</b>; \"quoted\"\nSELECT one -- 日本 😀 & 50% = ½"
#: What names have on this machine's file system; a slash ends them.
FILES = [name for name in wires.NAMES if len(name.encode()) < 200]

SCRIPT = """async text => {
  const form = new FormData();
  form.append("it's \\"a\\" name", text);
  form.append("file", new File([text], "O'Brien's \\"résumé\\" (final).pdf", {type: "application/pdf"}));
  form.append("blob", new Blob([JSON.stringify({text})], {type: "application/json"}));
  const json = {method: "POST", body: JSON.stringify({text, nested: [{text}]}), headers: {"content-type": "application/json"}};
  const all = [
    fetch("/echo", {method: "POST", body: form}),
    fetch("/echo", json),
    fetch("/echo", {...json, method: "PATCH", headers: {"content-type": "application/merge-patch+json"}}),
    fetch("/echo", {method: "POST", body: new URLSearchParams({text, "a[b]": text})}),
    fetch("/echo", {method: "POST", body: text}),
    fetch("/echo", {method: "POST", body: JSON.stringify({text})}),
    fetch("/echo", {method: "PUT", body: new Blob([new Uint8Array(300).map((_, at) => at)])}),
    fetch("/echo", {method: "POST", headers: {"content-type": "application/json"}}),
    fetch("/echo?" + new URLSearchParams({text, next: location.href})),
    fetch("/echo?q=" + encodeURIComponent(text)),
    fetch("/echo", {method: "DELETE"}),
  ];
  const answers = await Promise.all(all);
  return [...answers.map(answer => answer.status), navigator.sendBeacon("/echo/beacon", JSON.stringify({text, at: location.href}))];
}"""


@pytest.fixture(scope="module", params=["other", "flask", "django", "fastapi"])
def visited(request, gambeson, tmp_path_factory):
    """A window before the guarded app, and the app; the forms are put into a page of the app's own origin."""
    kind = "flask" if request.param == "other" else request.param
    served = Served([str(APPS / "apps.py"), kind], request.param, gambeson, tmp_path_factory.mktemp(request.param))
    arguments = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync --no-first-run".split()
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = browser.new_context(ignore_https_errors=True, base_url=f"https://localhost:{served.gateway.https}").new_page()
        yield page, served
        browser.close()
    served.stop()


def opened(page):
    """The page of forms, at the app's origin."""
    page.goto("/echo?q=it%27s")
    page.set_content(PAGE.read_text(encoding="utf-8"))


def sent(page, form):
    """Submits a form; the status of the answer."""
    with page.expect_navigation() as answer:
        page.evaluate("form => document.getElementById(form).submit()", form)
    return answer.value.status


def test_forms_pass_in_every_encoding(visited):
    page, served = visited
    for form in ("form", "plain", "get", "multipart"):
        opened(page)
        page.fill(f"#{form} input[name=title]", "O'Brien & Söhne; it's \"x\"")
        page.fill(f"#{form} textarea", TEXT)
        assert sent(page, form) == 200, (form, served.reasons())


def test_files_of_every_name_pass(visited):
    page, served = visited
    for name in FILES:
        opened(page)
        file = {"name": name, "mimeType": "application/octet-stream", "buffer": base64.b64decode("JVBERi0xLjcKJ29yJw==")}
        page.set_input_files("#multipart input[name='files[]']", [file, {**file, "name": f"2 {name}"}])
        assert sent(page, "multipart") == 200, (name, served.reasons())


def test_what_scripts_send_passes(visited):
    page, served = visited
    page.goto("/echo?q=it%27s")
    told = page.evaluate(SCRIPT, TEXT)
    assert told == [200] * 11 + [True], (told, served.reasons())
    page.goto("/echo")
    assert served.reasons() == []
