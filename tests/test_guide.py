"""The guide does not rot: its commands run, its policies hold, its keys, commands and links exist.

A block is run when its fence says so: ```` ```sh run ````. The blocks of a page run in order, in one folder. After
`run` may stand

- `exit=N`: the exit code that is expected, else 0;
- `background`: the command keeps running until the page ends; the next block waits until the gateway is ready;
- `needs=NAME`: a Python module or a program without which the rest of the page is skipped.

A ```` ```text out ```` block names lines that the block before it printed, in this order; `…` stands for anything.
What a reader has already (an app's files, free ports) is written in a comment: `<!-- run … -->`.
"""

import importlib.util
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from gateway_kit import free_port

ROOT = pathlib.Path(__file__).resolve().parent.parent
GUIDE = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [page for page in (ROOT / "README.md", *GUIDE) if page.exists()]
PARTS = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$|^<!-- run\n(?P<hidden>.*?)^-->$", re.M | re.S)
#: Ports that the guide names, each replaced by a free one.
PORTS = ("8443", "8080", "9443", "5000", "8000")
PATIENCE_SECS = 60
#: Pages that a command writes and that need not be there yet.
MADE = {ROOT / "docs" / "benchmarks.md"}


def parts(page):
    """The fenced blocks of a page and its hidden commands: (words of the fence, text)."""
    for found in PARTS.finditer(page.read_text(encoding="utf-8")):
        hidden = found["hidden"]
        yield (["sh", "run"], hidden) if hidden is not None else (found["info"].split(), found["text"])


def is_run(words):
    return words[:2] == ["sh", "run"]


def is_here(name):
    return importlib.util.find_spec(name) is not None or shutil.which(name) is not None


def prose(page):
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def named(page):
    return str(page.relative_to(ROOT))


class Reader:
    """Somebody who follows a page in a folder of their own."""

    def __init__(self, gambeson, folder):
        self.folder, self.running = folder, []
        self.ports = {port: str(free_port()) for port in PORTS}
        (folder / "bin").mkdir()
        (folder / "bin" / "gambeson").symlink_to(pathlib.Path(gambeson).resolve())
        path = f"{folder / 'bin'}:{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
        self.env = {**os.environ, "PATH": path, "HOME": str(folder), "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        (folder / "app").mkdir()

    def script(self, text):
        """What the page says, with free ports and without stopping at the first prompt."""
        for port, free in self.ports.items():
            text = re.sub(rf"\b{port}\b", free, text)
        return text

    def follow(self, words, text):
        """Runs one block; what it printed."""
        options = dict(word.split("=") for word in words if "=" in word)
        command = ["bash", "-euo", "pipefail", "-c", self.script(text)]
        place = {"cwd": self.folder / "app", "env": self.env, "stdin": subprocess.DEVNULL}
        if "background" in words:
            log = open(self.folder / f"background-{len(self.running)}.txt", "w+", encoding="utf-8")
            self.running.append((subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, **place), log))
            return self.ready()
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECS, **place)
        said = done.stdout + done.stderr
        assert done.returncode == int(options.get("exit", 0)), f"{text}\nended with {done.returncode}:\n{said}"
        return said

    def ready(self):
        """Waits until the gateway says that it and the app are ready; what it said."""
        process, log = self.running[-1]
        until = time.monotonic() + PATIENCE_SECS
        while time.monotonic() < until and process.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.ports['9443']}/readyz", timeout=2)
                break
            except (OSError, urllib.error.URLError):
                time.sleep(0.1)
        log.seek(0)
        said = log.read()
        assert process.poll() is None and time.monotonic() < until, said
        return said

    def leave(self):
        for process, log in reversed(self.running):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            log.close()


def lines_missing(wanted, said):
    """Those of the wanted lines that were not said in this order."""
    rest = iter(said.splitlines())
    missing = []
    for line in filter(None, wanted.splitlines()):
        pattern = re.compile(".*".join(re.escape(part) for part in line.strip().split("…")))
        if not any(pattern.search(found) for found in rest):
            missing.append(line)
    return missing


RUNNABLE = [page for page in PAGES if any(is_run(words) for words, _ in parts(page))]


@pytest.mark.parametrize("page", RUNNABLE, ids=named)
def test_the_commands_of_a_page_do_what_it_says(page, gambeson, tmp_path):
    reader, said = Reader(gambeson, tmp_path), ""
    try:
        for words, text in parts(page):
            missing = [word[6:] for word in words if word.startswith("needs=") and not is_here(word[6:])]
            if missing:
                pytest.skip(f"{missing[0]} is not installed")
            if is_run(words):
                said = reader.follow(words, text)
            elif words == ["text", "out"]:
                assert not lines_missing(reader.script(text), said), said
    finally:
        reader.leave()


def toml_blocks():
    for page in PAGES:
        for number, (words, text) in enumerate(parts(page)):
            if words == ["toml"] and page.name != "policy.md":
                yield pytest.param(text, id=f"{named(page)}-{number}")


@pytest.mark.parametrize("text", list(toml_blocks()))
def test_a_policy_in_the_guide_holds(text, gambeson, tmp_path):
    (tmp_path / "gambeson.toml").write_text(text, encoding="utf-8")
    # The rule set that the guide has had installed, without rules.
    rules = tmp_path / ".gambeson" / "rules" / "crs"
    (rules / "rules").mkdir(parents=True)
    for name in ("crs-setup.conf", "rules/none.conf"):
        (rules / name).touch()
    checked = subprocess.run([gambeson, "check", "--policy", tmp_path / "gambeson.toml"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def explained(gambeson, name):
    """Whether the name is a key or a rule, which the command explains, or an attack."""
    probes = (ROOT / "crates" / "attack" / "src" / "probes").rglob("*.rs")
    is_attack = any(f'"{name}"' in source.read_text(encoding="utf-8") for source in probes)
    return is_attack or subprocess.run([gambeson, "explain", name], capture_output=True).returncode == 0


def test_every_key_that_the_guide_names_exists(gambeson):
    sections = {line.strip("[]` #") for line in (ROOT / "docs" / "policy.md").read_text().splitlines() if line.startswith("## `[")}
    tops = "|".join(sorted({section.split(".")[0] for section in sections}))
    key = re.compile(rf"`((?:{tops})\.[a-z_]+(?:\.[a-z_]+)?)`|`((?:{tops})/[a-z0-9-]+)`")
    wanted = {(found[1] or found[2], named(page)) for page in PAGES for found in key.finditer(prose(page))}
    assert len(wanted) > 20
    files = (".toml", ".md", ".py", ".rs", ".key")
    wrong = sorted(pair for pair in wanted if not pair[0].endswith(files) and not explained(gambeson, pair[0]))
    assert not wrong


def test_every_command_and_option_that_the_guide_names_exists(gambeson):
    helps, wrong = {}, []
    for page in PAGES:
        for found in re.finditer(r"(?:^|[`$(]|&& |\| |exec )gambeson ([a-z][a-z-]*)([^`\n|]*)", page.read_text(encoding="utf-8"), re.M):
            command = found[1]
            if command not in helps:
                helps[command] = subprocess.run([gambeson, command, "--help"], capture_output=True, text=True)
            if helps[command].returncode:
                wrong.append((named(page), command))
                continue
            words = found[2].split(" -- ")[0].split(" #")[0].split()
            sub = next(iter(words), "")
            if re.search(rf"^  {re.escape(sub)} ", helps[command].stdout, re.M) and re.fullmatch("[a-z]+", sub):
                text = subprocess.run([gambeson, command, sub, "--help"], capture_output=True, text=True).stdout
            else:
                text = helps[command].stdout
            options = [word.split("=")[0].rstrip(".,;:)") for word in words if re.match("--[a-z]", word)]
            wrong.extend((named(page), command, option) for option in options if not re.search(rf"{option}\b", text))
    assert not wrong


def markdown_files():
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    return [ROOT / name for name in listed if (ROOT / name).exists()] or PAGES


def anchors(page):
    """The anchors of a page's headings, as code hosts make them."""
    heads = re.findall(r"^#+ +(.*)$", prose(page), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_every_link_within_the_repository_leads_somewhere():
    wrong = []
    for page in markdown_files():
        for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            place = (page.parent / path).resolve() if path else page
            if not (place.exists() or place in MADE) or (anchor and place.suffix == ".md" and anchor not in anchors(place)):
                wrong.append((named(page), target))
    assert not wrong


def test_the_index_names_every_page():
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [named(page) for page in GUIDE if page.name != "README.md" and page not in MADE and f"({page.relative_to(ROOT / 'docs')}" not in index] == []


def test_the_systemd_unit_names_commands_that_exist(gambeson):
    unit = (ROOT / "docs" / "systemd" / "gambeson.service").read_text(encoding="utf-8")
    commands = re.findall(r"^Exec\w+=(.*)$", unit, re.M)
    assert commands
    for command in map(shlex.split, commands):
        if pathlib.Path(command[0]).name == "gambeson":
            help_text = subprocess.run([gambeson, command[1], "--help"], capture_output=True, text=True)
            assert help_text.returncode == 0, command
            assert all(word in help_text.stdout for word in command[2:] if word.startswith("--")), command
