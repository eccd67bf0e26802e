"""Restore points and restores from the command line."""

from pathlib import Path
from typing import Any

import pytest

from tandem.domain.sessions import SessionState
from tandem.protocol.transfers import PART_BYTES_MAX, TransferPart
from tests.cli.command_line import Cli
from tests.cli.standin_agent import StandInAgent


@pytest.fixture(scope="module")
def site(admin: Cli, working_agent: StandInAgent) -> Cli:
    """The administrator's command line, with a share backed up once and copied."""
    working_agent.answer_with(SessionState.SUCCESS)
    for name in ("restore main", "restore offsite", "restore spare"):
        admin.succeeds("repositories", "create", name, "--path", f"/srv/{name}", "--server", "filer")
    admin.succeeds("shares", "create", "letters", "--path", "/srv/letters", "--server", "filer")
    admin.succeeds("jobs", "create", "backup", "letters", "--share", "letters", "--repository", "restore main")
    arguments = ("jobs", "create", "copy", "letters copy", "--source", "letters", "--repository", "restore offsite")
    admin.succeeds(*arguments, "--manual")
    admin.succeeds("jobs", "start", "letters", "--wait")
    admin.succeeds("jobs", "start", "letters copy", "--wait")
    return admin


@pytest.fixture
def point(site: Cli, agent: StandInAgent) -> Any:
    """The share's restore point."""
    del agent
    return site.json("points", "list", "letters")[0]


def test_points_are_listed_with_where_they_are_held_and_why(site: Cli, point: Any) -> None:
    listed = site.succeeds("points", "list", "letters")
    assert "restore main (first): held" in listed
    assert "restore offsite (copy): Verified, Read back." in listed
    assert point["instanceUid"] in listed
    assert "4.0 KiB" in listed


def test_a_restore_is_waited_for(site: Cli, point: Any) -> None:
    assert site.succeeds("restore", point["instanceUid"], "--to", "/srv/back").startswith("Success")


def test_a_restore_that_is_not_waited_for_is_queued(site: Cli, point: Any) -> None:
    session = site.json("restore", point["instanceUid"], "--to", "/srv/back", "--no-wait")
    assert session["type"] == "Restore"
    assert session["instanceUid"] in [row["instanceUid"] for row in site.json("sessions", "list", "--share", "letters")]


@pytest.mark.parametrize("state", [SessionState.WARNING, SessionState.FAILED])
def test_a_restore_that_did_not_succeed_ends_with_1(
    site: Cli, agent: StandInAgent, point: Any, state: SessionState
) -> None:
    agent.answer_with(state, "2 files could not be written.")
    result = site.run("restore", point["instanceUid"], "--to", "/srv/back", "--json")
    assert result.exit_code == 1
    assert result.stderr == "2 files could not be written.\n"
    assert f'"status": "{state}"' in result.stdout


@pytest.mark.parametrize("source", ["first", "copy", "restore offsite", "RESTORE MAIN"])
def test_the_place_to_read_is_chosen(site: Cli, point: Any, source: str) -> None:
    site.succeeds("restore", point["instanceUid"], "--to", "/srv/back", "--from", source)


def test_files_are_chosen_and_what_is_there_is_treated_as_told(site: Cli, agent: StandInAgent, point: Any) -> None:
    site.succeeds("restore", point["instanceUid"], "--to", "/srv/back", "--path", "a/b", "--path", "bad\udcff")
    assert agent.restores[-1].paths == [b"a/b", b"bad\xff"]
    assert agent.restores[-1].overwrite == "EmptyOnly"
    site.succeeds("restore", point["instanceUid"], "--to", "/srv/back", "--overwrite", "IfNewer")
    assert (agent.restores[-1].paths, agent.restores[-1].overwrite) == ([], "IfNewer")


def test_a_point_is_looked_through(site: Cli, point: Any) -> None:
    assert "hello.txt" in site.succeeds("points", "files", point["instanceUid"])
    assert site.json("points", "files", point["instanceUid"], "/folder/")[0]["size"] == 6
    for where in (("--share", "letters"), ("--point", point["instanceUid"], "--from", "copy")):
        found = site.succeeds("points", "search", "hello*", *where)
        assert "hello.txt" in found
        assert point["instanceUid"] in found
    assert "either --point or --share" in site.fails("points", "search", "hello*")


def test_a_file_that_is_downloaded_is_there_whole_or_not_at_all(
    site: Cli, agent: StandInAgent, point: Any, tmp_path: Path
) -> None:
    target = tmp_path / "hello.txt"
    arguments = ("points", "download", point["instanceUid"], "hello.txt", "--output", str(target))
    site.succeeds(*arguments)
    assert target.read_bytes() == b"hello\n"
    assert "--force" in site.fails(*arguments)

    def half(order: Any) -> list[TransferPart]:
        data = bytes(2 * PART_BYTES_MAX // 3)
        return [
            TransferPart(transfer_uid=order.transfer_uid, number=0, data=data),
            TransferPart(transfer_uid=order.transfer_uid, number=1, error="A pack is damaged."),
        ]

    agent.parts_of = half
    assert "broke off" in site.fails(*arguments, "--force", "--archive", "tar")
    assert [path.name for path in tmp_path.iterdir() if path.name != "data"] == ["hello.txt"]
    assert target.read_bytes() == b"hello\n"


def test_a_repository_without_the_point_is_told(site: Cli, point: Any) -> None:
    told = site.fails("restore", point["instanceUid"], "--to", "/srv/back", "--from", "restore spare")
    assert "holds this restore point" in told


def test_a_point_without_a_copy_cannot_be_read_from_one(site: Cli, agent: StandInAgent) -> None:
    del agent
    site.succeeds("shares", "create", "bills", "--path", "/srv/bills", "--server", "filer")
    site.succeeds("jobs", "create", "backup", "bills", "--share", "bills", "--repository", "restore main")
    site.succeeds("jobs", "start", "bills", "--wait")
    uid = site.json("points", "list", "bills")[0]["instanceUid"]
    told = site.fails("restore", uid, "--to", "/srv/back", "--from", "copy")
    assert "there is no copy job" in told
    assert "Leave --from out" in told


def test_a_folder_that_cannot_be_used_is_told(site: Cli, point: Any) -> None:
    assert "give an absolute one" in site.fails("restore", point["instanceUid"], "--to", "here")
    assert "overlaps with the repository" in site.fails("restore", point["instanceUid"], "--to", "/srv/restore main/x")


def test_a_point_that_is_none_is_told(cli: Cli, site: Cli) -> None:
    assert "tandem points list SHARE" in site.fails("restore", "yesterday", "--to", "/srv/back")
    assert "was found" in site.fails("restore", "00000000-0000-4000-8000-000000000000", "--to", "/srv/back")
    assert "--to" in cli.is_misused("restore", "yesterday")
