"""Layered armour for Python web apps.

One policy file, `gambeson.toml`, says what an app allows. The `gambeson` command enforces it in front of the app;
`gambeson.wsgi` enforces it around the app, inside its own process:

    app = gambeson.wsgi(app, policy="gambeson.toml")
"""

from ._native import BodyTooLarge, Guard, PolicyError, wsgi

__all__ = ["BodyTooLarge", "Guard", "PolicyError", "wsgi"]
