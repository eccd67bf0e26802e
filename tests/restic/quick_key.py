"""Repositories that open at once, for tests: the same repository, with a key that costs next to nothing to derive.

Restic makes each key so costly that deriving it takes about half a second, at every start. The format is described in
restic's manual, "Repository Format": scrypt, AES-256-CTR, and Poly1305-AES as a seal.
"""

import base64
import hashlib
import json
import os
from pathlib import Path
from typing import TypedDict

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.poly1305 import Poly1305

_CHEAPEST_COST = 2
_NONCE_BYTES = 16
_SEAL_BYTES = 16


class _KeyFile(TypedDict):
    N: int
    r: int
    p: int
    salt: str
    data: str


def make_quick(repository: Path, password: str) -> None:
    """Replace the only key of a repository by one for the same password that is derived at once."""
    (path,) = (repository / "keys").iterdir()
    key: _KeyFile = json.loads(path.read_bytes())
    master = _open(_derive(key, password), base64.b64decode(key["data"]))
    key["N"] = _CHEAPEST_COST
    key["data"] = base64.b64encode(_seal(_derive(key, password), master)).decode()

    content = json.dumps(key).encode()
    (path.parent / hashlib.sha256(content).hexdigest()).write_bytes(content)
    path.unlink()


def _derive(key: _KeyFile, password: str) -> bytes:
    salt = base64.b64decode(key["salt"])
    memory = 128 * key["r"] * (key["N"] + key["p"] + 2)
    return hashlib.scrypt(password.encode(), salt=salt, n=key["N"], r=key["r"], p=key["p"], maxmem=memory, dklen=64)


def _open(key: bytes, sealed: bytes) -> bytes:
    nonce, ciphertext, seal = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:-_SEAL_BYTES], sealed[-_SEAL_BYTES:]
    assert _sign(key, nonce, ciphertext) == seal, "wrong password"
    return _stream(key, nonce, ciphertext)


def _seal(key: bytes, text: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    ciphertext = _stream(key, nonce, text)
    return nonce + ciphertext + _sign(key, nonce, ciphertext)


def _stream(key: bytes, nonce: bytes, text: bytes) -> bytes:
    cipher = Cipher(algorithms.AES(key[:32]), modes.CTR(nonce)).encryptor()
    return cipher.update(text) + cipher.finalize()


def _sign(key: bytes, nonce: bytes, ciphertext: bytes) -> bytes:
    block = Cipher(algorithms.AES(key[32:48]), modes.ECB()).encryptor()  # noqa: S305 - one block, as Poly1305-AES has it
    return Poly1305.generate_tag(key[48:64] + block.update(nonce) + block.finalize(), ciphertext)
