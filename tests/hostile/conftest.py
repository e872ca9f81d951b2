"""Fixtures: a gateway in front of the recording app."""

import gateway
import pytest
import upstream


@pytest.fixture(scope="session", autouse=True)
def built():
    if not gateway.BINARY.exists():
        pytest.skip(f"{gateway.BINARY} is not built: cargo build -p gambeson", allow_module_level=True)


@pytest.fixture(scope="session")
def recorder():
    app = upstream.Recorder()
    yield app
    app.stop()


@pytest.fixture(scope="session")
def front(recorder, tmp_path_factory):
    running = gateway.Gateway(tmp_path_factory.mktemp("gateway"), recorder.port)
    yield running
    alive = running.is_alive()
    running.stop()
    assert alive, "the gateway ended by itself"
