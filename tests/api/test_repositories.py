"""Repositories and shares: made by their agent, remembered by the console, and nothing half made left behind."""

from typing import Any

import pytest

from tandem.actions.ask_agent import PATIENCE_SECONDS
from tandem.domain.repositories import RepositoryState
from tandem.protocol.messages import CheckFolder, RepositoryConfiguration, RepositoryReport
from tests.agents import Agent
from tests.consoles import SEAL, Console, rows_of
from tests.people import ACME, ACMES, BETAS, BOB, CHARLIE, START

pytestmark = pytest.mark.embedded_only

SERVER = f"/infrastructure/backupServers/{ACMES.server}"
REPOSITORIES = f"{SERVER}/repositories"
SHARES = f"{SERVER}/fileShares"


def create(console: Console, **body: object) -> Any:
    return console.does("POST", REPOSITORIES, BOB, {"name": "new", "path": "/new", **body})


def configured(agent: Agent, repository_uid: str) -> RepositoryConfiguration:
    """Give what the agent knows of a repository."""
    agent.turn()
    assert agent.configuration is not None
    (found,) = [each for each in agent.configuration.repositories if each.uid == repository_uid]
    return found


def test_a_repository_is_ready_when_its_agent_has_made_it(console: Console) -> None:
    console.agent_of(ACMES)
    made = create(console, path="/new/")
    assert (made["name"], made["backupServerUid"]) == ("new", ACMES.server)
    info = made["_embedded"]
    assert (info["path"], info["status"], info["hostUid"]) == ("/new", "Healthy", ACMES.server)
    assert (info["capacity"], info["freeSpace"], info["usedSpace"]) == (2**40, 2**39, 2**20)
    path = f"{REPOSITORIES}/{made['instanceUid']}"
    assert console.data(f"{path}?expand=BackupRepositoryInfo", BOB) == made
    assert "_embedded" not in console.data(path, BOB)


def test_its_password_is_made_for_it_and_told_to_its_agent_only(console: Console) -> None:
    agent = console.agent_of(ACMES)
    first, second = create(console), create(console, name="newer", path="/newer")
    passwords = [configured(agent, made["instanceUid"]).password for made in (first, second)]
    assert len(set(passwords)) == 2
    assert all(len(password) >= 32 for password in passwords)
    rows = rows_of(console.database)
    for password in passwords:
        assert password not in repr(rows)
    sealed = {row["instance_uid"]: row["sealed_password"] for row in rows["backup_repositories"]}
    assert SEAL.open(sealed[first["instanceUid"]], first["instanceUid"]) == passwords[0]
    assert "password" not in console.call("GET", f"{REPOSITORIES}?expand=BackupRepositoryInfo", BOB).text


def test_a_password_that_was_given_is_the_one_used(console: Console) -> None:
    agent = console.agent_of(ACMES)
    made = create(console, password="äöü with spaces", isExisting=True)
    told = configured(agent, made["instanceUid"])
    assert (told.password, told.is_existing) == ("äöü with spaces", True)


def test_an_existing_repository_needs_its_password(console: Console) -> None:
    error = console.refuses(400, "POST", REPOSITORIES, BOB, {"name": "new", "path": "/new", "isExisting": True})
    assert error["propertyName"] == "password"


def test_later_repositories_are_made_like_the_first_so_that_copies_take_no_space_twice(console: Console) -> None:
    agent = console.agent_of(ACMES)
    assert configured(agent, create(console)["instanceUid"]).family_uid == ACMES.first
    assert configured(agent, ACMES.first).family_uid is None


def test_what_the_agent_finds_wrong_is_told_and_nothing_is_left(console: Console) -> None:
    agent = console.agent_of(ACMES)
    agent.failure_at = lambda path: f"{path} is not empty."
    before = rows_of(console.database)["backup_repositories"]
    error = console.refuses(400, "POST", REPOSITORIES, BOB, {"name": "new", "path": "/new"})
    assert error["propertyName"] == "path"
    assert "/new is not empty." in error["message"]
    assert rows_of(console.database)["backup_repositories"] == before
    agent.failure_at = lambda _: ""
    create(console)


def test_a_repository_whose_agent_takes_its_time_is_told_as_unfinished(console: Console) -> None:
    # Its agent is there but says nothing of the repository: the console waits a minute, and no longer.
    made = create(console)
    assert made["_embedded"]["status"] == "Unknown"
    assert 60 <= (console.clock.now - START).total_seconds() < 61
    # What is not ready takes no job.
    job = {"name": "new", "fileShareUid": ACMES.share, "targetRepositoryUid": made["instanceUid"]}
    error = console.refuses(400, "POST", f"{SERVER}/jobs/fileShareJobs", BOB, job)
    assert RepositoryState.CREATING in error["message"]
    console.agent_of(ACMES).turn()
    shown = console.data(f"{REPOSITORIES}/{made['instanceUid']}?expand=BackupRepositoryInfo", BOB)
    assert shown["_embedded"]["status"] == "Healthy"


def test_a_repository_that_failed_after_the_waiting_makes_room_for_the_next_try(console: Console) -> None:
    made = create(console)
    agent = console.agent_of(ACMES)
    agent.failure_at = lambda _: "No space left."
    agent.turn()
    path = f"{REPOSITORIES}/{made['instanceUid']}?expand=BackupRepositoryInfo"
    assert console.data(path, BOB)["_embedded"]["status"] == "Error"
    agent.failure_at = lambda _: ""
    again = create(console)
    assert again["_embedded"]["status"] == "Healthy"
    assert console.refuses(404, "GET", path, BOB)
    assert len(console.data(REPOSITORIES, BOB)) == 3


def test_a_repository_in_error_says_why_until_it_is_healthy_again(console: Console) -> None:
    agent, why = console.agent_of(ACMES), "/backup/second holds no repository. Check that its disk is mounted."
    path = f"{REPOSITORIES}/{ACMES.second}"
    assert console.data(path, BOB)["failureMessage"] is None
    agent.report(RepositoryReport(repository_uid=ACMES.second, state=RepositoryState.FAILED, failure=why))
    assert console.data(path, BOB)["failureMessage"] == why
    failing = '{"property":"failureMessage","operation":"notEquals","value":null}'
    assert [row["instanceUid"] for row in console.data(f"{REPOSITORIES}?filter={failing}", BOB)] == [ACMES.second]
    job = {"name": "new", "fileShareUid": ACMES.share, "targetRepositoryUid": ACMES.second}
    assert why in console.refuses(400, "POST", f"{SERVER}/jobs/fileShareJobs", BOB, job)["message"]
    # To have it read back is a way to find out whether it is over.
    assert console.does("POST", f"{path}/verify", BOB, {})
    agent.report(RepositoryReport(repository_uid=ACMES.second, state=RepositoryState.READY))
    assert console.data(path, BOB)["failureMessage"] is None
    older = console.call("GET", path, BOB, headers={"X-Client-Version": "3.6"})
    assert "failureMessage" not in older.json()["data"]


@pytest.mark.parametrize(
    ("path", "body"), [(REPOSITORIES, {"name": "new", "path": "/new"}), (SHARES, {"name": "new", "path": "/new"})]
)
def test_nothing_is_made_while_the_agent_is_away(console: Console, path: str, body: object) -> None:
    console.clock.forward(minutes=3)
    before = rows_of(console.database)
    error = console.refuses(409, "POST", path, BOB, body)
    assert error["type"] == "retryableLogical"
    assert "Nothing was changed" in error["message"]
    assert rows_of(console.database) == before


def test_two_servers_may_have_repositories_of_one_name_and_path(console: Console) -> None:
    for estate, who in ((ACMES, BOB), (BETAS, CHARLIE)):
        console.agent_of(estate)
        path = f"/infrastructure/backupServers/{estate.server}"
        console.does("POST", f"{path}/repositories", who, {"name": "new", "path": "/new"})
        console.does("POST", f"{path}/fileShares", who, {"name": "new share", "path": "/srv/new"})


def test_the_same_restic_repository_under_another_path_is_refused(console: Console) -> None:
    # A bind mount shows one folder twice; two agents, or two jobs, would ruin it.
    agent = console.agent_of(ACMES)
    create(console)
    as_before = agent.restic_id_at("/new")
    agent.restic_id_at = lambda _: as_before
    error = console.refuses(409, "POST", REPOSITORIES, BOB, {"name": "newer", "path": "/newer"})
    assert "registered already" in error["message"]
    assert len(console.data(REPOSITORIES, BOB)) == 3


def test_a_share_is_made_when_its_agent_has_seen_the_folder(console: Console) -> None:
    agent = console.agent_of(ACMES)
    made = console.does("POST", SHARES, BOB, {"name": "new share", "path": "/srv//new/"})
    assert agent.orders == [CheckFolder(path="/srv/new")]
    assert (made["name"], made["path"], made["organizationUid"]) == ("new share", "/srv/new", ACME)
    assert (made["restorePoints"], made["latestRestorePointDate"]) == (0, None)
    assert made in console.data(SHARES, BOB)
    agent.turn()
    assert agent.configuration is not None
    assert "/srv/new" in {share.path for share in agent.configuration.file_shares}


def test_a_share_that_the_agent_cannot_find_is_refused_with_its_words(console: Console) -> None:
    agent = console.agent_of(ACMES)
    agent.answer_to = lambda _: "/srv/new does not exist."
    before = rows_of(console.database)["file_shares"]
    error = console.refuses(400, "POST", SHARES, BOB, {"name": "new share", "path": "/srv/new"})
    assert (error["propertyName"], error["message"]) == ("path", "path: /srv/new does not exist.")
    assert rows_of(console.database)["file_shares"] == before


def test_an_agent_that_does_not_answer_is_not_waited_for_for_long(console: Console) -> None:
    error = console.refuses(409, "POST", SHARES, BOB, {"name": "new share", "path": "/srv/new"})
    assert error["type"] == "retryableLogical"
    assert PATIENCE_SECONDS <= (console.clock.now - START).total_seconds() < PATIENCE_SECONDS + 1
    # The question is taken back: an agent that comes later does not answer to nobody.
    agent = console.agent_of(ACMES)
    agent.turn()
    assert agent.orders == []


@pytest.mark.parametrize("query", ["expand=BackupServerJob", "expand=x", "filter=[1]", "sort=[1]", "limit=0"])
def test_a_list_refuses_what_it_does_not_know(quiet_console: Console, query: str) -> None:
    error = quiet_console.refuses(400, "GET", f"/infrastructure/backupServers/repositories?{query}", BOB)
    assert error["parameterName"] == query.partition("=")[0]
