"""Selects compiled once to the driver's own text, for reads that run at every request.

Building, compiling and wrapping a statement takes SQLAlchemy several times as long as an embedded database takes to
run it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import msgspec
from sqlalchemy import CompoundSelect, Dialect, Select

from tandem.store.database import Connection, driver_of

Row = TypeVar("Row")
Statement = Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]]


class _Form(msgspec.Struct, frozen=True):
    """A statement as one driver takes it; `positions` is None where parameters are given by name."""

    text: str
    positions: tuple[str, ...] | None
    defaults: dict[str, Any]
    decoders: tuple[Callable[[Any], Any] | None, ...]


class Prepared:
    """A select that is compiled when it is first run."""

    def __init__(self, statement: Statement, width: int) -> None:
        """Take a statement.

        Args:
            statement: its parameters are named by `bindparam`, and are texts or integers.
            width: how many of its columns are wanted, from the first.
        """
        self.statement = statement
        self._width = width
        self._forms: dict[str, _Form] = {}

    def rows(self, connection: Connection, make: Callable[..., Row], /, **values: str | int) -> list[Row]:
        """Run it, and make something of the columns of each row; values that it does not use are left aside."""
        form = self._forms.get(connection.dialect.name) or self._compile(connection.dialect)
        known = form.defaults | values if form.defaults else values
        given = known if form.positions is None else [known[name] for name in form.positions]
        rows = driver_of(connection).execute(form.text, given).fetchall()
        if not rows:
            return []
        # Column by column, so that decoding takes no line of Python for each value.
        columns = [
            column if decode is None else map(decode, column)
            for column, decode in zip(zip(*rows, strict=True), form.decoders, strict=False)
        ]
        return list(map(make, *columns))

    def _compile(self, dialect: Dialect) -> _Form:
        compiled = cast("Any", self.statement.compile(dialect=dialect))
        positions = None if compiled.positiontup is None else tuple(compiled.positiontup)
        types = [cast("Any", column).type for column in self.statement.selected_columns][: self._width]
        decoders = tuple(type_.dialect_impl(dialect).result_processor(dialect, None) for type_ in types)
        defaults = {
            name: _bound(compiled.binds[name].type, value, dialect)
            for name, value in compiled.params.items()
            if value is not None
        }
        form = _Form(str(compiled), positions, defaults, decoders)
        self._forms[dialect.name] = form
        return form


def _bound(type_: Any, value: Any, dialect: Dialect) -> Any:
    process = type_.dialect_impl(dialect).bind_processor(dialect)
    return value if process is None else process(value)
