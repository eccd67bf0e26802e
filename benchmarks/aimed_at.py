"""What is aimed at in the parts that do not say so themselves."""

from __future__ import annotations

from collections.abc import Iterator

import agents
import copying
import increments
import searching
import targets
import writes
from aims import Aim

COPY_RATIO_AIM = 1.05
IDLE_PROCESSES_AIM = 2
PLAIN_RATIO_AIM = 10
# Of a thousand that are wanted: those at the edges of the time that is watched may fall on its other side.
CHANGES_AIM = 990
REPORT_SECONDS_AIM, ORDER_SECONDS_AIM, RECOVERY_SECONDS_AIM = 0.25, 1, 60


def of_copying(results: copying.Results) -> Iterator[Aim]:
    """Give what copies on one disk should take."""
    ratio = copying.median(results.tandem, "seconds") / copying.median(results.bare, "seconds")
    yield Aim("seconds of a copy on disk, to bare restic", ratio, at_most=COPY_RATIO_AIM)
    processes = max(run.restic_processes for run in results.tandem_idle)
    yield Aim("restic processes of a run with nothing to do", processes, at_most=IDLE_PROCESSES_AIM)


def of_increments(results: increments.Results) -> Iterator[Aim]:
    """Give what a small change should take where many points are known, and what knowing them should save."""
    for what, runs, by_hand, most in (
        ("one new point, to the same restic copy by hand", results.tandem, results.named, COPY_RATIO_AIM),
        ("one new point, to restic copy of all", results.tandem, results.naive, 1),
        ("nothing new, to restic copy of all", results.tandem_idle, results.naive_idle, 1),
        ("a copy that keeps less, to restic copy of all", results.tandem_brief, results.naive_brief, 1),
    ):
        ratio = copying.median(runs, "seconds") / copying.median(by_hand, "seconds")
        yield Aim(f"seconds of {what}", ratio, at_most=most)


def of_targets(results: list[targets.Target]) -> Iterator[Aim]:
    """Give what copies to servers should take."""
    for result in results:
        ratio = copying.median(result.tandem, "seconds") / copying.median(result.bare, "seconds")
        yield Aim(f"seconds of a copy to {result.kind}, to bare restic", ratio, at_most=COPY_RATIO_AIM)


def of_searching(rows: list[searching.Row]) -> Iterator[Aim]:
    """Give what filtered and sorted lists should take; of several, the dearest counts."""
    worst = max(row.median / searching.plain_of(rows, row).median for row in rows)
    yield Aim("a filtered, sorted list to the plain one, the worst", worst, at_most=PLAIN_RATIO_AIM)


def of_agents(results: agents.Results) -> Iterator[Aim]:
    """Give how soon agents should be heard and told."""
    told = f"{results.agents:,} agents: seconds of"
    yield Aim(f"{told} a report, p99", results.report_slowest_hundredth, at_most=REPORT_SECONDS_AIM)
    yield Aim(f"{told} an order to its agent, p99", results.order_slowest_hundredth, at_most=ORDER_SECONDS_AIM)
    yield Aim(f"{told} all coming back", results.recovery_seconds, at_most=RECOVERY_SECONDS_AIM)


def of_writes(results: list[writes.Results]) -> Iterator[Aim]:
    """Give how much is to be written, and what writers should never meet."""
    for result in results:
        told = f"{result.consoles} consoles, {result.changes_per_second:,.0f} job changes a second"
        yield Aim(f"{result.consoles} consoles: job changes a second", result.changes_per_second, at_least=CHANGES_AIM)
        yield Aim(f"{told}: waits for locks over 100 ms", result.lock_waits, at_most=0)
        yield Aim(f"{told}: deadlocks", result.deadlocks, at_most=0)
