"""From one release to the next while consoles of both are at work: what may be done to the tables, and when.

On a database of several consoles an administrator runs the steps before, starts the new consoles, stops the old ones,
and runs the steps after. An embedded database has one console, which does all of it when it starts.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from tandem.domain.errors import Conflict
from tandem.store.database import NAME, Connection, Database
from tandem.store.steps import AFTER, Steps, applied_steps, known_steps, run_steps

# Of the two minutes after which agents count as silent, and consoles as dead.
CLOCK_SECONDS_MAX = 30


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a database stands to this release."""

    applied: list[str]
    missing_before: list[str]
    missing_after: list[str]
    unknown: list[str]
    # By the newest step that they know, how many processes are connected.
    processes: dict[str, int]


def standing_of(database: Database, steps: Steps | None = None) -> Standing:
    """Look how a database stands to this release, or to one that knows other steps."""
    steps = steps or known_steps()
    with database.reading() as connection:
        applied = applied_steps(connection)
        processes = _processes(database, connection)
    return Standing(
        applied=sorted(applied),
        missing_before=steps.missing_before(applied),
        missing_after=steps.missing_after(applied),
        unknown=steps.unknown(applied),
        processes=processes,
    )


def make_ready(database: Database, steps: Steps | None = None) -> None:
    """Make an empty database, or an embedded one, what this release needs, and see that any other is.

    Raises:
        Conflict: if it is of another release, with what to do about that; nothing was changed.
        Busy: if the database is away.
    """
    steps = steps or known_steps()
    with database.reshaping() as connection:
        applied = applied_steps(connection)
        _check_not_newer(steps, applied)
        missing = steps.missing_before(applied)
        if missing and applied and not database.is_embedded:
            text = f"The database is of an older release: its tables are at step {max(applied)}, this release needs"
            hint = "run `tandem database upgrade` once, with this release, then start its consoles"
            raise Conflict(f"{text} {steps.newest}. To go on, {hint}; those of the older release may go on meanwhile.")
        run_steps(connection, steps, missing)
        if not applied or database.is_embedded:
            run_steps(connection, steps, steps.missing_after(applied))


def upgrade(database: Database, steps: Steps | None = None) -> list[str]:
    """Run the steps before, which consoles of the older release do not mind; gives those that were run.

    Raises:
        Conflict: if the database is of a newer release.
        Busy: if a table is in use for too long, or the database is away; nothing was changed.
    """
    steps = steps or known_steps()
    with database.reshaping() as connection:
        applied = applied_steps(connection)
        _check_not_newer(steps, applied)
        missing = steps.missing_before(applied)
        run_steps(connection, steps, missing)
    return missing


def finish(database: Database, steps: Steps | None = None) -> list[str]:
    """Run the steps after, when no console of an older release is there any more; gives those that were run.

    Raises:
        Conflict: if one is there, if steps before are missing, or if the database is of a newer release.
        Busy: if a table is in use for too long, or the database is away; nothing was changed.
    """
    steps = steps or known_steps()
    with database.reshaping() as connection:
        applied = applied_steps(connection)
        _check_not_newer(steps, applied)
        if steps.missing_before(applied):
            raise Conflict("Run `tandem database upgrade` first, then start the consoles of this release.")
        missing = steps.missing_after(applied)
        # A step after comes with the step before of its number.
        needed = max(missing, default="").removesuffix(AFTER)
        older = sorted(step for step in _processes(database, connection) if step < needed)
        if older:
            text = f"Processes of an older release (step {', '.join(older)}) still use the database"
            raise Conflict(f"{text}; stop them, then try again. Nothing was changed.")
        run_steps(connection, steps, missing)
    return missing


def check_clock(database: Database, now: datetime) -> float:
    """Give by how many seconds this host's clock, which says `now`, is ahead of the database's.

    Raises:
        Conflict: if they differ by so much that consoles would take each other for dead, or tokens for expired.
    """
    ahead = database.seconds_ahead(now)
    if abs(ahead) > CLOCK_SECONDS_MAX:
        text = f"This host's clock differs from the database's by {ahead:.0f} s"
        raise Conflict(f"{text}; at most {CLOCK_SECONDS_MAX} s will do. Set the clocks, by NTP, and start again.")
    return ahead


def _check_not_newer(steps: Steps, applied: frozenset[str]) -> None:
    if not steps.is_finished_beyond(applied):
        return
    text = f"The database was finished for a newer release (step {max(applied)}), which this one cannot serve"
    raise Conflict(f"{text}. Install that release here, or restore a backup from before it. Nothing was changed.")


def _processes(database: Database, connection: Connection) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in database.process_names(connection):
        step = name.removeprefix(f"{NAME} ").partition(" ")[0]
        found[step] = found.get(step, 0) + 1
    return found
