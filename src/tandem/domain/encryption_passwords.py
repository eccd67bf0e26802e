"""Encryption passwords of a backup server: what repositories are encrypted with, by a hint that people know it by."""

from __future__ import annotations

from datetime import datetime

import msgspec

from tandem.domain.errors import Invalid

PASSWORD_LENGTH_MAX = 1024


class EncryptionPassword(msgspec.Struct, frozen=True, kw_only=True):
    """An encryption password as everybody may see it; the password itself is elsewhere, sealed."""

    instance_uid: str
    backup_server_uid: str
    organization_uid: str
    mapped_organization_uid: str | None
    mapped_organization_name: str | None
    hint: str
    unique_id: str | None
    modification_time: datetime


def check_password(password: str) -> None:
    """Raise Invalid, which does not tell it, if something cannot be a repository's password."""
    is_plain = password.isprintable() and password.strip() == password
    if not 1 <= len(password) <= PASSWORD_LENGTH_MAX or not is_plain:
        text = f"password: needs 1 to {PASSWORD_LENGTH_MAX} printable characters, no space at either end."
        raise Invalid(text, field="password")
