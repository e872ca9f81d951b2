"""The ordinary flows work, and the holes that README.md lists are real."""

import base64
import hashlib
import hmac
import http.server
import importlib
import io
import re
import threading
import time
import tomllib
from pathlib import Path
from urllib.parse import quote

import pytest


@pytest.fixture
def module(tmp_path, monkeypatch):
    """The app with a fresh database of its own."""
    monkeypatch.setenv("COMMENTS_DATA", str(tmp_path))
    import app
    return importlib.reload(app)


@pytest.fixture
def client(module):
    return module.app.test_client()


def log_in(client, name="alice", password="wonderland", **arguments):
    return client.post("/login", data={"name": name, "password": password}, **arguments)


@pytest.fixture
def neighbour():
    """A service of this machine that nobody else reaches; its port."""
    class Service(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"<title>Inside</title> at {self.path}".encode())

        def log_message(self, *_arguments):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


# --- ordinary flows ---

def test_register_log_in_post_and_log_out(client):
    form = {"name": "sean", "display_name": "Seán O'Brien", "password": "it's fine", "email": "sean@example.com"}
    assert client.post("/register", data=form).status_code == 302
    assert log_in(client, "sean", "it's fine").headers["Location"] == "/"
    client.post("/comments", data={"body": "O'Brien says: SELECT * FROM hearts; -- 你好 مرحبا"})
    page = client.get("/").text
    assert "SELECT * FROM hearts; -- 你好 مرحبا" in page and "Seán O&#39;Brien" in page
    client.get("/logout")
    assert "Log in" in client.get("/").text


def test_a_taken_name_and_a_wrong_password_are_refused(client):
    assert client.post("/register", data={"name": "alice", "password": "x"}).status_code == 409
    assert "Wrong name or password" in log_in(client, password="nope").text


def test_posting_needs_an_account(client):
    assert client.post("/comments", data={"body": "hi"}).headers["Location"].startswith("/login")
    assert client.get("/api/me").status_code == 401


def test_search_finds(client):
    assert "1 results" in client.get("/search?q=kind").text


def test_earlier_searches_are_offered_again(client):
    client.get("/search", query_string={"q": "100% kind"})
    assert '<a href="/search?q=100%25+kind">100% kind</a>' in client.get("/search?q=tea").text


def test_the_apps_program_writes_comments(client):
    assert client.post("/api/comments", json={"body": "hi"}).status_code == 401
    log_in(client)
    assert client.post("/api/comments", json={"body": "O'Brien says \"hi\""}).status_code == 201
    assert "O'Brien says \"hi\"" in client.get("/").text


def test_what_is_not_there_is_said_so(client):
    assert client.get("/robots.txt").text.startswith("User-agent")
    answer = client.get("/no/such/page")
    assert answer.status_code == 404 and "There is no page /no/such/page on this site." in answer.text


def test_delete(client):
    log_in(client)
    client.post("/comments/1/delete")
    assert "Welcome!" not in client.get("/").text


def test_profile_can_be_changed(client):
    log_in(client)
    client.post("/profile/2", data={"display_name": "Alice O'Dell", "email": "a@b.example", "notes": "tea"})
    assert client.get("/api/me").json["notes"] == "tea"


def test_a_picture_can_be_uploaded_and_seen(client):
    log_in(client)
    client.post("/upload", data={"file": (io.BytesIO(b"\x89PNG..."), "me.png")})
    assert client.get("/download?name=me.png").data == b"\x89PNG..."
    assert "/download?name=me.png" in client.get("/profile/2").text


def test_the_size_of_a_file(client):
    assert "10 bytes" in client.get("/size", query_string={"file": "O'Brien & Sons (1).txt"}).text


def test_what_is_behind_a_link_to_an_own_page(client, neighbour):
    for link in ("/search?q=tea", "http://comments.example/search?q=tea"):
        answer = client.get(
            "/preview", query_string={"url": link}, base_url="http://comments.example",
            environ_overrides={"SERVER_PORT": str(neighbour)},
        )
        assert "Inside at /search?q=tea" in answer.text


def test_sums(client):
    assert "<p>56</p>" in client.get("/calculate", query_string={"sum": "(3 + 4) * 2 ** 3"}).text


def test_help_and_people(client):
    assert "be kind" in client.get("/help").text
    assert "Siobhan O&#39;Brien: 555-0103" in client.get("/people", query_string={"name": "Siobhan*"}).text
    assert "555-0100" not in client.get("/people").text


def test_an_invitation(client):
    assert client.post("/api/invitation", json={"code": "O'Brien & co: $5 off"}).json["for"] == "Siobhan"
    assert client.post("/api/invitation", json={"code": "guessed"}).status_code == 404


def test_the_moderators_can_be_written_to(client, tmp_path):
    answer = client.post("/contact", data={"subject": "Re: tea", "text": "When: at five"})
    assert "Goes to moderators@comments.example<" in answer.text
    assert [file.read_text().count("Re: tea") for file in (tmp_path / "outbox").iterdir()] == [1]


def test_comments_of_the_old_site_can_be_imported(client):
    log_in(client)
    document = "<?xml version='1.0'?><old><comment>tea &lt; cake</comment><by>x</by><comment>second</comment></old>"
    assert "2 comments imported" in client.post("/import", data={"xml": document}, follow_redirects=True).text
    assert "<p>tea < cake</p>" in client.get("/").text


def test_partners_get_comments_as_a_script(client):
    answer = client.get("/api/comments?callback=show")
    assert answer.mimetype == "text/javascript" and answer.text.startswith("show([") and answer.text.endswith(");")


def test_broken_links_are_listed(client):
    client.get("/old page")
    assert client.get("/broken-links").text == "/old page\n"


def test_new_comments_are_told_to_listeners(client):
    stream = iter(client.get("/events").response)
    assert next(stream) == b": hello\n\n"
    log_in(client)
    client.post("/comments", data={"body": "live!"})
    assert next(stream) == b'data: {"name": "Alice Liddell", "body": "live!"}\n\n'


@pytest.mark.parametrize("path", ["/", "/login", "/register", "/search", "/live", "/size", "/preview", "/calculate", "/help", "/people", "/contact", "/static/app.js", "/static/style.css"])
def test_pages_answer(client, path):
    assert client.get(path).status_code == 200


def test_the_policy_knows_what_stands_in_every_page(client):
    policy = tomllib.loads(Path(__file__).with_name("gambeson.toml").read_text())["headers"]["csp"]
    for tag, hashes in (("script", policy["script_hashes"]), ("style", policy["style_hashes"])):
        for text in re.findall(f"<{tag}>(.*?)</{tag}>", client.get("/").text, re.DOTALL):
            assert "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in hashes


# --- holes ---

def test_sql_injection_logs_in_without_a_password(client):
    log_in(client, "admin' --", "whatever")
    assert client.get("/api/me").json["name"] == "admin"


def test_sql_injection_reads_other_tables(client):
    attack = "zzz' UNION SELECT id, password, email, id, name, notes, '' FROM users --"
    assert hashlib.md5(b"correct-horse").hexdigest() in client.get("/search", query_string={"q": attack}).text


def test_sql_errors_say_what_stands_in_other_tables(client):
    attack = "zzz' OR json_extract('{}', (SELECT password FROM users WHERE id = 1)) --"
    assert hashlib.md5(b"correct-horse").hexdigest() in client.get("/search", query_string={"q": attack}).text


def test_sql_is_taken_from_words_that_come_encoded_twice(client):
    attack = quote("zzz'/**/UNION/**/SELECT/**/id,password,email,id,name,notes,''/**/FROM/**/users/**/--")
    assert hashlib.md5(b"correct-horse").hexdigest() in client.get("/search", query_string={"q": attack}).text


def test_the_cookie_of_earlier_searches_runs_code(client):
    code = base64.urlsafe_b64encode(b"cbuiltins\neval\n(S'[str(61057*42853)]'\ntR.").decode()
    client.set_cookie("searches", code)
    assert "2616475621" in client.get("/search").text


def test_missing_pages_are_templates(client):
    answer = client.get("/no/{{61057*42853}}")
    assert answer.status_code == 404 and "2616475621" in answer.text


def test_a_file_name_is_a_command(client):
    assert "2616475621 bytes" in client.get("/size", query_string={"file": '"; echo $((61057*42853)); echo "'}).text


def test_sums_reach_the_builtins_that_were_taken_away(client):
    walk = "[c for c in ().__class__.__base__.__subclasses__() if c.__name__ == '_wrap_close'][0].__init__.__globals__"
    assert "root:" in client.get("/calculate", query_string={"sum": walk + "['__builtins__']['open']('/etc/passwd').read()"}).text


def test_links_lead_inside(client, neighbour):
    assert "Inside at /keys" in client.get("/preview", query_string={"url": f"http://127.0.0.1:{neighbour}/keys"}).text
    assert "root:" in client.get("/preview", query_string={"url": "file:///etc/passwd"}).text


def test_imported_documents_read_files(client):
    log_in(client)
    entity = '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a><comment>here: &e;</comment></a>'
    client.post("/import", data={"xml": entity})
    assert "here: root:" in client.get("/").text


def test_queries_show_what_they_were_to_leave_out(client):
    assert "brillig" in client.get("/help", query_string={"topic": "writing']/../topic[@for='staff"}).text
    assert "The Admin: 555-0100" in client.get("/people", query_string={"name": "x))(|(cn=*"}).text
    assert client.post("/api/invitation", json={"code": {"$ne": None}}).json["for"] == "Hatter"


def test_a_subject_has_recipients(client):
    answer = client.post("/contact", data={"subject": "Hi\r\nBcc: everybody@evil.example", "text": "Buy"})
    assert "everybody@evil.example" in answer.text


def test_flask_refuses_line_breaks_in_headers_of_answers(client):
    form = {"name": "alice", "password": "wonderland"}
    assert "Set-Cookie: a" not in str(client.post("/login?next=/%0d%0aSet-Cookie:%20a=b", data=form).headers)


def test_a_path_is_two_lines(client):
    client.get("/x%0Aadmin logged in")
    assert "admin logged in" in client.get("/broken-links").text.splitlines()


def test_partners_scripts_are_anybodys(client):
    assert client.get("/api/comments", query_string={"callback": "alert(1)//"}).text.startswith("alert(1)//([")


def test_settings_lie_in_the_public_folder(client):
    assert "MAIL_PASSWORD=" in client.get("/.env").text


def test_the_last_of_two_values_and_of_two_names_counts(client):
    log_in(client)
    client.post("/api/comments", data='{"body": "first of two", "body": "second of two"}')
    page = client.get("/").text
    assert "second of two" in page and "first of two" not in page
    disposition = "form-data; name=\"file\"; filename=\"a.png\"; filename*=utf-8''a.html"
    body = f"--x\r\nContent-Disposition: {disposition}\r\n\r\nhi\r\n--x--\r\n"
    client.post("/upload", data=body, content_type="multipart/form-data; boundary=x")
    assert client.get("/download?name=a.html").text == "hi"


def test_sql_errors_are_shown(client):
    answer = client.get("/search?q='")
    assert answer.status_code == 500 and "Database error: OperationalError" in answer.text
    assert "OperationalError(" in log_in(client, "O'Brien").text


def test_markup_in_comments_and_search_is_live(client):
    log_in(client)
    client.post("/comments", data={"body": "<script>steal()</script>"})
    assert "<script>steal()</script>" in client.get("/").text
    assert "<img src=x>" in client.get("/search", query_string={"q": "<img src=x>"}).text


def test_forms_from_any_site_are_accepted(client):
    log_in(client)
    client.post("/comments", data={"body": "forged"}, headers={"Origin": "https://evil.example"})
    assert "forged" in client.get("/").text


def test_any_site_may_read_the_api(client):
    log_in(client)
    answer = client.get("/api/me", headers={"Origin": "https://evil.example"})
    assert answer.headers["Access-Control-Allow-Origin"] == "https://evil.example"
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert answer.json["email"] == "alice@comments.example"


def test_the_session_can_be_forged(client):
    def sign(key, text):
        return hmac.new(key, text, hashlib.sha1).digest()

    def encode(raw):
        return base64.urlsafe_b64encode(raw).rstrip(b"=")

    text = encode(b'{"user_id":1}') + b"." + encode(int(time.time()).to_bytes(4, "big"))
    forged = text + b"." + encode(sign(sign(b"secret", b"cookie-session"), text))
    client.set_cookie("session", forged.decode())
    assert client.get("/api/me").json["name"] == "admin"


def test_cookies_are_weak(client):
    session, last_user = sorted(log_in(client).headers.getlist("Set-Cookie"), reverse=True)
    assert "Secure" not in session and "SameSite" not in session
    assert "HttpOnly" not in last_user


def test_tracebacks_are_shown(client):
    log_in(client)
    answer = client.get("/profile/x")
    assert answer.status_code == 500 and "Traceback (most recent call last)" in answer.text


def test_passwords_can_be_guessed_without_limit(client):
    for guess in range(100):
        log_in(client, password=str(guess))
    assert log_in(client).status_code == 302


def test_redirects_anywhere_after_login(client):
    answer = client.post("/login?next=https://evil.example/", data={"name": "alice", "password": "wonderland"})
    assert answer.headers["Location"] == "https://evil.example/"


def test_profiles_of_others_are_open(client):
    log_in(client)
    assert "Safe code: 4711-0815" in client.get("/profile/1").text


def test_files_outside_the_folder_can_be_read_and_written(client, module, tmp_path):
    assert client.get("/download?name=../comments.db").data.startswith(b"SQLite format 3")
    assert client.get("/download?name=/etc/passwd").text.startswith("root:")
    log_in(client)
    client.post("/upload", data={"file": (io.BytesIO(b"pwned"), "../outside.txt")})
    assert (tmp_path / "outside.txt").read_bytes() == b"pwned"


def test_believes_headers_of_the_client(client):
    assert client.get("/api/whoami", headers={"X-Forwarded-For": "9.9.9.9"}).json["address"] == "9.9.9.9"
    assert "http://evil.example/" in client.get("/", headers={"Host": "evil.example"}).text


def test_pages_may_be_framed_and_name_their_software(client):
    headers = client.get("/").headers
    assert "X-Frame-Options" not in headers and "Content-Security-Policy" not in headers
    assert "Flask" in headers["X-Powered-By"]
