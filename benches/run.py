#!/usr/bin/env python3
"""Measures the gateway beside nginx, alternating, in one run, and writes the table of docs/benchmarks.md.

Each proxy runs on one core with one worker; the load and the app behind (an nginx that answers from memory) run on
another. Wall rates on a shared machine are noise, so what counts is requests per CPU second of the proxy itself, read from
the scheduler's accounting of all its threads; the table shows the median of the rounds and its ratio to nginx.

Needs nginx, wrk and h2load (Debian: nginx-light, wrk, nghttp2-client). Loopback only; bounded in time.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

HEADERS = {
    "strict-transport-security": "max-age=63072000",
    "content-security-policy": "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "strict-origin-when-cross-origin",
    "permissions-policy": "geolocation=(), camera=(), microphone=()",
    "cross-origin-opener-policy": "same-origin",
}
LAYERS = ["transport", "protocol", "response", "rate_limit", "cors", "csrf", "intrusion", "disclosure", "cookies", "headers", "audit_log"]
PROXY_CORE, LOAD_CORE = "0", "1"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pinned(core, command, **options):
    return subprocess.Popen(["taskset", "-c", core, *command], **options)


class Proxy:
    """A running proxy: its name, process, and ports."""

    def __init__(self, name, process, http, https, pid=None):
        self.name, self.process, self.http, self.https = name, process, http, https
        self.pid = pid or process.pid

    def cpu_seconds(self):
        tasks = f"/proc/{self.pid}/task"
        return sum(int(pathlib.Path(tasks, task, "schedstat").read_text().split()[0]) for task in os.listdir(tasks)) / 1e9

    def rss_kib(self):
        return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{self.pid}/status").read_text())[1])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


def nginx(folder, name, config, core):
    path = folder / f"{name}.conf"
    path.write_text(config)
    (folder / "logs").mkdir(exist_ok=True)
    process = pinned(core, ["nginx", "-p", str(folder), "-c", str(path), "-e", str(folder / f"{name}.log")])
    time.sleep(0.5)
    return process


def nginx_worker(process):
    """Its worker's number, once there is one: rules take a while to load."""
    for _ in range(100):
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        if children or process.poll() is not None:
            break
        time.sleep(0.2)
    return int(children[0]) if children else sys.exit("nginx did not start")


BASE = """worker_processes 1; daemon off; pid {folder}/{name}.pid; error_log {folder}/{name}.log;
events {{ worker_connections 20000; }}
http {{ access_log off; keepalive_requests 100000000; keepalive_timeout 600s; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
"""


def start_app(folder):
    port = free_port()
    config = BASE.format(folder=folder, name="app") + (
        f'server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ default_type text/plain; return 200 "hello"; }} }} }}'
    )
    return nginx(folder, "app", config, LOAD_CORE), port


def start_nginx(folder, app, certificate):
    http, https = free_port(), free_port()
    headers = "\n".join(f'add_header {name} "{value}";' for name, value in HEADERS.items())
    config = BASE.format(folder=folder, name="proxy") + f"""
 upstream u {{ server 127.0.0.1:{app}; keepalive 256; keepalive_requests 100000000; }}
 ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {certificate}; ssl_certificate_key {certificate}; ssl_session_cache shared:S:10m;
 server {{ listen 127.0.0.1:{http} backlog=4096; listen 127.0.0.1:{https} ssl http2 backlog=4096; http2_max_concurrent_streams 128;
  location / {{ proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
  proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme; {headers} }} }} }}"""
    process = nginx(folder, "proxy", config, PROXY_CORE)
    return Proxy("nginx", process, http, https, nginx_worker(process))


def start_gambeson(binary, folder, name, app, policy):
    folder = folder / name
    folder.mkdir()
    http, https = free_port(), free_port()
    (folder / "gambeson.toml").write_text(
        f'[app]\nupstream = "http://127.0.0.1:{app}"\n[listen]\nplain = true\nworkers = 1\nadmin = ""\n'
        f'http = "127.0.0.1:{http}"\nhttps = "127.0.0.1:{https}"\nconnections = 100000\nconnections_per_address = 100000\n{policy}'
    )
    process = pinned(
        PROXY_CORE,
        [binary, "serve", "--announce", "--policy", str(folder / "gambeson.toml")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    if not process.stdout.readline():
        sys.exit(f"{name} did not start")
    return Proxy(name, process, http, https)


def load(command):
    return subprocess.run(["taskset", "-c", LOAD_CORE, *command], capture_output=True, text=True, check=False).stdout


def wrk(url, seconds):
    out = load(["wrk", "-t1", "-c64", f"-d{seconds}s", url])
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
    failed = int(bad[1]) if bad else 0
    failed += sum(map(int, broken.groups())) if broken else 0
    return int(re.search(r"(\d+) requests in", out)[1]), failed


def h2load(url, seconds):
    out = load(["h2load", "-t1", "-c8", "-m8", "-D", str(seconds), url])
    done, failed = re.search(r"(\d+) succeeded, (\d+) failed", out).groups()
    return int(done), int(failed)


def handshakes(tool, group, *more):
    def measure(proxy, seconds):
        out = load([tool, f"127.0.0.1:{proxy.https}", str(seconds), "16", group, *more])
        counted = json.loads(out)
        return counted["done"], counted["errors"]

    return measure


def idle_kib(proxy, count):
    """Resident memory that each of `count` idle TLS connections takes, each after one request."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    before, held = proxy.rss_kib(), []
    for _ in range(count):
        raw = socket.create_connection(("127.0.0.1", proxy.https))
        held.append(context.wrap_socket(raw, server_hostname="localhost"))
        held[-1].sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        held[-1].recv(4096)
    time.sleep(1)
    used = (proxy.rss_kib() - before) / count
    for connection in held:
        connection.close()
    time.sleep(1)
    return used


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gambeson", required=True)
    parser.add_argument("--handshakes", help="the handshake tool; built from examples when absent")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--idle", type=int, default=1000)
    parser.add_argument("--only", default="", help="some of the rows, separated by semicolons")
    parser.add_argument("--write", type=pathlib.Path)
    options = parser.parse_args()
    missing = [tool for tool in ("nginx", "wrk", "h2load", "taskset") if not shutil.which(tool)]
    if missing:
        sys.exit(f"make bench needs {', '.join(missing)} (Debian: nginx-light, wrk, nghttp2-client, util-linux)")
    with tempfile.TemporaryDirectory() as folder:
        run(options, pathlib.Path(folder))


def run(options, folder):
    tool = options.handshakes or build_handshakes()
    app, port = start_app(folder)
    running = []
    try:
        off = "".join(f'[{layer}]\nmode = "off"\n' for layer in LAYERS)
        # The layer works at full cost; only its verdict never comes.
        limits = '[rate_limit]\nlimits = ["100000000/minute per address", "100000000/minute per network"]\n'
        limits += 'dynamic = ["100000000/10s per address"]\n'
        running.append(start_gambeson(options.gambeson, folder, "gambeson-bare", port, off))
        running.append(start_gambeson(options.gambeson, folder, "gambeson-default", port, limits))
        certificate = folder / "gambeson-bare" / ".gambeson" / "ca" / "server.pem"
        running.insert(0, start_nginx(folder, port, certificate))
        table = measure(options, running, tool)
    finally:
        for proxy in running:
            proxy.stop()
        app.terminate()
    print(table)
    if options.write:
        put(options.write, "proxy", page(options, table))


def build_handshakes():
    subprocess.run(["cargo", "build", "--locked", "--release", "-q", "-p", "gambeson-gateway", "--example", "handshakes"], check=True)
    target = os.environ.get("CARGO_TARGET_DIR", "target")
    return str(pathlib.Path(target, "release", "examples", "handshakes"))


def measure(options, proxies, tool):
    rows = {
        "h1, 64 connections": lambda p, s: wrk(f"http://localhost:{p.http}/", s),
        "TLS h1, 64 connections": lambda p, s: wrk(f"https://localhost:{p.https}/", s),
        "TLS h2, 8 × 8 streams": lambda p, s: h2load(f"https://localhost:{p.https}/", s),
        "full handshakes, X25519": handshakes(tool, "x25519"),
        "full handshakes, X25519MLKEM768": handshakes(tool, "mlkem"),
        "resumed handshakes": handshakes(tool, "x25519", "resume"),
    }
    wanted = [word for word in options.only.split(";") if word]
    lines = ["| per CPU second | " + " | ".join(proxy.name for proxy in proxies) + " |", "|---" * (len(proxies) + 1) + "|"]
    for name, one in rows.items():
        if wanted and not any(word in name for word in wanted):
            continue
        rates = {proxy.name: [] for proxy in proxies}
        for _ in range(options.rounds):
            for proxy in proxies:
                if "MLKEM" in name and proxy.name == "nginx":
                    continue
                before = proxy.cpu_seconds()
                done, failed = one(proxy, options.seconds)
                used = proxy.cpu_seconds() - before
                if failed:
                    print(f"{name}, {proxy.name}: {failed} failed", file=sys.stderr)
                rates[proxy.name].append(done / used)
        lines.append(row(name, rates))
        print(lines[-1], file=sys.stderr, flush=True)
    if options.idle and (not wanted or "idle" in wanted):
        used = {proxy.name: idle_kib(proxy, options.idle) for proxy in proxies}
        lines.append("| kB per idle TLS connection | " + " | ".join(f"{kib * 1.024:.1f}" for kib in used.values()) + " |")
    return "\n".join(lines)


BASELINE = {}


def row(name, rates):
    medians = {proxy: statistics.median(values) if values else None for proxy, values in rates.items()}
    # Post-quantum handshakes are compared with nginx's classical ones: its OpenSSL has no others.
    base = medians["nginx"] or BASELINE.get("full handshakes, X25519") or float("nan")
    BASELINE[name] = base
    cells = ["–" if m is None else f"{m:,.0f} ({m / base:.2f})" for m in medians.values()]
    return f"| {name} | " + " | ".join(cells) + " |"


def put(path, name, text):
    """Writes one part of a page; the other benchmark's part stays as it is."""
    before, after = f"<!-- {name}: made by make bench -->", f"<!-- end of {name} -->"
    page = path.read_text(encoding="utf-8") if path.exists() else "# Benchmarks\n"
    part = f"{before}\n{text.strip()}\n{after}"
    start, end = page.find(before), page.find(after)
    page = page[:start] + part + page[end + len(after) :] if 0 <= start < end else f"{page.rstrip()}\n\n{part}\n"
    path.write_text(page, encoding="utf-8")


def nginx_version():
    return subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=False).stderr.strip().split(": ")[-1]


def page(options, table):
    return f"""## As a proxy

Written by `make bench` on {datetime.date.today().isoformat()}: {options.rounds} alternating rounds of {options.seconds} s, {nginx_version()}
with its OpenSSL, {platform.machine()}, one core each. Figures are requests (or handshakes) per CPU second of the proxy, medians; in
brackets the ratio to nginx of the same row. nginx sends the same six security headers. `gambeson-bare` has every layer
off; `gambeson-default` is the default policy, with a limit too high to be reached. Post-quantum handshakes are compared with
nginx's classical ones.

{table}

The app behind answers five bytes from memory, so that the proxy's own cost is all there is. See `benches/run.py`.
"""


if __name__ == "__main__":
    main()
