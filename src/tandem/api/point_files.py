"""The files within restore points over HTTP: folders in pages, searches, and downloads."""

from __future__ import annotations

from functools import partial
from typing import Annotated
from uuid import UUID

import anyio
import msgspec
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from tandem.actions import browse_points
from tandem.actions.browse_points import Found, Search
from tandem.api.http.answers import Many
from tandem.api.http.call import Call
from tandem.api.http.listing import window_of
from tandem.api.http.texts import Instant, Int64, Uid, instant, instant_or_none
from tandem.api.transfers import begin_download, whole
from tandem.domain.paging import Page
from tandem.domain.point_files import (
    PATH_BYTES_MAX,
    PATTERN_LENGTH_MAX,
    ArchiveForm,
    FileType,
    PointFile,
    check_inner_path,
    check_pattern,
    name_of,
    raw_path_of,
    shown_path,
)
from tandem.protocol.transfers import FilePage, FoundPage

InnerPath = Annotated[str, msgspec.Meta(max_length=PATH_BYTES_MAX)]
RawPath = Annotated[str, msgspec.Meta(max_length=2 * PATH_BYTES_MAX)]
Pattern = Annotated[str, msgspec.Meta(min_length=1, max_length=PATTERN_LENGTH_MAX)]


class PointFileView(msgspec.Struct, rename="camel", kw_only=True):
    """A file or folder within a restore point; `rawPath` only where `path` cannot tell its bytes."""

    name: str
    path: str
    raw_path: str | UnsetType = UNSET
    type: FileType
    size: Int64
    modification_time: Instant | None


class FoundFileView(PointFileView, rename="camel", kw_only=True):
    """A file or folder that a search has found, and the restore point that holds it."""

    restore_point_uid: Uid
    restore_point_date: Instant


class FolderParameters(msgspec.Struct, rename="camel", kw_only=True):
    """The query: which folder, the share's own if none is named, and which repository is read."""

    path: InnerPath | None = None
    raw_path: RawPath | None = None
    repository_uid: UUID | None = None


class ContentParameters(FolderParameters, rename="camel", kw_only=True):
    """The query: which file or folder, which repository is read, and the form of the archive, for a folder."""

    archive: ArchiveForm | None = None


class ShareSearchParameters(msgspec.Struct, rename="camel", kw_only=True):
    """The query: a pattern of names, with * and ?, and whether upper and lower case differ."""

    pattern: Pattern
    ignore_case: bool = True


class PointSearchParameters(ShareSearchParameters, rename="camel", kw_only=True):
    """The query: a pattern of names, whether upper and lower case differ, and which repository is read."""

    repository_uid: UUID | None = None


async def list_point_files(call: Call, query: FolderParameters) -> Many[PointFileView]:
    """List what a folder of a restore point holds: folders first, each by name."""
    window = window_of(call)
    begin = partial(
        browse_points.list_point_files,
        call.act,
        call.uid("restorePointUid"),
        check_inner_path(query.path, query.raw_path),
        repository_uid=_text(query.repository_uid),
        window=window,
    )
    page = await whole(call, await anyio.to_thread.run_sync(begin), FilePage)
    return Many(Page(page.files, page.total, window.offset), [_view(file) for file in page.files])


async def search_point(call: Call, query: PointSearchParameters) -> Many[FoundFileView]:
    """Search a restore point for files and folders by name."""
    begin = partial(
        browse_points.search_point,
        call.act,
        call.uid("restorePointUid"),
        _search(call, query),
        repository_uid=_text(query.repository_uid),
    )
    return await _found(call, await anyio.to_thread.run_sync(begin))


async def search_share(call: Call, query: ShareSearchParameters) -> Many[FoundFileView]:
    """Search all restore points of a file share for files and folders by name: which points hold them."""
    begin = partial(browse_points.search_share, call.act, call.uid("fileShareUid"), _search(call, query))
    return await _found(call, await anyio.to_thread.run_sync(begin))


async def download_point_file(call: Call, query: ContentParameters) -> Response:
    """Download a file of a restore point, or a folder as an archive."""
    path = check_inner_path(query.path, query.raw_path)
    begin = partial(
        browse_points.download,
        call.act,
        call.uid("restorePointUid"),
        path,
        repository_uid=_text(query.repository_uid),
        archive=query.archive,
    )
    name = name_of(path) or "share"
    if query.archive:
        name = f"{name}.{query.archive}"
    return await begin_download(call, await anyio.to_thread.run_sync(begin), name)


def _search(call: Call, query: ShareSearchParameters) -> Search:
    return Search(pattern=check_pattern(query.pattern), ignore_case=query.ignore_case, window=window_of(call))


async def _found(call: Call, found: Found) -> Many[FoundFileView]:
    page = await whole(call, found.transfer_uid, FoundPage)
    rows: list[FoundFileView] = []
    for each in page.files:
        point = found.points[each.snapshot_id]
        shown = msgspec.structs.asdict(_view(each.file))
        rows.append(
            FoundFileView(**shown, restore_point_uid=point.instance_uid, restore_point_date=instant(point.created_at))
        )
    return Many(Page(page.files, page.total, window_of(call).offset), rows)


def _view(file: PointFile) -> PointFileView:
    return PointFileView(
        name=name_of(file.path),
        path=shown_path(file.path),
        raw_path=raw_path_of(file.path) or UNSET,
        type=file.type,
        size=file.size,
        modification_time=instant_or_none(file.modified_at),
    )


def _text(uid: UUID | None) -> str | None:
    return None if uid is None else str(uid)
