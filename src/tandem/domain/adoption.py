"""Adoption: points that were made without Tandem become restore points; nothing is rewritten, and nothing deleted."""

from __future__ import annotations

from datetime import datetime

import msgspec

GROUPS_MAX = 1_000


class Origin(msgspec.Struct, frozen=True):
    """What restic writes into each point: the host that it was made on, and the paths."""

    host_name: str
    paths: tuple[str, ...]


class SnapshotGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The points of one origin in a repository.

    Attributes:
        origin: the host and the paths.
        count: how many there are.
        known: how many of them are restore points or copies of some job.
        copied: how many were copied from another repository.
        first_at: when the oldest was made; aware.
        last_at: when the newest was made.
    """

    origin: Origin
    count: int
    known: int
    copied: int
    first_at: datetime
    last_at: datetime


class Adoption(msgspec.Struct, frozen=True, kw_only=True):
    """What a job takes in as its own, beside what it makes.

    Until `may_forget`, the job's retention leaves what was adopted alone: nobody has seen yet what would go.
    """

    origins: list[Origin] = []
    may_forget: bool = False


class RepositorySnapshots(msgspec.Struct, frozen=True, kw_only=True):
    """What a repository was found to hold; `request_uid` names the look, `failure` says why it was none."""

    request_uid: str
    collected_at: datetime
    failure: str
    groups: list[SnapshotGroup]
