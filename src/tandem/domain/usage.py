"""What companies use of the console, by location and day."""

from __future__ import annotations

from datetime import date

import msgspec

GIGABYTE = 1024**3
COUNTER_MAX = 2**31 - 1
DAYS_MAX = 366


class LocationUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What was held for one location at the end of a day, sizes in bytes."""

    company_uid: str
    reseller_uid: str | None
    location_uid: str
    day: date
    protected_file_shares: int
    backup_size: int
    source_size: int


def gigabytes(size: int) -> int:
    """Give a size in whole gigabytes, rounded up: something is never nothing."""
    return min(-(-size // GIGABYTE), COUNTER_MAX)
