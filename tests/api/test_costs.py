"""A long page costs as many statements as a short one, for whatever is expanded in it."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from tandem.store.prepared import Prepared
from tests.api.test_contract import COLLECTIONS
from tests.consoles import Console
from tests.people import ACMES, ALICE


@contextmanager
def counted() -> Generator[list[str]]:
    """Collect the statements that are run meanwhile."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if not statement.startswith("BEGIN"):
            statements.append(statement)

    def run(prepared: Prepared, *arguments: Any, **values: Any) -> list[Any]:
        statements.append("prepared")
        return rows(prepared, *arguments, **values)

    rows = Prepared.rows
    event.listen(Engine, "before_cursor_execute", note)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Prepared, "rows", run)
            yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)


# The list of one job has one row at most: nothing to compare.
LISTS = [path for path in COLLECTIONS if ACMES.job not in path and ACMES.copy_job not in path]


@pytest.mark.parametrize("path", LISTS)
def test_a_page_of_many_takes_no_more_statements_than_a_page_of_one(quiet_console: Console, path: str) -> None:
    joint = "&" if "?" in path else "?"

    def statements(limit: int) -> int:
        with counted() as found:
            quiet_console.data(f"{path}{joint}limit={limit}", ALICE)
        return len(found)

    # For the caller, for what the path names, for the page, its total, and what is put into it. The first two rows
    # are a job and its copy job: with both kinds, all that is put into a page is there.
    assert statements(500) <= statements(2) <= 7
