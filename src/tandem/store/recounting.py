"""Takes what came into counted lists and left them into their counts, so that no page has to look at many changes.

What a change touched is counted anew from the rows themselves, in one state of the data: nothing is added up, so
nothing can add up to something wrong.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence

import msgspec
from sqlalchemy import Table, delete, insert, select

from tandem.domain.identity import Scope, ScopeKind
from tandem.store.database import Connection, Database
from tandem.store.jobs import LIVE
from tandem.store.listing.counted_lists import OF_EVERYBODY
from tandem.store.listing.counts import Counts, Stretch, cut
from tandem.store.query import visible_parts
from tandem.store.schema.count_tables import list_blocks, list_changes, list_counts
from tandem.store.schema.tables import file_share_copy_jobs, file_share_jobs, jobs

# Whatever makes a row listed, beside that it is there.
_LISTED = {jobs: [LIVE], file_share_jobs: [], file_share_copy_jobs: []}
_TABLES = {table.name: table for table in _LISTED}
# An embedded database has one writer at a time: others get their turn.
SECONDS_HELD = 0.1
CHANGES_AT_ONCE = 2_000


def recount(database: Database) -> int:
    """Take all changes into the counts; gives of how many lists.

    Several consoles may do so at the same time: one of them does it, the others leave it to that.

    Raises:
        Busy: if the database is away, or stays locked; what is done until then stays done.
    """
    done = 0
    while True:
        with database.reading() as connection:
            if connection.scalar(select(list_changes.c.number).limit(1)) is None:
                return done
        found = _recount_some(database)
        if found == 0:
            return done
        done += found


def _recount_some(database: Database) -> int:
    with database.recounting() as connection:
        if connection is None:
            return 0
        end = time.monotonic() + SECONDS_HELD
        done = 0
        for name, organization in _changed_lists(connection):
            _recount(connection, name, organization)
            done += 1
            if time.monotonic() > end:
                break
        return done


def _changed_lists(connection: Connection) -> list[tuple[str, str]]:
    columns = list_changes.c.list_name, list_changes.c.organization_uid
    oldest = select(*columns).order_by(list_changes.c.number).limit(CHANGES_AT_ONCE).subquery()
    found = connection.execute(select(oldest.c.list_name, oldest.c.organization_uid).distinct())
    return [(row.list_name, row.organization_uid) for row in found]


def _recount(connection: Connection, name: str, organization: str) -> None:
    is_list = list_counts.c.list_name == name, list_counts.c.organization_uid == organization
    is_change = list_changes.c.list_name == name, list_changes.c.organization_uid == organization
    old: Sequence[Stretch] = connection.scalar(select(list_counts.c.stretches).where(*is_list)) or ()
    touched = {0}
    if len(old) > 1:
        counts = Counts(old)
        positions = connection.scalars(select(list_changes.c.row_position).where(*is_change).distinct())
        touched = {counts.stretch_of(position) for position in positions}
    connection.execute(delete(list_changes).where(*is_change))
    new: list[Stretch] = []
    for number, stretch in enumerate(old or [Stretch(0, 0, 0, 0)]):
        if number not in touched:
            new.append(stretch)
            continue
        connection.execute(delete(list_blocks).where(list_blocks.c.stretch_uid == stretch.uid))
        upto = old[number + 1].start if number + 1 < len(old) else None
        new += _cut_anew(connection, _TABLES[name], organization, stretch.start, upto)
    connection.execute(delete(list_counts).where(*is_list))
    kept = [stretch for number, stretch in enumerate(new) if number == 0 or stretch.own or stretch.assigned]
    if kept != [Stretch(0, 0, 0, 0)]:
        values = {"list_name": name, "organization_uid": organization, "version": _new_uid(), "stretches": tuple(kept)}
        connection.execute(insert(list_counts).values(values))


def _cut_anew(
    connection: Connection, table: Table, organization: str, start: int, upto: int | None
) -> Iterator[Stretch]:
    """Cut the rows from a position on, up to another, into stretches; store where their blocks start."""
    for stretch, starts in cut(*_positions(connection, table, organization, start, upto), start):
        if len(starts) <= 1:
            yield stretch
            continue
        uid = _new_uid()
        connection.execute(insert(list_blocks).values(stretch_uid=uid, starts=starts))
        yield msgspec.structs.replace(stretch, uid=uid)


def _positions(
    connection: Connection, table: Table, organization: str, start: int, upto: int | None
) -> tuple[list[int], list[int]]:
    kind = ScopeKind.EVERYTHING if organization == OF_EVERYBODY else ScopeKind.COMPANY
    position = table.c.position
    window = [position >= start] if upto is None else [position >= start, position < upto]
    parts = [
        list(connection.scalars(select(position).where(*part, *_LISTED[table], *window).order_by(position)))
        for part in visible_parts(table, Scope(kind, organization))
    ]
    return parts[0], parts[1] if len(parts) > 1 else []


def _new_uid() -> int:
    # Never one that was there before, so that nobody takes what he has kept for this.
    return secrets.randbits(62) + 1
