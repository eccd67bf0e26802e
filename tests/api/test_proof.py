"""The proof of copies through the API: settings, orders to agents, and reports that nobody can change unseen."""

import json
from typing import Any

import pytest

from tandem.decoding import convert
from tandem.domain.drills import DrillResult
from tandem.domain.errors import Invalid
from tandem.domain.protection_report import PublicKey, verify
from tandem.domain.repositories import RepositoryState
from tandem.domain.restore_points import CopyState, LedgerEntry
from tandem.protocol.messages import RepositoryReport, VerificationStand
from tandem.store import configuration, proof, repositories, restore_points
from tests.consoles import Console, error_in
from tests.people import ACMES, ALICE, BETAS, BOB, CHARLIE, START, Estate, Person

SERVERS = "/infrastructure/backupServers"


def repository_path(estate: Estate) -> str:
    """Give where an estate's copies are."""
    return f"{SERVERS}/{estate.server}/repositories/{estate.second}"


def copy_job_path(estate: Estate) -> str:
    """Give where an estate's copy job is."""
    return f"{SERVERS}/jobs/fileShareCopyJobs/{estate.copy_job}"


def report_of(console: Console, who: Person, estate: Estate) -> dict[str, Any]:
    """Get the signed report of an estate's company."""
    response = console.call("GET", f"/organizations/companies/{estate.organization_uid}/protectionReport", who)
    assert response.status_code == 200, response.text
    return response.json()["data"]


def public_keys(console: Console) -> list[PublicKey]:
    """Get the console's public keys, as anybody may."""
    response = console.call("GET", "/protectionReports/keys", None)
    return convert(response.json()["data"]["keys"], list[PublicKey])


def test_periods_can_be_set_within_bounds_and_reach_the_agent(console: Console) -> None:
    path = f"{repository_path(BETAS)}/verification"
    assert console.call("GET", path, CHARLIE).json()["data"]["verifyEveryDays"] == 30
    for days in (0, 366):
        response = console.call("PUT", path, CHARLIE, json={"verifyEveryDays": days})
        assert response.status_code == 400
        assert error_in(response)["message"].startswith(
            f"verifyEveryDays: {days} is not a number of days from 1 to 365"
        )
        response = console.call("PUT", f"{copy_job_path(BETAS)}/proof", CHARLIE, json={"drillEveryDays": days})
        assert error_in(response)["message"].startswith(f"drillEveryDays: {days} is not")
    assert console.call("PUT", path, CHARLIE, json={"verifyEveryDays": 7}).json()["data"]["verifyEveryDays"] == 7
    answer = console.call("PUT", f"{copy_job_path(BETAS)}/proof", CHARLIE, json={"drillEveryDays": 90})
    assert answer.json()["data"]["drillEveryDays"] == 90
    with console.database.reading() as connection:
        sent = configuration.configuration_of(connection, console.context.seal, BETAS.server)
    assert {one.uid: one.verify_every_days for one in sent.repositories} == {BETAS.first: 30, BETAS.second: 7}
    assert {one.uid: one.drill_every_days for one in sent.jobs if one.is_copy} == {BETAS.copy_job: 90}


def test_a_drill_of_no_or_too_many_files_is_refused(console: Console) -> None:
    for files in (0, 1001):
        response = console.call("POST", f"{copy_job_path(BETAS)}/drill", CHARLIE, json={"files": files})
        assert response.status_code == 400
        assert "from 1 to 1000" in error_in(response)["message"]


def test_what_the_agent_found_is_told_where_users_look(console: Console) -> None:
    with console.database.writing() as connection:
        stand = VerificationStand(proven_since=START, problem="a pack is damaged")
        report = RepositoryReport(repository_uid=BETAS.second, state=RepositoryState.READY, verification=stand)
        repositories.apply_repository_reports(connection, [(BETAS.server, report)])
        point = restore_points.get_restore_point(connection, CHARLIE.caller.scope, BETAS.point)
        entry = LedgerEntry(
            source_snapshot_id=point.snapshot_id,
            created_at=point.created_at,
            state=CopyState.VERIFIED,
            target_snapshot_id="c" * 64,
            copied_at=START,
            verified_at=START,
            drilled_at=START,
            drill_result=DrillResult.SAME,
        )
        restore_points.apply_ledger(connection, BETAS.server, BETAS.copy_job, [entry])
        proof.note_drills(connection, BETAS.server, BETAS.copy_job, [entry])
    found = console.call("GET", f"{copy_job_path(BETAS)}/proof", CHARLIE).json()["data"]
    assert (found["lastDrillResult"], found["isDamaged"], found["verificationOverdue"]) == ("Same", True, False)
    rows = console.call("GET", f"/protectedWorkloads/fileShares/restorePoints/{BETAS.point}", CHARLIE).json()
    copy = rows["data"]["copies"][0]
    assert (copy["state"], copy["lastDrillResult"], copy["damageTime"]) == ("Verified", "Same", None)
    metrics = console.request("GET", "/metrics").text
    assert "tandem_repositories_damaged 1\n" in metrics
    assert "tandem_copy_jobs_drilled 1\n" in metrics
    assert BETAS.name[:-2] not in metrics
    job = report_of(console, CHARLIE, BETAS)["report"]["jobs"][0]
    assert job["copy"]["newestVerified"] == point.created_at.isoformat()
    assert job["copy"]["problems"] == ["The last verification found damage."]


def test_a_report_is_good_as_it_was_made_and_for_its_company_only(console: Console) -> None:
    signed = report_of(console, BOB, ACMES)
    keys = public_keys(console)
    text = json.dumps(signed)
    assert verify(text, keys) == signed["report"]
    assert signed["report"]["companyUid"] == ACMES.organization_uid
    assert BETAS.name[:-2] not in text
    tampered = signed["report"] | {"createdAt": "2030-01-01T00:00:00+00:00"}
    header, payload, signature = signed["signature"].split(".")
    others = report_of(console, CHARLIE, BETAS)
    swapped = ".".join([header, others["signature"].split(".")[1], signature])
    for bad in (
        {"report": tampered, "signature": signed["signature"]},
        {"report": others["report"], "signature": swapped},
        {"report": signed["report"], "signature": f"{header}.{payload}.{signature[:-4]}AAAA"},
        {"report": signed["report"], "signature": "nothing"},
        {"report": signed["report"]},
    ):
        with pytest.raises(Invalid):
            verify(json.dumps(bad), keys)
    with pytest.raises(Invalid, match="does not have"):
        verify(text, [PublicKey(kid="another", x=keys[0].x)])
    alices = report_of(console, ALICE, ACMES)["report"]
    assert alices["jobs"] == signed["report"]["jobs"]
    with console.database.reading() as connection:
        sealed = proof.report_keys_newest_first(connection)[0][1]
    assert sealed.startswith("v1:")
