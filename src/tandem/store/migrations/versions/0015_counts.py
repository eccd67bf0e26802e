"""Counts of the lists of jobs, so that no page has to walk through what is before it."""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# Lists, and the condition that a row is in them; {row} is the row.
LISTS = {
    "jobs": "{row}.deleted_at is null",
    "file_share_jobs": "{row}.organization_uid is not null",
    "file_share_copy_jobs": "{row}.organization_uid is not null",
}
COLUMNS = {
    "jobs": ("organization_uid", "mapped_organization_uid", "deleted_at"),
    "file_share_jobs": ("organization_uid", "mapped_organization_uid"),
    "file_share_copy_jobs": ("organization_uid", "mapped_organization_uid"),
}


def upgrade() -> None:
    op.create_table(
        "list_counts",
        sa.Column("list_name", sa.String(length=40), nullable=False),
        sa.Column("organization_uid", sa.String(length=36), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("stretches", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("list_name", "organization_uid", name=op.f("pk_list_counts")),
    )
    op.create_table(
        "list_blocks",
        sa.Column("stretch_uid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("starts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("stretch_uid", name=op.f("pk_list_blocks")),
    )
    op.create_table(
        "list_changes",
        sa.Column("number", SERIAL, autoincrement=True, nullable=False),
        sa.Column("list_name", sa.String(length=40), nullable=False),
        sa.Column("organization_uid", sa.String(length=36), nullable=False),
        sa.Column("part", sa.SmallInteger(), nullable=False),
        sa.Column("row_position", sa.BigInteger(), nullable=False),
        sa.Column("difference", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_list_changes")),
    )
    columns = ["list_name", "organization_uid", "row_position", "part", "difference"]
    op.create_index("ix_list_changes_list", "list_changes", columns)
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for name in LISTS:
        for statement in _sqlite_triggers(name) if is_sqlite else _postgresql_triggers(name):
            op.execute(sa.text(statement))
        # What is there already counts as if it had just come.
        op.execute(sa.text(_note(name, "counted", 1, source=f"{name} as counted")))


def _note(name: str, row: str, difference: int, *, source: str = "") -> str:
    """Write the insert that notes a row, or all of a source, in everybody's list, its owner's and its company's."""
    is_in = LISTS[name].format(row=row)
    come_from = f" from {source}" if source else ""
    assigned = f"{row}.mapped_organization_uid is not null and {row}.mapped_organization_uid <> {row}.organization_uid"
    return (
        "insert into list_changes (list_name, organization_uid, part, row_position, difference) "
        f"select '{name}', '', 0, {row}.position, {difference}{come_from} where {is_in} "
        f"union all select '{name}', {row}.organization_uid, 0, {row}.position, {difference}{come_from} where {is_in} "
        f"union all select '{name}', {row}.mapped_organization_uid, 1, {row}.position, {difference}{come_from} "
        f"where {is_in} and {assigned}"
    )


def _has_changed(name: str, operator: str) -> str:
    return " or ".join(f"old.{column} {operator} new.{column}" for column in COLUMNS[name])


def _sqlite_triggers(name: str) -> Iterator[str]:
    came, went = _note(name, "new", 1), _note(name, "old", -1)
    yield f"create trigger {name}_came after insert on {name} begin {came}; end"
    yield f"create trigger {name}_went after delete on {name} begin {went}; end"
    yield (
        f"create trigger {name}_moved after update of {', '.join(COLUMNS[name])} on {name} "
        f"when {_has_changed(name, 'is not')} begin {went}; {came}; end"
    )


def _postgresql_triggers(name: str) -> Iterator[str]:
    came, went = _note(name, "new", 1), _note(name, "old", -1)
    # Many rows at once are noted by one statement.
    all_came = _note(name, "counted", 1, source="counted")
    all_went = _note(name, "counted", -1, source="counted")
    for what, body in (("came", all_came), ("went", all_went), ("moved", f"{went}; {came}")):
        yield (
            f"create function {name}_{what}() returns trigger language plpgsql as $$ begin {body}; return null; end $$"
        )
    yield (
        f"create trigger {name}_came after insert on {name} referencing new table as counted "
        f"for each statement execute function {name}_came()"
    )
    yield (
        f"create trigger {name}_went after delete on {name} referencing old table as counted "
        f"for each statement execute function {name}_went()"
    )
    yield (
        f"create trigger {name}_moved after update of {', '.join(COLUMNS[name])} on {name} "
        f"for each row when ({_has_changed(name, 'is distinct from')}) execute function {name}_moved()"
    )
