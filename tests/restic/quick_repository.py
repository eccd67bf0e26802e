"""Repositories that are made and opened at once, for tests: the key costs next to nothing to derive.

Restic makes each key so costly that making one takes seconds and deriving it half a second, at every start. The format
is described in restic's manual, "Repository Format": scrypt, AES-256-CTR, and Poly1305-AES as a seal.
"""

import base64
import hashlib
import json
import os
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.poly1305 import Poly1305

# As a real `restic init` chose it: it must be irreducible.
CHUNKER_POLYNOMIAL = "2537128e1e76db"

_CHEAPEST_SCRYPT = {"N": 2, "r": 8, "p": 1}


def create(folder: Path, password: str) -> None:
    """Make an empty repository of format 2. All that are made here are one family."""
    for name in ("data", "index", "keys", "locks", "snapshots"):
        (folder / name).mkdir(parents=True)
    master = os.urandom(64)
    config = {"version": 2, "id": os.urandom(32).hex(), "chunker_polynomial": CHUNKER_POLYNOMIAL}
    (folder / "config").write_bytes(_seal(master, json.dumps(config).encode()))
    add_key(folder, master, password)


def add_key(folder: Path, master: bytes, password: str) -> None:
    """Have a repository open with a password too; `master` is its key of 64 bytes."""
    salt = os.urandom(64)
    user = hashlib.scrypt(
        password.encode(),
        salt=salt,
        n=_CHEAPEST_SCRYPT["N"],
        r=_CHEAPEST_SCRYPT["r"],
        p=_CHEAPEST_SCRYPT["p"],
        dklen=64,
    )
    master_text = {"mac": {"k": _text(master[32:48]), "r": _text(master[48:])}, "encrypt": _text(master[:32])}
    key = {
        "created": "2024-02-29T12:00:00Z",
        "username": "tests",
        "hostname": "nas1",
        "kdf": "scrypt",
        **_CHEAPEST_SCRYPT,
        "salt": _text(salt),
        "data": _text(_seal(user, json.dumps(master_text).encode())),
    }
    content = json.dumps(key).encode()
    (folder / "keys" / hashlib.sha256(content).hexdigest()).write_bytes(content)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _seal(key: bytes, text: bytes) -> bytes:
    """Encrypt and sign with a key of 64 bytes: 32 to encrypt, 16 and 16 to sign."""
    nonce = os.urandom(16)
    stream = Cipher(algorithms.AES(key[:32]), modes.CTR(nonce)).encryptor()
    ciphertext = stream.update(text) + stream.finalize()
    block = Cipher(algorithms.AES(key[32:48]), modes.ECB()).encryptor()  # noqa: S305 - one block, as Poly1305-AES has it
    signing_key = key[48:64] + block.update(nonce) + block.finalize()
    return nonce + ciphertext + Poly1305.generate_tag(signing_key, ciphertext)
