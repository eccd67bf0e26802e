"""A restore drill: the newest copy is restored with what the recovery kit holds, and compared with the first backup.

Live files change, so they prove nothing: the same files of the same point are restored from both repositories, and
compared byte for byte. If the first repository has forgotten the point, restic's own checksums are all there is, and
the session says so.
"""

from __future__ import annotations

import dataclasses
import filecmp
import os
import shutil
from pathlib import Path

import msgspec

from tandem.agent import proof_memory
from tandem.agent.ledger import Ledger
from tandem.agent.run import Run
from tandem.domain.drills import BYTES_MAX, FILES_DEFAULT, DrillResult, Sample, SampleFile
from tandem.domain.restore_points import LedgerEntry
from tandem.protocol.messages import JobConfiguration
from tandem.restic import contents, restore, snapshots
from tandem.restic.errors import ResticError
from tandem.restic.process import RepositoryAccess
from tandem.restic.snapshots import Snapshot

FOLDER = "drills"
DIFFERENCES_SHOWN_MAX = 20
# A drill of everything leaves this share of the disk free.
SPARE = 0.05


def clear_scratch(data: Path) -> None:
    """Remove what drills that were cut short have left."""
    shutil.rmtree(data / FOLDER, ignore_errors=True)


def run_drill(run: Run, job: JobConfiguration, data: Path, files: int | None = FILES_DEFAULT) -> None:
    """Restore files of the newest copy and compare them.

    Args:
        run: the session.
        job: the copy job.
        data: the agent's own folder, where there is scratch space.
        files: how many; None means all.

    Raises:
        ResticError: if there is no copy yet, or it cannot be restored. That is noted at the copy too.
    """
    ledger = Ledger(run, job)
    held = [entry for entry in ledger.entries.values() if entry.state.is_held]
    proof_memory.put_last_drill(run.means.state, job.uid, run.now)
    if not held:
        raise ResticError("There is no copy to restore yet.")
    entry = max(held, key=lambda one: one.created_at)
    began = run.now
    scratch = data / FOLDER / job.uid
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True, mode=0o700)
    result = DrillResult.FAILED
    try:
        result = _drill(run, job, entry, scratch, files)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        ledger.write([msgspec.structs.replace(entry, drilled_at=began, drill_result=result)])


def _drill(run: Run, job: JobConfiguration, entry: LedgerEntry, scratch: Path, files: int | None) -> DrillResult:
    when = f"{entry.created_at:%Y-%m-%d %H:%M:%S}"
    with run.open(job.target_repository_uid, is_shared=True) as target:
        # Nothing but location and password: what the cache knows would hide what the copy lacks.
        access = dataclasses.replace(target.access, cache_directory=_folder(scratch / "cache"))
        copied = snapshots.find(run.means.engine, access, entry.target_snapshot_id, control=run.control)
        if copied is None:
            raise ResticError(f"{target.name} does not hold the copy of {when} any more.")
        chosen = _choose(run, access, copied, scratch, files)
        run.decide("drill", entry.source_snapshot_id, f"{len(chosen) or 'All'} files of the newest copy.")
        _restore(run, access, copied, scratch / "copy", chosen)
    count, size = _measure(scratch / "copy")
    run.note(files_total=count, transferred=size)
    tree = _restore_original(run, job, entry, scratch / "first", chosen)
    if tree is None:
        run.messages.append(
            f"{count} files of the copy of {when} were restored and match their checksums; the first repository has "
            f"forgotten the point, so there is nothing to compare them with."
        )
        return DrillResult.SAME
    differences = _differences(scratch / "first", scratch / "copy")
    if tree != copied.tree:
        differences.append("the names and properties of all files together")
    if differences:
        run.warn(f"The copy of {when} differs from the first backup in: {', '.join(differences)}.")
        return DrillResult.DIFFERENT
    run.messages.append(f"{count} files ({size} bytes) of the copy of {when} are the same as in the first backup.")
    return DrillResult.SAME


def _choose(run: Run, access: RepositoryAccess, copied: Snapshot, scratch: Path, files: int | None) -> list[str]:
    """Give the files to restore; none means all."""
    sample = Sample(f"{copied.id} {run.now.isoformat()}", files or 1)
    total = 0

    def offer(path: str, size: int) -> None:
        nonlocal total
        sample.offer(SampleFile(path, size))
        total += size

    contents.read(run.means.engine, access, copied, offer, control=run.control)
    run.note(source_size=total)
    _check_space(scratch, 2 * (total if files is None else min(total, BYTES_MAX)))
    chosen = [file.path for file in sample.chosen()] if files is not None else []
    if total and files is not None and not chosen:
        raise ResticError(f"No file of the copy is smaller than {BYTES_MAX} bytes; have all of it restored instead.")
    return chosen


def _restore_original(
    run: Run, job: JobConfiguration, entry: LedgerEntry, target: Path, chosen: list[str]
) -> str | None:
    """Restore the same from the first repository; gives the id of the point's tree, None if the point is not there."""
    source_job = next((found for found in run.configuration.jobs if found.uid == job.source_job_uid), None)
    if source_job is None:
        return None
    with run.open(source_job.target_repository_uid, is_shared=True) as first:
        source = snapshots.find(run.means.engine, first.access, entry.source_snapshot_id, control=run.control)
        if source is not None:
            _restore(run, first.access, source, target, chosen)
    return source.tree if source else None


def _restore(run: Run, access: RepositoryAccess, snapshot: Snapshot, target: Path, chosen: list[str]) -> None:
    restore.run(run.means.engine, access, snapshot, target, include=chosen, verify=True, control=run.control)


def _check_space(scratch: Path, needed: int) -> None:
    disk = shutil.disk_usage(scratch)
    if needed > disk.free - SPARE * disk.total:
        text = f"The drill needs {needed} bytes in {scratch.parent}, where {disk.free} are free"
        raise ResticError(f"{text}: restore fewer files.")


def _differences(one: Path, other: Path) -> list[str]:
    """Give the paths in which two folders differ in content or kind, the first of them."""
    paths = sorted({*_paths(one), *_paths(other)})
    found = (path for path in paths if not _is_same(one / path, other / path))
    return [path for path, _place in zip(found, range(DIFFERENCES_SHOWN_MAX), strict=False)]


def _is_same(one: Path, other: Path) -> bool:
    if one.is_symlink() or other.is_symlink():
        return one.is_symlink() and other.is_symlink() and one.readlink() == other.readlink()
    if one.is_file() and other.is_file():
        return filecmp.cmp(one, other, shallow=False)
    return one.is_dir() and other.is_dir()


def _paths(folder: Path) -> set[str]:
    return {
        os.path.relpath(Path(parent, name), folder)
        for parent, folders, names in os.walk(folder)
        for name in [*folders, *names]
    }


def _measure(folder: Path) -> tuple[int, int]:
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return len(files), sum(path.stat().st_size for path in files)


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, mode=0o700)
    return path
