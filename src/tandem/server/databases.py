"""What the commands do that change a database's tables with the release; they need nothing else of a console."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from tandem.config import Settings
from tandem.store import upgrades
from tandem.store.database import Database, open_database
from tandem.store.steps import known_steps


def show_standing(settings: Settings) -> list[str]:
    """Tell, in lines, how the database stands to this release."""
    with _opened(settings) as database:
        standing = upgrades.standing_of(database)
    lines = [f"steps of the database: {', '.join(standing.applied) or 'none, it is empty'}"]
    lines.append(f"steps of this release: {', '.join((*known_steps().before[-1:], *known_steps().after[-1:]))}")
    lines.append(f"missing before its consoles start (tandem database upgrade): {_listed(standing.missing_before)}")
    lines.append(f"missing after the older have ended (tandem database finish): {_listed(standing.missing_after)}")
    lines.extend(f"processes that know step {step}: {count}" for step, count in sorted(standing.processes.items()))
    return lines


def upgrade_tables(settings: Settings) -> str:
    """Run the steps before; gives what was done. Raises as `upgrades.upgrade`."""
    with _opened(settings) as database:
        return f"Ready for this release; steps that were run: {_listed(upgrades.upgrade(database))}."


def finish_upgrade(settings: Settings) -> str:
    """Run the steps after; gives what was done. Raises as `upgrades.finish`."""
    with _opened(settings) as database:
        return f"Finished; steps that were run: {_listed(upgrades.finish(database))}."


def _listed(steps: list[str]) -> str:
    return ", ".join(steps) or "none"


@contextmanager
def _opened(settings: Settings) -> Generator[Database]:
    database = open_database(settings.database)
    try:
        yield database
    finally:
        database.close()
