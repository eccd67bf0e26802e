"""Retries: a run that failed is tried again by itself, a few times, each time after a longer pause."""

from __future__ import annotations

from datetime import datetime, timedelta

from tandem.domain.errors import Invalid

RETRY_TIMES_DEFAULT = 3
RETRY_TIMES_MAX = 100
RETRY_INTERVAL_DEFAULT = 10
RETRY_INTERVAL_MAX = 1440
PAUSE_MAX = timedelta(days=1)
DOUBLINGS_MAX = 12


def check_retries(times: int, interval_minutes: int) -> None:
    """Raise Invalid, naming the member, if runs cannot be tried again like this."""
    if not 0 <= times <= RETRY_TIMES_MAX:
        text = f"retryTimes: {times} is out of range; use a number from 0, for never, to {RETRY_TIMES_MAX}."
        raise Invalid(text, field="retryTimes")
    if not 1 <= interval_minutes <= RETRY_INTERVAL_MAX:
        text = f"retryInterval: {interval_minutes} is out of range; use 1 to {RETRY_INTERVAL_MAX} minutes."
        raise Invalid(text, field="retryInterval")


def retry_at(failed_at: datetime, *, interval_minutes: int, attempts: int) -> datetime:
    """Give when a run is tried again: after the interval, and twice as long each further time, a day at most.

    Args:
        failed_at: when the run ended; aware.
        interval_minutes: the first pause.
        attempts: how often it was tried again before.
    """
    pause = timedelta(minutes=interval_minutes) * 2 ** min(attempts, DOUBLINGS_MAX)
    return failed_at + min(pause, PAUSE_MAX)
