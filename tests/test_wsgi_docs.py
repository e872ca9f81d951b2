"""The guide's code runs: each block of docs/frameworks.md as it stands there."""

import re
from pathlib import Path

import gambeson
import pytest
from wsgi_kit import ask, environ

GUIDE = (Path(__file__).parents[1] / "docs" / "frameworks.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", GUIDE, re.S)
CODE = [text for kind, text in BLOCKS if kind == "python"]
POLICIES = [text for kind, text in BLOCKS if kind == "toml"]


@pytest.mark.parametrize("code", CODE, ids=lambda code: re.search(r"wsgi\((\w*)", code)[1])
def test_the_guides_code_guards_an_app(code, tmp_path, monkeypatch):
    (tmp_path / "gambeson.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    if "django" in code:
        from test_wsgi_frameworks import django_app

        django_app(tmp_path)
    scope = {"__name__": "guide"}
    exec(code, scope)
    app = scope.get("guard") or scope.get("application") or scope["app"]
    assert isinstance(app if isinstance(app, gambeson.Guard) else app.wsgi_app, gambeson.Guard)
    assert ask(app, environ()).code == 200
    assert ask(app, environ("/../x")).code == 400


@pytest.mark.parametrize("policy", POLICIES, ids=range(len(POLICIES)))
def test_the_guides_policies_hold(policy, tmp_path):
    (tmp_path / "gambeson.toml").write_text(policy)
    gambeson.wsgi(lambda env, start_response: [], tmp_path / "gambeson.toml")


def test_the_guide_shows_something():
    assert len(CODE) == 4 and len(POLICIES) == 2
