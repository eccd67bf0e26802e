"""A console over a fleet, asked by this program over one connection that stays open."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import psycopg
import servers
from fleet import ADMIN_PASSWORD, Tenant
from listing import sign_in
from sqlalchemy import make_url

CONNECT_SECONDS_MAX = 60
_asked = itertools.count()


class Asked(msgspec.Struct, frozen=True):
    """The console, the connection to it, and another to its database."""

    running: servers.Running
    connection: HTTPSConnection
    # Of `provider` and `company`: those of a request.
    headers: dict[str, dict[str, str]]
    database_name: str
    database: Any

    def get(self, target: str, who: str) -> bytes:
        """Ask for something as somebody; raises RuntimeError if the answer is not a good one.

        Each time with another parameter, which says nothing: so no page is given as it was made before.
        """
        mark = "&" if "?" in target else "?"
        self.connection.request("GET", f"{target}{mark}asked={next(_asked)}", headers=self.headers[who])
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{target}: {answer.status} {body[:400]!r}")
        return body

    def select(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask the database itself."""
        return self.database.execute(statement).fetchall()


@contextmanager
def console(data: Path, database: str, tenant: Tenant) -> Generator[Asked]:
    """Run a console over a fleet and sign in to it, as the provider and as a company."""
    processor, _ = servers.processors() or (None, None)
    with servers.console(data, database=database, admin_password=ADMIN_PASSWORD, processor=processor) as running:
        tokens, _ = sign_in(running.url, data / "console" / "certificate.pem", tenant)
        headers = {who: {"Authorization": f"Bearer {token}"} for who, token in tokens.items()}
        at = urlsplit(running.url)
        context = servers.any_certificate()
        connection = HTTPSConnection(str(at.hostname), at.port, context=context, timeout=CONNECT_SECONDS_MAX)
        with closing(connection), closing(_connected(database)) as plain:
            yield Asked(running, connection, headers, str(make_url(database).database), plain)


def _connected(url: str) -> Any:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return sqlite3.connect(str(parsed.database), isolation_level=None)
    return psycopg.connect(parsed.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True)
