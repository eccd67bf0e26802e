"""The operation that the product stands for, just as its published page shows it.

`seed_page.json` is the page's example answer.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import update

from tandem.decoding import convert
from tandem.domain.file_share_copy_jobs import FileShareCopyJob
from tandem.domain.file_share_jobs import FileShareJob
from tandem.domain.jobs import JobType
from tandem.domain.retention import RetentionUnit
from tandem.store import file_share_copy_jobs, file_share_jobs, jobs
from tandem.store.database import Connection
from tandem.store.schema.tables import file_share_copy_jobs as copy_job_rows
from tests.conftest import Inhabited
from tests.consoles import COPY_JOBS, JOBS, SEAL, Console, fill
from tests.people import ACMES, ALICE, PROVIDER, Estate, insert_repositories, insert_server, job_of, uid

PAGE = Path(__file__).with_name("seed_page.json")
OLDEST = ["instanceUid", "sourceFileShareJobUid", "targetRepositoryUid", "retention", "retentionUnit"]
OURS = {"gfsDaily", "gfsWeekly", "gfsMonthly", "gfsYearly"}
CURRENT = {*OLDEST, "uniqueUid", "sourceFileShareJobUniqueUid", "sourceSize", "_embedded", *OURS}


@pytest.fixture
def page() -> Any:
    """Give the answer that the page shows."""
    return json.loads(PAGE.read_text())


@pytest.fixture
def seeded(inhabited: Inhabited, page: Any) -> Console:
    """A console with the page's jobs and no others."""
    family = {"file_share_copy_jobs", "file_share_jobs", "jobs", "sessions", "restore_points", "restore_point_copies"}
    family |= {"adoptions", "job_holds", "session_logs"}
    fill(inhabited.database, {name: [] if name in family else rows for name, rows in inhabited.rows.items()})
    with inhabited.database.writing() as connection:
        for number, row in enumerate(page["data"]):
            _insert(connection, Estate(f"Page {number}'s", PROVIDER), row)
    return Console(inhabited.database)


def _insert(connection: Connection, estate: Estate, row: dict[str, Any]) -> None:
    insert_server(connection, estate)
    insert_repositories(connection, estate, SEAL)
    target = convert(row["targetRepositoryUid"], str)
    connection.exec_driver_sql(
        f"update backup_repositories set instance_uid = '{target}' where instance_uid = '{estate.second}'"  # noqa: S608
    )
    source = msgspec.structs.replace(job_of(estate, JobType.BACKUP_FILE), instance_uid=row["sourceFileShareJobUid"])
    jobs.insert_job(connection, source)
    backup = FileShareJob(source.instance_uid, source.unique_uid, estate.first, 7, RetentionUnit.DAYS)
    file_share_jobs.insert_file_share_job(connection, source, backup, estate.share)
    job = msgspec.structs.replace(job_of(estate, JobType.BACKUP_FILE_COPY), instance_uid=row["instanceUid"])
    jobs.insert_job(connection, job)
    copy = FileShareCopyJob(
        instance_uid=job.instance_uid,
        unique_uid=job.unique_uid,
        source_job_instance_uid=source.instance_uid,
        source_job_unique_uid=source.unique_uid,
        target_repository_uid=target,
        retention=row["retention"],
        retention_unit=RetentionUnit(row["retentionUnit"].capitalize()),
        source_size=None,
    )
    file_share_copy_jobs.insert_file_share_copy_job(connection, job, copy)


def test_the_answer_is_the_pages_to_the_letter(seeded: Console, page: Any) -> None:
    response = seeded.call("GET", COPY_JOBS, ALICE)
    assert response.status_code == 200
    assert response.json() == page
    assert [list(row) for row in response.json()["data"]] == [OLDEST] * 2
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    assert response.headers["Content-Length"] == str(len(response.content))


def test_a_client_of_the_current_contract_gets_the_same_jobs_in_its_form(seeded: Console, page: Any) -> None:
    rows = seeded.data(COPY_JOBS, ALICE)
    for row, shown in zip(rows, page["data"], strict=True):
        assert set(row) == CURRENT
        assert row["retentionUnit"] == "Days"
        assert {name: row[name] for name in OLDEST[:-1]} == {name: shown[name] for name in OLDEST[:-1]}
        assert row["uniqueUid"] != row["instanceUid"]
        assert row["sourceSize"] is row["_embedded"] is None
        assert seeded.data(f"{COPY_JOBS}/{shown['instanceUid']}", ALICE) == row
        assert seeded.data(f"{COPY_JOBS}/{row['uniqueUid']}", ALICE) == row


@pytest.mark.parametrize("accept", ["*/*", "text/html", "application/xml;q=1.0", "application/json", "", "nonsense"])
def test_whatever_a_client_accepts_it_gets_json(quiet_console: Console, accept: str) -> None:
    response = quiet_console.call("GET", COPY_JOBS, ALICE, headers={"Accept": accept})
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "abc",
        "1.0",
        "1e2",
        "0x10",
        " 5",
        "5 ",
        "+5",
        "--5",
        "\uff15",
        "\u0663",
        "\xb2",
        "1_000",
        "2147483648",
        "9" * 400,
        "null",
    ],
)
@pytest.mark.parametrize("name", ["limit", "offset"])
def test_a_number_that_is_none_is_refused_by_name(quiet_console: Console, name: str, value: str) -> None:
    _is_refused(quiet_console, name, value)


@pytest.mark.parametrize(("name", "value"), [("limit", "0"), ("limit", "501"), ("limit", "-1"), ("offset", "-1")])
def test_a_number_out_of_range_is_refused_by_name(quiet_console: Console, name: str, value: str) -> None:
    _is_refused(quiet_console, name, value)


def _is_refused(console: Console, name: str, value: str) -> None:
    response = console.request("GET", f"/api/v3{COPY_JOBS}", headers=_as_alice(console), parameters={name: value})
    assert response.status_code == 400
    (error,) = response.json()["errors"]
    assert error["parameterName"] == name
    assert error["message"].startswith(f"{name}: ")
    assert (error["type"], error["code"]) == ("logical", 400)


def _as_alice(console: Console) -> dict[str, str]:
    return {"Authorization": f"Bearer {console.services.checker.sign(ALICE.uid)}"}


@pytest.mark.parametrize(
    ("query", "count", "offset"),
    [
        ("limit=1", 1, 0),
        ("limit=500", 4, 0),
        ("limit=4", 4, 0),
        ("limit=3&offset=3", 1, 3),
        ("offset=4", 0, 4),
        ("offset=2147483647", 0, 2_147_483_647),
        ("limit=1&limit=3", 3, 0),  # of several, the last counts
        ("limit=abc&limit=2", 2, 0),
        ("offset=3&offset=0", 4, 0),
        ("limit=002", 2, 0),
        ("Limit=1", 4, 0),  # not a parameter of the page: ignored, as any other
        ("surprise=1&limit=2", 2, 0),
    ],
)
def test_a_page_says_how_much_there_is_and_which_part_this_is(
    quiet_console: Console, query: str, count: int, offset: int
) -> None:
    answer = quiet_console.get(f"{COPY_JOBS}?{query}", ALICE)
    assert answer["meta"] == {"pagingInfo": {"total": 4, "count": count, "offset": offset}}
    assert len(answer["data"]) == count


def test_pages_put_together_are_the_whole_and_stay_so(console: Console) -> None:
    whole = console.get(COPY_JOBS, ALICE)["data"]
    for limit in (1, 2, 3):
        pages = [console.get(f"{COPY_JOBS}?limit={limit}&offset={at}", ALICE)["data"] for at in range(0, 4, limit)]
        assert [row for page in pages for row in page] == whole
    with console.database.writing() as connection:
        # On PostgreSQL a row that is written moves to the end of its table.
        connection.execute(update(copy_job_rows).values(source_size=1).where(copy_job_rows.c.position < 3))
    assert console.get(COPY_JOBS, ALICE)["data"] == whole


@pytest.mark.parametrize("path", [f"{COPY_JOBS}/", f"{JOBS}/"])
def test_a_slash_at_the_end_leads_to_the_same(quiet_console: Console, path: str) -> None:
    assert quiet_console.get(path, ALICE) == quiet_console.get(path.rstrip("/"), ALICE)


@pytest.mark.parametrize("version", [None, "", "3.0", "3.0.9", "3", "2.9", "0", "3.0.x", " 3.0 "])
def test_a_client_without_a_version_or_with_an_old_one_gets_the_pages_five_members(
    quiet_console: Console, version: str | None
) -> None:
    headers = {} if version is None else {"X-Client-Version": version}
    (row, *_) = quiet_console.call("GET", COPY_JOBS, ALICE, headers=headers).json()["data"]
    assert list(row) == OLDEST
    assert row["retentionUnit"] == "days"


@pytest.mark.parametrize(
    "version",
    ["3.1", "3.1.0", "3.5.1", "3.6", "3.6.1", "3.10", "4", "99.0", "garbage", "3.x", "v3.0", "\xb2", "9" * 5000],
)
def test_a_client_with_a_newer_version_or_a_strange_one_gets_the_current_form(
    quiet_console: Console, version: str
) -> None:
    response = quiet_console.call("GET", COPY_JOBS, ALICE, headers={"X-Client-Version": version})
    assert response.status_code == 200, response.text
    # Clients of releases before the last do not know that a member may be null: it is left out for them.
    is_older = version in {"3.1", "3.1.0", "3.5.1", "3.6"}
    assert set(response.json()["data"][0]) == (CURRENT - {"_embedded"} if is_older else CURRENT)


@pytest.mark.parametrize(
    ("version", "expected"),
    [(None, CURRENT), ("", CURRENT), ("3.0", set(OLDEST)), ("3.1", CURRENT - {"_embedded"}), ("3.6.1", CURRENT)],
)
def test_the_operator_may_make_the_current_form_the_default(
    current_console: Console, version: str | None, expected: set[str]
) -> None:
    headers = {} if version is None else {"X-Client-Version": version}
    (row, *_) = current_console.call("GET", COPY_JOBS, ALICE, headers=headers).json()["data"]
    assert set(row) == expected


@pytest.mark.parametrize(
    "query",
    [
        "expand=BackupServerJob",
        "expand=BackupServerJob&expand=BackupServerJob",
        "expand=BackupServerJob,",
        "expand=,%20BackupServerJob",
    ],
)
@pytest.mark.parametrize("family", ["fileShareCopyJobs", "fileShareJobs"])
def test_expanding_brings_the_common_part_of_each_job(console: Console, family: str, query: str) -> None:
    plain = {row["uniqueUid"]: row for row in console.data(f"{JOBS}/{family}", ALICE)}
    jobs_by_uid = {row["uniqueUid"]: row for row in console.data(JOBS, ALICE)}
    for row in console.data(f"{JOBS}/{family}?{query}", ALICE):
        assert row["_embedded"] == {"backupServerJob": jobs_by_uid[row["uniqueUid"]]}
        assert {**row, "_embedded": None} == plain[row["uniqueUid"]]


def test_expanding_nothing_is_fine_and_something_unknown_is_told(console: Console) -> None:
    assert console.data(f"{COPY_JOBS}?expand=", ALICE) == console.data(COPY_JOBS, ALICE)
    headers = {"X-Client-Version": "3.6.1"}
    for query in ("expand=Organization", "expand=BackupServerJob,Other", "expand=BackupServerJob&expand=x"):
        response = console.call("GET", f"{COPY_JOBS}?{query}", ALICE, headers=headers)
        assert response.status_code == 400
        assert response.json()["errors"][0]["parameterName"] == "expand"


def test_one_request_id_for_all_pages_of_a_list_does_not_give_the_first_page_again(console: Console) -> None:
    # A client in use sends one id for a whole listing, and stops when it gets the offset that it did not ask for.
    headers = {"X-Request-id": uid("request"), "X-Client-Version": "3.6.1"}
    pages = [console.call("GET", f"{COPY_JOBS}?limit=1&offset={at}", ALICE, headers=headers) for at in range(4)]
    assert [page.status_code for page in pages] == [200] * 4
    assert [page.json()["meta"]["pagingInfo"]["offset"] for page in pages] == [0, 1, 2, 3]
    assert len({page.json()["data"][0]["uniqueUid"] for page in pages}) == 4


def test_a_limit_that_a_client_adds_to_everything_does_no_harm(console: Console) -> None:
    patch = [{"op": "replace", "path": "/isEnabled", "value": False}]
    console.does("PATCH", f"{JOBS}/{ACMES.job}?limit=500", ALICE, patch)
    console.data(f"{JOBS}/{ACMES.job}?limit=500", ALICE)
