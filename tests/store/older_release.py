"""What consoles of a release say to PostgreSQL, recorded: every operation, agents' reports, tidying up.

It is said again to the tables of newer releases (test_upgrades.py). Run as a program in a checkout of a release, it
writes the recording of that release.
"""

import gzip
import json
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import event
from sqlalchemy.engine import Engine

from tandem.actions.sweep import sweep
from tandem.api.routes import ROUTES
from tandem.domain.identity import Permission
from tandem.store.database import Connection, open_database
from tests import postgres
from tests.api.test_isolation import BODIES, call
from tests.consoles import Console, fill_with_people
from tests.people import ACMES, ALICE, BOB, PASSWORD
from tests.reports import ended, point, session

RECORDED = Path(__file__).parent / "recorded"

# What is said in one transaction: statement, parameters, how many rows it changes or finds.
Said = tuple[str, Any, int]


class Recorder:
    """Listens to what is said in this process, and keeps what is committed."""

    def __init__(self) -> None:
        self.said: list[Said] = []
        self._open: dict[int, list[Said]] = {}

    def hear(self, cursor: Any, statement: Any, parameters: Any) -> None:
        text = statement if isinstance(statement, str) else str(statement)
        if not text.startswith((";", "SAVEPOINT", "RELEASE", "ROLLBACK")):
            self._open.setdefault(id(cursor.connection), []).append((text, parameters, cursor.rowcount))

    def commit(self, connection: Connection) -> None:
        self.said += self._open.pop(id(connection.connection.driver_connection), [])

    def drop(self, connection: Connection) -> None:
        self._open.pop(id(connection.connection.driver_connection), None)


class _Cursor(psycopg.Cursor[Any]):
    recorder: Recorder | None = None

    def execute(self, query: Any, params: Any = None, **more: Any) -> Any:
        done = super().execute(query, params, **more)
        if _Cursor.recorder is not None:
            _Cursor.recorder.hear(self, query, params)
        return done

    def executemany(self, query: Any, params_seq: Any, **more: Any) -> None:
        for params in params_seq:
            self.execute(query, params, **more)


def record(url: str) -> list[Said]:
    """Do all that consoles do, in an empty database, and give what was said, reads once each."""
    recorder = Recorder()
    event.listen(Engine, "do_connect", _use_cursor)
    event.listen(Engine, "commit", recorder.commit)
    event.listen(Engine, "rollback", recorder.drop)
    database = open_database(url)
    database.migrate()
    _Cursor.recorder = recorder
    with database.writing() as connection:
        fill_with_people(connection)
    console = Console(database)
    _use_everything(console)
    _Cursor.recorder = None
    database.close()
    known: set[str] = set()
    return [each for each in recorder.said if not (_reads(each[0]) and each[0] in known) and not known.add(each[0])]


def _use_everything(console: Console) -> None:
    agent = console.agent_of(ACMES)
    agent.turn()
    assert console.ask_for_token(grant_type="password", username="bob", password=PASSWORD).is_success
    console.ask_for_token(grant_type="password", username="bob", password="wrong")
    agent.report(point("one"), session("run"), ended("run"))
    order = {"GET": 0, "POST": 1, "PUT": 2, "PATCH": 3, "DELETE": 4}
    # The deepest first: whoever deletes a company leaves nothing to delete.
    for operation in sorted(ROUTES, key=lambda each: (order[each.method], -len(each.path))):
        if operation.permission in {Permission.PUBLIC, Permission.AGENT}:
            continue
        is_known = operation.method in {"GET", "DELETE"} or operation.operation_id in BODIES or "{" in operation.path
        if is_known:
            for who in (ALICE, BOB):
                call(console, operation, who, ACMES)
        if operation.method == "DELETE":
            console.agents.clear()  # its backup server may be gone
        else:
            agent.turn()
    console.clock.forward(days=40)
    sweep(console.context)


def _use_cursor(_dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> None:
    parameters["cursor_factory"] = _Cursor


def _reads(text: str) -> bool:
    return text.lstrip().upper().startswith("SELECT")


def repeat(url: str, said: list[Said]) -> list[str]:
    """Say in another database what was recorded; gives what is now answered otherwise."""
    wrong: list[str] = []
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        for text, parameters, rows in said:
            try:
                found = connection.execute(text.encode(), parameters).rowcount
            except psycopg.Error as error:
                wrong.append(f"{error}: {text}")
                continue
            if found != rows:
                wrong.append(f"{found} rows in place of {rows}: {text}")
    return wrong


def _packed(value: Any) -> Any:
    value = getattr(value, "obj", value)  # psycopg's own wrapper of bytes
    if isinstance(value, bytes):
        return {"bytes": b64encode(value).decode()}
    raise TypeError(repr(value))


def _unpacked(value: dict[str, Any]) -> Any:
    return b64decode(value["bytes"]) if list(value) == ["bytes"] else value


def store(step: str, said: list[Said]) -> Path:
    """Write a recording."""
    file = RECORDED / f"{step}.json.gz"
    file.write_bytes(gzip.compress(json.dumps(said, default=_packed).encode(), mtime=0))
    return file


def load(step: str) -> list[Said]:
    """Read a recording."""
    text = gzip.decompress((RECORDED / f"{step}.json.gz").read_bytes())
    return [(each[0], each[1], each[2]) for each in json.loads(text, object_hook=_unpacked)]


def main() -> None:
    with postgres.running_server() as server, postgres.empty_database(server) as url:
        said = record(url)
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            row = connection.execute("select max(version_num) from alembic_version").fetchone()
    print(store(row[0] if row else "", said), len(said))  # noqa: T201


if __name__ == "__main__":
    main()
