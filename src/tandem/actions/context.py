"""What every action works with, put together once by the server."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime
from uuid import uuid4

import msgspec

from tandem.domain.errors import NotFound
from tandem.domain.identity import Caller, Contract
from tandem.sealing import Seal
from tandem.store.database import Database


class Context(msgspec.Struct, frozen=True):
    """The console's means: its data, its seal, its clock."""

    database: Database
    seal: Seal
    clock: Callable[[], datetime]
    pause: Callable[[float], None]
    installation_uid: str
    contract: Contract


class Act(msgspec.Struct, frozen=True):
    """One action in the making: by whom, and with what."""

    context: Context
    caller: Caller

    @property
    def now(self) -> datetime:
        """The present, aware."""
        return self.context.clock()


@contextmanager
def named_in(field: str) -> Generator[None]:
    """Tell by which property of the body something was named that is not there for the caller."""
    try:
        yield
    except NotFound as error:
        raise NotFound(f"{field}: {error.message}", field=field) from error


def new_uid() -> str:
    """Make a uid in the contract's form: lower case, with hyphens."""
    return str(uuid4())


def hash_secret(secret: str) -> str:
    """Hash a secret of our own making, which is long and random, for storage."""
    return hashlib.sha256(secret.encode()).hexdigest()
