"""Ready documents of copy jobs: both forms of each as JSON, kept by triggers."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

ROWS, DOCUMENTS = "file_share_copy_jobs", "file_share_copy_job_documents"
OLDEST = [
    ("instanceUid", "instance_uid"),
    ("sourceFileShareJobUid", "source_job_instance_uid"),
    ("targetRepositoryUid", "target_repository_uid"),
    ("retention", "retention"),
    ("retentionUnit", "retention_unit"),
]
CURRENT = [
    ("instanceUid", "instance_uid"),
    ("uniqueUid", "unique_uid"),
    ("sourceFileShareJobUid", "source_job_instance_uid"),
    ("sourceFileShareJobUniqueUid", "source_job_unique_uid"),
    ("targetRepositoryUid", "target_repository_uid"),
    ("retention", "retention"),
    ("retentionUnit", "retention_unit"),
    ("sourceSize", "source_size"),
    ("gfsDaily", "gfs_daily"),
    ("gfsWeekly", "gfs_weekly"),
    ("gfsMonthly", "gfs_monthly"),
    ("gfsYearly", "gfs_yearly"),
]
NUMBERS = {"retention", "source_size", "gfs_daily", "gfs_weekly", "gfs_monthly", "gfs_yearly"}
READ = ["position", *dict.fromkeys(column for _, column in OLDEST + CURRENT)]


DELETE = f"delete from {DOCUMENTS} where position = old.position;"  # noqa: S608  (names of our own)


def upgrade() -> None:
    op.create_table(
        DOCUMENTS,
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), autoincrement=False, nullable=False),
        sa.Column("oldest_form", sa.Text(), nullable=False),
        sa.Column("current_form", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f(f"pk_{DOCUMENTS}")),
    )
    connection = op.get_bind()
    is_sqlite = connection.dialect.name == "sqlite"
    # The triggers first: what others write meanwhile in PostgreSQL waits for them, and is seen below.
    for statement in _sqlite_triggers() if is_sqlite else _postgresql_triggers():
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql(f"insert into {DOCUMENTS} {_documents(f'{ROWS} as changed', is_sqlite=is_sqlite)}")


def _documents(source: str, *, is_sqlite: bool, row: str = "changed") -> str:
    oldest, current = (_json(members, row, is_sqlite=is_sqlite) for members in (OLDEST, CURRENT))
    given = f" from {source}" if source else ""
    return f"select {row}.position, {oldest} || '}}', {current} || ',\"_embedded\":null}}'{given}"


def _json(members: list[tuple[str, str]], row: str, *, is_sqlite: bool) -> str:
    parts: list[str] = []
    for name, column in members:
        value = f"{row}.{column}"
        if column == "retention_unit" and members is OLDEST:
            value = f"lower({value})"
        if column in NUMBERS:
            value = f"coalesce(cast({value} as text), 'null')"
        else:
            value = f"json_quote({value})" if is_sqlite else f"to_json({value})::text"
        parts.append(f"'{',' if parts else '{'}\"{name}\":' || {value}")
    return " || ".join(parts)


def _sqlite_triggers() -> list[str]:
    new = _documents("", is_sqlite=True, row="new")
    return [
        f"create trigger {DOCUMENTS}_inserted after insert on {ROWS} begin insert into {DOCUMENTS} {new}; end",
        (
            f"create trigger {DOCUMENTS}_updated after update of {', '.join(READ)} on {ROWS} "
            f"when ({_columns('old')}) is not ({_columns('new')}) begin {_update(new)} end"
        ),
        f"create trigger {DOCUMENTS}_deleted after delete on {ROWS} begin {DELETE} end",
    ]


def _postgresql_triggers() -> list[str]:
    return [
        _function("inserted", f"insert into {DOCUMENTS} {_documents('added as changed', is_sqlite=False)};"),
        _function("updated", _update(_documents("", is_sqlite=False, row="new"))),
        _function("deleted", DELETE),
        (
            f"create trigger {DOCUMENTS}_inserted after insert on {ROWS} referencing new table as added "
            f"for each statement execute function {DOCUMENTS}_inserted()"
        ),
        (
            f"create trigger {DOCUMENTS}_updated after update of {', '.join(READ)} on {ROWS} for each row "
            f"when (({_columns('old')}) is distinct from ({_columns('new')})) execute function {DOCUMENTS}_updated()"
        ),
        (
            f"create trigger {DOCUMENTS}_deleted after delete on {ROWS} "
            f"for each row execute function {DOCUMENTS}_deleted()"
        ),
    ]


def _update(new: str) -> str:
    what = "position, oldest_form, current_form"
    return f"update {DOCUMENTS} set ({what}) = ({new}) where position = old.position;"  # noqa: S608  (the same)


def _columns(row: str) -> str:
    return ", ".join(f"{row}.{column}" for column in READ)


def _function(name: str, body: str) -> str:
    return (
        f"create function {DOCUMENTS}_{name}() returns trigger language plpgsql as $$ begin {body} return null; end $$"
    )
