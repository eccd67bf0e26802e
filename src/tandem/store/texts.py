"""How texts are compared, the same on both databases: each names and orders such things in its own way."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from tandem.domain.listing import Collation

# Functions of ours that both databases know: migration 0002 makes them in PostgreSQL, `database.py` in SQLite.
FUNCTIONS = {Collation.IGNORECASE: "tandem_ignorecase", Collation.LEXICOGRAPHIC: "tandem_lexicographic"}


class ordinal(FunctionElement[str]):  # noqa: N801  (functions of SQL are written small)
    """A text that is compared by code point; PostgreSQL would use the collation of the database."""

    type = String()
    inherit_cache = True


class holds_text(FunctionElement[bool]):  # noqa: N801
    """Whether a text holds another; LIKE would ignore the case of some letters on SQLite."""

    type = Boolean()
    inherit_cache = True


@compiles(ordinal)
def _plain(element: ordinal, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses.clauses[0], **options))


@compiles(ordinal, "postgresql")
def _collated(element: ordinal, compiler: Any, **options: Any) -> str:
    return f'({compiler.process(element.clauses.clauses[0], **options)}) COLLATE "C"'


@compiles(holds_text)
def _instr(element: holds_text, compiler: Any, **options: Any) -> str:
    return f"(instr({compiler.process(element.clauses, **options)}) > 0)"


@compiles(holds_text, "postgresql")
def _strpos(element: holds_text, compiler: Any, **options: Any) -> str:
    return f"(strpos({compiler.process(element.clauses, **options)}) > 0)"
