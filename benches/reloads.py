#!/usr/bin/env python3
"""Whether memory grows with reloads: what the gateway holds with a Core Rule Set loaded, before and after each tenth reload.

Between them it judges requests, attacks among them. The allocator gives freed pages back a second later, when memory is asked for again;
so each figure is taken after a rest and a few more requests. Needs a folder of the rules: --crs, GAMBESON_CRS, or Debian's modsecurity-crs.
"""

import argparse
import datetime
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import run as bench
import waf

#: Longer than the allocator keeps freed pages.
REST_SECONDS = 1.5
#: More of a difference than this is growth: an automaton more or less is not.
SLACK_MIB = 8


def requests(proxy):
    """Ordinary requests of all kinds, and an attack."""
    for _ in range(5):
        for _, method, path, kind, body in waf.kinds():
            waf.status(proxy, method, path, kind, body)
        waf.status(proxy, "GET", "/search?q=1%27%20union%20select%20password%20from%20users--%20")


def held_mib(proxy):
    requests(proxy)
    time.sleep(REST_SECONDS)
    requests(proxy)
    return proxy.rss_kib() / 1024


def measure(options, folder):
    """What is held after each tenth reload, the first figure before any."""
    app, port = bench.start_app(folder)
    rules = waf.rule_set(folder, options.crs)
    policy = f'[rate_limit]\nmode = "off"\n[response]\nmode = "off"\n[intrusion.crs]\npath = "{rules}"\n'
    proxy = bench.start_gambeson(options.gambeson, folder, "reloads", port, policy)
    reload = [options.gambeson, "reload", "--policy", str(folder / "reloads" / "gambeson.toml")]
    try:
        held = [held_mib(proxy)]
        for number in range(1, options.reloads + 1):
            subprocess.run(reload, check=True, capture_output=True)
            if number % 10 == 0:
                held.append(held_mib(proxy))
    finally:
        proxy.stop()
        app.terminate()
    return held


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gambeson", required=True)
    debian = "/usr/share/modsecurity-crs"
    parser.add_argument("--crs", default=os.environ.get("GAMBESON_CRS") or (debian if os.path.isdir(debian) else None))
    parser.add_argument("--reloads", type=int, default=100)
    parser.add_argument("--write", type=pathlib.Path)
    options = parser.parse_args()
    if options.crs is None:
        print("left out: no Core Rule Set (Debian: modsecurity-crs; or --crs DIR)", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as folder:
        held = measure(options, pathlib.Path(folder))
    table = page(options, held)
    print(table)
    if options.write:
        bench.put(options.write, "reloads", table)
    # The first reload adds what is kept of the rules before: requests that have begun end by them.
    if max(held[2:], default=0) > held[1] + SLACK_MIB:
        sys.exit("memory grows with reloads")


def page(options, held):
    heads = " | ".join(str(10 * number) for number in range(len(held)))
    figures = " | ".join(f"{mib:.1f}" for mib in held)
    return f"""## Memory over reloads

Written by `make bench` on {datetime.date.today().isoformat()}: resident memory in MiB of a gateway with the Core Rule Set
{waf.version_of(options.crs)}, which judges requests and attacks between its reloads.

| reloads | {heads} |
{"|---" * (len(held) + 1)}|
| MiB | {figures} |
"""


if __name__ == "__main__":
    main()
