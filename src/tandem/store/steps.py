"""The steps by which a database's tables change from one release to the next, in two kinds.

A step before (`0018`) only adds: consoles of the older release go on working with it. A step after (`0018_after`) takes
away what only those have used: it is run when they are gone. A step before counts on no step after having been run.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import msgspec
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

MIGRATIONS = Path(__file__).parent / "migrations"
AFTER = "_after"


class Steps(msgspec.Struct, frozen=True):
    """The steps that a release knows, each kind in order; each step's name begins with its number."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    folders: tuple[Path, ...]

    @property
    def newest(self) -> str:
        """The number of the newest step before: what this release's tables are called."""
        return self.before[-1]

    def missing_before(self, applied: frozenset[str]) -> list[str]:
        """Give the steps before that a database still needs."""
        return _beyond(self.before, applied)

    def missing_after(self, applied: frozenset[str]) -> list[str]:
        """Give the steps after that a database still needs."""
        return _beyond(self.after, applied)

    def unknown(self, applied: frozenset[str]) -> list[str]:
        """Give the steps of a newer release's that a database has."""
        return sorted(applied - {*self.before, *self.after})

    def is_finished_beyond(self, applied: frozenset[str]) -> bool:
        """Say whether a newer release has taken away what this one may need."""
        return any(map(is_after, self.unknown(applied)))


def _beyond(steps: tuple[str, ...], applied: frozenset[str]) -> list[str]:
    # Of each kind only the newest step is noted, and it may be a newer release's.
    newest = max((step for step in applied if steps and is_after(step) == is_after(steps[0])), default="")
    return [step for step in steps if step > newest]


def is_after(step: str) -> bool:
    """Say whether a step is one after."""
    return step.endswith(AFTER)


@lru_cache(maxsize=8)
def known_steps(*more: Path) -> Steps:
    """Give the steps of this release, and of further folders."""
    folders = (MIGRATIONS / "versions", *more)
    script = ScriptDirectory.from_config(_config(folders))
    found = sorted(revision.revision for revision in script.walk_revisions())
    before = tuple(step for step in found if not is_after(step))
    return Steps(before=before, after=tuple(filter(is_after, found)), folders=folders)


def applied_steps(connection: Connection) -> frozenset[str]:
    """Give the newest step of each kind that a database has; none of an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return frozenset()
    return frozenset(connection.execute(text("select version_num from alembic_version")).scalars())


def run_steps(connection: Connection, steps: Steps, names: Sequence[str]) -> None:
    """Run the steps up to the last of some that are missing."""
    if not names:
        return
    config = _config(steps.folders)
    config.attributes["connection"] = connection
    command.upgrade(config, names[-1])


def _config(folders: Sequence[Path]) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(str, folders)))
    return config
