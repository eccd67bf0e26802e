"""Restore points: where each is held, until when, and a restore that reads the right snapshot."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tandem.actions.ask_agent import START_LIFETIME
from tandem.actions.sweep import sweep
from tandem.domain.restore_points import CopyState, LedgerEntry
from tandem.domain.retention import FOREVER
from tandem.protocol.messages import LedgerReport, PointReport, RestorePointTo
from tests.agents import Agent
from tests.consoles import Console
from tests.people import ACMES, BACKED_UP_AT, BETAS, BOB, START, restic_id, uid

SHARES = "/protectedWorkloads/fileShares"
POINTS = f"{SHARES}/restorePoints"
POINT = f"{POINTS}/{ACMES.point}"
RESTORE = f"{POINT}/restore"

ACMES_POINT = PointReport(
    point_uid=ACMES.point,
    job_uid=ACMES.job,
    snapshot_id=ACMES.snapshot,
    created_at=BACKED_UP_AT,
    size=4096,
    added=2048,
    files=3,
    is_complete=True,
)
ACMES_COPY = LedgerEntry(
    source_snapshot_id=ACMES.snapshot,
    created_at=BACKED_UP_AT,
    state=CopyState.COPIED,
    target_snapshot_id=ACMES.copied_snapshot,
)


def forget_source(agent: Agent) -> None:
    """Let the first repository forget the point."""
    agent.report(msgspec.structs.replace(ACMES_POINT, forgotten_at=START))


def change_copy(agent: Agent, state: CopyState, reason: str = "") -> None:
    entry = msgspec.structs.replace(ACMES_COPY, state=state, reason=reason)
    agent.report(LedgerReport(job_uid=ACMES.copy_job, entries=[entry]))


def restore(console: Console, **body: object) -> Any:
    return console.does("POST", RESTORE, BOB, {"targetPath": "/restored", **body})


def order_of(agent: Agent) -> RestorePointTo:
    agent.turn()
    (order,) = agent.orders
    assert isinstance(order, RestorePointTo)
    return order


def test_a_point_tells_where_it_is_held_and_until_when(console: Console) -> None:
    point = console.data(POINT, BOB)
    assert point["restorePointDate"] == "2026-03-02T10:00:00.0000000+00:00"
    assert point["expirationTime"] == "2026-03-09T10:00:00.0000000+00:00"
    assert (point["repositoryUid"], point["isInFirstRepository"], point["isComplete"]) == (ACMES.first, True, True)
    assert point["copies"] == [
        {
            "jobUid": ACMES.copy_job,
            "uniqueJobUid": ACMES.copy_job_unique,
            "repositoryUid": ACMES.second,
            "state": "Copied",
            "reason": "",
            "stateSince": None,
            "copyTime": "2026-03-02T11:00:00.0000000+00:00",
            "verificationTime": None,
            "damageTime": None,
            "lastDrillTime": None,
            "lastDrillResult": None,
            "expirationTime": "2026-03-30T10:00:00.0000000+00:00",
            "size": 4096,
            "transferredData": 1024,
        }
    ]


def test_what_is_kept_for_ever_has_no_end(console: Console) -> None:
    console.agent_of(ACMES).report(msgspec.structs.replace(ACMES_POINT, expires_at=FOREVER))
    assert console.data(POINT, BOB)["expirationTime"] is None


def test_a_point_stays_in_the_list_as_long_as_any_repository_holds_it(console: Console) -> None:
    agent = console.agent_of(ACMES)

    def listed() -> list[bool]:
        return [row["isInFirstRepository"] for row in console.data(POINTS, BOB)]

    assert listed() == [True]
    forget_source(agent)
    assert listed() == [False]
    change_copy(agent, CopyState.VERIFIED)
    assert listed() == [False]
    change_copy(agent, CopyState.EXPIRED, "Older than 28 Days.")
    assert listed() == []
    assert console.get(POINTS, BOB)["meta"]["pagingInfo"]["total"] == 0
    # By its id it still tells what became of it.
    assert console.data(POINT, BOB)["copies"][0]["reason"] == "Older than 28 Days."


@pytest.mark.parametrize("state", [CopyState.PENDING, CopyState.COPYING, CopyState.QUARANTINED])
def test_a_copy_that_is_not_there_yet_holds_nothing(console: Console, state: CopyState) -> None:
    agent = console.agent_of(ACMES)
    change_copy(agent, state, "Why.")
    assert console.data(POINT, BOB)["copies"][0]["state"] == state
    forget_source(agent)
    assert console.data(POINTS, BOB) == []


def test_points_are_told_newest_first_whatever_the_order_they_were_reported_in(console: Console) -> None:
    agent = console.agent_of(ACMES)
    for name, days in (("older", -3), ("newest", 2), ("newer", 1)):
        made = {"created_at": BACKED_UP_AT + timedelta(days=days), "snapshot_id": restic_id(name)}
        agent.report(msgspec.structs.replace(ACMES_POINT, point_uid=uid(name), **made))
    expected = [uid("newest"), uid("newer"), ACMES.point, uid("older")]
    of_share = f"{SHARES}/{ACMES.share}/restorePoints"
    for path in (POINTS, of_share):
        assert [row["instanceUid"] for row in console.data(path, BOB)] == expected
        assert [row["instanceUid"] for row in console.data(f"{path}?limit=2&offset=1", BOB)] == expected[1:3]
    share = console.data(f"{SHARES}/{ACMES.share}", BOB)
    assert share["restorePoints"] == 4
    assert share["latestRestorePointDate"] == "2026-03-04T10:00:00.0000000+00:00"


def test_a_restore_reads_the_first_repository_unless_told(console: Console) -> None:
    agent = console.agent_of(ACMES)
    session = restore(console)
    assert (session["status"], session["type"], session["fileShareUid"]) == ("Queued", "Restore", ACMES.share)
    assert order_of(agent) == RestorePointTo(
        session_uid=session["instanceUid"],
        file_share_uid=ACMES.share,
        repository_uid=ACMES.first,
        snapshot_id=ACMES.snapshot,
        target_path="/restored",
        size=4096,
    )
    assert console.data(f"{SHARES}/{ACMES.share}/sessions", BOB)[0] == session


def test_a_restore_from_the_copy_reads_the_copys_own_snapshot(console: Console) -> None:
    agent = console.agent_of(ACMES)
    restore(console, repositoryUid=ACMES.second.upper(), targetPath="/restored//here/.")
    order = order_of(agent)
    assert (order.repository_uid, order.snapshot_id) == (ACMES.second, ACMES.copied_snapshot)
    assert order.target_path == "/restored/here"


def test_a_restore_takes_the_copy_when_the_first_repository_has_forgotten_the_point(console: Console) -> None:
    agent = console.agent_of(ACMES)
    forget_source(agent)
    restore(console)
    order = order_of(agent)
    assert (order.repository_uid, order.snapshot_id) == (ACMES.second, ACMES.copied_snapshot)


def test_a_point_of_a_deleted_job_is_restored_as_any_other(console: Console) -> None:
    agent = console.agent_of(ACMES)
    for job in (ACMES.copy_job, ACMES.job):
        console.does("DELETE", f"/infrastructure/backupServers/jobs/{job}", BOB)
    restore(console, repositoryUid=ACMES.second)
    assert order_of(agent).snapshot_id == ACMES.copied_snapshot


def test_a_restore_from_where_the_point_is_not_is_refused(console: Console) -> None:
    agent = console.agent_of(ACMES)
    change_copy(agent, CopyState.QUARANTINED, "Damaged.")
    body = {"targetPath": "/restored", "repositoryUid": ACMES.second}
    assert console.refuses(409, "POST", RESTORE, BOB, body)["propertyName"] == "repositoryUid"
    forget_source(agent)
    error = console.refuses(409, "POST", RESTORE, BOB, {"targetPath": "/restored"})
    assert "No repository holds" in error["message"]
    agent.turn()
    assert agent.orders == []


def test_a_restore_needs_an_agent_that_is_there(console: Console) -> None:
    console.clock.forward(minutes=3)
    error = console.refuses(409, "POST", RESTORE, BOB, {"targetPath": "/restored"})
    assert error["type"] == "retryableLogical"
    assert [row["instanceUid"] for row in console.data("/infrastructure/sessions", BOB)] == [ACMES.session]


def test_a_restore_that_no_agent_takes_fails_instead_of_waiting_for_ever(console: Console) -> None:
    console.agent_of(ACMES)
    session = restore(console)
    console.clock.forward(seconds=START_LIFETIME.total_seconds())
    sweep(console.context)
    shown = console.data(f"/infrastructure/sessions/{session['instanceUid']}", BOB)
    assert shown["status"] == "Failed"
    assert "did not take the order" in shown["messages"][0]
    assert shown["endTime"] is not None


def test_a_restore_that_the_agent_refuses_says_why(console: Console) -> None:
    agent = console.agent_of(ACMES)
    agent.answer_to = lambda _: "/restored is not empty."
    session = restore(console)
    agent.turn()
    shown = console.data(f"/infrastructure/sessions/{session['instanceUid']}", BOB)
    assert (shown["status"], shown["messages"]) == ("Failed", ["/restored is not empty."])


def test_a_restore_does_not_change_what_is_told_of_the_job(console: Console) -> None:
    agent = console.agent_of(ACMES)
    job = console.data(f"/infrastructure/backupServers/jobs/{ACMES.job}", BOB)
    agent.answer_to = lambda _: "No."
    restore(console)
    agent.turn()
    assert console.data(f"/infrastructure/backupServers/jobs/{ACMES.job}", BOB) == job


def test_restores_in_series_are_sessions_of_their_own(console: Console) -> None:
    console.agent_of(ACMES)
    first, second = restore(console), restore(console)
    assert first["instanceUid"] != second["instanceUid"]


def test_nobody_elses_repository_is_read(console: Console) -> None:
    console.agent_of(ACMES)
    for repository in (BETAS.second, uid("nothing")):
        body = {"targetPath": "/restored", "repositoryUid": repository}
        assert console.refuses(409, "POST", RESTORE, BOB, body)["propertyName"] == "repositoryUid"
