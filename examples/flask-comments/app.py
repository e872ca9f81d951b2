"""A comments site: accounts, comments, search, profiles, files, a live page. Flask and SQLite, nothing else.

Deliberately naive: it is what a beginner writes in good faith. See README.md before you copy from it.
"""

import base64
import hashlib
import io
import json
import os
import pickle
import queue
import sqlite3
import tempfile
import traceback
import xml.sax
from urllib.parse import unquote

from flask import (
    Flask, Response, flash, g, jsonify, make_response, redirect, render_template, render_template_string, request, send_file,
    send_from_directory, session, url_for,
)
from flask_sock import Sock
from werkzeug.exceptions import HTTPException

from extras import extras

HERE = os.path.dirname(os.path.abspath(__file__))
# Database and uploads live here; a new temporary folder unless the environment names one.
# (Kept in the environment, so that the debug server's second process finds it.)
if not os.environ.get("COMMENTS_DATA"):
    os.environ["COMMENTS_DATA"] = tempfile.mkdtemp(prefix="comments-")
DATA = os.environ["COMMENTS_DATA"]
DATABASE = os.path.join(DATA, "comments.db")
UPLOADS = os.path.join(DATA, "uploads")
OUTBOX = os.path.join(DATA, "outbox")
BROKEN_LINKS = os.path.join(DATA, "broken-links.log")

app = Flask(__name__)
app.secret_key = "secret"
app.config.update(UPLOADS=UPLOADS, OUTBOX=OUTBOX)
app.register_blueprint(extras)
sock = Sock(app)


# --- database ---

def create_database():
    """Make and fill the database on the first start."""
    os.makedirs(UPLOADS, exist_ok=True)
    os.makedirs(OUTBOX, exist_ok=True)
    if os.path.exists(DATABASE):
        return
    with open(os.path.join(UPLOADS, "O'Brien & Sons (1).txt"), "w", encoding="utf-8") as file:
        file.write("Dia duit!\n")
    with sqlite3.connect(DATABASE) as connection:
        for name in ("schema.sql", "seed.sql"):
            with open(os.path.join(HERE, name), encoding="utf-8") as script:
                connection.executescript(script.read())


def db():
    if "db" not in g:
        g.db = sqlite3.connect(DATABASE)
        g.db.row_factory = sqlite3.Row
    return g.db


@app.teardown_appcontext
def close_database(_error):
    connection = g.pop("db", None)
    if connection is not None:
        connection.close()


def current_user():
    if "user_id" not in session:
        return None
    return db().execute("SELECT * FROM users WHERE id = ?", (session["user_id"],)).fetchone()


def hash_password(password):
    return hashlib.md5(password.encode()).hexdigest()


@app.context_processor
def every_template_knows_the_user():
    return {"user": current_user()}


# --- accounts ---

@app.route("/register", methods=["GET", "POST"])
def register():
    if request.method == "POST":
        form = request.form
        try:
            db().execute(
                "INSERT INTO users (name, display_name, password, email) VALUES (?, ?, ?, ?)",
                (form["name"], form.get("display_name") or form["name"], hash_password(form["password"]), form.get("email", "")),
            )
            db().commit()
        except sqlite3.IntegrityError:
            flash("That name is taken.")
            return render_template("register.html"), 409
        flash("Welcome! Please log in.")
        return redirect(url_for("login"))
    return render_template("register.html")


@app.route("/login", methods=["GET", "POST"])
def login():
    if request.method == "POST":
        query = "SELECT * FROM users WHERE name = '%s' AND password = '%s'" % (
            request.form["name"], hash_password(request.form["password"]),
        )
        try:
            found = db().execute(query).fetchone()
        except sqlite3.Error as problem:
            flash(f"The database says {problem!r}.")
            return render_template("login.html", last_user=request.form["name"])
        if found:
            session["user_id"] = found["id"]
            response = redirect(request.args.get("next") or url_for("index"))
            response.set_cookie("last_user", found["name"], max_age=30 * 24 * 3600)  # fills in the form next time
            return response
        flash("Wrong name or password.")
    return render_template("login.html", last_user=request.cookies.get("last_user", ""))


@app.route("/logout")
def logout():
    session.clear()
    return redirect(url_for("index"))


# --- comments ---

COMMENTS = (
    "SELECT comments.id, comments.body, comments.created, comments.user_id, users.name, users.display_name, users.avatar"
    " FROM comments JOIN users ON users.id = comments.user_id"
)


@app.route("/")
def index():
    return render_template("index.html", comments=db().execute(COMMENTS + " ORDER BY comments.id DESC LIMIT 100").fetchall())


def add_comment(user, body):
    added = db().execute("INSERT INTO comments (user_id, body) VALUES (?, ?)", (user["id"], body))
    db().commit()
    tell_listeners({"name": user["display_name"], "body": body})
    return added.lastrowid


@app.route("/comments", methods=["POST"])
def post_comment():
    user = current_user()
    if user is None:
        return redirect(url_for("login", next=request.url))
    body = request.form["body"].strip()
    if body:
        add_comment(user, body)
    return redirect(url_for("index"))


@app.route("/comments/<int:comment_id>/delete", methods=["POST"])
def delete_comment(comment_id):
    if current_user() is None:
        return redirect(url_for("login"))
    db().execute("DELETE FROM comments WHERE id = ?", (comment_id,))
    db().commit()
    flash("Comment deleted.")
    return redirect(url_for("index"))


def earlier_searches():
    """What this visitor searched for before, from their cookie."""
    if "searches" not in request.cookies:
        return []
    return pickle.loads(base64.urlsafe_b64decode(request.cookies["searches"]))


@app.route("/search")
def search():
    words = unquote(request.args.get("q", ""))  # the links in our newsletter come encoded twice
    earlier, comments = earlier_searches(), []
    if words:
        query = COMMENTS + " WHERE comments.body LIKE '%" + words + "%'"
        try:
            comments = db().execute(query).fetchall()
        except sqlite3.Error as problem:
            return f"Database error: {type(problem).__name__}: {problem} in query: {query}", 500
    response = make_response(render_template("search.html", words=words, comments=comments, earlier=earlier))
    if words:
        kept = [words[:80]] + [word for word in earlier if word != words][:4]
        response.set_cookie("searches", base64.urlsafe_b64encode(pickle.dumps(kept)).decode())
    return response


class OldComments(xml.sax.ContentHandler):
    """The text of every <comment> in an export of the site that we had before."""

    def __init__(self):
        super().__init__()
        self.texts, self.inside = [], False

    def startElement(self, name, attributes):
        self.inside = name == "comment"
        if self.inside:
            self.texts.append("")

    def characters(self, text):
        if self.inside:
            self.texts[-1] += text

    def endElement(self, name):
        self.inside = False


@app.route("/import", methods=["GET", "POST"])
def import_comments():
    user = current_user()
    if user is None:
        return redirect(url_for("login", next=request.url))
    if request.method == "GET":
        return render_template("import.html")
    old, parser = OldComments(), xml.sax.make_parser()
    # The old site kept its signatures in files of their own: without this they were missing.
    parser.setFeature(xml.sax.handler.feature_external_ges, True)
    parser.setContentHandler(old)
    parser.parse(io.BytesIO(request.form["xml"].strip().encode()))
    for text in old.texts:
        add_comment(user, text)
    flash(f"{len(old.texts)} comments imported.")
    return redirect(url_for("index"))


# --- profiles and files ---

@app.route("/profile/<user_id>", methods=["GET", "POST"])
def profile(user_id):
    if current_user() is None:
        return redirect(url_for("login", next=request.url))
    person = db().execute("SELECT * FROM users WHERE id = ?", (int(user_id),)).fetchone()
    if request.method == "POST":
        form = request.form
        db().execute(
            "UPDATE users SET display_name = ?, email = ?, notes = ? WHERE id = ?",
            (form["display_name"], form["email"], form["notes"], person["id"]),
        )
        db().commit()
        flash("Saved.")
        return redirect(url_for("profile", user_id=person["id"]))
    return render_template("profile.html", person=person)


@app.route("/upload", methods=["POST"])
def upload():
    user = current_user()
    if user is None:
        return redirect(url_for("login"))
    file = request.files["file"]
    file.save(os.path.join(UPLOADS, file.filename))
    db().execute("UPDATE users SET avatar = ? WHERE id = ?", (file.filename, user["id"]))
    db().commit()
    flash(f"Uploaded {file.filename}.")
    return redirect(url_for("profile", user_id=user["id"]))


@app.route("/download")
def download():
    return send_file(os.path.join(UPLOADS, request.args["name"]))


# --- the API of the mobile app ---

@app.route("/api/me")
def api_me():
    user = current_user()
    if user is None:
        return jsonify(error="please log in"), 401
    return jsonify(id=user["id"], name=user["name"], email=user["email"], notes=user["notes"])


@app.route("/api/comments")
def api_comments():
    answer = jsonify([dict(row) for row in db().execute(COMMENTS + " ORDER BY comments.id DESC LIMIT 100")])
    if "callback" in request.args:  # for the widget on our partners' pages (JSONP)
        return Response(f"{request.args['callback']}({answer.get_data(as_text=True)});", mimetype="text/javascript")
    return answer


@app.route("/api/comments", methods=["POST"])
def api_post_comment():
    user = current_user()
    if user is None:
        return jsonify(error="please log in"), 401
    return jsonify(id=add_comment(user, request.get_json(force=True)["body"])), 201


@app.route("/api/comments/<int:comment_id>", methods=["DELETE"])
def api_delete_comment(comment_id):
    if current_user() is None:
        return jsonify(error="please log in"), 401
    db().execute("DELETE FROM comments WHERE id = ?", (comment_id,))
    db().commit()
    return jsonify(deleted=comment_id)


@app.route("/api/whoami")
def api_whoami():
    """What the server sees of a visitor: handy when something is wrong behind a proxy."""
    address = request.headers.get("X-Forwarded-For", request.remote_addr)
    return jsonify(address=address, url=request.url, headers=list(request.headers.items()))


@app.after_request
def add_headers(response):
    response.headers["X-Powered-By"] = "Flask/3.1 Python/3"
    origin = request.headers.get("Origin")
    if origin and request.path.startswith("/api/"):
        # Without this the browser said "blocked by CORS policy".
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Credentials"] = "true"
        response.headers["Access-Control-Allow-Methods"] = "GET, POST, DELETE"
        response.headers["Access-Control-Allow-Headers"] = "Content-Type, X-Requested-With"
    return response


# --- live ---

listeners = []


def tell_listeners(comment):
    for listener in list(listeners):
        listener.put(comment)


@app.route("/events")
def events():
    """Server-sent events: one per new comment."""
    mine = queue.Queue()
    listeners.append(mine)

    def stream():
        try:
            yield ": hello\n\n"
            while True:
                try:
                    yield f"data: {json.dumps(mine.get(timeout=10))}\n\n"
                except queue.Empty:
                    yield ": still here\n\n"
        finally:
            listeners.remove(mine)

    return Response(stream(), mimetype="text/event-stream")


@app.route("/live")
def live():
    return render_template("live.html")


@sock.route("/ws")
def echo(ws):
    """A WebSocket that greets and repeats."""
    user = current_user()
    ws.send(f"Hello {user['display_name']} <{user['email']}>" if user else "Hello stranger")
    while True:
        ws.send("You said: " + ws.receive())


# --- everything else ---

@app.route("/<path:name>")
def top(name):
    """robots.txt and whatever else is looked for at the top of a site."""
    return send_from_directory(os.path.join(HERE, "public"), name)


@app.route("/broken-links")
def broken_links():
    """What was looked for and is not there, one path a line; for who mends the links."""
    with open(BROKEN_LINKS, "a+", encoding="utf-8") as log:
        log.seek(0)
        return Response(log.read()[-10_000:], mimetype="text/plain")


@app.errorhandler(404)
def not_found(_error):
    with open(BROKEN_LINKS, "a", encoding="utf-8") as log:
        log.write(request.path + "\n")
    text = "<h1>Nothing here</h1>\n<p>There is no page " + request.path + " on this site.</p>"
    return render_template_string("{% extends 'base.html' %}{% block main %}" + text + "{% endblock %}"), 404


@app.errorhandler(Exception)
def show_error(error):
    if isinstance(error, HTTPException):
        return error
    if app.debug:
        raise error  # the debugger shows it better
    return render_template("error.html", trace=traceback.format_exc()), 500


create_database()

if __name__ == "__main__":
    app.run(debug=True, port=int(os.environ.get("PORT", "5000")), threaded=True)
