"""Bring about what goes wrong, and see whether anything is lost: `make faults`."""

import argparse
import random
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain
from multiprocessing import get_context
from pathlib import Path

import structlog

from tandem.restic import version
from tandem.restic.engine import Engine
from tests.faults import (
    canaries,
    clocks,
    crashes,
    crowds,
    damage,
    disks,
    lines,
    links,
    matrix,
    paths,
    poison,
    processes,
    retention,
    strangers,
    versions,
)
from tests.faults.backup_servers import Stage
from tests.faults.matrix import Fault, Outcome
from tests.faults.sites import Sites

SHARES = 3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--fault", help="only this one, for instance F1")
    parser.add_argument("--restic", default="restic", help="another restic than the installed one")
    given = parser.parse_args()
    print(f"SEED={given.seed}")  # noqa: T201 - what a lost round is brought back with
    engine = version.detect(given.restic)
    known = _faults(Stage(Path(), engine), Sites(Path()))
    chosen = {place: fault for place, fault in enumerate(known) if given.fault in {None, fault.number}}
    if not chosen:
        parser.error(f"there is no {given.fault}; there are {', '.join(dict.fromkeys(each.number for each in known))}")
    play = partial(_play_share, engine=engine, seed=given.seed, rounds=given.rounds)
    # In processes of their own: some faults replace parts of the program, and most of the time is waiting.
    with ProcessPoolExecutor(SHARES, mp_context=get_context("fork")) as pool:
        shares = [[place for place in chosen if _share_of(place, chosen[place]) == n] for n in range(SHARES)]
        played = dict(chain.from_iterable(pool.map(play, shares)))
    outcomes = [played[place] for place in chosen]
    matrix.show(outcomes, given.seed)
    return 1 if any(outcome.lost for outcome in outcomes) else 0


def _share_of(place: int, fault: Fault) -> int:
    """Tell who plays a fault: those that share the processes of a site are played by one."""
    return 0 if fault.on_site else 1 + place % (SHARES - 1)


def _play_share(places: list[int], *, engine: Engine, seed: int, rounds: int) -> list[tuple[int, Outcome]]:
    with tempfile.TemporaryDirectory(prefix="tandem-faults-") as name:
        folder = Path(name)
        with (folder / "agent.log").open("w") as log:
            structlog.configure(logger_factory=structlog.WriteLoggerFactory(log))
            sites = Sites(folder)
            faults = _faults(Stage(folder, engine), sites)
            try:
                outcomes = matrix.run([faults[place] for place in places], seed=seed, rounds=rounds, folder=folder)
            finally:
                sites.close()
    return list(zip(places, outcomes, strict=True))


def _faults(stage: Stage, sites: Sites) -> list[Fault]:
    return [
        Fault("F1", "restic and its agent killed in a copy", partial(crashes.killed_copy, stage)),
        Fault("F1", "the agent killed in a backup and a copy", partial(processes.killed_agent, sites), on_site=True),
        Fault("F2", "the console killed in a run", partial(processes.killed_console, sites), on_site=True),
        Fault("F2", "PostgreSQL ended in a run", partial(processes.restarted_database, sites), on_site=True),
        Fault("F3", "a clone of the agent beside it", partial(processes.cloned_agent, sites), on_site=True),
        Fault("F3", "somebody else copies the same points", partial(strangers.foreign_copy, stage)),
        Fault("F4", "the agent paused, a clone takes over", partial(processes.paused_agent, sites), on_site=True),
        Fault("F5", "locks of the dead, the living and others", partial(strangers.stale_locks, stage)),
        Fault("F6", "the target's disk full", partial(disks.full_target, stage)),
        Fault("F6", "no room for temporary files", partial(disks.full_temporary_files, stage)),
        Fault("F7", "the source full, or read-only", partial(disks.unwritable_source, stage)),
        Fault("F8", "lines cut, slow and silent", partial(lines.bad_lines, stage)),
        Fault("F9", "servers busy, broken, refusing", partial(lines.bad_servers, stage)),
        Fault("F10", "files damaged or gone at the source", partial(damage.damaged_source, stage)),
        Fault("F11", "packs damaged at the target", partial(damage.damaged_target, stage)),
        Fault("F12", "packs damaged at both", partial(damage.damaged_both, stage)),
        Fault("F13", "daylight saving, leap days, set clocks", partial(clocks.schedules, stage)),
        Fault("F13", "clocks wrong by an hour or 400 days", partial(clocks.jumps, stage)),
        Fault("F14", "the share emptied, points slipped in", partial(poison.poisoned, stage)),
        Fault("F15", "the source pruned while it is copied", partial(retention.pruned_source, stage)),
        Fault("F16", "retentions that change, copies labelled", partial(retention.changing_retention, stage)),
        Fault("F17", "a source dead for sixty days", partial(clocks.dead_source, stage)),
        Fault("F18", "an agent a week away from its console", partial(links.long_away, stage)),
        Fault("F18", "an enrolment token used twice", partial(links.tokens_used_twice, sites), on_site=True),
        Fault("F21", "secrets looked for everywhere", partial(canaries.looked_for, sites), on_site=True),
        Fault("F22", "another restic in the middle", partial(versions.another_restic, stage)),
        Fault("F23", "hundreds of points at once", partial(crowds.many, stage)),
        Fault("F24", "names and kinds of files", partial(paths.strange_names, stage)),
        Fault("F24", "restores that lead astray", partial(paths.astray, stage)),
    ]


if __name__ == "__main__":
    sys.exit(main())
