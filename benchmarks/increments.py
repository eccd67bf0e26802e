"""A small change in a share of which a thousand points are known: what it costs to copy the one point that is new."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import copying
import msgspec
from copying import Bare, Run
from tree import make_tree, warm

from tandem.restic import listing, version
from tandem.restic.process import RepositoryAccess
from tests.restic import many_points

CHANGED_SHARE = 0.01
SEED = 20_260_301


class Size(msgspec.Struct, frozen=True):
    """How large the share is, how many points there are, and how often it changes."""

    files: int
    total_bytes: int
    points: int
    rounds: int


class Results(msgspec.Struct):
    """What came of it, by who copied."""

    restic: str
    naive: list[Bare] = []
    named: list[Bare] = []
    tandem: list[Run] = []
    naive_idle: list[Bare] = []
    tandem_idle: list[Run] = []
    naive_brief: list[Bare] = []
    tandem_brief: list[Run] = []


def measure(folder: Path, size: Size, say: Callable[[str], None]) -> Results:
    """Make many points and copy them; then change a little, back it up, and copy that in turns."""
    share, target = folder / "share", folder / "by-tandem"
    make_tree(share, files=size.files, total_bytes=size.total_bytes)
    with copying.running_tandem(folder / "tandem") as bench:
        source = bench.back_up(share, folder / "source")
        restic = copying.Restic(folder, source)
        _add_points(source, size.points, folder / "cache")
        job = bench.make_copy_job(target)
        bench.take_in()
        bench.run(job)
        say(f"backed up {size.total_bytes / 1e6:,.0f} MB, copied {len(listing.snapshot_ids(target)):,} points")
        naive, named = folder / "by-hand-naively", folder / "by-hand-named"
        for by_hand in (naive, named):
            shutil.copytree(target, by_hand)
        # Both targets have one id: with one cache, each would undo what the other has cached.
        (folder / "named").mkdir()
        by_name = copying.Restic(folder / "named", source)
        (folder / "briefly").mkdir()
        of_brief = copying.Restic(folder / "briefly", source)
        for each in (restic, by_name, of_brief):
            shutil.copytree(bench.restic_cache(), each.cache)
        # A copy that keeps less than the source: what it has forgotten, somebody who keeps no books copies again.
        brief = bench.make_copy_job(folder / "brief", retention=1, retentionUnit="Minutes")
        bench.run(brief)
        brief_naive = folder / "by-hand-brief"
        shutil.copytree(folder / "brief", brief_naive)
        results = Results(restic.version())
        for number in range(1, size.rounds + 1):
            known = set(listing.snapshot_ids(source))
            _change(share, number)
            bench.back_up_again()
            new = sorted(set(listing.snapshot_ids(source)) - known)
            for copy in (
                lambda: results.naive.append(restic.copy_whatever_is_missing(naive)),
                lambda new=new: results.named.append(by_name.copy(named, new)),
                lambda: results.tandem.append(bench.run(job)),
            ):
                warm(source)
                copy()
            results.naive_idle.append(restic.copy_whatever_is_missing(naive))
            results.tandem_idle.append(bench.run(job))
            results.naive_brief.append(of_brief.copy_and_keep_the_newest(brief_naive))
            results.tandem_brief.append(bench.run(brief))
            say(
                f"change {number}: naively {results.naive[-1].seconds:.2f} s, Tandem {results.tandem[-1].seconds:.2f} s"
            )
        counts = {len(listing.snapshot_ids(where)) for where in (source, naive, named, target)}
        if len(counts) != 1:
            raise RuntimeError(f"the copies do not hold the points of the source: {counts}")
        if not restic.trees(brief_naive) <= restic.trees(folder / "brief"):
            raise RuntimeError("the copy that keeps little has not got the newest point")
        return results


def _add_points(source: Path, count: int, cache: Path) -> None:
    """Add points that were made between the first one and now, as many as if every minute had been one."""
    access = RepositoryAccess(str(source), copying.REPOSITORY_PASSWORD, cache)
    now = datetime.now(UTC)
    times = [now + timedelta(microseconds=number) for number in range(count)]
    many_points.add(version.detect(), access, times)


def _change(share: Path, round_number: int) -> None:
    """Write over some files: together, about so much of the share as a day changes."""
    chance = random.Random(SEED + round_number)
    files = sorted(path for path in share.rglob("*") if path.is_file())
    left = CHANGED_SHARE * sum(path.stat().st_size for path in files)
    for path in chance.sample(files, len(files)):
        if left <= 0:
            break
        size = min(path.stat().st_size, int(left) + 1)
        with path.open("r+b") as file:
            file.write(os.urandom(size))
        left -= size
