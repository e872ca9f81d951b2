#!/usr/bin/env python3
"""What judging a request costs: CPU per request that the intrusion layer adds to the gateway, beside what ModSecurity adds to nginx.

The same rules, the same requests, alternating in one run; each proxy on one core with one worker. Counted is the CPU time of the
proxy's own threads (the scheduler's accounting) per request, and the difference to the same proxy without any judging.

Needs nginx with libnginx-mod-http-modsecurity, wrk, and a folder of the OWASP Core Rule Set: --crs, GAMBESON_CRS, or Debian's
modsecurity-crs. What is absent is left out with a line. Loopback only; bounded in time.
"""

import argparse
import datetime
import http.client
import json
import os
import pathlib
import platform
import re
import shutil
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


def long_form():
    """128 KiB of fields as a CMS sends them."""
    fields = [(f"block-{n}-value", f"{n}. {TEXT}") for n in range(1000)]
    return urllib.parse.urlencode(fields)[: 128 << 10].rpartition("&")[0]


def document():
    """About 8 KiB of JSON that ends where it should."""
    items = []
    while len(json.dumps(items)) < 8000:
        n = len(items)
        items.append({"id": n, "sku": f"JKT-{n:04}", "name": f"Jacket no. {n}", "note": TEXT[n : n + 60], "tags": ["warm", "blue"]})
    return json.dumps({"basket": items})


def kinds():
    urlencoded = "application/x-www-form-urlencoded"
    post = {"form 1 KB": (urlencoded, form()), "JSON 8 KB": ("application/json", document()), "form 128 KB": (urlencoded, long_form())}
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


def rule_set(folder, crs):
    """The rules as they are, beside the settings of a release: one folder for both engines."""
    place = folder / "crs"
    place.mkdir()
    (place / "rules").symlink_to(pathlib.Path(crs, "rules").resolve())
    setup = next((path for path in setups(crs) if path.exists()), None)
    (place / "crs-setup.conf").write_text(setup.read_text(encoding="utf-8") if setup else "", encoding="utf-8")
    return place


def setups(crs):
    return [pathlib.Path(crs, "crs-setup.conf.example"), pathlib.Path(crs, "crs-setup.conf"), pathlib.Path("/etc/modsecurity/crs/crs-setup.conf")]


def nginx_with(folder, app, name, label, before="", within=""):
    port = bench.free_port()
    config = before + bench.BASE.format(folder=folder, name=name) + f"""
 upstream u {{ server 127.0.0.1:{app}; keepalive 64; }} client_body_buffer_size 256k; {within}
 server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection "";
  proxy_set_header Host $host; }} }} }}"""
    process = bench.nginx(folder, name, config, bench.PROXY_CORE)
    return bench.Proxy(label, process, port, None, bench.nginx_worker(process))


BARE, RIVAL = "nginx", "nginx + ModSecurity"
OFF, OWN, CRS = "gambeson, layer off", "gambeson, own detectors", "gambeson, CRS"
MODULE = pathlib.Path("/usr/lib/nginx/modules/ngx_http_modsecurity_module.so")


def modsecurity(folder, app, rules):
    """nginx as the bare one, with ModSecurity and these rules."""
    settings = folder / "modsecurity-rules.conf"
    settings.write_text(
        "SecRuleEngine On\nSecRequestBodyAccess On\nSecResponseBodyAccess On\nSecResponseBodyMimeType text/plain text/html\n"
        'SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,'
        f'ctl:requestBodyProcessor=JSON"\nInclude {rules}/crs-setup.conf\nInclude {rules}/rules/*.conf\n'
    )
    return nginx_with(folder, app, "modsecurity", RIVAL, f"load_module {MODULE};\n", f"modsecurity on; modsecurity_rules_file {settings};")


def proxies(options, folder, app, crs):
    """Those that can be had on this machine, and a line for each that cannot."""
    rules = rule_set(folder, crs) if crs else None
    yield nginx_with(folder, app, "bare", BARE)
    if rules and MODULE.exists():
        yield modsecurity(folder, app, rules)
    elif rules:
        print("left out: nginx + ModSecurity (Debian: libnginx-mod-http-modsecurity)", file=sys.stderr)
    limits = '[rate_limit]\nmode = "off"\n'
    yield bench.start_gambeson(options.gambeson, folder, OFF, app, limits + '[intrusion]\nmode = "off"\n')
    yield bench.start_gambeson(options.gambeson, folder, OWN, app, limits)
    if rules:
        yield bench.start_gambeson(options.gambeson, folder, CRS, app, f'{limits}[intrusion.crs]\npath = "{rules}"\n')
    else:
        print("left out: the Core Rule Set (Debian: modsecurity-crs; or --crs DIR)", file=sys.stderr)


def status(proxy, method, path, kind=None, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", proxy.http, timeout=30)
    headers = dict(HEADERS, Host="localhost", **({"Content-Type": kind} if kind else {}))
    connection.request(method, path, body, headers)
    found = connection.getresponse().status
    connection.close()
    return found


def check(running):
    """A proxy that lets an attack pass does not judge, and one that refuses what is measured does something else."""
    for proxy in running:
        judges = proxy.name not in (BARE, OFF)
        attack = status(proxy, "GET", "/search?q=%3Cscript%3Ealert(document.cookie)%3C/script%3E")
        ordinary = [status(proxy, method, path, kind, body) for _, method, path, kind, body in kinds()]
        if (attack == 403) != judges or set(ordinary) != {200}:
            sys.exit(f"{proxy.name} answers {attack} to an attack and {ordinary} to ordinary requests: nothing is measured")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gambeson", required=True)
    debian = "/usr/share/modsecurity-crs"
    default = os.environ.get("GAMBESON_CRS") or (debian if os.path.isdir(debian) else None)
    parser.add_argument("--crs", default=default, help="a folder of the Core Rule Set; GAMBESON_CRS, else Debian's")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--write", type=pathlib.Path)
    options = parser.parse_args()
    missing = [tool for tool in ("nginx", "wrk", "taskset") if not shutil.which(tool)]
    if missing:
        sys.exit(f"the benchmark of judging needs {', '.join(missing)} (Debian: nginx-light, wrk, util-linux)")
    with tempfile.TemporaryDirectory() as folder:
        table = measure(options, pathlib.Path(folder), options.crs)
    print(table)
    if options.write:
        bench.put(options.write, "judging", page(options, table))


def measure(options, folder, crs):
    app, port = bench.start_app(folder)
    running = []
    try:
        for proxy in proxies(options, folder, port, crs):
            running.append(proxy)
        check(running)
        lines = ["| added CPU per request | " + " | ".join(proxy.name for proxy in running) + " |", "|---" * (len(running) + 1) + "|"]
        for name, method, path, kind, body in kinds():
            lines.append(row(options, name, running, path, script(folder, name, method, kind, body)))
            print(lines[-1], file=sys.stderr, flush=True)
        lines.append("| resident memory, MiB | " + " | ".join(f"{proxy.rss_kib() / 1024:.1f}" for proxy in running) + " |")
    finally:
        for proxy in running:
            proxy.stop()
        app.terminate()
    return "\n".join(lines)


#: What is subtracted from what. The rules run beside our own detectors.
BESIDE = {RIVAL: BARE, OWN: OFF, CRS: OWN}


def row(options, name, running, path, lines):
    costs = {proxy.name: [] for proxy in running}
    for proxy in running:
        # Caches of patterns are filled by the first requests of a kind, once in the life of a process.
        load(f"http://localhost:{proxy.http}{path}", lines, 1)
    for _ in range(options.rounds):
        for proxy in running:
            before = proxy.cpu_seconds()
            done, bad = load(f"http://localhost:{proxy.http}{path}", lines, options.seconds)
            costs[proxy.name].append((proxy.cpu_seconds() - before) / max(done, 1) * 1e6)
            if bad:
                print(f"{name}, {proxy.name}: {bad} of {done} refused", file=sys.stderr)
    cost = {key: statistics.median(values) for key, values in costs.items()}
    added = {key: cost[key] - cost[BESIDE[key]] for key in cost if key in BESIDE}
    cells = [f"{added[key]:,.0f} µs" if key in added else f"({cost[key]:,.0f} µs in all)" for key in cost]
    return f"| {name} | " + " | ".join(cells) + " |"


def version_of(crs):
    """As the rules themselves state it."""
    for path in sorted(pathlib.Path(crs, "rules").glob("REQUEST-9*.conf")):
        found = re.search(r"ver:'OWASP_CRS/([^']+)'", path.read_text(encoding="utf-8", errors="replace"))
        if found:
            return found[1]
    return "of unknown version"


def library():
    """The version of libmodsecurity, where the package manager knows it."""
    query = ["dpkg-query", "-W", "-f", "${Version}", "libmodsecurity3"]
    done = subprocess.run(query, capture_output=True, text=True, check=False) if shutil.which("dpkg-query") else None
    return f"libmodsecurity {done.stdout}" if done and done.returncode == 0 else "no libmodsecurity"


def page(options, table):
    rules = f"the Core Rule Set {version_of(options.crs)}" if options.crs else "no Core Rule Set"
    return f"""## Judging requests

Written by `make bench` on {datetime.date.today().isoformat()} (this part alone:
`python3 benches/waf.py --gambeson target/release/gambeson --crs DIR --write docs/benchmarks.md`).

{bench.nginx_version()} with {library()}, and Gambeson, both with {rules} as released (paranoia level 1, blocking); {platform.machine()}, one core
each; {options.rounds} alternating rounds of {options.seconds} s, after one that is not counted. Figures are CPU time of the proxy's own threads
per request, medians: what judging adds to the same proxy without it. `{CRS}` is what the rules add to our own detectors, which stay on beside
them. Every measured request passes; that each judge refuses an attack is checked first.

{table}
"""


if __name__ == "__main__":
    main()
