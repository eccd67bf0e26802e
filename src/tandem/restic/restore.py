"""`restic restore`: put a point's content into a folder, the share's own files at its top."""

import os
import re
import shutil
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from tandem.domain.point_files import OverwriteRule
from tandem.restic import holding, ids, output
from tandem.restic.engine import Engine
from tandem.restic.errors import PartlyRestored, ResticError, Stopped
from tandem.restic.placing import Placing
from tandem.restic.process import BACKGROUND, Control, RepositoryAccess
from tandem.restic.snapshots import Snapshot

_PATTERN_CHARACTERS = re.compile(r"([\\*?\[])")
_IGNORED = re.compile(r"^ignoring error for (?P<item>.+?): (?P<why>.+)$")
_NAMED_MAX = 3


STAGING = ".tandem-restore-"


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a restore.

    Attributes:
        files: how many the point held of what was asked for, all but folders.
        size: of these, in bytes.
        kept: how many of them, or folders in whose place something else was, were left out for what was there.
    """

    files: int
    size: int
    kept: int


class _Trouble(msgspec.Struct, frozen=True):
    """What restic says was wrong with one file."""

    message: str = ""


class _Ignored(msgspec.Struct, frozen=True, tag_field="message_type", tag="error"):
    """A file that restic could not restore; it went on with the others (restic 0.16)."""

    item: str = ""
    error: _Trouble = _Trouble()


class Progress(msgspec.Struct, frozen=True, tag_field="message_type", tag="status"):
    """How far a restore is (restic 0.16).

    Attributes:
        percent_done: a fraction, 0 to 1.
        total_files: in all, folders included.
        files_restored: so far.
        total_bytes: in all.
        bytes_restored: so far.
    """

    percent_done: float = 0.0
    total_files: int = 0
    files_restored: int = 0
    total_bytes: int = 0
    bytes_restored: int = 0


def run(
    engine: Engine,
    repository: RepositoryAccess,
    snapshot: Snapshot,
    target: Path,
    *,
    include: Iterable[str] = (),
    verify: bool = False,
    overwrite: OverwriteRule = OverwriteRule.ALWAYS,
    on_progress: Callable[[Progress], None] | None = None,
    control: Control = BACKGROUND,
) -> Placed:
    """Restore a point, so that `target` holds what the share held.

    Restic restores absolute paths, so it does so in a folder of its own inside `target`, from which everything is then
    moved up, by the rule for files that are there. After a crash the same call begins anew and ends in the same result.

    Args:
        engine: the program.
        repository: where the point is.
        snapshot: the point. If it was made of several paths, each is restored below its absolute path.
        target: an absolute folder, made if it is not there. What it holds already stays, unless the point holds it too.
        include: only these files and folders, as paths within the share; none means all.
        verify: read every file again and compare it.
        overwrite: what happens to files of the same name.
        on_progress: called about twice a second, from restic 0.16 on.
        control: how the run is watched.

    Returns:
        What was restored, and what stayed.

    Raises:
        ValueError: a path of `include` is absolute or leads out of the share.
        RepositoryMissing, RepositoryLocked, WrongPassword, Stopped: nothing was restored.
        PartlyRestored: some files could not be restored; the message names them and says where the others are.
        ResticError: the point does not hold what was asked for, or something in `target` is in the way.
    """
    root = snapshot.root
    wanted = list(include)
    patterns = [pattern(root, path) for path in wanted]
    staging = staging_folder(target, snapshot.id)
    _remove(staging)
    staging.mkdir(mode=stat.S_IRWXU, parents=True)

    def on_line(line: str) -> None:
        progress = output.message(line, Progress)
        if progress is not None and on_progress is not None:
            on_progress(progress)

    arguments = flags(snapshot.id, staging, include=patterns, verify=verify, is_json=engine.has_restore_progress)
    try:
        holding.run(engine, arguments, repository=repository, on_output=on_line, control=control)
    except ResticError as error:
        _clean_up(error, root, staging)
        raise

    content = staging / root.lstrip("/")
    missing = [path for path in wanted if not os.path.lexists(content / path)]
    if missing:
        names = ", ".join(missing).encode(errors="replace").decode()
        _remove(staging)
        raise ResticError(f"The point does not hold {names}. Look at its files, then name others.")
    try:
        placed = _place(content, staging, target, overwrite)
    except ResticError:
        _remove(staging)
        raise
    _remove(staging)
    return placed


def staging_folder(target: Path, snapshot_id: str) -> Path:
    """Give the folder in which a point is restored before it is moved up."""
    return target / f"{STAGING}{snapshot_id[:8]}"


def flags(
    snapshot_id: str, target: Path, *, include: Iterable[str] = (), verify: bool = False, is_json: bool = False
) -> list[str]:
    """Return the arguments, for instance `["restore", "--target", "/to", "--verify", "--", id]`.

    Raises:
        ValueError: the id is not a whole one.
    """
    arguments = ["restore", "--target", str(target)]
    for each in include:
        arguments.extend(["--include", each])
    if verify:
        arguments.append("--verify")
    if is_json:
        arguments.append("--json")
    return [*arguments, "--", *ids.require_full([snapshot_id])]


def pattern(root: str, path: str) -> str:
    r"""Return restic's pattern for exactly one path, for instance `/srv/share/a\*b`.

    Args:
        root: the share's absolute path.
        path: a path within it.

    Raises:
        ValueError: the path is absolute, empty, or leads out of the share.
    """
    parts = path.split("/")
    if not path or any(part in {"", ".", ".."} for part in parts):
        raise ValueError(f"{path!r} is not a path within the share.")
    return _PATTERN_CHARACTERS.sub(r"\\\1", f"{root.rstrip('/')}/{path}")


def _clean_up(error: ResticError, root: str, staging: Path) -> None:
    """Keep what could be restored of a damaged point, and say where it is; leave nothing behind otherwise."""
    if isinstance(error, Stopped) or not any(staging.iterdir()):
        _remove(staging)
        return
    first_reasons: dict[str, str] = {}
    for item, why in not_restored(error.stderr):
        first_reasons.setdefault(item.removeprefix(f"{root.rstrip('/')}/"), why)
    named = [f"{item} ({why})" for item, why in first_reasons.items()]
    more = f" and {len(named) - _NAMED_MAX} more" if len(named) > _NAMED_MAX else ""
    what = f"These could not be restored: {', '.join(named[:_NAMED_MAX])}{more}." if named else f"{error}."
    raise PartlyRestored(
        f"{what} What could be restored is in {staging}.", exit_code=error.exit_code, stderr=error.stderr
    ) from error


def not_restored(stderr: str) -> list[tuple[str, str]]:
    """Give the paths that restic could not restore, each with its reason, in the order in which it said so."""
    found: list[tuple[str, str]] = []
    for line in stderr.splitlines():
        plain = _IGNORED.match(line.strip())
        ignored = output.message(line.strip(), _Ignored)
        if plain is not None:
            found.append((plain["item"], plain["why"]))
        elif ignored is not None and ignored.item:
            found.append((ignored.item, ignored.error.message))
    return found


def _place(content: Path, staging: Path, target: Path, rule: OverwriteRule) -> Placed:
    """Put the share's content into `target`, folder by folder."""
    if not _is_really_in(staging, content):
        # The point was made of a relative path, so what it holds is not below the share's absolute one.
        content = staging
    if not content.is_dir() or content.is_symlink():
        # The share is a file: it goes into a folder of its own, so that there is one to move it from.
        alone = staging / ".alone"
        alone.mkdir()
        content = content.rename(alone / content.name).parent
    files, size = measure(content)
    placing = Placing(rule)
    placing.place(content, target)
    return Placed(files=files, size=size, kept=placing.kept)


def _is_really_in(staging: Path, content: Path) -> bool:
    """Say whether something is there, reached through no link: one in the point may lead anywhere."""
    between = [folder for folder in content.parents if staging in folder.parents]
    return os.path.lexists(content) and not any(folder.is_symlink() for folder in between)


def measure(folder: Path) -> tuple[int, int]:
    """Count what is in a folder that may be growing: how many there are that are no folders, and their bytes."""
    count = size = 0
    folders = [os.fspath(folder)]
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    count += 1
                    size += entry.stat(follow_symlinks=False).st_size if entry.is_file(follow_symlinks=False) else 0
        except OSError:  # it went away, or is closed to us: what is counted is for people to look at
            continue
    return count, size


def _remove(folder: Path) -> None:
    """Remove a folder, also when folders in it are closed to their owner."""
    if folder.is_symlink():
        # Nobody but somebody else puts a link there.
        folder.unlink()
    elif folder.exists():
        for parent, names, _ in os.walk(folder):
            for child in (Path(parent, name) for name in names):
                if not child.is_symlink():
                    child.chmod(stat.S_IRWXU)
        shutil.rmtree(folder)
