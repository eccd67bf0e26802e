"""A whole fleet read through the API, as for billing and reports: pages of 500, until all copy jobs are there.

The console has one processor, whoever reads another. Every id must come once, and be one that the database has.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from http.client import HTTPSConnection
from pathlib import Path

import asking
import databases
import msgspec
import servers
from aims import Aim
from databases import KINDS, POSTGRESQL
from listing import CURRENT, PATH
from rich.table import Table

PAGE = 500
SECONDS_AIM, GROWTH_AIM_MEBIBYTES = 60, 20
# By then what a process may keep of pages is full: 32 MiB of an SQLite file, and 16 MiB of answers.
WARM_PAGES = 200
MEBIBYTE = 1 << 20


class Size(msgspec.Struct, frozen=True):
    """How large the fleet is."""

    copy_jobs: int
    companies: int


class Row(msgspec.Struct):
    """What reading one database's fleet took; memory in bytes: after the first pages, and after the last."""

    database: str
    copy_jobs: int
    pages: int
    seconds: float
    cpu_seconds: float
    database_cpu_seconds: float
    answer_bytes: int
    early_memory: int
    late_memory: int

    @property
    def growth(self) -> float:
        """Give by how many MiB the console's process has grown since the first pages."""
        return (self.late_memory - self.early_memory) / MEBIBYTE


class _PagingInfo(msgspec.Struct):
    total: int
    count: int
    offset: int


class _Meta(msgspec.Struct, rename="camel"):
    paging_info: _PagingInfo


class _Job(msgspec.Struct, rename="camel"):
    instance_uid: str


class _Page(msgspec.Struct):
    meta: _Meta
    data: list[_Job]


def measure(folder: Path, size: Size, say: Callable[[str], None]) -> list[Row]:
    """Read both databases' fleets; raises RuntimeError if an id came twice, or not at all."""
    return [_measure(folder / kind, kind, size, say) for kind in KINDS]


def _measure(folder: Path, kind: str, size: Size, say: Callable[[str], None]) -> Row:
    url, tenants = databases.fleet(kind, size.copy_jobs, size.companies)
    folder.mkdir()
    with asking.console(folder, url, tenants[0]) as asked:
        row = Row(kind, size.copy_jobs, *(0,) * 7)
        backends = servers.processes_of_database(asked.database_name) if kind == POSTGRESQL else []
        cpu = asked.running.cpu_seconds(), sum(map(servers.exact_cpu_seconds, backends))
        started = time.monotonic()
        uids = _read_all(asked.connection, asked.headers["provider"] | CURRENT, asked.running.process_id, row)
        row.seconds = time.monotonic() - started
        row.cpu_seconds = asked.running.cpu_seconds() - cpu[0]
        row.database_cpu_seconds = sum(map(servers.exact_cpu_seconds, backends)) - cpu[1]
        row.late_memory = servers.memory(asked.running.process_id)
        expected = [uid for (uid,) in asked.select("select instance_uid from file_share_copy_jobs order by position")]
    if uids != expected:
        raise RuntimeError(
            f"{kind}: {len(uids)} ids came, {len(set(uids))} different ones, but there are {len(expected)}, or they "
            "came in another order"
        )
    say(f"{kind}: {len(uids):,} copy jobs, each once, in {row.seconds:.1f} s")
    return row


def _read_all(connection: HTTPSConnection, headers: dict[str, str], process_id: int, row: Row) -> list[str]:
    decoder = msgspec.json.Decoder(_Page)
    uids: list[str] = []
    while True:
        connection.request("GET", f"{PATH}?limit={PAGE}&offset={len(uids)}", headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"page {row.pages}: {answer.status} {body[:400]!r}")
        page = decoder.decode(body)
        uids += [job.instance_uid for job in page.data]
        row.pages += 1
        row.answer_bytes += len(body)
        if row.pages in {1, WARM_PAGES}:
            row.early_memory = servers.memory(process_id)
        if len(uids) >= page.meta.paging_info.total or not page.data:
            return uids


def show(rows: list[Row], size: Size) -> list[Table]:
    """Give the table that people read."""
    title = f"All {size.copy_jobs:,} file share copy jobs, read through the API in pages of {PAGE}, over TLS"
    caption = (
        f"aims: at most {SECONDS_AIM} s, and {GROWTH_AIM_MEBIBYTES} MiB more at the end than after {WARM_PAGES} pages"
    )
    table = Table("", title=title, caption=caption)
    for column in ("pages", "seconds", "CPU s", "PostgreSQL's CPU s", "MB", "jobs/s", "MiB", "MiB more"):
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(
            row.database,
            f"{row.pages:,}",
            f"{row.seconds:.1f}",
            f"{row.cpu_seconds:.1f}",
            f"{row.database_cpu_seconds:.1f}",
            f"{row.answer_bytes / 1e6:.0f}",
            f"{row.copy_jobs / row.seconds:,.0f}",
            f"{row.late_memory / MEBIBYTE:.0f}",
            f"{row.growth:.0f}",
        )
    return [table]


def aims(rows: list[Row]) -> Iterator[Aim]:
    """Give what is aimed at."""
    for row in rows:
        yield Aim(f"{row.database}: seconds to read {row.copy_jobs:,} copy jobs", row.seconds, at_most=SECONDS_AIM)
        yield Aim(f"{row.database}: MiB grown meanwhile", row.growth, at_most=GROWTH_AIM_MEBIBYTES)
