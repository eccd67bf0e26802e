"""Password reset codes, read where the console's data and its key file are: nowhere else can they be opened."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from tandem.actions.reset_password import HeldCode, held_codes
from tandem.config import Settings, load
from tandem.domain.errors import NotFound
from tandem.sealing import open_seal
from tandem.server.folders import SEAL_FILE, console_folder
from tandem.server.options import Data
from tandem.store.database import open_database


def show_reset_codes(*, data: Data = None) -> None:
    """Show the codes of those who have forgotten their passwords, to hand them on; for whoever runs the console."""
    for held in _find_reset_codes(load({"data": data})):
        typer.echo(f"{held.user_name} <{held.email}>, good until {held.expires_at:%H:%M} UTC: {held.code}")


def _find_reset_codes(settings: Settings) -> list[HeldCode]:
    """Give the codes that are still good; raises NotFound where no console has its key file."""
    key_file = console_folder(settings.data) / SEAL_FILE
    if not key_file.exists():
        raise NotFound(f"No console has been started with the data folder {settings.data}; name it with --data.")
    database = open_database(settings.database)
    try:
        return held_codes(database, open_seal(key_file), datetime.now(UTC))
    finally:
        database.close()
