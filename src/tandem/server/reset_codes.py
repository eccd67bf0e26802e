"""Password reset codes, read where the console's data and its key file are: nowhere else can they be opened."""

from __future__ import annotations

from datetime import UTC, datetime

from tandem.actions.reset_password import HeldCode, held_codes
from tandem.config import Settings
from tandem.domain.errors import NotFound
from tandem.sealing import open_seal
from tandem.server.console import console_folder
from tandem.store.database import open_database


def find_reset_codes(settings: Settings) -> list[HeldCode]:
    """Give the codes that are still good; raises NotFound where no console has its key file."""
    key_file = console_folder(settings.data) / "seal.key"
    if not key_file.exists():
        raise NotFound(f"No console has been started with the data folder {settings.data}; name it with --data.")
    database = open_database(settings.database)
    try:
        return held_codes(database, open_seal(key_file), datetime.now(UTC))
    finally:
        database.close()
