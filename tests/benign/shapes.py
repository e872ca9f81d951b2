"""How browsers and clients send a value: each function makes one request of it."""

import json
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW0"
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
BROWSER = {
    "sec-ch-ua": '"Chromium";v="131", "Not_A Brand";v="24"',
    "sec-ch-ua-mobile": "?0",
    "sec-ch-ua-platform": '"Linux"',
    "upgrade-insecure-requests": "1",
    "user-agent": AGENT,
    "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
    "sec-fetch-site": "same-origin",
    "sec-fetch-mode": "navigate",
    "sec-fetch-user": "?1",
    "sec-fetch-dest": "document",
    "accept-encoding": "gzip, deflate, br, zstd",
    "accept-language": "de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7",
}


@dataclass
class Request:
    """One request of an ordinary client."""

    name: str
    method: str = "GET"
    target: str = "/echo"
    body: bytes = b""
    headers: dict = field(default_factory=dict)

    def all_headers(self):
        typed = {"content-length": str(len(self.body))} if self.method != "GET" else {}
        return {"host": "localhost", **BROWSER, **typed, **self.headers}


def component(text):
    """As `encodeURIComponent` writes it."""
    return quote(text, safe="!'()*~")


def query(text):
    """A form with `method=get`."""
    return Request("query", target=f"/echo?q={quote_plus(text, safe='*')}&page=1&utm_source=news&utm_campaign=it%27s%20spring")


def script_query(text):
    """A `fetch` whose address a script has made."""
    return Request("script query", target=f"/echo?limit=20&filter[name]={component(text)}", headers={"accept": "*/*", "sec-fetch-mode": "cors"})


def form(text):
    """A form."""
    lines = text.replace("\r\n", "\n").replace("\n", "\r\n")
    body = f"csrfmiddlewaretoken=Q2xhc3M9IjEiPg8Ab&title=x&body={quote_plus(lines, safe='*')}&_save=Save"
    return Request("form", "POST", body=body.encode(), headers={"content-type": "application/x-www-form-urlencoded"})


def multipart(text):
    """A form with a file."""
    parts = {"csrf_token": "IjQ3ZjQ4.abc-_", "body": text.replace("\r\n", "\n").replace("\n", "\r\n"), "tags": "a"}
    return Request("multipart", "POST", body=form_data(parts, {"photo": ("IMG 1 (2).jpg", "image/jpeg", b"\xff\xd8\xff\xe0'\"<>")}), headers=FORM_DATA)


def document(text):
    """JSON as a page's script sends it."""
    body = json.dumps({"id": 7, "data": {"attributes": {"text": text, "tags": ["a", text], "draft": False, "at": None}}}, ensure_ascii=False, separators=(",", ":"))
    return Request("json", "POST", body=body.encode("utf-8", "surrogatepass"), headers={"content-type": "application/json", "sec-fetch-mode": "cors", "accept": "application/json, text/plain, */*"})


def client_document(text):
    """JSON as Python clients and servers send it, as a change to a resource."""
    body = json.dumps([{"op": "replace", "path": "/title", "value": text}])
    headers = {"content-type": "application/json; charset=utf-8", "user-agent": "python-requests/2.32.3", "accept": "*/*"}
    return Request("json patch", "PATCH", body=body.encode(), headers=headers)


def graphql(text):
    """A GraphQL mutation with the value as a variable."""
    asked = "mutation Add($input: AddInput!) {\n  add(input: $input) {\n    id\n    __typename\n    ... on Error { message }\n  }\n}"
    body = json.dumps({"operationName": "Add", "variables": {"input": {"text": text}}, "query": asked}, ensure_ascii=False)
    return Request("graphql", "POST", target="/echo/graphql", body=body.encode(), headers={"content-type": "application/json", "accept": "*/*"})


def referer(text):
    """The page after a search: the value stands in `Referer`, and in a cookie that remembers it."""
    headers = {"referer": f"https://localhost/search?q={component(text)}", "cookie": f"_ga=GA1.1.1.2; last={component(text)}; theme=dark"}
    return Request("referer", headers=headers)


#: Those that every value is sent by.
EVERY = [query, script_query, form, multipart, document, client_document, graphql]
#: Those for values that fit in a line.
SHORT = [referer]

FORM_DATA = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


def form_data(fields, files=()):
    """A multipart body as Chromium writes it."""
    def escaped(name):
        return name.replace("\n", "%0A").replace("\r", "%0D").replace('"', "%22")

    pairs = fields.items() if isinstance(fields, dict) else fields
    pieces = [f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{escaped(name)}"\r\n\r\n{value}\r\n'.encode() for name, value in pairs]
    for name, (file, kind, content) in dict(files).items():
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{escaped(name)}"; filename="{escaped(file)}"\r\nContent-Type: {kind}\r\n\r\n'
        pieces.append(head.encode() + content + b"\r\n")
    return b"".join(pieces) + f"--{BOUNDARY}--\r\n".encode()
