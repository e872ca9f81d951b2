"""Fixtures: a gateway in front of the recording app."""

import pytest
import upstream
from gateway_kit import Gateway
from raw import POLICY


@pytest.fixture(scope="session")
def recorder():
    app = upstream.Recorder()
    yield app
    app.stop()


@pytest.fixture(scope="session")
def front(gambeson, recorder, tmp_path_factory):
    gateway = Gateway(gambeson, tmp_path_factory.mktemp("hostile"), POLICY, upstream=f"http://127.0.0.1:{recorder.port}")
    yield gateway.start()
    assert gateway.process.poll() is None, "the gateway ended by itself"
    gateway.stop()
