"""What a page of the seed operation costs, whatever the size of the fleet and wherever the page is.

A console for each fleet, asked in turns over one connection each: the processor time of the console's process and of
PostgreSQL's that serve it, the time until the answer is there, and, beside it, what the plain statements take: `limit`
and `offset`, and `count(*)`. Every answer is first compared with what those say.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import asking
import databases
import msgspec
import servers
from aims import Aim
from databases import KINDS, POSTGRESQL
from fleet import Tenant
from listing import PATH
from rich.table import Table

PROVIDER, COMPANY = "provider", "one company"
WHAT = {"cpu": "CPU", "seconds": "time"}
COLUMNS = (
    "instance_uid, unique_uid, source_job_instance_uid, source_job_unique_uid, target_repository_uid, retention,"
    " retention_unit, source_size, gfs_daily, gfs_weekly, gfs_monthly, gfs_yearly"
)
FIRST, MIDDLE, LAST = "first", "middle", "last"
PAGE, SMALL_PAGE = 100, 10
OWNED = " where organization_uid = '{0}' or mapped_organization_uid = '{0}'"
WARM_REQUESTS = 20
PLAIN_TIMES = 3
LAST_TO_FIRST_AIM, LARGE_TO_SMALL_AIM, MEMORY_AIM_MEBIBYTES = 1.3, 1.5, 300
MEBIBYTE = 1 << 20


class Fleet(msgspec.Struct, frozen=True):
    copy_jobs: int
    companies: int


class Size(msgspec.Struct, frozen=True):
    """The fleets, the smallest first; how many rounds each page is asked for, and how often in each."""

    fleets: tuple[Fleet, ...]
    rounds: int
    requests: int
    # A page that is dear is asked for less often.
    batch_seconds_max: float = 1.0


class Row(msgspec.Struct, kw_only=True):
    """One page: of which fleet, for whom, where; what a request took, in seconds, by the round."""

    database: str
    copy_jobs: int
    who: str
    rows: int
    place: str
    offset: int
    total: int
    plain_seconds: float
    cpu: list[float] = []
    seconds: list[float] = []

    def median(self, what: str) -> float:
        """Give the median of `cpu` or `seconds`."""
        return statistics.median(getattr(self, what))


class Results(msgspec.Struct):
    """The pages, and by database and fleet the memory of a console when all was asked, in bytes."""

    rows: list[Row]
    memory: dict[str, dict[int, int]]

    def row(self, **wanted: Any) -> Row:
        """Give the row with these values."""
        return next(row for row in self.rows if all(getattr(row, name) == value for name, value in wanted.items()))

    def last_to_first(self, row: Row, what: str) -> float:
        """Compare a page with the first one of the same list."""
        first = self.row(database=row.database, copy_jobs=row.copy_jobs, who=row.who, rows=row.rows, place=FIRST)
        return row.median(what) / first.median(what)

    def to_smallest(self, row: Row, what: str) -> float:
        """Compare a small page with the one of the smallest fleet, which has no more rows than it holds."""
        smallest = min(each.copy_jobs for each in self.rows)
        small = self.row(database=row.database, copy_jobs=smallest, who=row.who, rows=row.rows, place=FIRST)
        return row.median(what) / small.median(what)


def measure(folder: Path, size: Size, say: Callable[[str], None]) -> Results:
    """Make the fleets, check every page against plain SQL, then ask for all pages in turns."""
    results = Results([], {})
    for kind in KINDS:
        with ExitStack() as stack:
            consoles = [stack.enter_context(_asking(folder, kind, fleet, say)) for fleet in size.fleets]
            pages = [(console, row) for console in consoles for row in console.checked_pages()]
            say(f"{kind}: {len(pages)} pages agree with plain SQL")
            for console, row in pages:
                console.ask(row, WARM_REQUESTS, size.batch_seconds_max)
            results.rows += [msgspec.structs.replace(row, cpu=[], seconds=[]) for _, row in pages]
            for _ in range(size.rounds):
                for (console, _), row in zip(pages, results.rows[-len(pages) :], strict=True):
                    console.ask(row, size.requests, size.batch_seconds_max)
            results.memory[kind] = {console.fleet.copy_jobs: console.memory() for console in consoles}
    return results


@contextmanager
def _asking(folder: Path, kind: str, fleet: Fleet, say: Callable[[str], None]) -> Generator[_Bench]:
    started = time.monotonic()
    url, tenants = databases.fleet(kind, fleet.copy_jobs, fleet.companies)
    say(f"{kind}: {fleet.copy_jobs:,} copy jobs of {fleet.companies:,} companies, {time.monotonic() - started:.0f} s")
    data = folder / f"{kind}-{fleet.copy_jobs}"
    data.mkdir()
    with asking.console(data, url, tenants[0]) as asked:
        yield _Bench(asked, fleet, kind, tenants[0])


class _Bench:
    """A console over one of the fleets."""

    def __init__(self, asked: asking.Asked, fleet: Fleet, kind: str, tenant: Tenant) -> None:
        self.fleet = fleet
        self._asked = asked
        self._kind = kind
        self._where = {PROVIDER: "", COMPANY: OWNED.format(tenant.organization_uid)}

    def checked_pages(self) -> list[Row]:
        """Give the pages to ask for; raises RuntimeError unless each is what plain SQL says.

        Every fleet has pages of 10 rows, so that the smallest can be compared with.
        """
        rows: list[Row] = []
        for who, where in self._where.items():
            ((total,),) = self._asked.select(f"select count(*) from file_share_copy_jobs{where}")
            for count in (each for each in (SMALL_PAGE, PAGE) if each <= total):
                offsets = {0: FIRST, (total - count) // 2: MIDDLE, total - count: LAST}
                for offset, place in offsets.items() if total > count else [(0, FIRST)]:
                    rows.append(self._checked(who, count, place, offset=offset, total=total))
        return rows

    def ask(self, row: Row, requests: int, seconds_max: float) -> None:
        """Ask for a page some times, one request after another, and note what each took."""
        times: list[float] = []
        processes = [self._asked.running.process_id]
        if self._kind == POSTGRESQL:
            processes += servers.processes_of_database(self._asked.database_name)
        cpu = sum(map(servers.exact_cpu_seconds, processes))
        end = time.monotonic() + seconds_max
        for _ in range(requests):
            started = time.perf_counter()
            self._get(row)
            times.append(time.perf_counter() - started)
            if time.monotonic() > end:
                break
        row.cpu.append((sum(map(servers.exact_cpu_seconds, processes)) - cpu) / len(times))
        row.seconds.append(statistics.median(times))

    def memory(self) -> int:
        """Give the memory that the console holds, in bytes."""
        return servers.memory(self._asked.running.process_id)

    def _checked(self, who: str, count: int, place: str, *, offset: int, total: int) -> Row:
        plain: list[float] = []
        for _ in range(PLAIN_TIMES):
            started = time.perf_counter()
            ((naive_total,),) = self._asked.select(f"select count(*) from file_share_copy_jobs{self._where[who]}")
            listed = f"select {COLUMNS} from file_share_copy_jobs{self._where[who]} order by position"
            found = self._asked.select(f"{listed} limit {count} offset {offset}")
            plain.append(time.perf_counter() - started)
        row = Row(
            database=self._kind,
            copy_jobs=self.fleet.copy_jobs,
            who=who,
            rows=count,
            place=place,
            offset=offset,
            total=total,
            plain_seconds=statistics.median(plain),
        )
        answer = json.loads(self._get(row))
        said = [job["instanceUid"] for job in answer["data"]]
        if answer["meta"]["pagingInfo"] != {"total": naive_total, "count": count, "offset": offset} or said != [
            uid for uid, *_ in found
        ]:
            where = f"{self._kind}, {self.fleet.copy_jobs} jobs, {who}, offset {offset}"
            raise RuntimeError(f"{where}: answered {answer['meta']}, but there are {naive_total} in all: {found}")
        return row

    def _get(self, row: Row) -> bytes:
        target = f"{PATH}?limit={row.rows}" + (f"&offset={row.offset}" if row.offset else "")
        return self._asked.get(target, row.who.split()[-1])


def show(results: Results, size: Size) -> list[Table]:
    """Give the tables that people read."""
    del size
    title = "GET …/jobs/fileShareCopyJobs, one request after another: a page's cost against the fleet"
    caption = (
        f"CPU of the console and of PostgreSQL's processes; aims: last/first ≤ {LAST_TO_FIRST_AIM}, and "
        f"≤ {LARGE_TO_SMALL_AIM} times the page of 10 rows of the smallest fleet; plain: count(*), limit, offset alone"
    )
    table = Table("", title=title, caption=caption)
    table.columns[0].no_wrap = True
    for column in ("rows", "offset", "CPU µs", "ms", "to first", "to smallest", "plain ms"):
        table.add_column(column, justify="right")
    for row in results.rows:
        compared = [f"{results.last_to_first(row, what):.2f}" for what in WHAT]
        smallest = [f"{results.to_smallest(row, what):.2f}" for what in WHAT] if row.rows == SMALL_PAGE else []
        table.add_row(
            f"{row.database}, {row.copy_jobs:,}, {row.who}, {row.place}",
            f"{row.rows}",
            f"{row.offset:,}",
            f"{row.median('cpu') * 1e6:.0f}",
            f"{row.median('seconds') * 1000:.2f}",
            " / ".join(compared),
            " / ".join(smallest),
            f"{row.plain_seconds * 1000:.2f}",
        )
    memory = Table("", title="Memory of a console's process after all that")
    for column in ("MiB", "more than with the smallest fleet"):
        memory.add_column(column, justify="right")
    for kind, by_fleet in results.memory.items():
        smallest_memory = by_fleet[min(by_fleet)]
        for copy_jobs, held in by_fleet.items():
            more = (held - smallest_memory) / MEBIBYTE
            memory.add_row(f"{kind}, {copy_jobs:,}", f"{held / MEBIBYTE:.0f}", f"{more:.0f}")
    return [table, memory]


def aims(results: Results) -> Iterator[Aim]:
    """Give what is aimed at; of several pages, the dearest counts."""
    for kind, by_fleet in results.memory.items():
        of_kind = [row for row in results.rows if row.database == kind]
        smallest, largest = min(by_fleet), max(by_fleet)
        for what, name in WHAT.items():
            for copy_jobs in sorted({row.copy_jobs for row in of_kind if row.place == LAST}):
                for who in (PROVIDER, COMPANY):
                    last = [row for row in of_kind if (row.copy_jobs, row.who, row.place) == (copy_jobs, who, LAST)]
                    ratio = max((results.last_to_first(row, what) for row in last), default=None)
                    if ratio is not None:
                        text = f"{kind}, {copy_jobs:,} jobs, {who}: last page to first, {name}"
                        yield Aim(text, ratio, at_most=LAST_TO_FIRST_AIM)
            for who in (PROVIDER, COMPANY):
                large = [row for row in of_kind if (row.copy_jobs, row.who, row.rows) == (largest, who, SMALL_PAGE)]
                ratio = max(results.to_smallest(row, what) for row in large)
                text = f"{kind}, {who}: a page of {largest:,} jobs to one of {smallest:,}, {name}"
                yield Aim(text, ratio, at_most=LARGE_TO_SMALL_AIM)
        more = (by_fleet[largest] - by_fleet[smallest]) / MEBIBYTE
        yield Aim(f"{kind}: MiB more with {largest:,} jobs than with {smallest:,}", more, at_most=MEMORY_AIM_MEBIBYTES)
