import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, final

class PolicyError(ValueError):
    """The policy cannot be used; the text lists every problem with its place."""

class BodyTooLarge(OSError):
    """The request's body is larger than the policy allows: whatever the app answers now, the client gets 413."""

@final
class Guard:
    """A WSGI app behind the policy's layers, itself a WSGI app. Made by `gambeson.wsgi()`."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]: ...
    def reload(self) -> None:
        """Reads the policy file again. A bad one raises `PolicyError` and changes nothing."""

    def flush(self) -> None:
        """Writes what waits to the audit log. At the end of the process this happens by itself."""

    @property
    def policy(self) -> Path:
        """The policy file."""

    @property
    def gaps(self) -> list[tuple[str, str]]:
        """What of a policy is not enforced inside the app's process, or not in full: section and keys, and why."""

def wsgi(
    app: Callable[..., Iterable[bytes]],
    policy: str | os.PathLike[str] = "gambeson.toml",
    *,
    state: str | os.PathLike[str] | None = None,
) -> Guard:
    """Puts the policy's layers around a WSGI app.

    `policy` is a file; a bare name is looked for in the working folder and the folders above. `state` is the folder for
    the audit log, `.gambeson` beside the policy unless named. A policy that cannot be used raises `PolicyError`.
    """
