"""Who this agent is: made at enrolment, kept in one private file."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tandem.decoding import decode
from tandem.domain.errors import NotFound
from tandem.sealing import write_private

FILE = "identity.json"


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """An enrolled agent; keys and certificate are PEM."""

    console: str
    certificate: str
    backup_server_uid: str
    audience: str
    private_key: str
    installation_uid: str
    host_name: str

    def __repr__(self) -> str:
        """Tell everything but the private key."""
        return f"Identity(backup_server_uid={self.backup_server_uid!r}, console={self.console!r})"


def load_identity(data: Path) -> Identity:
    """Read the identity from an agent's data folder; raises NotFound if it has not enrolled."""
    file = data / FILE
    if not file.exists():
        text = f"There is no enrolled agent in {data}; run `tandem agent enroll` first."
        raise NotFound(text)
    return decode(file.read_bytes(), Identity)


def save_identity(data: Path, identity: Identity) -> None:
    """Write the identity, readable by its owner only."""
    write_private(data / FILE, msgspec.json.format(msgspec.json.encode(identity)).decode() + "\n")
