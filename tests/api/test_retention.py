"""What a retention takes is seen before it is saved, and nobody deletes half of the points by a slip."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from tandem.actions.change_retention import SERIES, UNTOLD
from tandem.domain.fates import NEWER_ONE
from tandem.domain.holds import Hold, HoldCause, HoldReason
from tandem.domain.repositories import RepositoryState
from tandem.domain.restore_points import CopyState, LedgerEntry
from tandem.domain.retention import Gfs, Retention, RetentionUnit
from tandem.protocol.messages import Configuration, HoldReport, LedgerReport, PointReport, RepositoryReport
from tandem.store.schema.tables import backup_repositories, restore_point_copies
from tests.agents import Agent
from tests.consoles import COPY_JOBS, JOBS, Console
from tests.people import ACMES, ALICE, BETAS, BOB, START, restic_id, uid

BACKUP_JOB, COPY_JOB = f"{JOBS}/fileShareJobs/{ACMES.job}", f"{COPY_JOBS}/{ACMES.copy_job}"
BOTH = [BACKUP_JOB, COPY_JOB]
DAYS = 10
REPOSITORY = f"/infrastructure/backupServers/{ACMES.server}/repositories/{ACMES.second}"


def tell(
    agent: Agent,
    days_ago: float,
    *,
    is_copied: bool = True,
    is_complete: bool = True,
    is_adopted: bool | None = False,
) -> str:
    """Report a point that was made so many days ago, and its copy; gives its snapshot."""
    made_at, snapshot = START - timedelta(days=days_ago), restic_id(f"point of {days_ago} days ago")
    point = PointReport(
        point_uid=uid(snapshot),
        job_uid=ACMES.job,
        snapshot_id=snapshot,
        created_at=made_at,
        size=10_000,
        added=1_000,
        files=3,
        is_complete=is_complete,
        is_adopted=is_adopted,
    )
    agent.report(point)
    if is_copied:
        entry = LedgerEntry(
            source_snapshot_id=snapshot,
            created_at=made_at,
            state=CopyState.COPIED,
            target_snapshot_id=restic_id(f"copy of {snapshot}"),
            copied_at=made_at,
            size=10_000,
            added=500,
            is_adopted=bool(is_adopted),
        )
        agent.report(LedgerReport(job_uid=ACMES.copy_job, entries=[entry]))
    return snapshot


@pytest.fixture
def agent(console: Console) -> Agent:
    """Acme's agent, which has told of one point more for each of the last days, and of their copies."""
    agent = console.agent_of(ACMES)
    for day in range(1, DAYS):
        tell(agent, day)
    return agent


def replace(**values: object) -> list[dict[str, object]]:
    return [{"op": "replace", "path": f"/{name}", "value": value} for name, value in values.items()]


def preview(console: Console, job: str, query: str = "") -> Any:
    return console.data(f"{job}/retentionPreview{query}", BOB)


def heard(agent: Agent) -> Configuration:
    """Give the newest configuration of an agent."""
    agent.turn()
    assert agent.configuration
    return agent.configuration


@pytest.mark.parametrize("job", BOTH)
def test_a_preview_says_of_each_point_what_becomes_of_it_and_why(console: Console, agent: Agent, job: str) -> None:
    del agent
    shown = preview(console, job, "?retention=3&retentionUnit=days&gfsMonthly=2")
    # The first point of March, and of February the first that there is, are kept for their months.
    fates = {row["restorePointDate"][:10]: row["action"] for row in shown["points"]}
    assert fates == {
        "2026-03-02": "Keep",
        "2026-03-01": "Keep",
        "2026-02-28": "Keep",
        **{f"2026-02-{day}": "Delete" for day in range(22, 28) if day != 22},
        "2026-02-21": "Keep",
        "2026-02-22": "Delete",
    }
    assert (shown["pointsHeld"], shown["pointsKept"], shown["pointsDeleted"]) == (10, 4, 6)
    assert shown["isConfirmationNeeded"] is True
    assert shown["deletedBytes"] == 6 * (500 if job == COPY_JOB else 1_000)
    oldest, next_to_it = shown["points"][-1], shown["points"][-2]
    assert oldest["reason"] == "Kept: monthly for 2026-02."
    assert oldest["expirationTime"].startswith("2026-04-01T00:00")
    assert next_to_it["reason"].startswith("Older than 3 Days: expired 2026-02-25 12:00 UTC")
    # Nothing was saved, and as the job is, it keeps what it has.
    assert preview(console, job)["pointsDeleted"] == (3 if job == BACKUP_JOB else 0)
    page = preview(console, job, "?limit=2&offset=8")
    assert [row["restorePointDate"][:10] for row in page["points"]] == ["2026-02-22", "2026-02-21"]
    assert page["pointsTotal"] == 10


def test_a_preview_of_a_copy_tells_what_will_be_copied_and_what_never(console: Console, agent: Agent) -> None:
    young, old = tell(agent, 0.5, is_copied=False), tell(agent, 40, is_copied=False)
    shown = {row["restorePointUid"]: row for row in preview(console, COPY_JOB)["points"]}
    assert (shown[uid(young)]["action"], shown[uid(young)]["state"]) == ("Copy", None)
    assert (shown[uid(old)]["action"], shown[uid(old)]["reason"][:12]) == ("Skip", "Never copied")


@pytest.mark.parametrize("job", BOTH)
def test_taking_more_than_half_needs_a_word_more(console: Console, agent: Agent, job: str) -> None:
    before = console.data(job, BOB)
    error = console.refuses(409, "PATCH", job, BOB, replace(retention=4))
    assert error["propertyName"] == "retention"
    assert "deletes 6 of the 10" in error["message"]
    assert "?confirmDeletion=true" in error["message"]
    assert console.data(job, BOB) == before
    agent.turn()
    assert agent.configuration is None or all(found.retention.count > 4 for found in agent.configuration.jobs)

    changed = console.does("PATCH", f"{job}?confirmDeletion=true", BOB, replace(retention=4, gfsWeekly=2))
    assert (changed["retention"], changed["gfsWeekly"]) == (4, 2)
    agent.turn()
    assert agent.configuration
    sent = next(found for found in agent.configuration.jobs if found.uid in job)
    assert (sent.retention, sent.gfs) == (Retention(4, RetentionUnit.DAYS), Gfs(weekly=2))
    of_job = console.data(f"{JOBS}/{sent.uid}", BOB)
    assert (of_job["retentionLimit"], of_job["isGfsOptionEnabled"]) == (4, True)


def test_small_steps_take_no_more_than_a_big_one(console: Console, agent: Agent) -> None:
    console.does("PATCH", COPY_JOB, BOB, replace(retention=6))
    # What the agent has deleted since counts as well: it makes each further step look small.
    for day in range(6, DAYS):
        snapshot = restic_id(f"point of {day} days ago")
        gone = LedgerEntry(
            source_snapshot_id=snapshot, created_at=START - timedelta(days=day), state=CopyState.EXPIRED, reason="Old."
        )
        agent.report(LedgerReport(job_uid=ACMES.copy_job, entries=[gone]))
    error = console.refuses(409, "PATCH", COPY_JOB, BOB, replace(retention=4))
    assert "together with the changes since 2026-03-02 12:00 UTC, of 10" in error["message"]
    console.does("PATCH", COPY_JOB, BOB, replace(retention=5))
    console.clock.forward(seconds=SERIES.total_seconds())
    console.does("PATCH", f"{COPY_JOB}?confirmDeletion=TRUE", BOB, replace(retention=4))


def test_a_longer_retention_is_never_asked_about(console: Console, agent: Agent) -> None:
    del agent
    console.clock.forward(days=365)
    # The run makes a point before it looks at those that are there.
    shown = preview(console, BACKUP_JOB)
    assert (shown["pointsDeleted"], shown["pointsHeld"]) == (10, 10)
    assert [NEWER_ONE in row["reason"] for row in shown["points"]] == [True, *[False] * 9]
    console.does("PATCH", BACKUP_JOB, BOB, replace(retention=8, gfsYearly=1))
    console.does("PATCH", BACKUP_JOB, BOB, replace(retentionUnit="Years"))


def test_a_change_is_in_the_activity_log_and_tells_what_goes(console: Console, agent: Agent) -> None:
    del agent
    console.does("PATCH", COPY_JOB, BOB, replace(retention=6))
    (line,) = [row for row in console.data("/eventLogs/activityLogs", BOB) if "retention" in row["message"]]
    assert "from 28 Days to 6 Days, 4 of 10 restore points go" in line["message"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"retention": 0}, "retention"),
        ({"gfsWeekly": -1}, "gfsWeekly"),
        ({"gfsYearly": 1_000}, "gfsYearly"),
        ({"retentionUnit": "Weeks"}, "retentionUnit"),
        ({"targetRepositoryUid": uid("nothing")}, None),
    ],
)
def test_a_bad_change_is_told_by_its_member(console: Console, change: dict[str, object], named: str | None) -> None:
    error = console.refuses(400, "PATCH", COPY_JOB, BOB, replace(**change))
    assert error.get("propertyName") == named
    assert next(iter(change)) in error["message"]


@pytest.mark.parametrize(
    "query", ["retention=0", "gfsDaily=x", "retentionUnit=Weeks", "limit=501", "days=0", "uploadLimit=-1"]
)
def test_a_bad_question_is_told_by_its_parameter(console: Console, query: str) -> None:
    name = query.partition("=")[0]
    path = "forecast" if name in {"days", "uploadLimit"} else "retentionPreview"
    assert console.refuses(400, "GET", f"{COPY_JOB}/{path}?{query}", BOB)["parameterName"] == name


def test_a_job_of_the_other_kind_is_not_there(console: Console) -> None:
    console.refuses(404, "PATCH", f"{JOBS}/fileShareJobs/{ACMES.copy_job}", BOB, replace(retention=9))
    console.refuses(404, "GET", f"{COPY_JOBS}/{ACMES.job}/retentionPreview", BOB)
    console.refuses(404, "GET", f"{COPY_JOBS}/{ACMES.job}/forecast", BOB)


def test_an_immutable_repository_keeps_its_points_whatever_the_retention(console: Console, agent: Agent) -> None:
    repository = console.does("PUT", f"{REPOSITORY}/immutability", BOB, {"immutabilityInterval": 30})
    info = repository["_embedded"]
    assert (info["isImmutabilityEnabled"], info["immutabilityInterval"]) == (True, 30)
    shown = preview(console, COPY_JOB, "?retention=1")
    assert (shown["pointsDeleted"], shown["immutabilityInterval"]) == (0, 30)
    assert "immutable until 2026-0" in shown["points"][-1]["reason"]
    agent.turn()
    assert agent.configuration
    assert {found.uid: found.immutability_interval for found in agent.configuration.repositories}[ACMES.second] == 30

    error = console.refuses(409, "PUT", f"{REPOSITORY}/immutability", BOB, {"immutabilityInterval": 29})
    assert (error["propertyName"], "30 days promised" in error["message"]) == ("immutabilityInterval", True)
    console.does("PUT", f"{REPOSITORY}/immutability", BOB, {"immutabilityInterval": 31})
    console.clock.forward(days=31)
    console.does("PUT", f"{REPOSITORY}/immutability", BOB, {"immutabilityInterval": 0})
    console.refuses(400, "PUT", f"{REPOSITORY}/immutability", BOB, {"immutabilityInterval": -1})


def test_a_forecast_tells_what_a_copy_takes_and_from_what_it_knows(console: Console, agent: Agent) -> None:
    tell(agent, 0.5, is_copied=False)
    shown = console.data(f"{COPY_JOB}/forecast?days=20&uploadLimit=1", BOB)
    # A point a day, each of 1000 bytes, of which 500 to 512 were written.
    assert (shown["nextRunPoints"], shown["pointsHeld"], shown["bytesHeld"]) == (1, 10, 9 * 500 + 1024)
    assert 400 < shown["nextRunBytes"] < 600
    assert shown["nextRunSeconds"] == pytest.approx(shown["nextRunBytes"] / 1024)
    assert shown["pointsHeldThen"] == pytest.approx(28, abs=4)
    assert shown["pointsPerDay"] == pytest.approx(1.1, abs=0.2)
    assert shown["diskFullTime"] is None
    assert any("measured at the copies" in line for line in shown["basis"])
    # Less than a day's change is free: the disk will be full soon.
    agent.report(
        RepositoryReport(
            repository_uid=ACMES.second,
            state=RepositoryState.READY,
            restic_id=restic_id("Acme's second repository"),
            free_space=600,
        )
    )
    assert console.data(f"{COPY_JOB}/forecast", BOB)["diskFullTime"].startswith("2026-03-0")


def test_a_forecast_heeds_the_limits_that_are_set(console: Console, agent: Agent) -> None:
    tell(agent, 0.5, is_copied=False)
    before = console.data(f"{COPY_JOB}/forecast", BOB)
    assert (before["uploadLimit"], before["nextRunSeconds"]) == (None, None)
    console.does("PATCH", f"{REPOSITORY}/limits", ALICE, replace(maxConcurrentTask=2, uploadLimit=8))
    shown = console.data(f"{COPY_JOB}/forecast", BOB)
    # Two runs share it.
    assert shown["uploadLimit"] == 4
    assert shown["nextRunSeconds"] == pytest.approx(shown["nextRunBytes"] / 4096)
    assert any("limit set at the backup server and its repositories" in line for line in shown["basis"])
    first = f"/infrastructure/backupServers/{ACMES.server}/repositories/{ACMES.first}/limits"
    console.does("PATCH", first, ALICE, replace(maxConcurrentTask=1, downloadLimit=1))
    assert console.data(f"{COPY_JOB}/forecast", BOB)["nextRunSeconds"] == pytest.approx(shown["nextRunBytes"] / 1024)
    assert console.data(f"{COPY_JOB}/forecast?uploadLimit=1", BOB)["uploadLimit"] == 1


@pytest.mark.parametrize("job", BOTH)
def test_a_preview_says_that_nothing_goes_while_retention_is_on_hold(console: Console, agent: Agent, job: str) -> None:
    going = preview(console, job, "?retention=2")["pointsDeleted"]
    cause = HoldCause(reason=HoldReason.EMPTY, message="The share is empty.", seen_at=START)
    hold = Hold(uid=uid("hold"), since=START, causes=[cause])
    agent.report(HoldReport(job_uid=ACMES.job, hold=hold))
    held = preview(console, job, "?retention=2")
    assert (going > 0, held["pointsDeleted"], held["deletedBytes"]) == (True, 0, 0)
    assert sum("Retention is on hold" in point["reason"] for point in held["points"]) == going
    # What the change takes once the hold is released is asked about all the same.
    assert held["isConfirmationNeeded"]
    assert any("on hold" in line for line in console.data(f"{COPY_JOB}/forecast", BOB)["basis"])
    console.does("POST", f"{JOBS}/{ACMES.job}/release", BOB)
    assert preview(console, job, "?retention=2")["pointsDeleted"] == going


@pytest.mark.parametrize("job", BOTH)
def test_a_preview_keeps_what_was_adopted_and_says_what_goes_once_that_is_confirmed(
    console: Console, agent: Agent, job: str
) -> None:
    adoption = f"{JOBS}/{job.rpartition('/')[2]}/adoption"
    origins = [{"hostName": "old server", "paths": ["/srv"]}] if job == BACKUP_JOB else []
    console.does("POST", adoption, BOB, {"origins": origins})
    for days in (40, 0.5):
        tell(agent, days, is_complete=False, is_adopted=True)
    shown = preview(console, job, "?retention=7")
    rows = {row["restorePointUid"]: row for row in shown["points"] if row["actionOnceConfirmed"]}
    assert [(row["action"], row["actionOnceConfirmed"]) for row in rows.values()] == [
        ("Keep", "Keep"),
        ("Keep", "Delete"),
    ]
    assert "until somebody confirms that adopted points may go. Older than 7 Days" in [*rows.values()][-1]["reason"]
    assert (shown["pointsUnconfirmed"], shown["pointsDeleted"], shown["pointsKept"]) == (1, 3, 9)
    # No change of the retention takes them, so none is asked about for that.
    longer = preview(console, job, "?retention=50")
    assert (longer["pointsUnconfirmed"], longer["isConfirmationNeeded"]) == (0, False)
    forecast = console.data(f"{COPY_JOB}/forecast?days=3000&retention=7", BOB)
    console.does("POST", adoption, BOB, {"confirmDeletion": True})
    confirmed = preview(console, job, "?retention=7")
    assert (confirmed["pointsUnconfirmed"], confirmed["pointsDeleted"]) == (0, 4)
    fates = {row["restorePointUid"]: row["action"] for row in confirmed["points"]}
    assert {uid: fates[uid] for uid in rows} == {uid: row["actionOnceConfirmed"] for uid, row in rows.items()}
    # Until then they are held on, and their copies take their room.
    then = console.data(f"{COPY_JOB}/forecast?days=3000&retention=7", BOB)
    held_on = 2 if job == COPY_JOB else 0
    assert forecast["pointsHeldThen"] == then["pointsHeldThen"] + held_on
    assert any("1 are older than the retention" in line for line in forecast["basis"])
    assert any("held on" in line for line in then["basis"]) == (job == BACKUP_JOB)


def test_while_an_agent_has_not_told_what_is_adopted_a_preview_says_so_and_the_agent_is_asked(
    console: Console, agent: Agent
) -> None:
    def is_asked() -> bool:
        return next(found for found in heard(agent).jobs if found.uid == ACMES.job).is_adoption_asked

    origin = {"hostName": "old server", "paths": ["/srv"]}
    tell(agent, 40, is_copied=False, is_complete=False, is_adopted=None)
    assert UNTOLD not in preview(console, BACKUP_JOB)["points"][-1]["reason"]
    assert not is_asked()
    console.does("POST", f"{JOBS}/{ACMES.job}/adoption", BOB, {"origins": [origin]})
    (row,) = preview(console, BACKUP_JOB)["points"][-1:]
    assert (row["action"], row["reason"].startswith(UNTOLD), row["actionOnceConfirmed"]) == ("Delete", True, None)
    assert is_asked()
    for is_adopted in (True, None):
        # What an agent of an older release does not say again stays said.
        tell(agent, 40, is_copied=False, is_complete=False, is_adopted=is_adopted)
        assert preview(console, BACKUP_JOB)["points"][-1]["actionOnceConfirmed"] == "Delete"
    console.does("POST", f"{JOBS}/{ACMES.job}/adoption", BOB, {"origins": [origin]})
    assert not is_asked()


def test_copies_in_a_repository_that_was_there_before_are_asked_about(console: Console, agent: Agent) -> None:
    def forget_what_was_told(*, is_existing: bool) -> tuple[bool, bool]:
        with console.database.writing() as connection:
            connection.execute(update(restore_point_copies).values(is_adopted=None))
            connection.execute(update(backup_repositories).values(is_existing=is_existing))
            agent.configuration = None
        asked = [job.is_adoption_asked for job in heard(agent).jobs if job.is_copy]
        return all(asked), any(UNTOLD in row["reason"] for row in preview(console, COPY_JOB, "?retention=2")["points"])

    assert forget_what_was_told(is_existing=False) == (False, False)
    assert forget_what_was_told(is_existing=True) == (True, True)


def test_a_job_that_is_not_made_yet_is_foreseen_too(console: Console, agent: Agent) -> None:
    del agent
    server = f"/infrastructure/backupServers/{ACMES.server}/jobs/fileShareCopyJobs/forecast"
    query = f"sourceFileShareJobUid={ACMES.job}&targetRepositoryUid={ACMES.second}"
    shown = console.data(f"{server}?{query}&retention=5&gfsMonthly=2", BOB)
    # The oldest that is copied has all that was added until then, the others what they added.
    assert (shown["nextRunPoints"], shown["pointsHeld"], shown["nextRunBytes"]) == (6, 0, 9 * 1_000 + 2_048)
    assert shown["nextRunSeconds"] is None
    assert any("no run was measured" in line for line in shown["basis"])
    for name, other in (("sourceFileShareJobUid", BETAS.job), ("targetRepositoryUid", BETAS.second)):
        asked = {"sourceFileShareJobUid": ACMES.job, "targetRepositoryUid": ACMES.second, name: other}
        query = "&".join(f"{key}={value}" for key, value in asked.items())
        assert console.refuses(400, "GET", f"{server}?{query}", BOB)["parameterName"] == name


def test_a_quarantined_copy_is_tried_again_on_request(console: Console, agent: Agent) -> None:
    reset = f"/protectedWorkloads/fileShares/restorePoints/{ACMES.point}/copies/{ACMES.copy_job}/reset"
    assert "only a Quarantined one" in console.refuses(409, "POST", reset, BOB)["message"]
    console.refuses(404, "POST", reset.replace(ACMES.copy_job, BETAS.copy_job), BOB)
    bad = LedgerEntry(
        source_snapshot_id=ACMES.snapshot,
        created_at=START,
        state=CopyState.QUARANTINED,
        reason="A pack is damaged.",
        since=START,
    )
    agent.report(LedgerReport(job_uid=ACMES.copy_job, entries=[bad]))
    (copy,) = console.data(f"/protectedWorkloads/fileShares/restorePoints/{ACMES.point}", BOB)["copies"]
    assert (copy["state"], copy["reason"], copy["stateSince"][:10]) == (
        "Quarantined",
        "A pack is damaged.",
        "2026-03-02",
    )
    agent.answer_to = lambda _order: "The job is running."
    assert console.refuses(409, "POST", reset, BOB)["message"] == "The job is running."
    agent.answer_to = lambda _order: ""
    console.does("POST", reset, BOB)
    assert [type(order).__name__ for order in agent.orders] == ["ResetCopy", "ResetCopy"]
    assert any("out of quarantine" in row["message"] for row in console.data("/eventLogs/activityLogs", ALICE))
