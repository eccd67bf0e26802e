"""When a backup server counts as there: people trust the word Healthy."""

from datetime import UTC, datetime, timedelta

from tandem.domain.backup_servers import SILENCE_MAX, is_connected

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def test_an_agent_that_was_never_heard_is_not_there() -> None:
    assert not is_connected(None, NOW)


def test_an_agent_may_miss_a_call_but_not_stay_silent() -> None:
    assert is_connected(NOW, NOW)
    assert is_connected(NOW - SILENCE_MAX, NOW)
    assert not is_connected(NOW - SILENCE_MAX - timedelta(microseconds=1), NOW)
    assert timedelta(seconds=60) <= SILENCE_MAX <= timedelta(minutes=5)
