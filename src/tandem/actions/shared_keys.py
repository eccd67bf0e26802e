"""The key file that all consoles of one database share: a host that lacks it, or has another, does not start."""

from __future__ import annotations

from pathlib import Path

from tandem.domain.errors import Conflict
from tandem.sealing import Seal, SealBroken, open_seal
from tandem.store import tokens
from tandem.store.database import Database

_COPY = (
    "Copy seal.key, certificate.pem and certificate-key.pem to {folder}, for the console's user only to read, from the "
    "same folder of a host that serves this database, or from its backup; then start again. Nothing was changed."
)


def open_shared_seal(database: Database, key_file: Path) -> Seal:
    """Open the seal, making its key file only for a database that nobody has used yet.

    Raises:
        Conflict: if the database's secrets are sealed with a key that is not here.
    """
    sealed_keys = _sealed_keys(database)
    if sealed_keys and not key_file.exists():
        text = f"The database is in use, and {key_file}, the key that opens its secrets, is not on this host."
        raise Conflict(f"{text} {_COPY.format(folder=key_file.parent)}")
    seal = open_seal(key_file)
    _check(seal, sealed_keys, key_file)
    return seal


def check_seal(database: Database, seal: Seal, key_file: Path) -> None:
    """Raise Conflict if a seal does not open what the database holds."""
    _check(seal, _sealed_keys(database), key_file)


def _sealed_keys(database: Database) -> list[tuple[str, str]]:
    with database.reading() as connection:
        return [(uid, sealed) for uid, sealed, _created_at in tokens.signing_keys_newest_first(connection)]


def _check(seal: Seal, sealed_keys: list[tuple[str, str]], key_file: Path) -> None:
    try:
        for uid, sealed in sealed_keys:
            seal.open(sealed, uid)
    except SealBroken as error:
        text = f"{key_file} is another key than the one that the database's secrets are sealed with."
        raise Conflict(f"{text} {_COPY.format(folder=key_file.parent)}") from error
