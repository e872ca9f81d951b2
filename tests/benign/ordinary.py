"""What ordinary people send: every text in every shape, and requests that are whole by themselves."""

import pathlib

import shapes
import texts
import wires

LISTS = pathlib.Path(__file__).resolve().parents[2] / "crates" / "detect" / "benign"


def values():
    """Every text, with the kind it is of."""
    for kind in ("NAMES", "ADDRESSES", "PROSE", "PASSWORDS", "SEARCHES", "MARKDOWN", "URLS", "TOKENS", "PASTED"):
        yield from ((kind.lower(), text) for text in getattr(texts, kind))
    yield from (("editors", text) for text in texts.EDITORS.values())


def requests():
    """Every request: each text in each shape, and those that are whole by themselves."""
    for kind, text in values():
        for shape in shapes.EVERY + shapes.SHORT * (len(text) < 200):
            request = shape(text)
            request.name = f"{kind} in {request.name}: {text[:60]!r}"
            yield request
    yield from wires.requests()


#: Pictures of control characters stand for them.
CONTROLS = str.maketrans({"␤": "\n", "␍": "\r", "␀": "\0", "␋": "\x0b", "␛": "\x1b"})


def entries():
    """The entries of the lists that our own detectors let pass: a line each, or a block between lines of `----`."""
    for path in sorted(LISTS.glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        parts = text.split("\n----\n") if "blocks" in path.name else text.splitlines()
        yield from (part.rstrip("\n").translate(CONTROLS) for part in parts if part.strip("\n"))
