"""Recovery kits on the command line: in a file of one's own, never over another, and never silently missing."""

import stat
from pathlib import Path

from tests.cli.command_line import PASSWORD, Cli
from tests.cli.standin_agent import StandInAgent


def test_a_kit_is_written_for_its_owner_alone_and_over_nothing(admin: Cli, agent: StandInAgent, tmp_path: Path) -> None:
    del agent
    file = tmp_path / "kits" / "near.txt"
    create = ("repositories", "create", "Near", "--path", "/kits/near", "--server", "filer")
    row = admin.json(*create, "--kit", str(file))
    assert row["recoveryKitDownloadedBy"] == "admin"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text()
    assert text.startswith('RECOVERY KIT of the backup repository "Near"\n')

    told = admin.fails("repositories", "create", "Far", "--path", "/kits/far", "--kit", str(file))
    assert "is there already" in told
    assert file.read_text() == text
    assert "Far" not in [row["name"] for row in admin.json("repositories", "list")]
    assert "is there already" in admin.fails("repositories", "kit", "Near", "--to", str(file))
    assert admin.json("repositories", "kit", "Near", "--to", str(tmp_path / "2"))["file"] == str(tmp_path / "2")
    (tmp_path / "no folder").write_text("")
    told = admin.fails("repositories", "kit", "Near", "--to", str(tmp_path / "no folder" / "kit"))
    assert "THE RECOVERY KIT WAS NOT WRITTEN" in told
    assert "\nPassword: " in admin.succeeds("repositories", "kit", "Near", "--to", "-")


def test_a_kit_that_nobody_has_is_told_loudly(admin: Cli, agent: StandInAgent) -> None:
    del agent
    made = admin.run("repositories", "create", "Lonely", "--path", "/kits/lonely", "--server", "filer")
    assert made.exit_code == 0, made.output
    assert "NOBODY HAS A RECOVERY KIT of Lonely" in made.stderr
    assert "none: nobody could read this" in admin.succeeds("repositories", "show", "Lonely")
    shown = admin.run("repositories", "list")
    assert "without a recovery kit" in shown.stderr
    (line,) = [line for line in shown.stdout.splitlines() if line.startswith("Lonely ")]
    assert line.rstrip().endswith(" none")


def test_what_a_deleted_company_left_is_found_again(admin: Cli) -> None:
    assert "No company that had repositories was deleted" in admin.succeeds("repositories", "removed")
    admin.succeeds("companies", "create", "Kit owner", "--owner", "kit", text=f"{PASSWORD}\n")
    assert admin.json("repositories", "removed") == []
    assert 'No removed repository is called "gone"' in admin.fails(
        "repositories", "kit", "gone", "--to", "-", "--removed"
    )
