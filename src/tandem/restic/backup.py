"""`restic backup`: save one folder as a restore point."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import msgspec

from tandem.restic import exit_codes, holding, ids, output, snapshots
from tandem.restic.engine import Engine
from tandem.restic.errors import ResticError
from tandem.restic.process import BACKGROUND, Control, RepositoryAccess

ERRORS_MAX = 100
READS_CONCURRENTLY_SINCE = (0, 15, 0)
REMOTE_READERS = 8


class Progress(msgspec.Struct, frozen=True, tag_field="message_type", tag="status"):
    """How far a backup is. The totals grow until the folder has been listed once.

    Attributes:
        percent_done: a fraction, 0 to 1.
        total_files: found so far.
        files_done: read so far.
        total_bytes: found so far.
        bytes_done: read so far.
    """

    percent_done: float = 0.0
    total_files: int = 0
    files_done: int = 0
    total_bytes: int = 0
    bytes_done: int = 0


class Summary(msgspec.Struct, frozen=True, tag_field="message_type", tag="summary"):
    """Restic's last message; 0.14 gives the first digits of the id only."""

    snapshot_id: str
    files_new: int = 0
    files_changed: int = 0
    files_unmodified: int = 0
    total_files_processed: int = 0
    data_added: int = 0
    total_bytes_processed: int = 0
    total_duration: float = 0.0


class _Failure(msgspec.Struct, frozen=True):
    message: str = ""
    err: int = msgspec.field(name="Err", default=0)


class Unreadable(msgspec.Struct, frozen=True, tag_field="message_type", tag="error"):
    """Restic's message about one file that it could not read; 0.14 gives the system's error number only."""

    item: str = ""
    during: str = ""
    error: _Failure = _Failure()


@dataclass(frozen=True, slots=True)
class BackupSummary:
    """A point that was saved.

    Attributes:
        snapshot_id: the whole id.
        files_new: not in the point before.
        files_changed: changed since the point before.
        files_unmodified: unchanged since then.
        total_files_processed: all three together.
        data_added: bytes of new data, before compression.
        total_bytes_processed: the size of the folder in bytes.
        total_duration: seconds.
        is_complete: False if some files could not be read. What is missing from such a point was not deleted.
        errors: what could not be read and why, the last `ERRORS_MAX` of them.
    """

    snapshot_id: str
    files_new: int
    files_changed: int
    files_unmodified: int
    total_files_processed: int
    data_added: int
    total_bytes_processed: int
    total_duration: float
    is_complete: bool
    errors: tuple[str, ...]


def run(
    engine: Engine,
    repository: RepositoryAccess,
    path: str,
    *,
    host: str,
    is_remote: bool = False,
    excludes: Sequence[str] = (),
    on_progress: Callable[[Progress], None] | None = None,
    control: Control = BACKGROUND,
) -> BackupSummary:
    """Back up one folder.

    Args:
        engine: the program.
        repository: where the point is saved.
        path: absolute; the same each time, since restic finds the point before by host and path.
        host: the name that the point carries.
        is_remote: the folder is a mount that gives its files new inode numbers at each mount, and is slow to answer.
        excludes: patterns of what is left out, whatever its case; the last one that fits decides.
        on_progress: called about twice a second.
        control: how the run is watched.

    Returns:
        What was saved, also when some files could not be read.

    Raises:
        ValueError: the path is not absolute.
        RepositoryMissing, RepositoryLocked, WrongPassword, Stopped, ResticError: nothing was saved.
    """
    summaries: list[Summary] = []

    def on_line(line: str) -> None:
        progress = output.message(line, Progress)
        if progress is not None:
            if on_progress is not None:
                on_progress(progress)
            return
        summary = output.message(line, Summary)
        if summary is not None:
            summaries.append(summary)

    arguments = flags(path, host=host, is_remote=is_remote, excludes=excludes)
    if is_remote and engine.version >= READS_CONCURRENTLY_SINCE:
        arguments[1:1] = ["--read-concurrency", str(REMOTE_READERS)]
    allowed = frozenset({exit_codes.OK, exit_codes.PARTLY_UNREADABLE})
    result = holding.run(engine, arguments, repository=repository, on_output=on_line, allowed=allowed, control=control)
    if not summaries or not summaries[-1].snapshot_id:
        raise ResticError(
            f"Restic ended with exit code {result.exit_code}, but named no point. Look at its points, then try again.",
            exit_code=result.exit_code,
            stderr=result.stderr,
        )

    summary = summaries[-1]
    snapshot_id = summary.snapshot_id
    if not ids.is_full(snapshot_id):
        snapshot_id = ids.resolve(snapshot_id, snapshots.read_ids(engine, repository))
    return _saved(summary, snapshot_id, is_complete=result.exit_code == exit_codes.OK, stderr=result.stderr)


def flags(path: str, *, host: str, is_remote: bool = False, excludes: Sequence[str] = ()) -> list[str]:
    """Return the arguments, for instance `["backup", "--json", "--host", "nas1", "--", "/srv/share"]`.

    Raises:
        ValueError: the path is not absolute.
    """
    if not PurePosixPath(path).is_absolute():
        raise ValueError(f"{path!r} is not an absolute path.")
    inode = ["--ignore-inode"] if is_remote else []
    left_out = [f"--iexclude={pattern}" for pattern in excludes]
    return ["backup", "--json", "--host", host, *inode, *left_out, "--", path]


def unreadable(stderr: str) -> tuple[str, ...]:
    """Return one sentence for each file that could not be read, the last `ERRORS_MAX` of them."""
    errors = [output.message(line.strip(), Unreadable) for line in stderr.splitlines()]
    # A folder is reported twice, when it is counted and when it is read.
    sentences = dict.fromkeys(_sentence(error) for error in errors if error is not None)
    return tuple(sentences)[-ERRORS_MAX:]


def _sentence(error: Unreadable) -> str:
    why = error.error.message or (os.strerror(error.error.err) if error.error.err else "unreadable")
    return why if error.item in why else f"{error.item}: {why}"


def _saved(summary: Summary, snapshot_id: str, *, is_complete: bool, stderr: str) -> BackupSummary:
    return BackupSummary(
        snapshot_id=snapshot_id,
        files_new=summary.files_new,
        files_changed=summary.files_changed,
        files_unmodified=summary.files_unmodified,
        total_files_processed=summary.total_files_processed,
        data_added=summary.data_added,
        total_bytes_processed=summary.total_bytes_processed,
        total_duration=summary.total_duration,
        is_complete=is_complete,
        errors=unreadable(stderr),
    )
