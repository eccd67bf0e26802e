"""Measure Tandem against its peers on this machine: `make bench`, or `make bench BENCH=short` to see that all works.

Whatever is compared runs in turns, so that what else goes on here meets both; ratios and medians are what to look at.
A table of all that is aimed at ends it. Each part goes to benchmarks/results.json as soon as it is measured, in place
of what was there of it (the short form's go to benchmarks/results/). Only a wrong answer makes it fail, never a time.

A part is a row of `PARTS`: a function `measure(folder, size, say)` that gives what msgspec can encode, its sizes in the
full form and in the short one, a function that shows the results (prints them, or gives tables to be printed), how many
minutes the full form takes, and, if anything is aimed at, a generator of `Aim` (aims.py) from the results. Fleets that
are only read come from databases.py, which makes each once; a console to ask, from asking.py.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import agents
import aimed_at
import copying
import export
import flatness
import increments
import listing
import msgspec
import searching
import smb
import targets
import writes
from aimed_at import COPY_RATIO_AIM, PLAIN_RATIO_AIM
from aims import Aim, table_of
from kept import Here, Measured, keep
from rich.console import Console
from rich.table import Table
from rich.text import Text

# Columns: the most memory of restic (or rclone), and of Tandem's agent, in MB.
PEAKS = ("peak MB", "agent's")
RESULTS = Path(__file__).parent / "results.json"
SHORT_RESULTS = Path(__file__).parent / "results" / "results.json"

COPY_FULL = copying.Size(files=2_000, total_bytes=1_000_000_000, rounds=5, idle_rounds=5, is_read_back=False)
COPY_SHORT = copying.Size(files=100, total_bytes=4_000_000, rounds=1, idle_rounds=1, is_read_back=True)
INCREMENTS_FULL = increments.Size(files=2_000, total_bytes=1_000_000_000, points=1_000, rounds=5)
INCREMENTS_SHORT = increments.Size(files=50, total_bytes=1_000_000, points=6, rounds=1)
TARGETS_FULL = targets.Size(kinds=("SFTP", "S3", "REST"), files=2_000, total_bytes=1_000_000_000, rounds=3)
TARGETS_SHORT = targets.Size(kinds=("REST",), files=20, total_bytes=1_000_000, rounds=1)
SMB_FULL = smb.Size(files=1_000, total_bytes=500_000_000, rounds=3)
SMB_SHORT = smb.Size(files=20, total_bytes=1_000_000, rounds=1)
LISTING_FULL = listing.Size(copy_jobs=10_000, companies=100, seconds=3, rounds=5)
LISTING_SHORT = listing.Size(copy_jobs=1_000, companies=20, seconds=1, rounds=1, are_all_asked=False)
FLATNESS_FULL = flatness.Size(
    fleets=(flatness.Fleet(10, 1), flatness.Fleet(10_000, 10_000), flatness.Fleet(1_000_000, 10_000)),
    rounds=25,
    requests=20,
)
FLATNESS_SHORT = flatness.Size(
    fleets=(flatness.Fleet(10, 1), flatness.Fleet(1_000, 20)), rounds=1, requests=2, batch_seconds_max=0.1
)
EXPORT_FULL = export.Size(copy_jobs=1_000_000, companies=10_000)
EXPORT_SHORT = export.Size(copy_jobs=1_000, companies=20)
SEARCHING_FULL = searching.Size(copy_jobs=50_000, companies=1_000, requests=200, seconds_max=120)
SEARCHING_SHORT = searching.Size(copy_jobs=1_000, companies=20, requests=5, seconds_max=5)
AGENTS_FULL = agents.Size(agents=10_000, seconds=60, report_every_seconds=60, orders_per_second=5, down_seconds=5)
AGENTS_SHORT = agents.Size(agents=150, seconds=2, report_every_seconds=2, orders_per_second=5, down_seconds=0.5)
WRITES_FULL = writes.Size(agents=200, jobs_each=50, changes_per_second=1_000, seconds=30, pollers=4)
WRITES_SHORT = writes.Size(agents=10, jobs_each=10, changes_per_second=100, seconds=4, pollers=1, consoles=(2,))


class Terminal(Console):
    """Prints, and keeps what tables say: medians and ratios, as people read them."""

    def __init__(self) -> None:
        super().__init__(highlight=False, width=None if sys.stdout.isatty() else 120)
        self.tables: list[dict[str, Any]] = []

    def print(self, *objects: Any, **how: Any) -> None:
        super().print(*objects, **how)
        for table in objects:
            if isinstance(table, Table):
                names = [str(column.header) for column in table.columns]
                rows = zip(*(column.cells for column in table.columns), strict=True)
                said = [dict(zip(names, map(_plain, row), strict=True)) for row in rows]
                self.tables.append({"title": _plain(table.title), "caption": _plain(table.caption), "rows": said})


def _plain(cell: Any) -> str:
    return "" if cell is None else Text.from_markup(str(cell)).plain


terminal = Terminal()


class Part(msgspec.Struct, frozen=True):
    """One part of the whole; `full_minutes` is about how long its full form took on two processors."""

    measure: Callable[..., Any]
    full: Any
    short: Any
    show: Callable[..., Iterable[Table] | None]
    full_minutes: float
    aims: Callable[[Any], Iterable[Aim]] | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("form", nargs="?", choices=["full", "short"], default="full")
    parser.add_argument("--only", choices=list(PARTS), action="append", help="leave the other parts out")
    given = parser.parse_args()
    is_short = given.form == "short"
    names: list[str] = given.only or list(PARTS)
    here = Here.now()
    for what in (here.machine, here.versions):
        terminal.print(", ".join(f"{name} {value}" for name, value in what.items()))
    if not is_short:
        minutes = sum(PARTS[name].full_minutes for name in names)
        terminal.print(f"{', '.join(names)}: this takes about {minutes:.0f} minutes on two processors.")
    file = SHORT_RESULTS if is_short else RESULTS
    started = time.monotonic()
    aims: list[Aim] = []
    for name in names:
        measured = _measured(name, is_short=is_short)
        keep(name, measured, file)
        aims += measured.aims
    if is_short:
        terminal.print("The short form checks that all works and agrees; its numbers say nothing.")
    else:
        terminal.print(table_of(aims))
    shown = file.relative_to(Path(__file__).parents[1])
    terminal.print(f"All of it took {time.monotonic() - started:.0f} s; the numbers are in {shown}.")


def _measured(name: str, *, is_short: bool) -> Measured:
    """Measure one part and show its tables."""
    part = PARTS[name]
    size = part.short if is_short else part.full
    terminal.tables = []
    here = Here.now()
    started = time.monotonic()
    found = _in_a_folder(name, part.measure, size)
    seconds = time.monotonic() - started
    for table in part.show(found, size) or ():
        terminal.print(table, "")
    return Measured(here, round(seconds), terminal.tables, found, list(part.aims(found)) if part.aims else [])


def _in_a_folder(what: str, measure: Callable[..., Any], size: Any) -> Any:
    """Measure in a folder that is removed afterwards; when it fails, show what the processes have logged."""

    def say(text: str) -> None:
        terminal.print(f"{what}: {text}", style="dim")

    with tempfile.TemporaryDirectory(prefix="tandem-bench-") as name:
        try:
            return measure(Path(name), size, say)
        except BaseException:
            for log in sorted(Path(name).rglob("*.log")):
                terminal.print(f"\nThe end of {log.name}:", style="bold")
                terminal.print(log.read_text(errors="replace")[-3_000:], markup=False)
            raise


def _show_copies(results: copying.Results, size: copying.Size) -> None:
    title = f"A second copy of {size.total_bytes / 1e6:,.0f} MB in {size.files:,} files, restic {results.restic}"
    caption = f"bare restic runs at the agent's own low priority; aim: {COPY_RATIO_AIM} times its seconds at most"
    table = Table("", title=title, caption=caption)
    table.columns[0].no_wrap = True
    for column in ("seconds: median", "best", "ratio", "CPU s", "peak MB"):
        table.add_column(column, justify="right")
    bare_seconds = copying.median(results.bare, "seconds")
    rclone: tuple[str, list[Any], str] = ("rclone sync of the repository's files", results.rclone, "seconds")
    for label, runs, what in [*_takes(results.bare, results.tandem), rclone]:
        table.add_row(
            label,
            f"{copying.median(runs, what):.2f}",
            f"{min(getattr(run, what) for run in runs):.2f}",
            f"{copying.median(runs, what) / bare_seconds:.3f}",
            f"{copying.median(runs, 'cpu_seconds'):.2f}",
            f"{max(run.memory for run in runs) / 1e6:.0f}",
        )
    terminal.print(table)
    own = copying.median(results.tandem, "own_cpu_seconds")
    memory = f"agent {_agent_megabytes(results.tandem)} MB, console {results.console_memory / 1e6:.0f} MB"
    terminal.print(f"Beside restic, agent and console took {own:.2f} s of CPU for a copy; at most: {memory}.\n")

    table = Table("", title="The same with nothing new to copy")
    for column in ("seconds: median", "best", "restic processes"):
        table.add_column(column, justify="right")
    for label, runs, what in _takes(results.bare_idle, results.tandem_idle):
        counts = sorted({run.restic_processes for run in runs})
        table.add_row(
            label,
            f"{copying.median(runs, what):.3f}",
            f"{min(getattr(run, what) for run in runs):.3f}",
            "/".join(map(str, counts)),
        )
    terminal.print(table)


def _show_increments(results: increments.Results, size: increments.Size) -> None:
    what = f"{increments.CHANGED_SHARE:.0%} of {size.total_bytes / 1e6:,.0f} MB changed, {size.points:,} points known"
    table = Table("", title=f"{what}, restic {results.restic}", caption="what Tandem's knowing the ledger saves")
    table.columns[0].no_wrap = True
    for column in ("seconds: median", "best", "of the naive one", "restic's CPU s", "restic processes"):
        table.add_column(column, justify="right")
    naive = copying.median(results.naive, "seconds")
    naive_idle = copying.median(results.naive_idle, "seconds")
    naive_brief = copying.median(results.naive_brief, "seconds")
    takes: list[tuple[str, list[Any], float]] = [
        ("restic copy of all: it finds out what is new", results.naive, naive),
        ("restic copy of the one that is new, named", results.named, naive),
        ("Tandem, the session", results.tandem, naive),
        ("nothing new: restic copy of all", results.naive_idle, naive_idle),
        ("nothing new: Tandem, the session", results.tandem_idle, naive_idle),
        ("the copy keeps the newest: restic copy of all, restic forget", results.naive_brief, naive_brief),
        ("the copy keeps a minute: Tandem, the session", results.tandem_brief, naive_brief),
    ]
    for label, runs, reference in takes:
        table.add_row(
            label,
            f"{copying.median(runs, 'seconds'):.3f}",
            f"{min(run.seconds for run in runs):.3f}",
            f"{copying.median(runs, 'seconds') / reference:.3f}",
            f"{copying.median(runs, 'cpu_seconds'):.2f}",
            "/".join(map(str, sorted({run.restic_processes for run in runs}))),
        )
    terminal.print(table)
    by_hand, by_tandem = (max(run.memory for run in runs) / 1e6 for runs in (results.naive, results.tandem))
    held = f"by hand {by_hand:.0f} MB, for Tandem {by_tandem:.0f} MB; the agent {_agent_megabytes(results.tandem)} MB"
    terminal.print(f"Restic held at most {held}.\n")


def _show_targets(results: list[targets.Target], size: targets.Size) -> None:
    title = f"A second copy of {size.total_bytes / 1e6:,.0f} MB in {size.files:,} files to servers on this machine"
    table = Table("", title=title, caption=f"aim: {COPY_RATIO_AIM} times the seconds of bare restic at most")
    table.columns[0].no_wrap = True
    for column in ("seconds: median", "best", "ratio", *PEAKS):
        table.add_column(column, justify="right")
    for result in results:
        bare = copying.median(result.bare, "seconds")
        named: list[tuple[str, list[Any]]] = [
            ("bare restic copy", result.bare),
            ("Tandem, the session", result.tandem),
            ("rclone sync of the repository's files", result.rclone),
        ]
        for label, runs in named:
            if runs:
                table.add_row(
                    f"{result.kind}: {label}",
                    f"{copying.median(runs, 'seconds'):.2f}",
                    f"{min(run.seconds for run in runs):.2f}",
                    f"{copying.median(runs, 'seconds') / bare:.3f}",
                    f"{max(run.memory for run in runs) / 1e6:.0f}",
                    _agent_megabytes(runs),
                )
    terminal.print(table)
    terminal.print()


def _show_smb(results: smb.Results, size: smb.Size) -> None:
    title = f"A backup of {size.total_bytes / 1e6:,.0f} MB in {size.files:,} files: an SMB share beside the same folder"
    table = Table("", title=title, caption="smbd on this machine, mounted by the agent for each run")
    table.columns[0].no_wrap = True
    for column in ("seconds: median", "best", "ratio", "restic's CPU s", *PEAKS):
        table.add_column(column, justify="right")
    takes = [
        ("all is new: the folder", results.folder, results.folder),
        ("all is new: the SMB share", results.smb, results.folder),
        ("nothing has changed: the folder", results.folder_idle, results.folder_idle),
        ("nothing has changed: the SMB share", results.smb_idle, results.folder_idle),
    ]
    for label, runs, reference in takes:
        if runs:
            table.add_row(
                label,
                f"{copying.median(runs, 'seconds'):.2f}",
                f"{min(run.seconds for run in runs):.2f}",
                f"{copying.median(runs, 'seconds') / copying.median(reference, 'seconds'):.3f}",
                f"{copying.median(runs, 'cpu_seconds'):.2f}",
                f"{max(run.memory for run in runs) / 1e6:.0f}",
                _agent_megabytes(runs),
            )
    terminal.print(table)
    terminal.print()


def _agent_megabytes(runs: list[Any]) -> str:
    """Give the most memory that the agent held during some runs; "" of those by hand."""
    held = [run.agent_memory for run in runs if isinstance(run, copying.Run)]
    return f"{max(held) / 1e6:.0f}" if held else ""


def _takes(bare: list[copying.Bare], tandem: list[copying.Run]) -> list[tuple[str, list[Any], str]]:
    return [
        ("bare restic copy", bare, "seconds"),
        ("Tandem, the session", tandem, "seconds"),
        ("Tandem, from the request to the final state", tandem, "wall_seconds"),
    ]


def _show_searching(rows: list[searching.Row], size: searching.Size) -> None:
    fleet = f"{2 * size.copy_jobs:,} jobs, half of them copy jobs, of {size.companies:,} companies"
    title = f"First pages of {searching.PAGE} over TLS, one request after another, {fleet}"
    caption = (
        f"searches by name are sorted by lastRun; aim: {PLAIN_RATIO_AIM} times the median of the plain page at most"
    )
    table = Table("", title=title, caption=caption)
    table.columns[0].no_wrap = True
    for column in ("in all", "requests", "median ms", "p99 ms", "times the plain page"):
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(
            f"{row.database}, {row.who}: {row.question}",
            f"{row.total:,}",
            f"{len(row.seconds)}",
            f"{row.median * 1000:.2f}",
            f"{row.slowest_hundredth * 1000:.2f}",
            f"{row.median / searching.plain_of(rows, row).median:.2f}",
        )
    terminal.print(table)
    terminal.print()


def _show_agents(results: agents.Results, size: agents.Size) -> None:
    terminal.print(agents.show(results, size))
    terminal.print("PostgreSQL's dearest statements: calls and milliseconds a second")
    for calls, milliseconds, text in results.statements:
        terminal.print(f"{calls:6,} {milliseconds:8.1f}  {text}", markup=False)
    terminal.print()


def _show_writes(results: list[writes.Results], size: writes.Size) -> None:
    terminal.print(writes.show(results, size))
    terminal.print()


# Of copies, what comes back is seconds; the fleets of `flatness` are there when `export` reads one.
PARTS: dict[str, Part] = {
    "copying": Part(copying.measure, COPY_FULL, COPY_SHORT, _show_copies, 4, aimed_at.of_copying),
    "increments": Part(
        increments.measure, INCREMENTS_FULL, INCREMENTS_SHORT, _show_increments, 14, aimed_at.of_increments
    ),
    "targets": Part(targets.measure, TARGETS_FULL, TARGETS_SHORT, _show_targets, 5, aimed_at.of_targets),
    "smb": Part(smb.measure, SMB_FULL, SMB_SHORT, _show_smb, 3),
    "listing": Part(listing.measure, LISTING_FULL, LISTING_SHORT, listing.show, 6, listing.aims),
    "searching": Part(searching.measure, SEARCHING_FULL, SEARCHING_SHORT, _show_searching, 5, aimed_at.of_searching),
    "flatness": Part(flatness.measure, FLATNESS_FULL, FLATNESS_SHORT, flatness.show, 15, flatness.aims),
    "export": Part(export.measure, EXPORT_FULL, EXPORT_SHORT, export.show, 3, export.aims),
    "agents": Part(agents.measure, AGENTS_FULL, AGENTS_SHORT, _show_agents, 5, aimed_at.of_agents),
    "writes": Part(writes.measure, WRITES_FULL, WRITES_SHORT, _show_writes, 3, aimed_at.of_writes),
}

if __name__ == "__main__":
    main()
