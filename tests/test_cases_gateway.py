"""The cases of the layers' READMEs hold in the running gateway, too: over TLS, from byte to byte, the answers agree with the engine's."""

import json
import re
import socket
import ssl
import time

import pytest
from cases_kit import Observed, cases, faults
from gateway_kit import App, Gateway, header, unchunk

#: Addresses of the documentation's clients, and loopback ones that stand for them: the rest of the case changes with them.
STAND_INS = [("192.0.2.", "127.0.2."), ("198.51.100.", "127.51.100."), ("203.0.113.", "127.113.0."), ("2001:db8::1", "::1")]


CASES = cases("gateway", STAND_INS)


def test_there_are_cases():
    assert len(CASES) >= 100


# --- the gateways ----------------------------------------------------------------------------------------------------


class Scripted(App):
    """Answers as the case says, and remembers the head that it saw last."""

    def __init__(self):
        super().__init__(self.answer)
        self.seen, self.response = None, None

    def answer(self, connection, head):
        self.seen = head
        body = self.response["body"].encode()
        said = [field for field in self.response["headers"] if field[0].lower() != "content-length"]
        fields = [*said, ("content-length", str(len(body)))]
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
        connection.sendall(f"HTTP/1.1 {self.response['status']} Status\r\n{lines}\r\n".encode() + body)


@pytest.fixture(scope="module")
def app():
    app = Scripted()
    yield app
    app.close()


class Cased(Gateway):
    """A gateway with a case's policy; addresses, and that everything is logged, are added to it."""

    def __init__(self, binary, folder, policy, upstream, host):
        super().__init__(binary, folder)
        own = {
            "app": f'upstream = "{upstream}"\n',
            "listen": "".join(f'{name} = "{host}:{getattr(self, name)}"\n' for name in ("https", "http", "admin")),
            "audit_log": 'record = "all"\n',
        }
        for section, keys in own.items():
            table = f"[{section}]\n"
            policy = policy + "\n"
            policy = policy.replace(table, table + keys) if table in policy else f"{policy}{table}{keys}"
        self.policy_file.write_text(policy, encoding="utf-8")
        self.log_read = 0

    def findings(self, times):
        """What was found in the last of so many exchanges that were logged since the last call."""
        events = []
        for _ in range(100):
            lines = [line for path in sorted(self.state.rglob("*.jsonl")) for line in path.read_text().splitlines(keepends=True)]
            fresh = [json.loads(line)["event"] for line in lines[self.log_read :] if line.endswith("\n")]
            events += [event for event in fresh if event["kind"] == "exchange"]
            self.log_read += len(fresh)
            if len(events) == times:
                return events[-1]["findings"]
            time.sleep(0.02)
        raise AssertionError(f"{len(events)} of {times} exchanges were logged")


@pytest.fixture(scope="module")
def gateways(gambeson, app, tmp_path_factory):
    """Gateways by policy; one that counts requests is not shared."""
    running = {}

    def start(case):
        own = case["line"] if case["times"] > 1 or "rate_limit" in case["file"] else None
        host = "[::1]" if ":" in case["request"]["peer"] else "127.0.0.1"
        key = (case["policy"], own, host)
        if key not in running:
            gateway = Cased(gambeson, tmp_path_factory.mktemp("gateway"), case["policy"], app.url, host)
            running[key] = gateway.start()
        return running[key]

    yield start
    for gateway in running.values():
        gateway.stop()


# --- one case --------------------------------------------------------------------------------------------------------


def connect(gateway, request):
    """A connection from the case's address, over TLS unless it says otherwise.

    TLS already refuses names that the policy does not know; what a case shows of them is for clients that name no host there.
    """
    hosts = [value for name, value in request["headers"] if name == "host"]
    named = re.fullmatch(r"([a-zA-Z.]+)(:\d+)?", hosts[0] if len(hosts) == 1 else "")
    if not request["tls"]:
        return dial(request["peer"], gateway.http)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        return context.wrap_socket(dial(request["peer"], gateway.https), server_hostname=named and named[1])
    except ssl.SSLError:
        return context.wrap_socket(dial(request["peer"], gateway.https))


def dial(peer, port):
    return socket.create_connection(("::1" if ":" in peer else "127.0.0.1", port), 10, source_address=(peer, 0))


def send(connection, request):
    """The request as it stands in the case, and as long as its body is."""
    body = request["body"].encode()
    headers = request["headers"]
    framed = any(name in ("content-length", "transfer-encoding") for name, _ in headers)
    if body and not framed:
        headers = [*headers, ("content-length", str(len(body)))]
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    connection.sendall(f"{request['method']} {request['target']} HTTP/1.1\r\n{lines}\r\n".encode() + body)
    return receive(connection, request["method"])


def receive(connection, method):
    """Status, head and body of one answer."""
    answer = b""
    while b"\r\n\r\n" not in answer and (data := connection.recv(65536)):
        answer += data
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split(b" ")[1])
    chunked = header(head, b"transfer-encoding") == b"chunked"
    length = int(header(head, b"content-length") or 0)
    bodiless = method == "HEAD" or status in (101, 204, 304)
    while not bodiless and (not body.endswith(b"0\r\n\r\n") if chunked else len(body) < length) and (data := connection.recv(65536)):
        body += data
    return status, head, (unchunk(body) if chunked else body).decode()


@pytest.mark.parametrize("case", CASES)
def test_case(case, app, gateways):
    gateway = gateways(case)
    app.response = case["response"]
    for _ in range(case["times"]):
        app.seen = None
        with connect(gateway, case["request"]) as connection:
            answer = send(connection, case["request"])
    status, head, body = answer
    seen = Observed(status, pairs(head), body, gateway.findings(case["times"]))
    if app.seen is not None:
        seen.target, seen.asked = app.seen.split(b" ")[1].decode(), pairs(app.seen)
    assert faults(case, seen) == []


def pairs(head):
    """The header fields of a raw head."""
    lines = (line.partition(":") for line in head.decode().split("\r\n")[1:])
    return [(name, value.strip()) for name, _, value in lines]
