"""The usage of companies: one row for each day and location, counted from what was held."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import update

from tandem.domain.usage import COUNTER_MAX, GIGABYTE, gigabytes
from tandem.protocol.messages import PointReport
from tandem.store import restore_points
from tandem.store.schema.tables import restore_point_copies
from tests.consoles import Console
from tests.people import ACME, ACMES, ALICE, BETA, BETAS, BOB, GAMMA, GAMMAS, LARA, NORA, NORTH, START, uid

USAGE = "/organizations/companies/usage"
OF_ACME = f"/organizations/companies/{ACME}/usage"
TODAY = START.date()


def counters(row: dict[str, Any]) -> dict[str, int]:
    return {counter["type"]: counter["value"] for counter in row["counters"]}


def put_point(console: Console, name: str, days_ago: int, *, added: int, forgotten: int | None = None) -> None:
    made = PointReport(
        point_uid=uid(name),
        job_uid=ACMES.job,
        snapshot_id=name,
        created_at=START - timedelta(days=days_ago),
        size=3 * added,
        added=added,
        files=1,
        is_complete=True,
        forgotten_at=None if forgotten is None else START - timedelta(days=forgotten),
    )
    with console.database.writing() as connection:
        restore_points.apply_point_reports(connection, [(ACMES.server, made)])


def test_todays_usage_is_a_row_for_each_location_of_each_company(console: Console) -> None:
    rows = console.data(USAGE, ALICE)
    assert [row["companyUid"] for row in rows] == [ACME, BETA, GAMMA]
    assert {row["date"] for row in rows} == {TODAY.isoformat()}
    assert [(row["locationUid"], row["resellerUid"]) for row in rows] == [
        (ACMES.location, None),
        (BETAS.location, None),
        (GAMMAS.location, NORTH),
    ]
    assert counters(rows[0]) == {
        "ProtectedFileShares": 1,
        "FileShareBackupSize": 1,
        "FileShareSourceSize": 1,
        "FileShareArchiveSize": 0,
    }
    assert console.data(OF_ACME, BOB) == rows[:1]


def test_a_day_tells_what_was_held_at_its_end(console: Console) -> None:
    with console.database.writing() as connection:
        connection.execute(update(restore_point_copies).values(added=5 * GIGABYTE))
    put_point(console, "old", 10, added=2 * GIGABYTE, forgotten=5)
    put_point(console, "newer", 4, added=4 * GIGABYTE)
    first = (TODAY - timedelta(days=11)).isoformat()
    rows = console.data(f"{OF_ACME}?fromDate={first}&toDate={TODAY.isoformat()}", BOB)
    assert [row["date"] for row in rows] == [(TODAY - timedelta(days=ago)).isoformat() for ago in range(11, -1, -1)]
    found = {
        11 - place: (each["ProtectedFileShares"], each["FileShareBackupSize"], each["FileShareSourceSize"])
        for place, each in enumerate(map(counters, rows))
    }
    assert found[11] == (0, 0, 0)
    assert found[10] == found[6] == (1, 2, 6)
    assert found[5] == (0, 0, 6)
    assert found[4] == found[1] == (1, 4, 12)
    # Today's point is small, and its copy is not.
    assert found[0] == (1, 10, 1)


def test_a_long_time_is_read_page_by_page_and_by_filter(console: Console) -> None:
    first = (TODAY - timedelta(days=365)).isoformat()
    query = f"{USAGE}?fromDate={first}"
    answer = console.get(f"{query}&limit=2&offset=2", ALICE, "3.6.1")
    assert answer["meta"]["pagingInfo"] == {"total": 3 * 366, "count": 2, "offset": 2}
    assert [(row["companyUid"], row["date"]) for row in answer["data"]] == [
        (GAMMA, first),
        (ACME, (TODAY - timedelta(days=364)).isoformat()),
    ]
    asked = [
        {"property": "companyUid", "operation": "equals", "value": BETA},
        {"property": "date", "operation": "greaterThan", "value": (TODAY - timedelta(days=2)).isoformat()},
    ]
    newest_first = '[{"property":"date","direction":"descending"}]'
    rows = console.data(f"{query}&filter={msgspec.json.encode(asked).decode()}&sort={newest_first}", ALICE)
    assert [row["date"] for row in rows] == [TODAY.isoformat(), (TODAY - timedelta(days=1)).isoformat()]
    assert {row["companyUid"] for row in rows} == {BETA}
    assert console.data(f"{query}&limit=500&offset={3 * 366}", ALICE) == []


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("fromDate=yesterday", "fromDate"),
        ("toDate=2026-13-01", "toDate"),
        ("fromDate=2026-02-30", "fromDate"),
        ("fromDate=2026-03-02&toDate=2026-03-01", "fromDate"),
        ("fromDate=2025-03-01&toDate=2026-03-02", "fromDate"),
        ("fromDate=2026-03-03&toDate=2026-03-04", "fromDate"),
        ("limit=0", "limit"),
    ],
)
def test_days_that_cannot_be_told_are_refused_by_parameter(quiet_console: Console, query: str, parameter: str) -> None:
    for path in (USAGE, OF_ACME):
        assert quiet_console.refuses(400, "GET", f"{path}?{query}", BOB)["parameterName"] == parameter


def test_days_to_come_are_left_out(quiet_console: Console) -> None:
    (row,) = quiet_console.data(f"{OF_ACME}?fromDate=2026-03-02T08:00:00Z&toDate=2026-04-01", BOB)
    assert row["date"] == "2026-03-02"


def test_everybody_reads_his_own_usage(quiet_console: Console) -> None:
    for who, companies in ((BOB, [ACME]), (NORA, [GAMMA]), (LARA, [ACME])):
        assert [row["companyUid"] for row in quiet_console.data(USAGE, who)] == companies
    quiet_console.refuses(404, "GET", f"/organizations/companies/{BETA}/usage", BOB)
    quiet_console.refuses(404, "GET", OF_ACME, NORA)


@pytest.mark.parametrize(("size", "expected"), [(0, 0), (1, 1), (GIGABYTE, 1), (GIGABYTE + 1, 2), (2**63, COUNTER_MAX)])
def test_a_size_is_told_in_gigabytes_and_something_is_never_nothing(size: int, expected: int) -> None:
    assert gigabytes(size) == expected
