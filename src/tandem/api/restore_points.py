"""Restore points over HTTP: the contract's lists, with the state of each copy and why, and the restore itself."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec

from tandem.actions import restore_point as restore
from tandem.api.http.answers import Many, One
from tandem.api.http.call import Call
from tandem.api.http.listing import Resource
from tandem.api.http.texts import Instant, Int64, Path, Uid, instant, instant_or_none
from tandem.api.sessions import SessionView, view_session
from tandem.domain.drills import DrillResult
from tandem.domain.point_files import PATH_BYTES_MAX, PATHS_MAX, OverwriteRule, check_inner_path
from tandem.domain.restore_points import CopyState, RestorePoint, RestorePointCopy
from tandem.domain.retention import FOREVER
from tandem.store import file_shares, restore_points

InnerPaths = Annotated[
    list[Annotated[str, msgspec.Meta(min_length=1, max_length=2 * PATH_BYTES_MAX)]], msgspec.Meta(max_length=PATHS_MAX)
]


class RestorePointCopyView(msgspec.Struct, rename="camel", kw_only=True):
    """The state of a point in one copy, why and since when; `transferredData` is what copying it wrote, in bytes."""

    job_uid: Uid
    unique_job_uid: Uid
    repository_uid: Uid
    state: CopyState
    reason: str
    state_since: Instant | None
    copy_time: Instant | None
    verification_time: Instant | None
    damage_time: Instant | None
    last_drill_time: Instant | None
    last_drill_result: DrillResult | None
    expiration_time: Instant | None
    size: Int64
    transferred_data: Int64


class RestorePointView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's ProtectedOnPremisesFileShareRestorePoint, and where the point is held; sizes in bytes."""

    instance_uid: Uid
    file_share_uid: Uid
    backup_server_uid: Uid
    backup_uid: Uid
    job_uid: Uid
    restore_point_date: Instant
    size: Int64
    is_archive: bool = False
    repository_uid: Uid
    is_in_first_repository: bool
    is_complete: bool
    files_count: int
    expiration_time: Instant | None
    verification_time: Instant | None
    damage_time: Instant | None
    copies: list[RestorePointCopyView]


class RestoreInput(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """Where to restore to, and which repository to read; without one, the first that holds the point.

    `paths` and `rawPaths`, the latter in base64, are those within the share that are wanted; without any, all is.
    """

    target_path: Path
    repository_uid: UUID | None = None
    paths: InnerPaths = []
    raw_paths: InnerPaths = []
    overwrite: OverwriteRule = OverwriteRule.EMPTY_ONLY


RESTORE_POINTS = Resource(RestorePointView, restore_points.RESTORE_POINTS)


def list_restore_points(call: Call) -> Many[RestorePointView]:
    """List restore points of all shares, or of the one in the path, newest first."""
    query = RESTORE_POINTS.read(call)
    with call.reading() as connection:
        share_uid = None
        if "fileShareUid" in call.path:
            share_uid = file_shares.get_file_share(connection, call.scope, call.uid("fileShareUid")).instance_uid
        page = restore_points.list_restore_points(connection, call.scope, query, share_uid)
        copies = restore_points.copies_of(connection, call.scope, [row.instance_uid for row in page.rows])
    return Many(page, [_view(row, copies[row.instance_uid]) for row in page.rows])


def get_restore_point(call: Call) -> One[RestorePointView]:
    """Get a restore point."""
    with call.reading() as connection:
        point = restore_points.get_restore_point(connection, call.scope, call.uid("restorePointUid"))
        copies = restore_points.copies_of(connection, call.scope, [point.instance_uid])
    return One(_view(point, copies[point.instance_uid]))


def restore_restore_point(call: Call, body: RestoreInput) -> One[SessionView]:
    """Queue a restore; the answer is the session to follow."""
    session = restore.restore_point(
        call.act,
        call.uid("restorePointUid"),
        restore.Wanted(
            file_share_uid=call.uid("fileShareUid") if "fileShareUid" in call.path else None,
            repository_uid=str(body.repository_uid) if body.repository_uid else None,
            target_path=body.target_path,
            paths=_inner_paths(body),
            overwrite=body.overwrite,
        ),
    )
    return One(view_session(session, call.context.clock()))


def _inner_paths(body: RestoreInput) -> list[bytes]:
    given = [check_inner_path(path, None, field="paths", is_of_body=True) for path in body.paths]
    given += [check_inner_path(None, raw, raw_field="rawPaths", is_of_body=True) for raw in body.raw_paths]
    # The share itself is all of it.
    return [] if b"" in given else list(dict.fromkeys(given))


def _view(point: RestorePoint, copies: list[RestorePointCopy]) -> RestorePointView:
    return RestorePointView(
        instance_uid=point.instance_uid,
        file_share_uid=point.file_share_uid,
        backup_server_uid=point.backup_server_uid,
        backup_uid=point.job_unique_uid,
        job_uid=point.job_uid,
        restore_point_date=instant(point.created_at),
        size=point.size,
        repository_uid=point.repository_uid,
        is_in_first_repository=point.forgotten_at is None,
        is_complete=point.is_complete,
        files_count=point.files,
        expiration_time=_expiration(point.expires_at),
        verification_time=instant_or_none(point.verified_at),
        damage_time=instant_or_none(point.damaged_at),
        copies=[_view_copy(copy) for copy in copies],
    )


def _view_copy(copy: RestorePointCopy) -> RestorePointCopyView:
    entry = copy.entry
    return RestorePointCopyView(
        job_uid=copy.job_uid,
        unique_job_uid=copy.job_unique_uid,
        repository_uid=copy.repository_uid,
        state=entry.state,
        reason=entry.reason,
        state_since=instant_or_none(entry.since),
        copy_time=instant_or_none(entry.copied_at),
        verification_time=instant_or_none(entry.verified_at),
        damage_time=instant_or_none(entry.damaged_at),
        last_drill_time=instant_or_none(entry.drilled_at),
        last_drill_result=entry.drill_result,
        expiration_time=_expiration(entry.expires_at),
        size=entry.size,
        transferred_data=entry.added,
    )


def _expiration(value: Any) -> str | None:
    return None if value is None or value >= FOREVER else instant(value)
