"""Restoring a point into a folder of this machine."""

from __future__ import annotations

from pathlib import Path

from tandem.agent.folders import check_restore_target
from tandem.agent.open_repository import OpenRepository
from tandem.agent.run import Run
from tandem.domain.sessions import Progress
from tandem.protocol.messages import RestorePointTo
from tandem.restic import restore, snapshots
from tandem.restic.errors import ResticError


def run_restore(run: Run, order: RestorePointTo, data: Path) -> None:
    """Restore a point and read back what was written.

    Args:
        run: the session.
        order: which point, from where, whereto.
        data: the agent's own folder, never restored into.

    Raises:
        ResticError: if the folder cannot be used or the point cannot be restored whole.
    """
    wrong = check_restore_target(order.target_path, run.configuration, data)
    if wrong:
        raise ResticError(wrong)
    with run.open(order.repository_uid, is_shared=True) as repository:
        _restore(run, order, repository)
    count, size = _measure(Path(order.target_path))
    run.note(files_total=count, files_changed=count, transferred=size, source_size=size)
    run.messages.append(f"{count} files were restored from {repository.name} into {order.target_path} and read back.")


def _restore(run: Run, order: RestorePointTo, repository: OpenRepository) -> None:
    access = repository.access
    found = [
        snapshot
        for snapshot in snapshots.read(run.means.engine, access, control=run.control)
        if snapshot.id == order.snapshot_id
    ]
    if not found:
        raise ResticError(f"The repository {repository.name} does not hold the restore point any more.")

    def show(progress: restore.Progress) -> None:
        run.show(
            Progress(
                percent=round(progress.percent_done * 100, 1),
                files_done=progress.files_restored,
                files_total=progress.total_files,
                bytes_done=progress.bytes_restored,
                bytes_total=progress.total_bytes,
            )
        )

    restore.run(
        run.means.engine, access, found[0], Path(order.target_path), verify=True, on_progress=show, control=run.control
    )


def _measure(folder: Path) -> tuple[int, int]:
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return len(files), sum(path.stat().st_size for path in files)
