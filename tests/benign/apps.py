"""Real frameworks that read all of a request and show it, encoded, in a page. `python apps.py flask PORT` serves one."""

import sys
import typing


def flask_app():
    import flask
    import markupsafe

    app = flask.Flask(__name__)

    @app.route("/echo", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    @app.route("/echo/<path:rest>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def echo(rest=""):
        request = flask.request
        given = [*request.args.items(multi=True), *request.form.items(multi=True), *request.cookies.items()]
        given += [(name, file.filename) for name, file in request.files.items(multi=True)]
        document = request.get_json(silent=True)
        return page(given, document, markupsafe.escape)

    return app


def bottle_app():
    import html

    import bottle

    app = bottle.Bottle()

    @app.route("/echo", method=["GET", "POST", "PUT", "PATCH", "DELETE"])
    @app.route("/echo/<rest:path>", method=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def echo(rest=""):
        request = bottle.request
        given = [*request.query.items(), *request.cookies.items()]
        given += [(name, getattr(value, "filename", value)) for name, value in request.POST.items()]
        return page(given, request.json, html.escape)

    return app


def django_app():
    import json

    import django
    from django.conf import settings

    settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=[], SECRET_KEY="only for this test", DATA_UPLOAD_MAX_MEMORY_SIZE=None)
    django.setup()
    from django.core.handlers.wsgi import WSGIHandler
    from django.http import HttpResponse
    from django.urls import re_path
    from django.utils.html import escape

    def echo(request):
        given = [(name, value) for part in (request.GET, request.POST) for name, values in part.lists() for value in values]
        given += [*request.COOKIES.items(), *((name, file.name) for name, file in request.FILES.items())]
        document = json.loads(request.body) if request.content_type == "application/json" and request.body else None
        return HttpResponse(page(given, document, escape))

    settings.ROOT_URLCONF = type("Urls", (), {"urlpatterns": [re_path("^echo", echo)]})
    return WSGIHandler()


def desk_app():
    import desk

    desk.prepare()
    return desk.WSGIHandler()


def fastapi_app():
    import html

    import fastapi
    import fastapi.responses
    import pydantic

    app = fastapi.FastAPI()

    class Item(pydantic.BaseModel):
        name: str
        price: float
        description: str | None = None

    @app.get("/items/{number}")
    def read(number: int, q: str = "", tags: typing.Annotated[list[str], fastapi.Query()] = ()):
        return {"number": number, "q": q, "tags": tags}

    @app.post("/items")
    def add(item: Item):
        return item

    @app.api_route("/echo{rest:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], response_class=fastapi.responses.HTMLResponse)
    async def echo(request: fastapi.Request, rest: str = ""):
        given, document = [*request.query_params.multi_items(), *request.cookies.items()], None
        if request.headers.get("content-type", "").partition(";")[0] == "application/json":
            document = await request.json() if await request.body() else None
        else:
            async with request.form() as form:
                given += [(name, getattr(value, "filename", value)) for name, value in form.multi_items()]
        return page(given, document, html.escape)

    return app


def page(given, document, escape):
    """All that came, as text of a page and within attributes."""
    rows = "".join(f'<li title="{escape(str(value))}">{escape(name)}: {escape(str(value))}' for name, value in given)
    return f"<!doctype html><title>Echo</title><ul>{rows}</ul><textarea>{escape(str(document))}</textarea>"


if __name__ == "__main__":
    kind, port = sys.argv[1], int(sys.argv[2])
    if kind == "fastapi":
        import uvicorn

        uvicorn.run(fastapi_app(), host="127.0.0.1", port=port, log_level="error")
    else:
        import waitress

        trusted = {"trusted_proxy": "*", "trusted_proxy_headers": {"x-forwarded-proto"}}
        waitress.serve(globals()[f"{kind}_app"](), host="127.0.0.1", port=port, **trusted)
