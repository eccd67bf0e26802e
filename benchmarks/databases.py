"""Databases with fleets that several parts measure: each is made once in a run, and gone when the run is."""

from __future__ import annotations

import atexit
import functools
import tempfile
from contextlib import ExitStack
from pathlib import Path

import psycopg
from fleet import Tenant, make_fleet
from loading import copy_fleet
from sqlalchemy import delete

from tandem.store.database import open_database
from tandem.store.schema.tables import signing_keys
from tests import postgres

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
KINDS = [SQLITE, POSTGRESQL]


def fleet(kind: str, copy_jobs: int, companies: int) -> tuple[str, list[Tenant]]:
    """Give the URL of a database with a fleet of this size, and its companies, the large one first.

    Whoever asks may start a console with a new data folder, and sign in, and leaves all else as it is.
    """
    url, tenants = _made(kind, copy_jobs, companies)
    database = open_database(url)
    with database.writing() as connection:
        # An earlier console has sealed its key in a way that only its own data folder opens.
        connection.execute(delete(signing_keys))
    database.close()
    return url, tenants


@functools.cache
def _made(kind: str, copy_jobs: int, companies: int) -> tuple[str, list[Tenant]]:
    name = f"fleet_{copy_jobs}_{companies}"
    if kind == SQLITE:
        url = f"sqlite:///{_folder() / name}.db"
        return url, make_fleet(url, copy_jobs=copy_jobs, companies=companies)
    source, tenants = _made(SQLITE, copy_jobs, companies)
    url = _server().replace("/postgres?", f"/{name}?")
    with psycopg.connect(_server().replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    copy_fleet(source, url)
    return url, tenants


@functools.cache
def _until_the_end() -> ExitStack:
    stack = ExitStack()
    atexit.register(stack.close)
    return stack


@functools.cache
def _folder() -> Path:
    return Path(_until_the_end().enter_context(tempfile.TemporaryDirectory(prefix="tandem-fleets-")))


@functools.cache
def _server() -> str:
    return _until_the_end().enter_context(postgres.running_server())
