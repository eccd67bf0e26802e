"""The command that shows every setting."""

from __future__ import annotations

from rich.console import Console as Terminal
from rich.table import Column, Table

from tandem import config
from tandem.server.options import Data


def show_settings(*, data: Data = None) -> None:
    """Show every setting, its value and where it came from; secrets are masked."""
    table = Table("setting", Column("value", overflow="fold"), "from", Column("what it is", overflow="fold"))
    for origin in config.origins({"data": data}):
        table.add_row(origin.name, origin.shown, origin.origin, origin.about)
    Terminal().print(table)
