"""Where a framework's reading differs from ours by design, argued entry by entry; and how each decodes text."""

from django.http.multipartparser import MultiPartParser
import werkzeug.urls  # noqa: F401  (registers the error handler that Werkzeug decodes with)


def text_as(app, case, value):
    """Bytes as the text this framework makes of them."""
    if case["kind"] == "body" and case["type"].startswith("multipart/") and app == "starlette":
        # The whole value again as ISO 8859-1 if it is not UTF-8: every byte below 128 stays what it is.
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.decode("latin-1")
    if app == "werkzeug" and not case["type"].startswith("multipart/") and case["kind"] != "cookie":
        # Bytes that are not UTF-8 stay escaped.
        return value.decode("utf-8", "werkzeug.url_quote")
    return value.decode("utf-8", "replace")


def empty_file_name(app, case, theirs, mine):
    """A part with an empty file name (a file input left empty) is an empty file to Werkzeug and Starlette, text to others
    and to us. Its name and content are the same, and as text they are looked at."""
    if app not in ("werkzeug", "starlette") or "files" not in theirs:
        return False
    fields = {name: list(values) for name, values in theirs["fields"].items()}
    files = {}
    for name, values in theirs["files"].items():
        for filename, content in values:
            if filename:
                files.setdefault(name, []).append((filename, content))
            else:
                fields.setdefault(name, []).append(text_as(app, case, content))
    return files == mine["files"] and {name: sorted(values) for name, values in fields.items()} == {
        name: sorted(values) for name, values in mine["fields"].items()
    }


def fewer_cookies(app, case, theirs, mine):
    """Of several cookies of one name all but Werkzeug keep the last; Werkzeug and Bottle leave out what they cannot read. We
    give all: the app gets nothing that was not looked at."""
    if case["kind"] != "cookie":
        return False
    return all(set(values) <= set(mine["fields"].get(name, [])) for name, values in theirs["fields"].items())


def django_shortens_file_names(app, case, theirs, mine):
    """Django undoes HTML character references in a file's name, keeps what is behind the last slash or backslash, and drops
    what cannot be printed (no file at all if nothing is left). The detectors see the whole name; the file is the same."""
    if app != "django" or "files" not in theirs:
        return False
    files = {}
    for name, values in mine["files"].items():
        for filename, content in values:
            if shortened := MultiPartParser.sanitize_file_name(None, filename):
                files.setdefault(name, []).append((shortened, content))
    return theirs == {"fields": mine["fields"], "files": files}


EXPLAINED = {
    "fewer cookies": fewer_cookies,
    "Django shortens file names": django_shortens_file_names,
    "empty file name": empty_file_name,
}
