"""Jobs from the command line: creating, starting and waiting for what comes of it."""

from itertools import count

import pytest

from tandem.domain.sessions import SessionState, SessionType
from tests.cli.command_line import Cli
from tests.cli.standin_agent import StandInAgent

_numbers = count(1)


@pytest.fixture(scope="session")
def site(admin: Cli, working_agent: StandInAgent) -> Cli:
    """The administrator's command line, with two repositories and a share on the backup server."""
    del working_agent
    for name in ("jobs main", "jobs offsite"):
        admin.succeeds("repositories", "create", name, "--path", f"/srv/{name}", "--server", "filer")
    admin.succeeds("shares", "create", "jobs documents", "--path", "/srv/jobs documents", "--server", "filer")
    return admin


@pytest.fixture
def backup(site: Cli, agent: StandInAgent) -> str:
    """A backup job of its own, by name."""
    del agent
    name = f"nightly {next(_numbers)}"
    site.succeeds("jobs", "create", "backup", name, "--share", "jobs documents", "--repository", "jobs main")
    return name


def test_a_backup_job_is_created_with_its_schedule(site: Cli) -> None:
    arguments = ("jobs", "create", "backup", "weekly", "--share", "jobs documents", "--repository", "jobs main")
    site.succeeds(
        *arguments, "--daily", "22:30", "--days", "mon,Fri", "--time-zone", "Europe/Berlin", "--keep", "6 months"
    )
    shown = site.json("jobs", "show", "weekly")
    assert shown["schedule"]["dailyScheduleOptions"]["days"] == ["Monday", "Friday"]
    assert shown["schedule"]["timeZone"] == "Europe/Berlin"
    assert (shown["fileShareJob"]["retention"], shown["fileShareJob"]["retentionUnit"]) == (6, "Months")
    assert "Mon,Fri 22:30 Europe/Berlin" in site.succeeds("jobs", "list")


def test_a_copy_job_is_chained_unless_told_otherwise(site: Cli, backup: str) -> None:
    made = site.json("jobs", "create", "copy", f"copy of {backup}", "--source", backup, "--repository", "jobs offsite")
    assert made["retentionUnit"] == "Days"
    shown = site.json("jobs", "show", made["instanceUid"])
    assert shown["schedule"]["chainingOptions"]["previousJobName"] == backup
    assert shown["fileShareCopyJob"]["uniqueUid"] == made["uniqueUid"]
    assert f"after {backup}" in site.succeeds("jobs", "list", "--server", "filer")


def test_a_copy_job_may_have_a_period(site: Cli, backup: str) -> None:
    arguments = ("jobs", "create", "copy", f"copy of {backup}", "--source", backup, "--repository", "jobs offsite")
    made = site.json(*arguments, "--every", "4h", "--keep", "90min")
    assert "every 4 hours" in site.succeeds("jobs", "show", made["instanceUid"])
    assert (made["retention"], made["retentionUnit"]) == (90, "Minutes")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--daily", "22:00", "--every", "4h"], "choose one way"),
        (["--daily", "22:00", "--manual"], "choose one way"),
        (["--days", "Mon"], "with --daily only"),
        (["--time-zone", "UTC", "--every", "4h"], "with --daily only"),
        (["--daily", "22:00", "--days", "Mon,T"], '"T" is not a day'),
        (["--every", "4 weeks"], "15m or 4h"),
        (["--every", "soon"], "15m or 4h"),
        (["--keep", "6m"], "6min or 6months"),
        (["--keep", "forever"], "not a time"),
    ],
)
def test_a_schedule_that_cannot_be_meant_is_a_usage_error(cli: Cli, options: list[str], told: str) -> None:
    arguments = ("jobs", "create", "backup", "x", "--share", "s", "--repository", "r")
    assert told in cli.is_misused(*arguments, *options)


def test_a_time_that_is_none_is_told_by_the_console(site: Cli) -> None:
    arguments = ("jobs", "create", "backup", "x", "--share", "jobs documents", "--repository", "jobs main")
    assert '"25:00" is not a time of day' in site.fails(*arguments, "--daily", "25:00")


def test_a_name_that_is_taken_is_told(site: Cli, backup: str) -> None:
    arguments = ("jobs", "create", "backup", backup, "--share", "jobs documents", "--repository", "jobs main")
    assert "exists on this backup server" in site.fails(*arguments)


def test_a_name_that_is_not_there_is_told_with_those_that_are(site: Cli) -> None:
    told = site.fails("jobs", "create", "backup", "x", "--share", "jobs documents", "--repository", "nowhere")
    assert 'No repository is called "nowhere". There are: ' in told
    assert "jobs offsite" in told
    assert "tandem repositories list" in told


def test_waiting_ends_with_0_on_success(site: Cli, backup: str) -> None:
    assert site.succeeds("jobs", "start", backup, "--wait").startswith("Success after 0:01:05: 3 files, 4.0 KiB")


def test_waiting_gives_the_session_to_programs(site: Cli, backup: str) -> None:
    session = site.json("jobs", "start", backup, "--wait")
    assert session["status"] == "Success"
    assert site.json("sessions", "list", "--job", backup)[0] == session
    assert site.json("sessions", "show", session["instanceUid"]) == session


def test_a_session_is_followed_and_its_log_is_read(site: Cli, backup: str) -> None:
    session = site.json("jobs", "start", backup, "--wait")
    assert site.succeeds("sessions", "follow", session["instanceUid"]).startswith("Success after 0:01:05")
    # Nobody's log moves a cursor.
    assert (
        site.succeeds("sessions", "log", session["instanceUid"]) == "it began\nand \N{REPLACEMENT CHARACTER}[2Jended\n"
    )


def test_limits_are_set_and_lifted_by_options(site: Cli) -> None:
    hours = ("--hours", "Mon-Fri 22-6", "--time-zone", "Europe/Berlin", "--stop-at-end")
    told = site.succeeds("servers", "limits", "filer", "--runs", "2", "--upload", "1024", *hours)
    assert "1024 KiB/s" in told
    assert "Mon 22-24, Tue 0-6 22-24" in told
    assert site.json("servers", "limits", "filer")["backupWindowOptions"]["stopAtEnd"] is True
    limits = site.json("repositories", "limits", "jobs main", "--server", "filer", "--runs", "1")
    assert limits["maxConcurrentTask"] == 1
    assert "set maxConcurrentTask too" in site.fails("servers", "limits", "filer", "--runs", "0")
    assert "say which" in site.is_misused("repositories", "limits", "jobs main", "--finish")
    site.succeeds("servers", "limits", "filer", "--runs", "0", "--upload", "0", "--hours", "always")
    assert set(site.json("servers", "limits", "filer").values()) == {None}


def test_waiting_takes_no_drill_for_the_run_that_it_waits_for(site: Cli, agent: StandInAgent, backup: str) -> None:
    agent.aside = SessionType.DRILL
    assert site.json("jobs", "start", backup, "--wait")["type"] == "BackupFile"


@pytest.mark.parametrize("state", [SessionState.WARNING, SessionState.FAILED, SessionState.SKIPPED])
def test_waiting_ends_with_1_on_anything_else(site: Cli, agent: StandInAgent, backup: str, state: SessionState) -> None:
    agent.answer_with(state, "The disk is full.")
    result = site.run("jobs", "start", backup, "--wait")
    assert result.exit_code == 1
    assert result.stdout.startswith(state.value)
    assert result.stderr == "The disk is full.\n"


def test_a_start_that_the_agent_refuses_is_told(site: Cli, agent: StandInAgent, backup: str) -> None:
    agent.refusal = "The repository is gone."
    assert "did not start: The repository is gone." in site.fails("jobs", "start", backup, "--wait")


def test_a_failed_job_is_retried(site: Cli, agent: StandInAgent, backup: str) -> None:
    assert "only Failed or Warning can be retried" in site.fails("jobs", "retry", backup)
    agent.answer_with(SessionState.FAILED, "The disk is full.")
    site.run("jobs", "start", backup, "--wait")
    assert "The disk is full." in site.succeeds("jobs", "show", backup)
    agent.answer_with(SessionState.SUCCESS)
    site.succeeds("jobs", "retry", backup, "--wait")


def test_a_job_that_does_not_run_cannot_be_stopped(site: Cli, backup: str) -> None:
    assert "is not running" in site.fails("jobs", "stop", backup)


def test_the_schedule_is_switched(site: Cli, backup: str) -> None:
    assert site.json("jobs", "disable", backup)["isEnabled"] is False
    assert site.json("jobs", "enable", backup)["isEnabled"] is True


def test_a_job_is_deleted_when_that_is_meant(site: Cli, backup: str) -> None:
    assert "--yes" in site.is_misused("jobs", "delete", backup)
    site.succeeds("jobs", "delete", backup, "--yes")
    assert f'No job is called "{backup}"' in site.fails("jobs", "show", backup)


def test_sessions_are_listed_with_the_names_of_their_jobs(site: Cli, backup: str) -> None:
    site.succeeds("jobs", "start", backup, "--wait")
    assert backup in site.succeeds("sessions", "list", "--share", "jobs documents", "--limit", "5")


def test_a_session_that_is_none_is_told(site: Cli) -> None:
    assert "tandem sessions list" in site.fails("sessions", "show", "yesterday")


def test_a_hold_is_shown_and_released(site: Cli, backup: str, agent: StandInAgent) -> None:
    assert "not on hold" in site.fails("jobs", "release", backup, "--yes")
    agent.doubt = "The share has shrunk."
    site.succeeds("jobs", "start", backup, "--wait")
    assert "The share has shrunk." in site.succeeds("jobs", "show", backup)
    assert "on hold" in site.succeeds("jobs", "list")
    assert "is released" in site.succeeds("jobs", "release", backup, "--yes")
    assert "released" in site.succeeds("jobs", "show", backup)


def test_retries_are_set_at_a_job(site: Cli, backup: str) -> None:
    assert "5 times, after 2 minutes" in site.succeeds("jobs", "retries", backup, "--times", "5", "--interval", "2")
    assert site.json("jobs", "show", backup)["retryTimes"] == 5
    assert "--times" in site.is_misused("jobs", "retries", backup)
