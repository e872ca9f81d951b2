"""A visitor who fills in the forms that pages show: keeps cookies, sends hidden fields back, as a browser does."""

import http.client
import ssl
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin, urlsplit

from shapes import BROWSER, FORM_DATA, form_data


class Forms(HTMLParser):
    """The last form of a page that posts: its fields as a browser would send them."""

    def __init__(self, page):
        super().__init__()
        self.fields, self.forms, self.open, self.choice, self.area = [], [], False, None, None
        self.feed(page)

    def handle_starttag(self, tag, given):
        given = dict(given)
        name = given.get("name")
        if tag == "form":
            self.open, self.fields = (given.get("method") or "").lower() == "post", []
        if not self.open:
            return
        kind = given.get("type", "text")
        if tag == "input" and name and kind not in ("submit", "file", "image") and not (kind in ("checkbox", "radio") and "checked" not in given):
            self.fields.append((name, given.get("value") or ("on" if kind == "checkbox" else "")))
        if tag == "select":
            self.choice = name
        if tag == "option" and self.choice and "selected" in given:
            self.fields.append((self.choice, given.get("value", "")))
        if tag == "textarea" and name:
            self.area = (name, "")

    def handle_data(self, data):
        if self.area:
            self.area = (self.area[0], self.area[1] + data)

    def handle_endtag(self, tag):
        if tag == "textarea" and self.area:
            # HTML drops the first line break.
            self.fields.append((self.area[0], self.area[1].removeprefix("\r").removeprefix("\n")))
            self.area = None
        if tag == "select":
            self.choice = None
        if tag == "form" and self.open:
            self.forms.append(self.fields)
            self.open = False


class Visitor:
    """One person with one browser, over TLS."""

    def __init__(self, gateway):
        self.origin = f"https://localhost:{gateway.https}"
        context = ssl.create_default_context(cafile=str(gateway.root()))
        self.connection = http.client.HTTPSConnection("localhost", gateway.https, timeout=60, context=context)
        self.cookies, self.at, self.page, self.status = {}, "/", "", 0
        self.asked = []

    def ask(self, method, target, body=b"", headers=None):
        """One request; redirects are followed."""
        target = urljoin(self.at, target)
        sent = {**BROWSER, "referer": self.origin + self.at, **(headers or {})}
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if method == "POST":
            sent["origin"] = self.origin
        self.connection.request(method, target, body or None, sent)
        answer = self.connection.getresponse()
        for line in answer.headers.get_all("set-cookie") or ():
            name, _, value = line.split(";")[0].partition("=")
            self.cookies[name] = value
        self.status, self.page, self.at = answer.status, answer.read().decode("utf-8", "replace"), target
        self.asked.append((self.status, method, target))
        if self.status in (301, 302, 303):
            to = urlsplit(urljoin(self.origin + target, answer.headers["location"]))
            return self.ask("GET", to.path + (f"?{to.query}" if to.query else ""))
        return self.status

    def get(self, target):
        return self.ask("GET", target)

    def post(self, fields, target="", files=None, form=-1):
        """The page's form with some fields changed; with files, as multipart."""
        own = [pair for pair in Forms(self.page).forms[form] if pair[0] not in fields]
        own += [(name, value) for name, values in fields.items() for value in (values if isinstance(values, list) else [values])]
        if files is not None:
            return self.ask("POST", target or self.at, form_data(own, files), FORM_DATA)
        return self.ask("POST", target or self.at, urlencode(own).encode(), {"content-type": "application/x-www-form-urlencoded"})
