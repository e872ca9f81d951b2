"""Each framework's own reading of a request, by its own request object, in one shape that can be compared.

A reading is {"fields": {name: [text, ...]}, "files": {name: [(filename, content), ...]}}; None: the framework refused, or
gave the app nothing.
"""

import asyncio
import io
import json
import unittest.mock
import warnings
import xml.parsers.expat

import aiohttp.web
import bottle
import django.conf
import starlette.requests
import werkzeug.wrappers
from aiohttp.streams import StreamReader
from aiohttp.test_utils import make_mocked_request

if not django.conf.settings.configured:
    django.conf.settings.configure(LOGGING_CONFIG=None)

import django.core.handlers.wsgi  # noqa: E402  (wants settings)

warnings.simplefilter("ignore")
LOOP = asyncio.new_event_loop()


class Refused(Exception):
    """The framework would not give the app this request."""


def environ(case):
    made = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "QUERY_STRING": case["bytes"].decode("latin-1") if case["kind"] == "query" else "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
        "wsgi.input": io.BytesIO(),
        "wsgi.url_scheme": "http",
        "wsgi.errors": io.StringIO(),
    }
    if case["kind"] == "cookie":
        made["HTTP_COOKIE"] = case["bytes"].decode("latin-1")
    if case["kind"] == "body":
        made["wsgi.input"] = io.BytesIO(case["bytes"])
        made["CONTENT_LENGTH"] = str(len(case["bytes"]))
        made["CONTENT_TYPE"] = case["type"]
    return made


def gathered(pairs):
    """Fields and files by name, each name's in order."""
    reading = {"fields": {}, "files": {}}
    for name, value in pairs:
        where = "files" if isinstance(value, tuple) else "fields"
        reading[where].setdefault(name, []).append(value)
    return reading


def is_json(case):
    return case["kind"] == "body" and "json" in case["type"]


def is_xml(case):
    return case["kind"] == "body" and "xml" in case["type"]


# Each of these gives (name, text) or (name, (filename, content)) pairs, or for JSON the object.


def werkzeug_pairs(case):
    request = werkzeug.wrappers.Request(environ(case))
    if case["kind"] == "query":
        return list(request.args.items(multi=True))
    if case["kind"] == "cookie":
        return list(request.cookies.items(multi=True))
    if is_json(case):
        return request.get_json(force=True)
    pairs = list(request.form.items(multi=True))
    return pairs + [(name, (file.filename, file.read())) for name, file in request.files.items(multi=True)]


def django_pairs(case):
    request = django.core.handlers.wsgi.WSGIRequest(environ(case))
    if case["kind"] == "query":
        return [(name, value) for name, values in request.GET.lists() for value in values]
    if case["kind"] == "cookie":
        return list(request.COOKIES.items())
    if is_json(case):
        return json.loads(request.body)
    pairs = [(name, value) for name, values in request.POST.lists() for value in values]
    return pairs + [(name, (file.name, file.read())) for name, files in request.FILES.lists() for file in files]


def starlette_pairs(case):
    body = case["bytes"] if case["kind"] == "body" else b""

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"host", b"localhost"), (b"content-length", str(len(body)).encode())]
    if case["kind"] == "body":
        headers.append((b"content-type", case["type"].encode()))
    if case["kind"] == "cookie":
        headers.append((b"cookie", case["bytes"]))
    query = case["bytes"] if case["kind"] == "query" else b""
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": query, "headers": headers}
    request = starlette.requests.Request(scope, receive)
    if case["kind"] == "query":
        return request.query_params.multi_items()
    if case["kind"] == "cookie":
        return list(request.cookies.items())
    if is_json(case):
        return LOOP.run_until_complete(request.json())

    async def form():
        pairs = (await request.form()).multi_items()
        return [(name, value if isinstance(value, str) else (value.filename, await value.read())) for name, value in pairs]

    return LOOP.run_until_complete(form())


def aiohttp_pairs(case):
    headers = {"Host": "localhost"}
    if case["kind"] == "cookie":
        headers["Cookie"] = case["bytes"].decode("utf-8", "surrogateescape")
    if case["kind"] == "body":
        headers["Content-Type"] = case["type"]

    async def read():
        payload = StreamReader(unittest.mock.Mock(_reading_paused=False), 2**16, loop=asyncio.get_running_loop())
        payload.feed_data(case["bytes"])
        payload.feed_eof()
        target = "/?" + case["bytes"].decode("utf-8", "surrogateescape") if case["kind"] == "query" else "/"
        request = make_mocked_request("POST", target, headers=headers, payload=payload, client_max_size=2**20)
        if case["kind"] == "query":
            return list(request.query.items())
        if case["kind"] == "cookie":
            return list(request.cookies.items())
        if is_json(case):
            return await request.json()
        return [(name, aiohttp_value(value)) for name, value in (await request.post()).items()]

    return LOOP.run_until_complete(read())


def aiohttp_value(value):
    if isinstance(value, aiohttp.web.FileField):
        return value.filename, value.file.read()
    # A part of another type than text is given as bytes; it is the same content.
    return value if isinstance(value, str) else bytes(value).decode("utf-8", "replace")


def bottle_pairs(case):
    request = bottle.BaseRequest(environ(case))
    if case["kind"] == "query":
        return decoded(request.query)
    if case["kind"] == "cookie":
        return decoded(request.cookies)
    if is_json(case):
        if (found := request.json) is None:
            raise Refused
        return found
    pairs = decoded(request.forms)
    return pairs + [(name, (file.raw_filename, file.file.read())) for name, file in request.files.decode().allitems()]


def decoded(form):
    return list(form.decode().allitems())


def expat_values(case):
    """What Python's XML parser gives: text and attributes under the path of their element."""
    path, text, found = [], [], []

    def flush():
        if "".join(text).strip(" \t\r\n"):
            found.append((".".join(path), "Text", "".join(text)))
        text.clear()

    def start(name, attributes):
        flush()
        path.append(name)
        found.extend((".".join(path) + "@" + key, "Attribute", value) for key, value in zip(attributes[::2], attributes[1::2]))

    def end(_):
        flush()
        path.pop()

    parser = xml.parsers.expat.ParserCreate()
    parser.ordered_attributes = True
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text.append
    parser.Parse(case["bytes"], True)
    return found


APPS = {
    "werkzeug": werkzeug_pairs,
    "django": django_pairs,
    "starlette": starlette_pairs,
    "aiohttp": aiohttp_pairs,
    "bottle": bottle_pairs,
}


def apps_for(kind):
    """Who reads requests of a kind: frameworks leave XML to Python's own parser."""
    return ["expat"] if kind == "xml" else list(APPS)


def read_as(app, case):
    """What the app gets; None if nothing."""
    try:
        if app == "expat":
            return {"xml": expat_values(case)}
        found = APPS[app](case)
    except Exception:  # noqa: BLE001  Whatever it is, the app does not get the request.
        return None
    if is_json(case):
        return {"json": found}
    return gathered(found) if found else None


def one_value(app, query):
    """What the app gets when it asks for one value named `a`."""
    case = {"kind": "query", "type": "", "bytes": query}
    match app:
        case "werkzeug":
            return werkzeug.wrappers.Request(environ(case)).args["a"]
        case "django":
            return django.core.handlers.wsgi.WSGIRequest(environ(case)).GET["a"]
        case "starlette":
            scope = {"type": "http", "method": "GET", "path": "/", "query_string": query, "headers": []}
            return starlette.requests.Request(scope).query_params["a"]
        case "aiohttp":
            return make_mocked_request("GET", "/?" + query.decode()).query["a"]
        case "bottle":
            return bottle.BaseRequest(environ(case)).query["a"]


def json_of_any_type(app, case):
    """What an app gets that reads JSON without a look at the type; None if it is refused."""
    assert not is_json(case)
    as_body = {**case, "kind": "body"}
    try:
        match app:
            case "django":
                return json.loads(django.core.handlers.wsgi.WSGIRequest(environ(as_body)).body)
            case "starlette":
                return starlette_pairs({**as_body, "type": f"{case['type']}; json"})
            case "aiohttp":
                return aiohttp_pairs({**as_body, "type": f"{case['type']}; json"})
    except ValueError:
        return None
