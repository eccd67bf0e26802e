"""What commands print: tables for people, JSON for programs, and nothing that a terminal would take for a command."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

# A resource as the API shows it.
Row: TypeAlias = dict[str, Any]

# Rows are never broken: what is to be copied stays whole, and programs that look for lines find them.
UNBROKEN_WIDTH = 10_000
KIBI = 1024
SECONDS_IN_MINUTE = 60

_STYLES = {
    "Success": "green",
    "Healthy": "green",
    "Verified": "green",
    "Running": "cyan",
    "Warning": "yellow",
    "Skipped": "yellow",
    "Failed": "red",
    "Error": "red",
    "Inaccessible": "red",
    "Quarantined": "red",
}
# Names come from many tenants: none may move the cursor of another's terminal.
_CONTROLS = {code: "\N{REPLACEMENT CHARACTER}" for code in (*range(0x20), *range(0x7F, 0xA0)) if code != ord("\n")}


class Column(msgspec.Struct, frozen=True):
    """A column of a table."""

    title: str
    is_number: bool = False


UID = Column("Uid")


def plain(value: object) -> str:
    """Make a text safe to show: no control characters but line ends."""
    return str(value).replace("\r\n", "\n").translate(_CONTROLS)


def say(text: str) -> None:
    """Tell people what was done."""
    typer.echo(plain(text))


def note(text: str) -> None:
    """Tell people something beside the result: on stderr."""
    typer.echo(plain(text), err=True)


def show_json(value: object) -> None:
    """Print a value for programs."""
    typer.echo(json.dumps(value, indent=2))


def show_table(columns: Sequence[Column], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Print a table, or, if it has no rows, what to do to get some."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        justify = "right" if column.is_number else "left"
        table.add_column(column.title, justify=justify)
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    if table.row_count:
        _console().print(table)
    else:
        say(empty)


def show_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Print one resource, a member per line."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column()
    for name, value in fields:
        table.add_row(name, _cell(value))
    _console().print(table)


def moment(text: str | None) -> str:
    """Show an instant of the API in this machine's time zone, to the second."""
    return f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M:%S}" if text else ""


def size(count: float | None) -> str:
    """Show a number of bytes."""
    if count is None:
        return ""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if count < KIBI:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= KIBI
    return f"{count:.1f} PiB"


def duration(seconds: float | None) -> str:
    """Show a number of seconds as hours, minutes and seconds."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), SECONDS_IN_MINUTE)
    return f"{minutes // SECONDS_IN_MINUTE}:{minutes % SECONDS_IN_MINUTE:02}:{rest:02}"


def yes_or_no(value: object) -> str:
    """Show a truth."""
    return "yes" if value else "no"


def is_for_a_person() -> bool:
    """Say whether somebody is there to be asked."""
    return sys.stdin.isatty()


def _cell(value: object) -> Text:
    text = plain("" if value is None else value)
    return Text(text, style=_STYLES.get(text, ""))


def _console() -> Console:
    return Console(highlight=False, width=UNBROKEN_WIDTH)
