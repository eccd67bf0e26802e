"""What an agent remembers of points, repositories and processes, as records; `state` keeps them."""

from __future__ import annotations

from datetime import datetime

import msgspec

from tandem.domain.retention import FOREVER, Point
from tandem.protocol.messages import PointReport


class HeldPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A restore point in a first repository; sizes in bytes; `expires_at` as the console was last told."""

    uid: str
    snapshot_id: str
    created_at: datetime
    size: int
    added: int
    files: int
    is_complete: bool
    verified_at: datetime | None = None
    damaged_at: datetime | None = None
    expires_at: datetime | None = None
    # Of a point that was copied or labelled: restic's id of the very first one.
    original: str | None = None
    # Its ids before somebody labelled it, the first one first.
    formerly: list[str] = []
    is_adopted: bool = False

    @property
    def for_rule(self) -> Point:
        """What a rule of retention needs to know of it."""
        return Point(
            self.snapshot_id,
            self.created_at,
            is_whole=self.is_complete and self.size > 0,
            is_complete=self.is_complete,
            is_adopted=self.is_adopted,
        )

    def report(self, job_uid: str, *, forgotten_at: datetime | None = None) -> PointReport:
        """What the console is told of it."""
        return PointReport(
            point_uid=self.uid,
            job_uid=job_uid,
            snapshot_id=self.snapshot_id,
            created_at=self.created_at,
            size=self.size,
            added=self.added,
            files=self.files,
            is_complete=self.is_complete,
            verified_at=self.verified_at,
            damaged_at=self.damaged_at,
            expires_at=None if self.expires_at == FOREVER else self.expires_at,
            forgotten_at=forgotten_at,
            is_adopted=self.is_adopted,
        )


class KnownRepository(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent remembers of a repository; `forgotten_bytes` counts since the last prune."""

    is_begun: bool = False
    restic_id: str | None = None
    fingerprint: str | None = None
    forgotten_bytes: int = 0
    oldest_forget: datetime | None = None


class RepositoryTrouble(msgspec.Struct, frozen=True):
    """A repository could not be opened, as the console was told: it has still to hear that this is over."""


class StartedProcess(msgspec.Struct, frozen=True, kw_only=True):
    """A restic process that this agent started: what proves later whether it is dead."""

    pid: int
    start_ticks: int
    boot_id: str
    host_name: str
    started_at: datetime
