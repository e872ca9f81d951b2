"""The example app `examples/flask-comments`, alone and guarded by its own policy."""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

from gateway_kit import Gateway, free_port

EXAMPLE = pathlib.Path(__file__).resolve().parent.parent / "examples" / "flask-comments"

#: The name under which browsers and scanners know it; nothing resolves it, they are told where it is.
HOST = "comments.example"


class Comments:
    """The app under gunicorn, with fresh data in `folder`."""

    def __init__(self, folder):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = open(folder / "app.log", "wb")
        command = [sys.executable, "-m", "gunicorn", "app:app", "--bind", f"127.0.0.1:{self.port}"]
        data = dict(os.environ, COMMENTS_DATA=str(folder / "data"))
        self.process = subprocess.Popen(command, cwd=EXAMPLE, env=data, stdout=self.log, stderr=self.log)
        self._wait(30)

    def _wait(self, patience):
        until = time.monotonic() + patience
        while time.monotonic() < until and self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        self.stop()
        raise RuntimeError("the example app did not start: see " + self.log.name)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Guard(Gateway):
    """A gateway before the app, with the policy that ships with it; `off` names layers to do without."""

    def __init__(self, binary, folder, app, off=(), authority=None):
        arguments = [word for layer in off for word in ("--off", layer)]
        super().__init__(binary, folder, arguments=arguments)
        shipped = (EXAMPLE / "gambeson.toml").read_text(encoding="utf-8")
        placed = shipped.replace('"http://127.0.0.1:5000"', f'"{app.url}"')
        assert placed != shipped, "the shipped policy names another upstream than this kit knows"
        ports = "".join(f'{name} = "127.0.0.1:{getattr(self, name)}"\n' for name in ("https", "http", "admin"))
        self.policy_file.write_text(f"{placed}\n[listen]\n{ports}", encoding="utf-8")
        if authority:
            self.state.mkdir(mode=0o700)
            shutil.copytree(authority, self.state / "ca")
        self.url = f"https://{HOST}:{self.https}"
