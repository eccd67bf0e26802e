"""A restic process of this agent, as it is remembered."""

from __future__ import annotations

from datetime import datetime

import msgspec


class StartedProcess(msgspec.Struct, frozen=True, kw_only=True):
    """A restic process that this agent started: what proves later whether it is dead."""

    pid: int
    start_ticks: int
    boot_id: str
    host_name: str
    started_at: datetime
