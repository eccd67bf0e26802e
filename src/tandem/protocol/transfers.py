"""What an agent sends up when it is asked for: lists of files, and files.

An order names a transfer, and the agent sends what is asked for as numbered parts, each acknowledged before the next
and repeated until it is. So whichever process of the console takes a part, none is lost, doubled or out of order; and
the agent, waiting for the acknowledgement, goes no faster than whoever takes the parts.
"""

from __future__ import annotations

import msgspec

from tandem.domain.point_files import ArchiveForm, FoundFile, PointFile

TRANSFER_PATH = "/agent/transfers"
PART_BYTES_MAX = 1024 * 1024
MESSAGE_BYTES_MAX = PART_BYTES_MAX + 64 * 1024
# An agent that has nothing to send yet says at least that much so often.
BEAT_SECONDS = 5.0
# How long the console keeps an agent waiting for room before it says that there is none yet.
ROOM_SECONDS_MAX = 10.0


class ListFiles(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Send what a folder of a point holds, as a `FilePage`; `path` is within the share."""

    transfer_uid: str
    repository_uid: str
    snapshot_id: str
    path: bytes
    limit: int
    offset: int


class Place(msgspec.Struct, frozen=True):
    """Points in a repository."""

    repository_uid: str
    snapshot_ids: list[str]


class FindFiles(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Send which points hold files of a name, as a `FoundPage`."""

    transfer_uid: str
    pattern: str
    ignore_case: bool
    places: list[Place]
    limit: int
    offset: int


class SendFile(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Send a file's bytes, or a folder as an archive; `path` is within the share."""

    transfer_uid: str
    repository_uid: str
    snapshot_id: str
    path: bytes
    archive: ArchiveForm | None = None


class FilePage(msgspec.Struct, frozen=True):
    """A part of a folder's list, folders first, and how many entries the whole has."""

    files: list[PointFile]
    total: int


class FoundPage(msgspec.Struct, frozen=True):
    """A part of what was found, and how much that was."""

    files: list[FoundFile]
    total: int


class TransferPart(msgspec.Struct, frozen=True, kw_only=True):
    """The next piece, as MessagePack.

    Attributes:
        transfer_uid: of which transfer.
        number: counted from 0.
        data: at most `PART_BYTES_MAX` bytes; none to say only that the agent is at work.
        is_last: whether all was sent; without it the transfer is not whole.
        size: with the first part, how many bytes all will be, where that is known before.
        error: why there will be no more; empty while all is well.
        is_missing: whether that is because there is no such file.
    """

    transfer_uid: str
    number: int
    data: bytes = b""
    is_last: bool = False
    size: int | None = None
    error: str = ""
    is_missing: bool = False


class TransferAnswer(msgspec.Struct, frozen=True):
    """Which part is next, the same one if there was no room for it; or that nobody wants any more."""

    next_number: int
    is_wanted: bool = True
