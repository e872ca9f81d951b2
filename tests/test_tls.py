"""TLS as others see it: sslyze against Mozilla's guideline, certificates of every origin, sessions over a restart."""

import datetime
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time

import pytest
from gateway_kit import App, Gateway, free_port, get

ROOT = pathlib.Path(__file__).resolve().parent.parent


def sslyze(gateway, profile, folder):
    """The verdict on a profile and everything found, with the development authority as the only trusted one."""
    pytest.importorskip("sslyze", reason="sslyze is not installed: pip install -r tests/requirements.txt")
    report = folder / "sslyze.json"
    arguments = [f"--certinfo_ca_file={gateway.root()}", f"--mozilla_config={profile}", f"--json_out={report}"]
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "sslyze", *arguments, f"localhost:{gateway.https}"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    return run, json.loads(report.read_text())["server_scan_results"][0]["scan_result"]


@pytest.mark.parametrize("profile", ["intermediate", "modern"])
def test_mozilla_profiles_are_met_without_a_finding(serve, tmp_path, profile):
    gateway = serve(f'[transport]\nprofile = "{profile}"\n', plain=False)
    run, found = sslyze(gateway, profile, tmp_path)
    assert run.returncode == 0 and "OK - Compliant" in run.stdout, run.stdout[-3000:]

    deployment = found["certificate_info"]["result"]["certificate_deployments"][0]
    own = [path for path in deployment["path_validation_results"] if path["trust_store"]["name"].startswith("Supplied")]
    assert own and own[0]["was_validation_successful"], "trusted once its authority is"
    assert deployment["received_chain_has_valid_order"]
    assert not deployment["received_chain_contains_anchor_certificate"]

    result = lambda scan: found[scan]["result"]
    assert not result("heartbleed")["is_vulnerable_to_heartbleed"]
    assert not result("openssl_ccs_injection")["is_vulnerable_to_ccs_injection"]
    assert not result("session_renegotiation")["is_vulnerable_to_client_renegotiation_dos"]
    assert not result("tls_compression")["supports_compression"]
    assert result("robot")["robot_result"].startswith("NOT_VULNERABLE")
    assert not result("tls_1_3_early_data")["supports_early_data"] if found.get("tls_1_3_early_data", {}).get("result") else True
    spoken = {scan for scan, value in found.items() if (value.get("result") or {}).get("accepted_cipher_suites")}
    expected = {"tls_1_3_cipher_suites"} | ({"tls_1_2_cipher_suites"} if profile == "intermediate" else set())
    assert spoken == expected


def test_the_other_profile_is_told_apart(serve, tmp_path):
    """The twin that shows that the scan can fail: intermediate is not modern."""
    gateway = serve(plain=False)
    run, _ = sslyze(gateway, "modern", tmp_path)
    assert run.returncode != 0 and "FAILED - Not compliant" in run.stdout


class Authority:
    """A private authority that writes certificates with `openssl`."""

    def __init__(self, folder):
        if not shutil.which("openssl"):
            pytest.skip("openssl is not installed")
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.root = folder / "root.pem"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                      "-subj", "/CN=Private root", "-keyout", folder / "root.key", "-out", self.root)

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    def issue(self, label, extensions):
        """A certificate and key; replaces those of the same label."""
        key, request, chain = (self.folder / f"{label}.{kind}" for kind in ("key", "csr", "pem"))
        written = self.folder / "extensions"
        written.write_text(extensions)
        self._openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-subj", f"/CN={label}", "-keyout", f"{key}.new", "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.root, "-CAkey", self.folder / "root.key",
                      "-days", "20", "-extfile", written, "-out", f"{chain}.new")
        os.chmod(f"{key}.new", 0o600)
        for path in (key, chain):
            os.replace(f"{path}.new", path)
        return chain, key

    def server(self, name):
        return self.issue("server", f"subjectAltName=DNS:{name}\nextendedKeyUsage=serverAuth\n")


def connect(gateway, root, host, identity=None):
    """A verified connection; the certificate it shows."""
    context = ssl.create_default_context(cafile=str(root))
    if identity:
        context.load_cert_chain(*identity)
    with socket.create_connection(("127.0.0.1", gateway.https), 10) as raw:
        with context.wrap_socket(raw, server_hostname=host) as stream:
            stream.sendall(b"GET / HTTP/1.1\r\nhost: %s:%d\r\nconnection: close\r\n\r\n" % (host.encode(), gateway.https))
            stream.recv(1)  # TLS 1.3 refuses a client's certificate only now
            return stream.getpeercert()


def with_hosts(gambeson, folder, policy, **options):
    """A gateway for shop.example."""
    gateway = Gateway(gambeson, folder, policy, **options)
    gateway.head = gateway.head.replace("[app]\n", '[app]\nhosts = ["shop.example"]\n')
    gateway.write_policy(policy)
    return gateway


FILES = '[[transport.certificate]]\nchain = "../ca/server.pem"\nkey = "../ca/server.key"\n'


def test_certificates_from_files_are_served_and_read_again(gambeson, tmp_path):
    authority = Authority(tmp_path / "ca")
    authority.server("shop.example")
    app = App()
    gateway = with_hosts(gambeson, tmp_path / "gateway", FILES, upstream=app.url).start()
    try:
        first = connect(gateway, authority.root, "shop.example")
        assert not (gateway.state / "ca").exists(), "no authority where none is needed"
        authority.server("shop.example")
        gateway.process.send_signal(signal.SIGHUP)
        wait_until(lambda: connect(gateway, authority.root, "shop.example")["serialNumber"] != first["serialNumber"])
        with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
            connect(gateway, authority.root, "other.example")
    finally:
        gateway.stop()
        app.close()


def test_a_bad_certificate_is_refused_at_the_start_with_the_fix(gambeson, tmp_path):
    authority = Authority(tmp_path / "ca")
    _, key = authority.server("shop.example")
    os.chmod(key, 0o644)
    gateway = with_hosts(gambeson, tmp_path / "gateway", FILES)
    with pytest.raises(RuntimeError, match="chmod 600"):
        gateway.start()
    gateway.stop()


def test_clients_prove_who_they_are(gambeson, tmp_path):
    authority = Authority(tmp_path / "ca")
    authority.server("shop.example")
    ann = authority.issue("ann", "extendedKeyUsage=clientAuth\n")
    mallory = Authority(tmp_path / "other").issue("mallory", "extendedKeyUsage=clientAuth\n")
    app = App()
    policy = FILES + '[transport.client_certificates]\nca = ["../ca/root.pem"]\n'
    gateway = with_hosts(gambeson, tmp_path / "gateway", policy, upstream=app.url).start()
    try:
        assert connect(gateway, authority.root, "shop.example", ann)
        for identity in (None, mallory):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                connect(gateway, authority.root, "shop.example", identity)
        assert len(app.heads) == 1, "nothing of the others reached the app"
    finally:
        gateway.stop()
        app.close()


def test_a_session_resumes_in_the_process_that_takes_over(gambeson, tmp_path):
    app = App()
    old = Gateway(gambeson, tmp_path / "gateway", upstream=app.url).start()
    new = Gateway(gambeson, tmp_path / "gateway", upstream=app.url, arguments=["--take-over"])
    context = ssl.create_default_context(cafile=str(old.root()))

    def reused(session=None):
        with socket.create_connection(("127.0.0.1", old.https), 10) as raw:
            with context.wrap_socket(raw, server_hostname="localhost", session=session) as stream:
                stream.sendall(b"GET / HTTP/1.1\r\nhost: localhost:%d\r\nconnection: close\r\n\r\n" % old.https)
                while stream.recv(4096):
                    pass
                return stream.session_reused, stream.session

    try:
        fresh, session = reused()
        assert not fresh
        assert reused(session)[0], "in the same process"
        new.https, new.http, new.admin = old.https, old.http, old.admin
        new.policy_file.write_text(old.head, encoding="utf-8")
        new.start()
        assert old.stop(how=signal.SIGCONT) == 0, "the old process has ended by itself"
        assert reused(session)[0], "in the new process"
    finally:
        new.stop()
        app.close()


def pebble(folder, gateway):
    """An ACME server that looks for proofs on the gateway's ports, and its resolver; skipped when they are not built."""
    cache = pathlib.Path(os.environ.get("GAMBESON_CACHE", ROOT / ".cache")) / "bin"
    programs = [cache / "pebble", cache / "pebble-challtestsrv"]
    if not all(program.is_file() for program in programs):
        pytest.skip("no ACME test server: run tests/get-pebble.sh")
    authority = Authority(folder / "acme-ca")
    chain, key = authority.issue("acme", "subjectAltName=DNS:localhost\n")
    directory, dns = free_port(), free_port()
    config = {
        "listenAddress": f"127.0.0.1:{directory}", "managementListenAddress": f"127.0.0.1:{free_port()}",
        "certificate": str(chain), "privateKey": str(key), "httpPort": gateway.http, "tlsPort": gateway.https,
        "ocspResponderURL": "", "keyAlgorithm": "ecdsa", "retryAfter": {"authz": 1, "order": 1},
        "profiles": {"default": {"description": "one", "validityPeriod": 7776000}},
    }
    written = folder / "pebble.json"
    written.write_text(json.dumps({"pebble": config}))
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    resolver = [programs[1], "-dnsserver", f"127.0.0.1:{dns}", "-management", f"127.0.0.1:{free_port()}",
                "-defaultIPv6", "", "-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", ""]
    server = [programs[0], "-config", written, "-dnsserver", f"127.0.0.1:{dns}"]
    started = [
        subprocess.Popen(resolver, **quiet),
        subprocess.Popen(server, env={**os.environ, "PEBBLE_VA_NOSLEEP": "1"}, **quiet),
    ]
    wait_until(lambda: reachable(directory))
    return started, f"https://localhost:{directory}/dir", authority.root


@pytest.mark.parametrize("challenge", ["http-01", "tls-alpn-01"])
def test_certificates_come_by_acme(gambeson, tmp_path, challenge):
    app = App()
    gateway = with_hosts(gambeson, tmp_path / "gateway", "", upstream=app.url, plain=False)
    servers, directory, root = pebble(tmp_path, gateway)
    gateway.write_policy(
        f'[transport.acme]\nagree = true\ndirectory = "{directory}"\nca_root = "{root}"\nchallenge = "{challenge}"\n'
        'hosts = ["shop.example"]\n'
    )
    try:
        gateway.start()
        wait_until(lambda: list(gateway.state.glob("acme/*/shop.example.pem")), 30)
        stored = list(gateway.state.glob("acme/*/shop.example.pem"))[0]
        assert stored.stat().st_mode & 0o777 == 0o600
        issuer = tmp_path / "issuer.pem"
        issuer.write_text("-----BEGIN CERTIFICATE" + stored.read_text().split("-----BEGIN CERTIFICATE")[-1])
        context = ssl.create_default_context(cafile=str(issuer))
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        with socket.create_connection(("127.0.0.1", gateway.https), 10) as raw:
            shown = context.wrap_socket(raw, server_hostname="shop.example").getpeercert()
        until = datetime.datetime.strptime(shown["notAfter"], "%b %d %H:%M:%S %Y %Z")
        assert until > datetime.datetime.now() + datetime.timedelta(days=80)
        assert get(gateway, "/.well-known/acme-challenge/guess", host="shop.example")[0] == 308, "proofs are gone"
        assert not app.heads, "the app was never asked"
    finally:
        gateway.stop()
        app.close()
        for server in servers:
            server.kill()
            server.wait()


def test_the_policies_in_the_guide_hold(gambeson, tmp_path):
    guide = (ROOT / "docs" / "certificates.md").read_text(encoding="utf-8")
    policies = re.findall(r"```toml\n(.*?)```", guide, re.DOTALL)
    assert len(policies) >= 3
    for number, policy in enumerate(policies):
        path = tmp_path / f"{number}.toml"
        path.write_text(policy)
        run = subprocess.run([gambeson, "check", "--policy", str(path)], capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr


def reachable(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition, patience=10):
    """Returns when it holds; fails after the patience."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)
