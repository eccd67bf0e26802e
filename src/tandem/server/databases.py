"""The commands that change a database's tables with the release; they need nothing else of a console."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from tandem.config import load
from tandem.server.options import Data
from tandem.store import upgrades
from tandem.store.database import Database, open_database
from tandem.store.steps import known_steps

Url = Annotated[str | None, typer.Option("--database", help="As for the console.")]

app = typer.Typer(help="Change the tables of a database with the release.", no_args_is_help=True)


@app.command("status")
def show_standing(*, data: Data = None, url: Url = None) -> None:
    """Show how the database stands to this release, and which processes use it."""
    with _opened(data, url) as database:
        standing = upgrades.standing_of(database)
    typer.echo(f"steps of the database: {', '.join(standing.applied) or 'none, it is empty'}")
    typer.echo(f"steps of this release: {', '.join((*known_steps().before[-1:], *known_steps().after[-1:]))}")
    typer.echo(f"missing before its consoles start (tandem database upgrade): {_listed(standing.missing_before)}")
    typer.echo(f"missing after the older have ended (tandem database finish): {_listed(standing.missing_after)}")
    for step, count in sorted(standing.processes.items()):
        typer.echo(f"processes that know step {step}: {count}")


@app.command("upgrade")
def upgrade_tables(*, data: Data = None, url: Url = None) -> None:
    """Make the database ready for this release, while consoles of the older one go on; before the new ones start."""
    with _opened(data, url) as database:
        typer.echo(f"Ready for this release; steps that were run: {_listed(upgrades.upgrade(database))}.")


@app.command("finish")
def finish_upgrade(*, data: Data = None, url: Url = None) -> None:
    """Take away what only the older release has used; after its last console has ended."""
    with _opened(data, url) as database:
        typer.echo(f"Finished; steps that were run: {_listed(upgrades.finish(database))}.")


def _listed(steps: list[str]) -> str:
    return ", ".join(steps) or "none"


@contextmanager
def _opened(data: Path | None, url: str | None) -> Generator[Database]:
    database = open_database(load({"data": data, "database": url}).database)
    try:
        yield database
    finally:
        database.close()
