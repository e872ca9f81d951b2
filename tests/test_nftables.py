"""Bans in the kernel's packet filter, in a network namespace of their own: it takes root, `ip` and `nft`."""

import json
import os
import shutil
import subprocess
import sys
import time

import pytest
from gateway_kit import Gateway

MISSING = [tool for tool in ("ip", "nft") if not shutil.which(tool)] + ([] if os.geteuid() == 0 else ["root"])
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"the packet filter is not tested here: no {', '.join(MISSING)}")

#: Asks from an address: prints the status, or `dropped` when there is not even a connection.
ASK = """
import socket, sys
try:
    connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1.5, source_address=(sys.argv[2], 0))
    connection.sendall(b"GET " + sys.argv[3].encode() + b" HTTP/1.1\\r\\nhost: localhost\\r\\nconnection: close\\r\\n\\r\\n")
    print(connection.recv(64).split()[1].decode())
except OSError:
    print("dropped")
"""

POLICY = '[response]\nnftables = "inet filter"\n[[response.scenario]]\nname = "probing"\ncount = 2\nladder = ["ban"]\n'
ATTACK = "/?q=1%27%20union%20select%20password%20from%20users--"


@pytest.fixture
def namespace():
    """A network namespace with nothing but loopback."""
    name = f"gambeson-{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode:
        pytest.skip("the packet filter is not tested here: no network namespace can be made")
    inside = ["ip", "netns", "exec", name]
    try:
        subprocess.run([*inside, "ip", "link", "set", "lo", "up"], check=True)
        if subprocess.run([*inside, "nft", "list", "ruleset"], capture_output=True).returncode:
            pytest.skip("the packet filter is not tested here: the kernel has none")
        yield inside
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


def elements(inside, which="gambeson4"):
    listed = subprocess.run([*inside, "nft", "-j", "list", "set", "inet", "filter", which], capture_output=True, text=True)
    sets = [item["set"] for item in json.loads(listed.stdout or '{"nftables": []}')["nftables"] if "set" in item]
    return str(sets[0].get("elem", [])) if sets else None


def until(what):
    """Waits until something holds."""
    for _ in range(200):
        if what():
            return
        time.sleep(0.05)
    raise AssertionError("it never happened")


def test_who_is_banned_gets_no_connection_until_it_is_lifted(gambeson, tmp_path, namespace):
    wrapper = tmp_path / "gambeson-inside"
    wrapper.write_text(f'#!/bin/sh\nexec {" ".join(namespace)} {gambeson} "$@"\n')
    wrapper.chmod(0o755)
    gateway = Gateway(str(wrapper), tmp_path / "gateway", POLICY)
    ask = lambda source, path="/": subprocess.run(
        [*namespace, sys.executable, "-c", ASK, str(gateway.http), source, path], capture_output=True, text=True, timeout=30
    ).stdout.strip()
    gateway.start()
    try:
        until(lambda: elements(namespace) is not None)
        attacker, visitor = "127.44.0.1", "127.44.0.2"
        # Nobody listens behind the gateway.
        assert ask(attacker) == ask(visitor) == "502"
        assert [ask(attacker, ATTACK) for _ in range(2)] == ["403", "403"]
        until(lambda: attacker in elements(namespace))
        assert ask(attacker) == "dropped" and ask(visitor) == "502"
        gateway.stop()
        gateway.start()
        until(lambda: attacker in (elements(namespace) or ""))
        assert ask(attacker) == "dropped"
        assert gateway.run("bans", "add", "2001:db8::7").returncode == 0
        until(lambda: "2001:db8::" in elements(namespace, "gambeson6"))
        assert gateway.run("bans", "lift", attacker).returncode == 0
        until(lambda: attacker not in elements(namespace))
        assert ask(attacker) == "502"
    finally:
        gateway.stop()


def test_an_allocation_and_a_network_in_it_are_both_banned_and_who_is_spared_gets_in(gambeson, tmp_path, namespace):
    wrapper = tmp_path / "gambeson-inside"
    wrapper.write_text(f'#!/bin/sh\nexec {" ".join(namespace)} {gambeson} "$@"\n')
    wrapper.chmod(0o755)
    gateway = Gateway(str(wrapper), tmp_path / "gateway", POLICY.replace("[response]\n", '[response]\nnever = ["127.44.0.9"]\n'))
    ask = lambda source: subprocess.run(
        [*namespace, sys.executable, "-c", ASK, str(gateway.http), source, "/"], capture_output=True, text=True, timeout=30
    ).stdout.strip()
    gateway.start()
    try:
        until(lambda: elements(namespace) is not None)
        for subject in ("127.44.0.1", "127.44.0.0/24"):
            assert gateway.run("bans", "add", subject).returncode == 0
        until(lambda: "127.44.0.1" in elements(namespace))
        until(lambda: "127.44.0.0" in (elements(namespace, "gambeson4_allocations") or ""))
        assert [ask(source) for source in ("127.44.0.1", "127.44.0.2", "127.44.0.9")] == ["dropped", "dropped", "502"]
        assert gateway.run("bans", "lift", "127.44.0.0/24").returncode == 0
        until(lambda: "127.44.0.0" not in elements(namespace, "gambeson4_allocations"))
        assert [ask(source) for source in ("127.44.0.1", "127.44.0.2")] == ["dropped", "502"]
    finally:
        gateway.stop()


def test_without_the_packet_filter_bans_hold_all_the_same(gambeson, tmp_path, namespace):
    policy = POLICY.replace("inet filter", "inet gone")
    empty = tmp_path / "no-tools"
    empty.mkdir()
    gateway = Gateway(gambeson, tmp_path / "gateway", policy)
    path, os.environ["PATH"] = os.environ["PATH"], str(empty)
    try:
        gateway.start()
    finally:
        os.environ["PATH"] = path
    try:
        until(lambda: "packet filter: nft" in gateway.stderr())
        assert gateway.run("bans", "add", "127.44.0.1").returncode == 0
        asked = subprocess.run([sys.executable, "-c", ASK, str(gateway.http), "127.44.0.1", "/"], capture_output=True, text=True)
        assert asked.stdout.strip() == "403"
    finally:
        gateway.stop()
