"""Reading back, healing, drills and reports from the command line."""

import json
from pathlib import Path

import pytest

from tandem.domain.sessions import SessionState
from tests.cli.command_line import PASSWORD, Cli
from tests.cli.standin_agent import StandInAgent


@pytest.fixture(scope="module")
def site(admin: Cli, working_agent: StandInAgent) -> Cli:
    """The administrator's command line, with a copy job."""
    working_agent.answer_with(SessionState.SUCCESS)
    for name in ("proof main", "proof offsite"):
        admin.succeeds("repositories", "create", name, "--path", f"/srv/{name}", "--server", "filer")
    admin.succeeds("shares", "create", "plans", "--path", "/srv/plans", "--server", "filer")
    admin.succeeds("jobs", "create", "backup", "plans", "--share", "plans", "--repository", "proof main")
    admin.succeeds(
        "jobs", "create", "copy", "plans copy", "--source", "plans", "--repository", "proof offsite", "--manual"
    )
    return admin


def test_a_verification_a_healing_and_a_drill_are_waited_for(site: Cli, agent: StandInAgent) -> None:
    assert site.succeeds("repositories", "verify", "proof offsite", "--all").startswith("Success")
    assert site.succeeds("repositories", "heal", "proof main").startswith("Success")
    assert site.succeeds("jobs", "drill", "plans copy", "--files", "3").startswith("Success")
    agent.answer_with(SessionState.WARNING, "A pack is damaged.")
    result = site.run("repositories", "verify", "proof offsite")
    assert (result.exit_code, result.stderr) == (1, "A pack is damaged.\n")


def test_periods_are_set_and_shown(site: Cli) -> None:
    assert "7 days" in site.succeeds("repositories", "verify", "proof offsite", "--every", "7")
    assert site.json("repositories", "verification", "proof offsite")["verifyEveryDays"] == 7
    assert "90 days" in site.succeeds("jobs", "drill", "plans copy", "--every", "90")
    shown = site.json("jobs", "proof", "plans copy")
    assert (shown["verifyEveryDays"], shown["drillEveryDays"], shown["lastDrillResult"]) == (7, 90, None)
    assert "0 is not a number of days" in site.run("jobs", "drill", "plans copy", "--every", "0").stderr
    assert "plans is no copy job" in site.run("jobs", "drill", "plans").stderr


def test_a_report_can_be_checked_by_whoever_has_the_file_and_a_changed_one_fails(site: Cli, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    site.succeeds("companies", "create", "Reported", "--owner", "rita", "--password-file", str(password))
    file, keys = tmp_path / "report.json", tmp_path / "keys.json"
    signed = site.json("reports", "show", "Reported")
    file.write_text(json.dumps(signed))
    keys.write_text(site.succeeds("reports", "keys"))
    assert "as it was signed" in site.succeeds("reports", "verify", str(file))
    assert "as it was signed" in site.succeeds("reports", "verify", str(file), "--keys", str(keys))
    file.write_text(json.dumps(signed | {"report": signed["report"] | {"companyName": "Another"}}))
    result = site.run("reports", "verify", str(file), "--keys", str(keys))
    assert result.exit_code == 1
    assert "was changed since it was signed" in result.stderr
