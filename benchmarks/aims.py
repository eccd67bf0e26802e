"""What is aimed at, and whether it was reached: printed in one table at the end, and kept with the results."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from rich.table import Table


class Aim(msgspec.Struct, frozen=True):
    """One number that was measured, and the most, or the least, that it should be."""

    what: str
    measured: float
    at_most: float | None = None
    at_least: float | None = None

    @property
    def is_reached(self) -> bool:
        """Whether it holds."""
        is_low = self.at_most is None or self.measured <= self.at_most
        return is_low and (self.at_least is None or self.measured >= self.at_least)

    @property
    def asked(self) -> str:
        """Give what is asked for, as people read it."""
        return f"≤ {self.at_most:g}" if self.at_least is None else f"≥ {self.at_least:g}"

    def as_kept(self) -> dict[str, object]:
        """Give what is kept of it."""
        return {
            "what": self.what,
            "measured": round(self.measured, 4),
            "asked": self.asked,
            "is_reached": self.is_reached,
        }


def table_of(aims: Iterable[Aim]) -> Table:
    """Give the table that people read."""
    table = Table("aim", title="What is aimed at")
    for column in ("asked", "measured", "reached"):
        table.add_column(column, justify="right")
    for aim in aims:
        table.add_row(aim.what, aim.asked, f"{aim.measured:.3g}", "yes" if aim.is_reached else "[bold]no[/bold]")
    return table
