"""The app behind real servers: it writes down each request it received whole. As WSGI `wsgi`, as ASGI `asgi`."""

import json
import os


def note(target, body, length):
    """Appends one line; `length` is what Content-Length said, if anything."""
    if length not in (None, "", str(len(body))):
        return  # The rest never came.
    line = json.dumps([target, body.decode("latin1")]) + "\n"
    log = os.open(os.environ["HOSTILE_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, line.encode())
    os.close(log)


def wsgi(environ, start_response):
    body = environ["wsgi.input"].read()
    query = "?" + environ["QUERY_STRING"] if environ["QUERY_STRING"] else ""
    note(environ["PATH_INFO"] + query, body, environ.get("CONTENT_LENGTH"))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]


async def asgi(scope, receive, send):
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            return
        body += event.get("body", b"")
        more = event.get("more_body", False)
    query = "?" + scope["query_string"].decode("latin1") if scope["query_string"] else ""
    note(scope["path"].encode().decode("latin1") + query, body, dict(scope["headers"]).get(b"content-length", b"").decode())
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain"), (b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
