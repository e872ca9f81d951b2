"""The little extras of the comments site: each is one page and asks somebody else, a shell, a directory, another site.

As naive as app.py. See README.md before you copy from it.
"""

import email
import os
import re
import subprocess
import urllib.request
from email.utils import getaddresses
from urllib.parse import urlsplit
from xml.etree import ElementTree

import ldap3
import mongomock
from flask import Blueprint, current_app, jsonify, render_template, request

extras = Blueprint("extras", __name__)
HERE = os.path.dirname(os.path.abspath(__file__))


def page(title, field, lines):
    return render_template("extra.html", title=title, field=field, lines=lines)


# --- files: how large is a picture? ---

@extras.route("/size")
def size():
    """What `wc` says, as it is there already."""
    path = os.path.join(current_app.config["UPLOADS"], request.args.get("file", ""))
    # In quotes, because names have spaces.
    counted = subprocess.run(f'wc -c < "{path}"', shell=True, capture_output=True, text=True)
    return page("How large is a file?", "file", [counted.stdout.strip() + " bytes"])


# --- links: what is behind one? ---

@extras.route("/preview")
def preview():
    """The first words of a page, as messengers show them."""
    url, words = request.args.get("url", ""), ""
    if url:
        parts = urlsplit(url)
        if not parts.scheme or parts.netloc == request.host:  # our own pages: our public name may not lead here
            url = f"http://127.0.0.1:{request.environ['SERVER_PORT']}{parts.path}?{parts.query}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            words = re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", answer.read(100_000).decode(errors="replace"), flags=re.DOTALL)
    return page("What is behind a link?", "url", [" ".join(words.split())[:500]])


# --- sums ---

@extras.route("/calculate")
def calculate():
    """Who buys how much tea? Without builtins, so nothing can happen."""
    sum = request.args.get("sum", "0")
    return page("Calculator", "sum", [str(eval(sum, {"__builtins__": {}}))])


# --- help: topics in an XML file, some of them for the staff only ---

@extras.route("/help")
def help_pages():
    topics = ElementTree.parse(os.path.join(HERE, "help.xml"))
    found = topics.findall("topic[@for='everyone'][@name='%s']" % request.args.get("topic", "writing"))
    return page("Help", "topic", [topic.text for topic in found])


# --- people: the directory of the company. There is none here, so ldap3 plays it, with the same filters. ---

directory = ldap3.Connection(ldap3.Server("directory"), client_strategy=ldap3.MOCK_SYNC)
for uid, name, telephone, listed in (
    ("admin", "The Admin", "555-0100", "FALSE"), ("alice", "Alice Liddell", "555-0101", "TRUE"),
    ("bob", "Bob Builder", "555-0102", "FALSE"), ("siobhan", "Siobhan O'Brien", "555-0103", "TRUE"),
):
    directory.strategy.add_entry(f"uid={uid},ou=people", {
        "objectClass": "person", "uid": uid, "cn": name, "telephoneNumber": telephone, "listed": listed,
    })
directory.bind()


@extras.route("/people")
def people():
    """Telephone numbers of those who want theirs to be listed, by name or account."""
    name = request.args.get("name", "*")
    directory.search(
        "ou=people", f"(|(&(listed=TRUE)(cn={name}))(&(listed=TRUE)(uid={name})))", attributes=["cn", "telephoneNumber"],
    )
    return page("People", "name", [f"{person.cn}: {person.telephoneNumber}" for person in directory.entries])


# --- invitations: documents in a MongoDB. There is none here, so mongomock plays it, with the same queries. ---

invitations = mongomock.MongoClient().comments.invitations
invitations.insert_many([
    {"code": "unbirthday-2611", "for": "Hatter", "note": "The key to the tea room is under the dormouse."},
    {"code": "O'Brien & co: $5 off", "for": "Siobhan", "note": "See you at the opening."},
])


@extras.route("/api/invitation", methods=["POST"])
def invitation():
    found = invitations.find_one({"code": request.get_json()["code"]})
    if found is None:
        return jsonify(error="no such invitation"), 404
    return jsonify({"for": found["for"], "note": found["note"]})


# --- writing to the moderators ---

@extras.route("/contact", methods=["GET", "POST"])
def contact():
    """A mail in the outbox, from where `sendmail -t` takes it to whom its head names."""
    if request.method == "GET":
        return render_template("contact.html")
    mail = "To: moderators@comments.example\nSubject: {subject}\n\n{text}\n".format(**request.form.to_dict())
    with open(os.path.join(current_app.config["OUTBOX"], os.urandom(8).hex() + ".eml"), "w", encoding="utf-8") as file:
        file.write(mail)
    head = email.message_from_string(mail)
    named = [text for field in ("To", "Cc", "Bcc") for text in head.get_all(field, [])]
    return page("Thank you", "subject", ["Goes to " + ", ".join(address for _name, address in getaddresses(named))])
