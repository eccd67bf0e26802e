"""`restic copy`: copy named points from one repository to another."""

import contextlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tandem.restic import holding, ids, listing, snapshots
from tandem.restic.engine import Engine
from tandem.restic.errors import ResticError
from tandem.restic.process import BACKGROUND, Control, RepositoryAccess

_HEADER = re.compile(r"^snapshot ([0-9a-f]{8,64}) of \[")
_SAVED = re.compile(r"^snapshot ([0-9a-f]{8,64}) saved(?:, copied from source snapshot ([0-9a-f]{8,64}))?$")
_SKIPPED = re.compile(r"^skipping source snapshot ([0-9a-f]{8,64}), was already copied to snapshot ([0-9a-f]{8,64})$")
_PACKS = re.compile(r"(\d+) / (\d+) packs copied")


@dataclass(frozen=True, slots=True)
class Copied:
    """A point that is in both repositories.

    Attributes:
        source_id: the whole id in the source.
        target_id: the id in the target. While the copy runs, of a remote target only the first 8 digits are known.
        was_there: restic found it in the target and copied nothing.
    """

    source_id: str
    target_id: str
    was_there: bool


@dataclass(frozen=True, slots=True)
class CopyResult:
    """What a copy that ended well did.

    Attributes:
        copied: one for each point that is now in the target, in the order in which they were saved.
        missing: the whole ids of those that are not in the source any more.
    """

    copied: tuple[Copied, ...]
    missing: tuple[str, ...]


def run(
    engine: Engine,
    source: RepositoryAccess,
    target: RepositoryAccess,
    snapshot_ids: Sequence[str],
    *,
    on_saved: Callable[[Copied], None] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    ids_at_target: Callable[[], Iterable[str]] | None = None,
    control: Control = BACKGROUND,
) -> CopyResult:
    """Copy points in the given order, in one call. The source is not changed, apart from restic's lock.

    When one point cannot be read, restic ends there: those before it are saved and were reported. Version 0.19 saves
    points in batches, so after a failure fewer may have been; name one point to tell which one is damaged.

    Args:
        engine: the program.
        source: where the points are.
        target: where they are copied to; its cache directory serves both.
        snapshot_ids: whole ids in the source.
        on_saved: called as soon as a point is in the target.
        on_progress: called with the packs copied and the packs in all, of the point or batch at hand.
        ids_at_target: asked in the end for the whole ids of the target's points; by default restic is.
        control: how the run is watched.

    Returns:
        What is in the target now, with whole ids.

    Raises:
        ValueError: an id is not a whole one.
        RepositoryMissing, RepositoryLocked, WrongPassword: about either repository; the message says which.
        Stopped, ResticError: what was saved until then was reported to `on_saved`.
    """
    wanted = ids.require_full(snapshot_ids)
    if not wanted:
        return CopyResult((), ())

    folder = listing.local_path(target.location)

    def whole_if_local(copied: Copied) -> None:
        if folder is not None:
            # A network file system may show the new point a moment later: no reason to end the copy.
            with contextlib.suppress(ResticError):
                copied = _with_whole_target(copied, listing.snapshot_ids(folder))
        if on_saved is not None:
            on_saved(copied)

    reader = Reader(wanted, on_saved=whole_if_local, on_progress=on_progress)
    holding.run(
        engine, flags(wanted), repository=target, from_repository=source, on_output=reader.feed, control=control
    )

    at_target = ids_at_target() if ids_at_target is not None else snapshots.read_ids(engine, target, control=control)
    copied = tuple(_with_whole_target(each, at_target) for each in reader.copied)
    found = {each.source_id for each in copied}
    return CopyResult(copied, tuple(each for each in wanted if each not in found))


def flags(snapshot_ids: Iterable[str]) -> list[str]:
    """Return the arguments: `["copy", "--verbose", "--", id, ...]`.

    Without `--verbose`, versions from 0.16 on say nothing about points that are in the target already.

    Raises:
        ValueError: an id is not a whole one.
    """
    return ["copy", "--verbose", "--", *ids.require_full(snapshot_ids)]


class Reader:
    """Understands the text of `restic copy`, which has no JSON output in any version."""

    def __init__(
        self,
        wanted: Sequence[str],
        *,
        on_saved: Callable[[Copied], None] | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Expect the points `wanted`, whole ids in the source; lines about others are no news."""
        self.copied: list[Copied] = []
        self._wanted = wanted
        self._current: str | None = None
        self._on_saved = on_saved
        self._on_progress = on_progress

    def feed(self, line: str) -> None:
        """Take the next line of output."""
        packs = _PACKS.search(line)
        if packs is not None:
            if self._on_progress is not None:
                self._on_progress(int(packs[1]), int(packs[2]))
            return
        header = _HEADER.match(line)
        if header is not None:
            self._current = header[1]
            return
        skipped = _SKIPPED.match(line)
        if skipped is not None:
            self._report(skipped[1], skipped[2], was_there=True)
            return
        saved = _SAVED.match(line)
        if saved is not None:
            # Before 0.19 the line does not name the source: it is the point of the last header.
            self._report(saved[2] or self._current, saved[1], was_there=False)

    def _report(self, source: str | None, target: str, *, was_there: bool) -> None:
        matching = [each for each in self._wanted if source is not None and each.startswith(source)]
        if len(matching) != 1:
            return
        copied = Copied(matching[0], target, was_there)
        self.copied.append(copied)
        if self._on_saved is not None:
            self._on_saved(copied)


def _with_whole_target(copied: Copied, at_target: Iterable[str]) -> Copied:
    return Copied(copied.source_id, ids.resolve(copied.target_id, at_target), copied.was_there)
