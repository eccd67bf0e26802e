"""Retention from the command line: looked at as a calendar, changed with a question, foreseen."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tandem.cli.retention import calendar
from tests.cli.command_line import Cli
from tests.cli.standin_agent import StandInAgent


@pytest.fixture
def history(admin: Cli, agent: StandInAgent) -> Iterator[Cli]:
    """A backup job with points of three days, and a copy job of it."""
    admin.succeeds("repositories", "create", "kept main", "--path", "/srv/kept main", "--server", "filer")
    admin.succeeds("shares", "create", "kept documents", "--path", "/srv/kept documents", "--server", "filer")
    create = ("jobs", "create")
    admin.succeeds(
        *(*create, "backup", "kept", "--share", "kept documents", "--repository", "kept main", "--keep-weekly", "0")
    )
    copy = (*create, "copy", "kept twice", "--source", "kept", "--repository", "kept offsite", "--manual")
    assert "--make-at" in admin.is_misused(*copy, "--inherit-encryption")
    admin.succeeds(*copy, "--make-at", "/srv/kept offsite", "--inherit-encryption")
    for days in (3, 2, 0):
        agent.point_age = timedelta(days=days)
        admin.succeeds("jobs", "start", "kept", "--wait")
    yield admin
    agent.point_age = timedelta()


def test_a_retention_is_looked_at_and_changed_with_a_question(history: Cli, agent: StandInAgent) -> None:
    shown = history.succeeds("jobs", "preview", "kept", "--keep", "1d")
    assert "Keeping 1 days, 2 of 3 restore points go." in shown
    assert "x" in "".join(line[8:] for line in shown.splitlines() if line[:2] == "20")
    assert shown.count("Older than 1 Days") == 2
    assert "younger than 1 Days" not in shown
    assert "younger than 1 Days" in history.succeeds("jobs", "preview", "kept", "--keep", "1d", "--all")
    assert len(history.json("jobs", "preview", "kept", "--keep", "1d")["points"]) == 3

    assert "--yes" in history.is_misused("jobs", "keep", "kept", "--keep", "1d")
    assert history.json("jobs", "show", "kept")["fileShareJob"]["retention"] == 28
    assert "--keep" in history.is_misused("jobs", "keep", "kept")
    history.succeeds("jobs", "keep", "kept", "--keep", "2y", "--keep-yearly", "5")
    assert "2 years and 5 yearly" in history.succeeds("jobs", "show", "kept")
    changed = history.json("jobs", "keep", "kept", "--keep", "1d", "--keep-yearly", "0", "--yes")
    assert (changed["retention"], changed["gfsYearly"]) == (1, 0)

    forecast = history.succeeds("jobs", "forecast", "kept twice", "--days", "10", "--upload-limit", "512")
    assert "3 points" in forecast
    assert "Rate of change" in forecast
    assert "is no copy job" in history.is_misused("jobs", "forecast", "kept")
    point = history.json("points", "list", "kept documents")[0]["instanceUid"]
    assert "does not copy this restore point" in history.fails("points", "reset", point, "--job", "kept twice")
    history.succeeds("repositories", "immutable", "kept offsite", "7")
    assert "7 days" in history.succeeds("repositories", "show", "kept offsite")

    agent.point_age, agent.is_adopting = timedelta(days=30), True
    history.succeeds("jobs", "start", "kept", "--wait")
    agent.is_adopting = False
    shown = history.succeeds("jobs", "preview", "kept")
    assert "1 adopted ones stay until somebody confirms that they may go." in shown
    assert 'tandem jobs adopt "kept" --confirm-deletion' in shown
    assert "Adopted, and stays until" in shown


def test_a_calendar_shows_of_each_day_what_matters_most() -> None:
    fates = [(1, "Delete"), (1, "Keep"), (2, "Delete"), (30, "Copy"), (31, "Skip")]
    rows = [{"restorePointDate": f"2026-01-{day:02}T10:00:00+00:00", "action": fate} for day, fate in fates]
    rows.append({"restorePointDate": "2025-12-03T10:00:00+00:00", "action": "Keep"})
    heading, january, december = calendar(rows)
    assert heading.split() == [str(number) for number in range(1, 32)]
    assert january.split() == ["2026-01", "#", "x", *["."] * 27, "+", "-"]
    assert december.split() == ["2025-12", ".", ".", "#", *["."] * 28]
    assert len(heading) == len(january)
    assert calendar([]) == []
