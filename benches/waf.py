#!/usr/bin/env python3
"""What judging a request costs: CPU per request that the intrusion layer adds to the gateway, beside what ModSecurity adds to nginx.

The same rules, the same requests, alternating in one run; each proxy on one core with one worker. Counted is the CPU time of the
proxy's own threads (the scheduler's accounting) per request, and the difference to the same proxy without any judging.

Needs nginx with libnginx-mod-http-modsecurity, wrk, and a folder of the OWASP Core Rule Set: --crs, GAMBESON_CRS, or Debian's
modsecurity-crs. What is absent is left out with a line. Loopback only; bounded in time.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import urllib.parse

import run as bench

HEADERS = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.9,de;q=0.8",
    "Accept-Encoding": "gzip, deflate",
    "Referer": "http://localhost/catalogue/jackets?page=1&sort=name",
    "Cookie": "consent=yes; theme=dark; visit=4f2c9a1e77b04d6c8a53; basket=3; sid=Yx7Qm2Vt9Lr4Bn8Wc1Zp5Kd6",
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-Mode": "navigate",
}
TEXT = (
    "The jacket came after two days, well packed. O'Brien & Sons did not skimp: the zip runs smoothly, the seams are straight; "
    "I would select the larger size, since the union of warm lining and thick jumper needs room. My daughter (aged 9) wants one, too! "
)


def form():
    fields = {"name": "Máire O'Brien", "city": "Dún Laoghaire", "stars": "5", "title": "Warm, and it looks good", "review": TEXT * 4}
    return urllib.parse.urlencode(fields)[:1024]


def document():
    """About 8 KiB of JSON that ends where it should."""
    items = []
    while len(json.dumps(items)) < 8000:
        n = len(items)
        items.append({"id": n, "sku": f"JKT-{n:04}", "name": f"Jacket no. {n}", "note": TEXT[n : n + 60], "tags": ["warm", "blue"]})
    return json.dumps({"basket": items})


def kinds():
    post = {"form 1 KB": ("application/x-www-form-urlencoded", form()), "JSON 8 KB": ("application/json", document())}
    yield "GET", "GET", "/search?q=winter+jacket&page=2&sort=price_asc", None, None
    for name, (kind, body) in post.items():
        yield name, "POST", "/reviews", kind, body


def script(folder, name, method, kind, body):
    """A script for wrk: method, headers and body as they are."""
    headers = dict(HEADERS, **({"Content-Type": kind} if kind else {}))
    lines = [f"wrk.method = {json.dumps(method)}"]
    lines += [f"wrk.headers[{json.dumps(key)}] = {lua(value)}" for key, value in headers.items()]
    if body:
        lines.append(f"wrk.body = {lua(body)}")
    path = folder / f"{name.replace(' ', '-')}.lua"
    path.write_text("\n".join(lines))
    return path


def lua(text):
    return '"' + "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\{b:03}" for b in text.encode()) + '"'


def load(url, path, seconds):
    out = bench.load(["wrk", "-t1", "-c8", f"-d{seconds}s", "-s", str(path), url])
    words = out.split()
    done = int(words[words.index("requests") - 1])
    bad = int(out.split("Non-2xx or 3xx responses:")[1].split()[0]) if "Non-2xx" in out else 0
    return done, bad


def modsecurity(folder, app, crs):
    """nginx as in the other benchmark, with ModSecurity and these rules."""
    module = "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so"
    if not crs or not pathlib.Path(module).exists():
        return None
    setup = next((path for path in setups(crs) if path.exists()), None)
    rules = folder / "modsecurity.conf"
    rules.write_text(
        "SecRuleEngine On\nSecRequestBodyAccess On\nSecResponseBodyAccess On\nSecResponseBodyMimeType text/plain text/html\n"
        'SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,'
        'ctl:requestBodyProcessor=JSON"\n' + (f"Include {setup}\n" if setup else "") + f"Include {crs}/rules/*.conf\n"
    )
    port = bench.free_port()
    config = f"load_module {module};\n" + bench.BASE.format(folder=folder, name="modsecurity") + f"""
 upstream u {{ server 127.0.0.1:{app}; keepalive 64; }} modsecurity on; modsecurity_rules_file {rules};
 server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection "";
  proxy_set_header Host $host; }} }} }}"""
    process = bench.nginx(folder, "modsecurity", config, bench.PROXY_CORE)
    return bench.Proxy("nginx + ModSecurity", process, port, None, bench.nginx_worker(process))


def setups(crs):
    crs = pathlib.Path(crs)
    return [crs / "crs-setup.conf", crs / "crs-setup.conf.example", pathlib.Path("/etc/modsecurity/crs/crs-setup.conf")]


def bare_nginx(folder, app):
    port = bench.free_port()
    config = bench.BASE.format(folder=folder, name="bare") + f"""
 upstream u {{ server 127.0.0.1:{app}; keepalive 64; }}
 server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection "";
  proxy_set_header Host $host; }} }} }}"""
    process = bench.nginx(folder, "bare", config, bench.PROXY_CORE)
    return bench.Proxy("nginx", process, port, None, bench.nginx_worker(process))


def gambesons(binary, folder, app, crs):
    limits = '[rate_limit]\nmode = "off"\n'
    yield bench.start_gambeson(binary, folder, "gambeson, layer off", app, limits + '[intrusion]\nmode = "off"\n')
    yield bench.start_gambeson(binary, folder, "gambeson, own detectors", app, limits)
    if crs:
        yield bench.start_gambeson(binary, folder, "gambeson, CRS", app, f'{limits}[intrusion.crs]\npath = "{crs}"\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gambeson", required=True)
    debian = "/usr/share/modsecurity-crs"
    default = os.environ.get("GAMBESON_CRS") or (debian if os.path.isdir(debian) else None)
    parser.add_argument("--crs", default=default)
    parser.add_argument("--without-crs", action="store_true", help="the detectors alone")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--write", type=pathlib.Path)
    options = parser.parse_args()
    crs = None if options.without_crs else options.crs
    if not crs:
        print("no Core Rule Set: only the detectors are measured (--crs DIR)", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        print(measure(options, pathlib.Path(folder), crs))


def measure(options, folder, crs):
    app, port = bench.start_app(folder)
    running = [bare_nginx(folder, port)]
    try:
        rival = modsecurity(folder, port, crs)
        running += [rival] if rival else []
        running += gambesons(options.gambeson, folder, port, crs)
        lines = ["| added CPU per request | " + " | ".join(proxy.name for proxy in running) + " |", "|---" * (len(running) + 1) + "|"]
        for name, method, path, kind, body in kinds():
            lines.append(row(options, name, running, path, script(folder, name, method, kind, body)))
            print(lines[-1], file=sys.stderr, flush=True)
        lines.append("| resident memory, MiB | " + " | ".join(f"{proxy.rss_kib() / 1024:.1f}" for proxy in running) + " |")
    finally:
        for proxy in running:
            proxy.stop()
        app.terminate()
    table = "\n".join(lines)
    if options.write:
        options.write.write_text(table + "\n", encoding="utf-8")
    return table


def row(options, name, running, path, lines):
    costs = {proxy.name: [] for proxy in running}
    for _ in range(options.rounds):
        for proxy in running:
            before = proxy.cpu_seconds()
            done, bad = load(f"http://localhost:{proxy.http}{path}", lines, options.seconds)
            costs[proxy.name].append((proxy.cpu_seconds() - before) / max(done, 1) * 1e6)
            if bad:
                print(f"{name}, {proxy.name}: {bad} of {done} refused", file=sys.stderr)
    cost = {key: statistics.median(values) for key, values in costs.items()}
    cells, bare = [], 0.0
    for proxy in running:
        if proxy.name in ("nginx", "gambeson, layer off"):
            bare = cost[proxy.name]
            cells.append(f"({bare:.0f} µs in all)")
        else:
            cells.append(f"{cost[proxy.name] - bare:.0f} µs")
    return f"| {name} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
