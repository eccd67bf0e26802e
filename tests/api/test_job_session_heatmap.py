"""The heat map: every run of a range of days, each job counted once, for those who see the job."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from tandem.domain.sessions import SessionState, SessionType
from tandem.store import job_session_heatmap
from tests.consoles import JOBS, Console
from tests.people import ACME, ACMES, ALICE, BETA, BETAS, BOB, CHARLIE, PROVIDERS, Person, uid
from tests.reports import ended, session

MAP = "/infrastructure/jobSessionHeatmap"
DAYS = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-04T00:00:00Z"}


def heatmap(console: Console, who: Person = BOB, **between: str) -> Any:
    return console.data(f"{MAP}/?{urlencode({**DAYS, **between})}", who)


def counts(shown: Any) -> tuple[int, int, int]:
    return shown["successJobsCount"], shown["warningJobsCount"], shown["failJobsCount"]


def uids(shown: Any) -> dict[str, list[str]]:
    return {day["date"]: [run["sessionUid"] for run in day["sessions"]] for day in shown["dataPerDays"]}


def test_a_run_is_told_on_its_day(console: Console) -> None:
    shown = heatmap(console)
    assert counts(shown) == (1, 0, 0)
    assert uids(shown) == {"2026-03-01": [], "2026-03-02": [ACMES.session], "2026-03-03": []}
    assert shown["dataPerDays"][1]["sessions"] == [
        {
            "jobName": "Acme's job",
            "serverName": "Acme's server",
            "managementAgentUid": uid("Acme's agent"),
            "locationName": "Default location",
            "locationUid": ACMES.location,
            "organizationName": "Acme",
            "organizationUid": ACME,
            "startTime": "2026-03-02T10:00:00.0000000+00:00",
            "endTime": "2026-03-02T10:00:40.0000000+00:00",
            "duration": 40,
            "sessionUid": ACMES.session,
            "failureMessage": None,
            "timeShiftMinutes": 0,
            "result": "Success",
            "jobType": "Backup",
            "workloadType": "FileShare",
            "platformType": "Unknown",
        }
    ]


def test_a_job_counts_once_by_its_last_run_and_shows_all(console: Console) -> None:
    agent = console.agent_of(ACMES)
    copy = {"job_uid": ACMES.copy_job, "job_unique_uid": ACMES.copy_job_unique, "type": SessionType.COPY}
    agent.report(ended("failed", SessionState.FAILED, messages=["No space left.", "Really."]))
    agent.report(ended("warned", SessionState.WARNING, **copy), session("running"))
    shown = heatmap(console)
    assert counts(shown) == (0, 1, 1)
    runs = {run["sessionUid"]: run for day in shown["dataPerDays"] for run in day["sessions"]}
    assert set(runs) == {ACMES.session, uid("failed"), uid("warned")}
    assert runs[uid("failed")]["failureMessage"] == "No space left.\r\nReally."
    assert (runs[uid("failed")]["result"], runs[uid("failed")]["jobType"]) == ("Failed", "Backup")
    assert (runs[uid("warned")]["result"], runs[uid("warned")]["jobType"]) == ("Warning", "Copy")


def test_a_run_that_was_skipped_is_a_warning(console: Console) -> None:
    console.agent_of(ACMES).report(ended("skipped", SessionState.SKIPPED, messages=["Another run was going on."]))
    assert counts(heatmap(console)) == (0, 1, 0)


def test_a_restore_is_no_run_of_a_job(console: Console) -> None:
    console.agent_of(ACMES).report(ended("restore", SessionState.FAILED, type=SessionType.RESTORE))
    assert uids(heatmap(console))["2026-03-02"] == [ACMES.session]


@pytest.mark.parametrize(
    ("since", "until", "is_in"),
    [
        ("2026-03-02T10:00:00Z", "2026-03-02T10:00:01Z", True),
        ("2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z", False),
        ("2026-03-02T10:00:00.0000010Z", "2026-03-03T10:00:00Z", False),
        ("2026-03-02T12:00:00.0000000+02:00", "2026-03-02T12:00:01.0000000+02:00", True),
        ("2026-03-02T10:00:00", "2026-03-02 10:00:01", True),
        ("2026-03-02T05:00:00-05:00", "2026-03-02T05:00:01-05:00", True),
    ],
)
def test_a_range_has_its_first_instant_and_not_its_last(
    console: Console, *, since: str, until: str, is_in: bool
) -> None:
    shown = heatmap(console, BOB, **{"from": since, "to": until})
    assert (ACMES.session in uids(shown)["2026-03-02"]) is is_in


def test_the_sign_of_an_offset_may_come_as_a_space(console: Console) -> None:
    shown = console.data(f"{MAP}?from=2026-03-02T12:00:00+02:00&to=2026-03-02T12:00:01+02:00", BOB)
    assert counts(shown) == (1, 0, 0)


@pytest.mark.parametrize("name", ["from", "to"])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-02-30T00:00:00Z",
        "2026-03",
        "2026-03-02T25:00:00Z",
        "1772445600",
        "٢٠٢٦-03-02T00:00:00Z",
        "2026-03-02T00:00:00+99:00",
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+23:59",
        "' or 1=1 --",
    ],
)
def test_what_is_no_instant_is_refused_by_name(console: Console, name: str, text: str) -> None:
    error = console.refuses(400, "GET", f"{MAP}?{urlencode({**DAYS, name: text})}", BOB)
    assert error["parameterName"] == name
    assert error["message"].startswith(f"{name}: ")


@pytest.mark.parametrize("name", ["from", "to"])
def test_both_ends_are_needed(console: Console, name: str) -> None:
    between = {key: value for key, value in DAYS.items() if key != name}
    error = console.refuses(400, "GET", f"{MAP}?{urlencode(between)}", BOB)
    assert (error["parameterName"], "required" in error["message"]) == (name, True)


@pytest.mark.parametrize(("days", "is_taken"), [(0, False), (-1, False), (366, True), (367, False)])
def test_a_range_is_a_year_at_most(console: Console, *, days: int, is_taken: bool) -> None:
    start = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    query = urlencode({"from": start.isoformat(), "to": (start + timedelta(days=days)).isoformat()})
    if is_taken:
        assert len(console.data(f"{MAP}/?{query}", BOB)["dataPerDays"]) == days
    else:
        assert console.refuses(400, "GET", f"{MAP}/?{query}", BOB)["parameterName"] == "to"


def test_more_runs_than_an_answer_holds_are_refused_and_not_cut(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_session_heatmap, "SESSIONS_MAX", 2)
    console.agent_of(ACMES).report(*(ended(f"run {number}") for number in range(2)))
    error = console.refuses(400, "GET", f"{MAP}?{urlencode(DAYS)}", BOB)
    assert (error["parameterName"], "3 sessions" in error["message"]) == ("to", True)
    # Others' runs are no reason.
    assert counts(heatmap(console, CHARLIE)) == (1, 0, 0)


def test_everyone_sees_the_runs_of_the_jobs_that_he_sees(console: Console) -> None:
    assert counts(heatmap(console, ALICE)) == (4, 0, 0)
    assert uids(heatmap(console, CHARLIE))["2026-03-02"] == [BETAS.session]
    assert uids(heatmap(console, BOB))["2026-03-02"] == [ACMES.session]


def test_an_assigned_job_does_not_tell_of_the_machine_that_it_runs_on(console: Console) -> None:
    console.does("POST", f"{JOBS}/{PROVIDERS.job}/assign?companyUid={BETA}", ALICE)
    runs = {run["sessionUid"]: run for run in heatmap(console, CHARLIE)["dataPerDays"][1]["sessions"]}
    run = runs[PROVIDERS.session]
    assert (run["organizationUid"], run["organizationName"]) == (BETA, "Beta")
    assert not {"serverName", "managementAgentUid", "locationUid", "locationName"} & set(run)
    assert "server" not in str(run)
