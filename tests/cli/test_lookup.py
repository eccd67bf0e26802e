"""What people name: found by name or uid, and told clearly when it is none or several."""

from pathlib import Path

import pytest

from tandem.agent.console_link import enrol
from tests.cli.command_line import PASSWORD, Cli


@pytest.fixture(scope="module")
def owner(admin: Cli, tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """The command line of a company's owner, who has three backup servers, two of them of the same name."""
    admin.succeeds("companies", "create", "Lookup", "--owner", "lou", text=f"{PASSWORD}\n")
    lou = Cli(tmp_path_factory.mktemp("lou"), admin.console).log_in("lou")
    for name in ("twin", "twin", "single"):
        folder: Path = tmp_path_factory.mktemp("agent")
        enrol(lou.console.url, lou.json("servers", "token", name)["token"], folder, None)
    return lou


def test_a_name_that_several_have_is_told_with_their_uids(owner: Cli) -> None:
    told = owner.fails("servers", "show", "twin")
    uids = [row["instanceUid"] for row in owner.json("servers", "list") if row["name"] == "twin"]
    assert len(uids) == 2
    assert all(uid in told for uid in uids)


def test_a_uid_names_one_of_them(owner: Cli) -> None:
    for row in owner.json("servers", "list"):
        assert owner.json("servers", "show", row["instanceUid"].upper()) == row


def test_case_does_not_matter_where_it_is_clear(owner: Cli) -> None:
    assert owner.json("servers", "show", "Single")["name"] == "single"


def test_one_of_several_servers_must_be_named(owner: Cli) -> None:
    told = owner.fails("shares", "create", "any", "--path", "/srv/any")
    assert "twin, twin, single" in told
    assert "--server" in told


def test_a_uid_that_is_not_there_is_told_like_a_name(owner: Cli) -> None:
    uid = "00000000-0000-4000-8000-000000000000"
    assert f'No backup server is called "{uid}". There are: twin, twin, single.' in owner.fails("servers", "show", uid)


def test_another_s_server_is_not_there(owner: Cli, admin: Cli, tmp_path: Path) -> None:
    enrol(admin.console.url, admin.json("servers", "token", "the provider's")["token"], tmp_path, None)
    uid = admin.json("servers", "show", "the provider's")["instanceUid"]
    assert "No backup server is called" in owner.fails("servers", "show", uid)


def test_an_agent_that_is_away_is_told_with_what_to_do(owner: Cli) -> None:
    told = owner.fails("shares", "create", "any", "--path", "/srv/any", "--server", "single")
    assert "tandem agent run" in told


def test_where_there_is_nothing_yet_the_first_step_is_told(admin: Cli, cli: Cli) -> None:
    admin.succeeds("companies", "create", "Empty", "--owner", "emma", text=f"{PASSWORD}\n")
    emma = cli.log_in("emma")
    assert "tandem servers token NAME" in emma.fails("repositories", "create", "any", "--path", "/srv/any")
    assert "tandem jobs create backup" in emma.succeeds("jobs", "list")
    assert "There is none yet" in emma.fails("points", "list", "any")
