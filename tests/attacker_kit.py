"""The attacker's web site: pages of its own, over HTTPS, under whatever name the browser is told to find it."""

import functools
import http.server
import ssl
import subprocess
import threading


class Attacker:
    """Serves the pages that a test puts into `pages`, over HTTPS, under every name."""

    def __init__(self, folder):
        key, self.certificate = folder / "key.pem", folder / "cert.pem"
        make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=evil -keyout".split()
        subprocess.run([*make, str(key), "-out", str(self.certificate)], check=True, capture_output=True)
        self.pages = {}
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Page, self.pages))
        self.server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def put(self, host, page):
        """Serves a page; its address."""
        path = f"/{len(self.pages)}"
        self.pages[path] = page
        return f"https://{host}:{self.port}{path}"

    def key_hash(self):
        """The hash of its key, by which the browser is told to accept it, and only it, without a known authority."""
        chain = f"openssl x509 -in {self.certificate} -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64"
        return subprocess.run(chain, shell=True, check=True, capture_output=True, text=True).stdout.strip()


class Page(http.server.BaseHTTPRequestHandler):
    def __init__(self, pages, *arguments):
        self.pages = pages
        super().__init__(*arguments)

    def do_GET(self):
        body = self.pages.get(self.path, "").encode()
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass
