"""What a log says of a fault, and what it never says."""

import json
from collections.abc import Iterator

import pytest
import structlog

from tandem.server.logs import configure_logs

CANARY = "canary-of-a-password"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_fault_is_logged_with_its_place_and_without_the_secrets_at_hand(
    log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(log_format)
    try:
        fail(CANARY)
    except ValueError:
        structlog.get_logger().exception("it failed")
    logged = capsys.readouterr().err
    assert "it failed" in logged
    assert "a fault of ours" in logged
    assert fail.__name__ in logged
    assert CANARY not in logged
    if log_format == "json":
        assert json.loads(logged)["event"] == "it failed"


def fail(password: str) -> None:
    """Fail with a secret at hand."""
    if password:
        raise ValueError("a fault of ours")
