"""Filtered, sorted lists of a large fleet beside the plain ones, request after request, on SQLite and PostgreSQL."""

from __future__ import annotations

import json
import sqlite3
import statistics
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import databases
import msgspec
import psycopg
import servers
from fleet import ADMIN_PASSWORD, COMMON_WORD, RARE_WORD, Tenant
from listing import PAGE, PATH, sign_in

JOBS = "/api/v3/infrastructure/backupServers/jobs"
PROVIDER, COMPANY = "provider", "company"
PEOPLE = [PROVIDER, COMPANY]
SEED, PLAIN, RARE, COMMON = "copy jobs", "jobs", "jobs, a rare word", "jobs, a common word"
WORDS = {RARE: RARE_WORD, COMMON: COMMON_WORD}
QUESTIONS = [SEED, PLAIN, RARE, COMMON]
WARM_REQUESTS = 5
LIVE, OWNED = "deleted_at is null", "(organization_uid = '{0}' or mapped_organization_uid = '{0}')"
CONNECT_SECONDS_MAX = 60


class Size(msgspec.Struct, frozen=True):
    """How large the fleet is; how often each question is asked, and after how long no more rounds begin."""

    copy_jobs: int
    companies: int
    requests: int
    seconds_max: float


class Row(msgspec.Struct):
    """What came of one question: how long each answer took, in seconds."""

    database: str
    who: str
    question: str
    total: int
    seconds: list[float] = []

    @property
    def median(self) -> float:
        """Give the median of all answers' seconds."""
        return statistics.median(self.seconds)

    @property
    def slowest_hundredth(self) -> float:
        """Give the seconds that one answer in a hundred exceeds."""
        return statistics.quantiles(self.seconds, n=100, method="inclusive")[-1]


def measure(folder: Path, size: Size, say: Callable[[str], None]) -> list[Row]:
    """Make one fleet in both databases, check the answers against plain SQL, then ask everything in turns."""
    rows: list[Row] = []
    for kind in databases.KINDS:
        url, tenants = databases.fleet(kind, size.copy_jobs, size.companies)
        data = folder / kind
        data.mkdir()
        with _asking(data, url, tenants[0]) as bench:
            found = [bench.check(kind, who, question) for who in PEOPLE for question in QUESTIONS]
            say(f"{kind}: all answers agree with plain SQL")
            bench.ask_in_turns(found, size)
        rows += found
    return rows


def plain_of(rows: list[Row], row: Row) -> Row:
    """Give the plain page of the same collection, for the same caller, from the same database."""
    question = SEED if row.question == SEED else PLAIN
    return next(each for each in rows if (each.database, each.who, each.question) == (row.database, row.who, question))


class _Bench:
    """A console that is asked over one connection, and its database."""

    def __init__(self, connection: HTTPSConnection, tokens: Mapping[str, str], database: str, tenant: Tenant) -> None:
        self._connection = connection
        self._headers = {who: {"Authorization": f"Bearer {token}"} for who, token in tokens.items()}
        self._database = database
        self._tenant = tenant

    def ask_in_turns(self, rows: list[Row], size: Size) -> None:
        targets = [(row, _target(row.question)) for row in rows]
        for row, target in targets * WARM_REQUESTS:
            self._get(row.who, target)
        end = time.monotonic() + size.seconds_max
        for _ in range(size.requests):
            for row, target in targets:
                started = time.perf_counter()
                self._get(row.who, target)
                row.seconds.append(time.perf_counter() - started)
            if time.monotonic() > end:
                return

    def check(self, name: str, who: str, question: str) -> Row:
        """Ask once; raises RuntimeError unless the answer is what plain SQL says."""
        answer = json.loads(self._get(who, _target(question)))
        total, uids = self._expected(who, question)
        paging, said = answer["meta"]["pagingInfo"], [row["instanceUid"] for row in answer["data"]]
        if paging != {"total": total, "count": len(uids), "offset": 0} or said != uids:
            raise RuntimeError(f"{name}, {who}, {question}: answered {paging}, but there are {total} in all: {uids}")
        return Row(name, who, question, total)

    def _expected(self, who: str, question: str) -> tuple[int, list[str]]:
        table = "file_share_copy_jobs" if question == SEED else "jobs"
        conditions = [] if question == SEED else [LIVE]
        if question in WORDS:
            conditions.append(f"lower(name) like '%{WORDS[question]}%'")
        if who == COMPANY:
            conditions.append(OWNED.format(self._tenant.organization_uid))
        rows = f"from {table}" + (f" where {' and '.join(conditions)}" if conditions else "")
        order = "last_run desc nulls last, unique_uid desc" if question in WORDS else "position"
        ((total,),) = self._select(f"select count(*) {rows}")
        return total, [uid for (uid,) in self._select(f"select instance_uid {rows} order by {order} limit {PAGE}")]

    def _select(self, statement: str) -> list[tuple[Any, ...]]:
        if self._database.startswith("sqlite:///"):
            with closing(sqlite3.connect(self._database.removeprefix("sqlite:///"))) as connection:
                return connection.execute(statement).fetchall()
        with psycopg.connect(self._database.replace("+psycopg", "")) as connection:
            return connection.execute(statement.encode()).fetchall()

    def _get(self, who: str, target: str) -> bytes:
        self._connection.request("GET", target, headers=self._headers[who])
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{target}: {answer.status} {body[:400]!r}")
        return body


@contextmanager
def _asking(data: Path, database: str, tenant: Tenant) -> Generator[_Bench]:
    processor, _ = servers.processors() or (None, None)
    with servers.console(data, database=database, admin_password=ADMIN_PASSWORD, processor=processor) as console:
        tokens, _ = sign_in(console.url, data / "console" / "certificate.pem", tenant)
        at = urlsplit(console.url)
        context = servers.any_certificate()
        connection = HTTPSConnection(str(at.hostname), at.port, context=context, timeout=CONNECT_SECONDS_MAX)
        with closing(connection):
            yield _Bench(connection, tokens, database, tenant)


def _target(question: str) -> str:
    if question not in WORDS:
        return f"{PATH if question == SEED else JOBS}?limit={PAGE}"
    word = WORDS[question]
    filters = [{"property": "name", "operation": "contains", "collation": "ignorecase", "value": word}]
    sorts = [{"property": "lastRun", "direction": "descending"}]
    return f"{JOBS}?limit={PAGE}&filter={quote(json.dumps(filters))}&sort={quote(json.dumps(sorts))}"
