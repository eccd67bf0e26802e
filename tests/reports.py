"""What a fake agent may report, told in a few words."""

from datetime import timedelta
from typing import Any

import msgspec

from tandem.domain.holds import Hold, HoldCause, HoldReason
from tandem.domain.restore_points import CopyState, LedgerEntry
from tandem.domain.sessions import SessionState
from tandem.protocol.messages import HoldReport, PointReport, SessionReport
from tests.people import ACMES, START, Estate, restic_id, session_of, uid


def session(name: str, estate: Estate = ACMES, **changes: Any) -> SessionReport:
    """Report a session of an estate's backup job that is going on, or what the changes say."""
    running = {"state": SessionState.RUNNING, "ended_at": None, "instance_uid": uid(name), "started_at": START}
    return SessionReport(session=msgspec.structs.replace(session_of(estate), **{**running, **changes}))


def ended(name: str, state: SessionState = SessionState.SUCCESS, **changes: Any) -> SessionReport:
    return session(name, state=state, ended_at=START + timedelta(seconds=90), **changes)


def point(name: str, estate: Estate = ACMES, **changes: Any) -> PointReport:
    """Report a point of an estate's backup job."""
    made = PointReport(
        point_uid=uid(name),
        job_uid=estate.job,
        snapshot_id=restic_id(name),
        created_at=START,
        size=100,
        added=10,
        files=1,
        is_complete=True,
    )
    return msgspec.structs.replace(made, **changes)


def entry(snapshot_id: str, state: CopyState, **changes: Any) -> LedgerEntry:
    return LedgerEntry(source_snapshot_id=snapshot_id, created_at=START, state=state, **changes)


def hold(name: str, estate: Estate = ACMES, reason: HoldReason = HoldReason.SHRUNK) -> HoldReport:
    """Report that an estate's backup job is on hold."""
    cause = HoldCause(reason=reason, message="The share has shrunk: 1 file.", seen_at=START)
    return HoldReport(job_uid=estate.job, hold=Hold(uid=uid(name), since=START, causes=[cause]))
