"""What every suite here needs: the binary, free ports, a gateway in front of something, a scripted app."""

import os
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

ROOT = pathlib.Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def gambeson():
    """The command under test: GAMBESON_BIN, or the development build."""
    named = os.environ.get("GAMBESON_BIN")
    binary = named or str(ROOT / "target" / "debug" / "gambeson")
    if not shutil.which(binary):
        pytest.fail(f"{binary} is not there: run `cargo build -p gambeson` (or `make test`, which does)")
    return binary


@pytest.fixture
def serve(gambeson, tmp_path):
    """Starts gateways; each is stopped at the end of the test."""
    from gateway_kit import Gateway

    running = []

    def start(policy="", **options):
        gateway = Gateway(gambeson, tmp_path / f"gateway-{len(running)}", policy, **options)
        running.append(gateway)
        return gateway.start()

    yield start
    for gateway in running:
        gateway.stop()
