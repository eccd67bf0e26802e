"""Looking into points: what their folders hold, which of them hold a name, and fetching a file."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tandem.actions.ask_agent import require_connected
from tandem.actions.context import Act
from tandem.actions.held_points import held_at, holders_of
from tandem.actions.transfers import begin_transfer
from tandem.domain.errors import Conflict
from tandem.domain.listing import Query
from tandem.domain.paging import Window
from tandem.domain.point_files import ArchiveForm, shown_path
from tandem.domain.restore_points import RestorePoint
from tandem.protocol.messages import Order
from tandem.protocol.transfers import FindFiles, ListFiles, Place, SendFile
from tandem.store import activity_log, backup_servers, file_shares, restore_points
from tandem.store.database import Connection

# So many are looked through at once; of a share with more, the newest.
POINTS_MAX = 1_000


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for: a pattern of names."""

    pattern: str
    ignore_case: bool
    window: Window


class Found(msgspec.Struct, frozen=True):
    """A search under way: its transfer, and which point each snapshot is."""

    transfer_uid: str
    points: dict[str, RestorePoint]


def list_point_files(act: Act, point_uid: str, path: bytes, *, repository_uid: str | None, window: Window) -> str:
    """Have a folder of a point listed; gives the transfer.

    The caller must see the point; unlike a restore, this changes nothing on the backup server.

    Raises:
        NotFound: if the point is not there for the caller.
        Conflict: if the repository does not hold the point.
        Unavailable: if the agent is away.
        Throttled: if too much is asked for at the same time.
    """
    with act.context.database.writing() as connection:
        point = restore_points.get_restore_point(connection, act.caller.scope, point_uid)
        held_uid, snapshot_id = held_at(connection, act, point, repository_uid)

        def order(transfer_uid: str) -> Order:
            return ListFiles(
                transfer_uid=transfer_uid,
                repository_uid=held_uid,
                snapshot_id=snapshot_id,
                path=path,
                limit=window.limit,
                offset=window.offset,
            )

        uid = _begin(connection, act, point.backup_server_uid, order)
        _record(connection, act, point, "GetFileShareRestorePointFiles", f"/{shown_path(path)}")
    return uid


def search_point(act: Act, point_uid: str, search: Search, *, repository_uid: str | None) -> Found:
    """Have a point searched; raises what `list_point_files` does."""
    with act.context.database.writing() as connection:
        point = restore_points.get_restore_point(connection, act.caller.scope, point_uid)
        held_uid, snapshot_id = held_at(connection, act, point, repository_uid)
        places = [Place(held_uid, [snapshot_id])]
        uid = _begin(connection, act, point.backup_server_uid, _find(search, places))
        _record(connection, act, point, "SearchFileShareRestorePointFiles", search.pattern)
    return Found(uid, {snapshot_id: point})


def search_share(act: Act, file_share_uid: str, search: Search) -> Found:
    """Have all points of a share searched, each where it is held; raises what `list_point_files` does."""
    with act.context.database.writing() as connection:
        share = file_shares.get_file_share(connection, act.caller.scope, file_share_uid)
        newest = Query(window=Window(limit=POINTS_MAX))
        points = restore_points.list_restore_points(connection, act.caller.scope, newest, share.instance_uid).rows
        found: dict[str, RestorePoint] = {}
        snapshots: dict[str, list[str]] = {}
        copies = restore_points.copies_of(connection, act.caller.scope, [point.instance_uid for point in points])
        for point in points:
            held_uid, snapshot_id = holders_of(point, copies[point.instance_uid])[0]
            found[snapshot_id] = point
            snapshots.setdefault(held_uid, []).append(snapshot_id)
        if not points:
            raise Conflict("There is no restore point of this file share to search.")
        places = [Place(held_uid, ids) for held_uid, ids in snapshots.items()]
        uid = _begin(connection, act, points[0].backup_server_uid, _find(search, places))
        _record(connection, act, points[0], "SearchFileShareFiles", f"{search.pattern} in {len(points)} points")
    return Found(uid, found)


def download(act: Act, point_uid: str, path: bytes, *, repository_uid: str | None, archive: ArchiveForm | None) -> str:
    """Have a file sent, or a folder as an archive; gives the transfer. Raises what `list_point_files` does."""
    with act.context.database.writing() as connection:
        point = restore_points.get_restore_point(connection, act.caller.scope, point_uid)
        held_uid, snapshot_id = held_at(connection, act, point, repository_uid)

        def order(transfer_uid: str) -> Order:
            return SendFile(
                transfer_uid=transfer_uid,
                repository_uid=held_uid,
                snapshot_id=snapshot_id,
                path=path,
                archive=archive,
            )

        uid = _begin(connection, act, point.backup_server_uid, order)
        form = f" as {archive}" if archive else ""
        detail = f"/{shown_path(path)}{form}, from the repository {held_uid}"
        _record(connection, act, point, "DownloadFileShareRestorePointFile", detail)
    return uid


def _find(search: Search, places: list[Place]) -> Callable[[str], Order]:
    def order(transfer_uid: str) -> Order:
        return FindFiles(
            transfer_uid=transfer_uid,
            pattern=search.pattern,
            ignore_case=search.ignore_case,
            places=places,
            limit=search.window.limit,
            offset=search.window.offset,
        )

    return order


def _begin(connection: Connection, act: Act, server_uid: str, order: Callable[[str], Order]) -> str:
    server = backup_servers.get_server_of_job(connection, server_uid)
    require_connected(act.context, server)
    return begin_transfer(connection, act, server, order)


def _record(connection: Connection, act: Act, point: RestorePoint, activity: str, what: str) -> None:
    job = restore_points.job_of_point(connection, point.instance_uid)
    activity_log.record_activity(
        connection,
        act.caller,
        activity,
        object_uid=point.instance_uid,
        object_organization_uid=job.mapped_organization_uid or job.organization_uid,
        detail=f"{what}, of {job.name}",
        now=act.now,
    )
