"""Restoring a point into a folder of this machine."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

from tandem.agent.folders import check_restore_target
from tandem.agent.growth import watched
from tandem.agent.open_repository import OpenRepository
from tandem.agent.run import Run
from tandem.domain.point_files import OverwriteRule
from tandem.domain.sessions import Progress
from tandem.protocol.messages import RestorePointTo
from tandem.restic import restore, snapshots
from tandem.restic.errors import PartlyRestored, ResticError
from tandem.restic.restore import Placed


def run_restore(run: Run, order: RestorePointTo, data: Path) -> None:
    """Restore a point, or some of its files, and read back what was written.

    Args:
        run: the session.
        order: which point, from where, whereto, what of it, and what happens to files that are there.
        data: the agent's own folder, never restored into.

    Raises:
        ResticError: if the folder cannot be used or the point cannot be restored whole.
    """
    is_empty_only = order.overwrite is OverwriteRule.EMPTY_ONLY
    wrong = check_restore_target(order.target_path, run.configuration, data, must_be_empty=is_empty_only)
    if wrong:
        raise ResticError(wrong)
    with run.open(order.repository_uid, is_shared=True) as repository:
        try:
            placed = _restore(run, order, repository)
        except PartlyRestored as error:
            heal = f'tandem repositories heal "{repository.name}"'
            advice = f"If {repository.name} is damaged, restore from another repository (--from), and heal it: {heal}"
            raise ResticError(f"{error} {advice}") from error
    written = placed.files - placed.kept
    run.note(files_total=placed.files, files_changed=written, transferred=placed.size, source_size=placed.size)
    kept = f"; {placed.kept} stayed as they were" if placed.kept else ""
    what = f"{placed.files} files were read from {repository.name} and verified"
    run.messages.append(f"{what}, {written} of them put into {order.target_path}{kept}.")


def _restore(run: Run, order: RestorePointTo, repository: OpenRepository) -> Placed:
    found = snapshots.find(run.means.engine, repository.access, order.snapshot_id, control=run.control)
    if found is None:
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

    target = Path(order.target_path)
    with ExitStack() as watching:
        if not run.means.engine.has_restore_progress:
            watching.enter_context(watched(restore.staging_folder(target, order.snapshot_id), order.size, run.show))
        return restore.run(
            run.means.engine,
            repository.access,
            found,
            target,
            include=[os.fsdecode(path) for path in order.paths],
            verify=True,
            overwrite=order.overwrite,
            on_progress=show,
            control=run.control,
        )
