"""Sealing secrets with a key that lives in a file outside the database (AES-256-GCM)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
FORMAT = "v1"
FINGERPRINT_DIGITS = 32
_NO_NONCE = bytes(NONCE_BYTES)


class SealBroken(Exception):
    """A sealed secret does not open with this key file: the key, the secret or its owner was changed."""


class Seal:
    """Seals short secrets for storage; each is bound to its owner, so that sealed values cannot be swapped."""

    def __init__(self, key: bytes) -> None:
        """Make a seal from a 32-byte key."""
        self._key = key
        self._cipher = AESGCM(key)

    def derive(self, purpose: str) -> str:
        """Derive a key for another purpose, the same for everyone who holds this seal's key; hexadecimal."""
        return hmac.new(self._key, purpose.encode(), hashlib.sha256).hexdigest()

    def close(self, secret: str, owner: str) -> str:
        """Seal a secret for an owner, such as the uid of its row."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, secret.encode(), owner.encode())
        return f"{FORMAT}:{base64.b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, owner: str) -> str:
        """Open what `close` made for the same owner; raises SealBroken."""
        form, _, text = sealed.partition(":")
        if form != FORMAT:
            raise SealBroken(f"The sealed secret of {owner} has the unknown format {form[:10]!r}.")
        try:
            raw = base64.b64decode(text)
            return self._cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], owner.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise SealBroken(f"The sealed secret of {owner} does not open: is this the right key file?") from error

    def close_bytes(self, content: bytes, owner: str) -> bytes:
        """Seal bytes that pass through the database, such as a piece of a file, for an owner."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, owner.encode())

    def open_bytes(self, sealed: bytes, owner: str) -> bytes:
        """Open what `close_bytes` made for the same owner; raises SealBroken."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], owner.encode())
        except (InvalidTag, ValueError) as error:
            raise SealBroken(f"The sealed bytes of {owner} do not open: is this the right key file?") from error


class Fingerprints:
    """Short texts that stand for long ones: the same for the same, other ones for others.

    Made of a universal hash under a secret key, which is several times as fast as a cryptographic one, and of a
    cryptographic one of that, which hides what would give the key away: so nobody finds two texts with the same.
    """

    def __init__(self, secret: str) -> None:
        """Take 32 bytes that nobody else knows, as `Seal.derive` gives them; others make other fingerprints."""
        key = bytes.fromhex(secret)
        half = len(key) // 2
        self._universal = AESGCM(key[:half])
        self._outer = key[half:]

    def of(self, content: bytes) -> str:
        """Give the fingerprint of a content: 128 bits, hexadecimal."""
        # Always the same nonce: nothing is encrypted, and the tag is not shown.
        inner = self._universal.encrypt(_NO_NONCE, b"", content)
        return hashlib.sha256(self._outer + inner).hexdigest()[:FINGERPRINT_DIGITS]


def open_seal(key_file: Path) -> Seal:
    """Open the seal whose key is in a file, making the file (mode 0600) at the first use."""
    if not key_file.exists():
        # Of consoles that start at once the first makes it: what another key has sealed would never open again.
        write_private(key_file, base64.b64encode(os.urandom(KEY_BYTES)).decode() + "\n", keep_existing=True)
    return Seal(base64.b64decode(key_file.read_text()))


def write_private(path: Path, text: str, *, keep_existing: bool = False) -> None:
    """Write a file that only its owner may read, whole or not at all, in place of one that is there or not."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    if not keep_existing:
        draft.replace(path)
        return
    with suppress(FileExistsError):
        path.hardlink_to(draft)
    draft.unlink()


def generate_password() -> str:
    """Make a password that nobody has to type: 192 random bits, safe in a shell and a URL."""
    return secrets.token_urlsafe(24)
