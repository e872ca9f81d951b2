"""CPU time a request that `gambeson.wsgi` adds to a null app: `python benches/wsgi.py`, with the package built for release.

Short alternating rounds and the smallest of each, so that a busy machine disturbs little.
"""

import logging
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from wsgi_kit import environ, guarded  # noqa: E402

ROUNDS, REQUESTS = 300, 60
BROWSER = [
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("Accept-Language", "en,de;q=0.5"),
    ("Accept-Encoding", "gzip, deflate, br"),
    ("Cookie", "session=eyJ1c2VyIjoxfQ.aaaaaaaaaaaa; theme=dark"),
    ("Sec-Fetch-Site", "same-origin"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Dest", "document"),
]
LAYERS = "transport protocol response rate_limit cors csrf disclosure cookies headers audit_log".split()


def app(env, start_response):
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", "2")])
    return [b"ok"]


def round_us(served, env):
    begun = time.process_time()
    for _ in range(REQUESTS):
        for _ in served(dict(env), lambda status, headers, exc_info=None: None):
            pass
    return (time.process_time() - begun) / REQUESTS * 1e6


def main():
    logging.getLogger("gambeson").setLevel(logging.CRITICAL)
    off = {layer: f'[{layer}]\nmode = "off"\n' for layer in LAYERS}
    # The limits would refuse so many requests from one address.
    policies = {"default policy": off["rate_limit"], "all layers off": "".join(off.values())}
    with tempfile.TemporaryDirectory() as folder:
        served = {"bare": app}
        for name, policy in policies.items():
            place = Path(folder) / name
            place.mkdir()
            served[name] = guarded(place, app, policy)
        for kind, fields in (("browser's GET", BROWSER), ("bare GET", [])):
            env = environ("/comments?page=2", headers=fields)
            least = dict.fromkeys(served, float("inf"))
            for _ in range(ROUNDS):
                for name, one in served.items():
                    least[name] = min(least[name], round_us(one, env))
            for name, us in least.items():
                print(f"{kind:14} {name:15} {us:6.2f} us, added {us - least['bare']:6.2f}")


if __name__ == "__main__":
    main()
