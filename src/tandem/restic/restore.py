"""`restic restore`: put a point's content into a folder, the share's own files at its top."""

import contextlib
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from tandem.restic import holding, ids, output
from tandem.restic.engine import Engine
from tandem.restic.errors import ResticError, Stopped
from tandem.restic.process import BACKGROUND, Control, RepositoryAccess
from tandem.restic.snapshots import Snapshot

_PATTERN_CHARACTERS = re.compile(r"([\\*?\[])")


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
    on_progress: Callable[[Progress], None] | None = None,
    control: Control = BACKGROUND,
) -> None:
    """Restore a point, so that `target` holds what the share held.

    Restic restores absolute paths, so it does so in a folder of its own inside `target`, from which everything is then
    moved up, replacing files of the same name. After a crash the same call begins anew and ends in the same result.

    Args:
        engine: the program.
        repository: where the point is.
        snapshot: the point. If it was made of several paths, each is restored below its absolute path.
        target: an absolute folder, made if it is not there. What it holds already stays, unless the point holds it too.
        include: only these files and folders, as paths within the share; none means all.
        verify: read every file again and compare it.
        on_progress: called about twice a second, from restic 0.16 on.
        control: how the run is watched.

    Raises:
        ValueError: a path of `include` is absolute or leads out of the share.
        RepositoryMissing, RepositoryLocked, WrongPassword, Stopped: nothing was restored.
        ResticError: some files could not be restored, and the message says where the others are; or the point does not
            hold what was asked for; or something in `target` is in the way.
    """
    root = snapshot.paths[0] if len(snapshot.paths) == 1 else "/"
    wanted = list(include)
    patterns = [pattern(root, path) for path in wanted]
    staging = target / f".tandem-restore-{snapshot.id[:8]}"
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
        _clean_up(error, staging)
        raise

    content = staging / root.lstrip("/")
    missing = [path for path in wanted if not os.path.lexists(content / path)]
    if missing:
        raise ResticError(f"The point does not hold {', '.join(missing)}. Look at its files, then name others.")
    _move_up(content, staging, target)
    _remove(staging)


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


def _clean_up(error: ResticError, staging: Path) -> None:
    """Keep what could be restored of a damaged point, and say where it is; leave nothing behind otherwise."""
    if isinstance(error, Stopped) or not any(staging.iterdir()):
        _remove(staging)
        return
    raise ResticError(
        f"{error}. What could be restored is in {staging}.", exit_code=error.exit_code, stderr=error.stderr
    ) from error


def _move_up(content: Path, staging: Path, target: Path) -> None:
    """Move the share's content into `target`, folder by folder, replacing files of the same name."""
    if not os.path.lexists(content):
        # The point was made of a relative path, so what it holds is not below the share's absolute one.
        content = staging
    if content.is_dir():
        for child in sorted(content.iterdir()):
            _move(child, target / child.name)
    else:
        _move(content, target / content.name)


def _move(source: Path, target: Path) -> None:
    is_folder = source.is_dir() and not source.is_symlink()
    if is_folder and target.is_dir() and not target.is_symlink():
        _merge(source, target)
        return
    mode = source.stat().st_mode if is_folder else 0
    try:
        if is_folder:
            target.unlink(missing_ok=True)
            source.chmod(mode | stat.S_IWUSR)  # a folder that its owner may not write to cannot be moved
        source.replace(target)
    except OSError as error:
        raise ResticError(
            f"{target} cannot be replaced: {error.strerror}. Restore into an empty folder, or move it away."
        ) from error
    if is_folder:
        target.chmod(mode)


def _merge(source: Path, target: Path) -> None:
    """Move what one folder holds into another that is there already, and make that one look the same."""
    before = source.stat()
    source.chmod(stat.S_IRWXU)  # what its owner may not write to cannot be emptied
    for child in sorted(source.iterdir()):
        _move(child, target / child.name)
    shutil.copystat(source, target)
    with contextlib.suppress(PermissionError):  # only root may give files away
        os.chown(target, before.st_uid, before.st_gid)
    target.chmod(stat.S_IMODE(before.st_mode))
    os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns))


def _remove(folder: Path) -> None:
    """Remove a folder, also when folders in it are closed to their owner."""
    if folder.exists():
        for parent, names, _ in os.walk(folder):
            for child in (Path(parent, name) for name in names):
                if not child.is_symlink():
                    child.chmod(stat.S_IRWXU)
        shutil.rmtree(folder)
