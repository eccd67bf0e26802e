"""Backups of shares: what each job holds of a share in its repository, and nothing that it does not."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from tandem.domain.restore_points import CopyState
from tandem.protocol.messages import LedgerReport
from tests.consoles import JOBS, Console
from tests.people import ACMES, ALICE, BACKED_UP_AT, BETAS, BOB, CHARLIE, GAMMAS, NORA, START, Person, restic_id, uid
from tests.reports import entry, point

SHARES = "/protectedWorkloads/fileShares"
BACKUPS = f"{SHARES}/backups"
OF_SHARE = f"{SHARES}/{ACMES.share}/backups"


def backups(console: Console, who: Person = BOB, path: str = BACKUPS) -> dict[str, dict[str, Any]]:
    return {row["jobUid"]: row for row in console.data(path, who)}


def test_a_share_has_a_backup_in_the_first_repository_and_one_for_each_copy(console: Console) -> None:
    common: dict[str, Any] = {
        "fileShareUid": ACMES.share,
        "backupServerUid": ACMES.server,
        "archiveRepositoryUid": None,
        "archiveSize": 0,
        "archiveRestorePoints": 0,
        "restorePoints": 1,
        "latestRestorePointDate": "2026-03-02T10:00:00.0000000+00:00",
        "sourceSize": 4096,
        "sources": [{"path": "/srv/share", "inclusionMasks": [], "exclusionMasks": []}],
    }
    first = {"jobUid": ACMES.job, "backupUid": ACMES.job_unique, "repositoryUid": ACMES.first}
    second = {"jobUid": ACMES.copy_job, "backupUid": ACMES.copy_job_unique, "repositoryUid": ACMES.second}
    expected = [{**common, **first, "shortTermBackupSize": 2048}, {**common, **second, "shortTermBackupSize": 1024}]
    for path in (BACKUPS, OF_SHARE):
        assert console.data(path, BOB) == expected


def test_sizes_and_dates_are_those_of_what_is_held(console: Console) -> None:
    agent = console.agent_of(ACMES)
    later = BACKED_UP_AT + timedelta(days=1)
    agent.report(point("late", created_at=later, size=700, added=70))
    agent.report(point("early", created_at=BACKED_UP_AT - timedelta(days=1), size=300, added=30))
    agent.report(point("gone", created_at=later + timedelta(days=1), added=9, forgotten_at=START))
    first = backups(console)[ACMES.job]
    assert (first["restorePoints"], first["shortTermBackupSize"], first["sourceSize"]) == (3, 2048 + 100, 700)
    assert first["latestRestorePointDate"] == "2026-03-03T10:00:00.0000000+00:00"
    copied = backups(console)[ACMES.copy_job]
    assert (copied["restorePoints"], copied["sourceSize"]) == (1, 4096)


def test_a_copy_counts_when_it_has_arrived_and_until_it_expires(console: Console) -> None:
    agent = console.agent_of(ACMES)
    states = [CopyState.PENDING, CopyState.COPYING, CopyState.QUARANTINED, CopyState.EXPIRED, CopyState.VERIFIED]
    for number, state in enumerate(states):
        agent.report(point(f"point {number}", created_at=START + timedelta(hours=number)))
        copy = entry(restic_id(f"point {number}"), state, added=5, size=77)
        agent.report(LedgerReport(job_uid=ACMES.copy_job, entries=[copy]))
    copied = backups(console)[ACMES.copy_job]
    assert (copied["restorePoints"], copied["shortTermBackupSize"], copied["sourceSize"]) == (2, 1024 + 5, 77)


def test_a_backup_without_a_point_is_none(console: Console) -> None:
    agent = console.agent_of(ACMES)
    body = {"name": "new", "fileShareUid": ACMES.share, "targetRepositoryUid": ACMES.second}
    console.does("POST", f"/infrastructure/backupServers/{ACMES.server}/jobs/fileShareJobs", BOB, body)
    assert set(backups(console)) == {ACMES.job, ACMES.copy_job}
    agent.report(
        point("of Acme", ACMES, snapshot_id=ACMES.snapshot, forgotten_at=START),
    )
    assert set(backups(console)) == {ACMES.copy_job}, "the copy outlives the first repository's point"


def test_what_a_deleted_job_left_is_still_a_backup(console: Console) -> None:
    console.agent_of(ACMES)
    before = console.data(BACKUPS, BOB)
    for job in (ACMES.copy_job, ACMES.job):
        console.does("DELETE", f"{JOBS}/{job}", BOB)
    assert console.data(BACKUPS, BOB) == before


def test_restore_points_name_the_backup_that_they_are_of(console: Console) -> None:
    (shown,) = console.data(f"{SHARES}/{ACMES.share}/restorePoints", BOB)
    assert shown["backupUid"] == ACMES.job_unique == backups(console)[ACMES.job]["backupUid"]
    assert [copy["uniqueJobUid"] for copy in shown["copies"]] == [backups(console)[ACMES.copy_job]["backupUid"]]


def test_pages_hold_every_backup_once(console: Console) -> None:
    whole = console.data(BACKUPS, ALICE)
    assert len(whole) == 8
    pages = [console.get(f"{BACKUPS}?limit=3&offset={offset}", ALICE) for offset in (0, 3, 6, 9)]
    assert [row for page in pages for row in page["data"]] == whole
    assert {page["meta"]["pagingInfo"]["total"] for page in pages} == {8}


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ({"property": "jobUid", "operation": "equals", "value": ACMES.copy_job}, [ACMES.copy_job]),
        ({"property": "shortTermBackupSize", "operation": "greaterThan", "value": "1024"}, [ACMES.job]),
        ({"property": "restorePoints", "operation": "equals", "value": 1}, [ACMES.job, ACMES.copy_job]),
        ({"property": "archiveSize", "operation": "greaterThan", "value": 0}, list[str]()),
        (
            {"property": "latestRestorePointDate", "operation": "lessThan", "value": "2026-03-02T10:00:00Z"},
            list[str](),
        ),
        ({"property": "repositoryUid", "operation": "equals", "value": BETAS.first}, list[str]()),
    ],
)
def test_backups_are_filtered_and_sorted_by_what_they_show(
    console: Console, expression: dict[str, Any], found: list[str]
) -> None:
    sort = [{"property": "shortTermBackupSize", "direction": "descending"}]
    query = urlencode({"filter": json.dumps([expression]), "sort": json.dumps(sort)})
    assert [row["jobUid"] for row in console.data(f"{BACKUPS}?{query}", BOB)] == found


def test_nobody_sees_the_backups_of_others(console: Console) -> None:
    assert set(backups(console, CHARLIE)) == {BETAS.job, BETAS.copy_job}
    assert set(backups(console, NORA)) == {GAMMAS.job, GAMMAS.copy_job}
    console.refuses(404, "GET", OF_SHARE, CHARLIE)
    console.refuses(404, "GET", OF_SHARE, NORA)


@pytest.mark.parametrize("share", [uid("nothing"), "backups", "restorePoints"])
def test_backups_of_no_share_are_not_there(console: Console, share: str) -> None:
    console.refuses(404, "GET", f"{SHARES}/{share}/backups", ALICE)
