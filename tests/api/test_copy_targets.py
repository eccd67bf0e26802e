"""A copy job and its target made in one call: encrypted with a password of its own, or with the source's."""

from typing import Any

import pytest

from tests.agents import Agent
from tests.consoles import Console
from tests.people import ACMES, BETAS, BOB

pytestmark = pytest.mark.embedded_only

CREATE = f"/infrastructure/backupServers/{ACMES.server}/jobs/fileShareCopyJobs"


@pytest.fixture
def agent(console: Console) -> Agent:
    """Acme's agent."""
    return console.agent_of(ACMES)


def body(name: str = "off-site", **target: object) -> dict[str, object]:
    repository = {"name": name, "path": f"/srv/{name}", **target}
    return {"name": name, "sourceFileShareJobUid": ACMES.job, "targetRepository": repository}


def password_of(agent: Agent, repository_uid: str) -> str:
    agent.turn()
    assert agent.configuration
    return next(found.password for found in agent.configuration.repositories if found.uid == repository_uid)


def test_a_target_has_a_password_of_its_own_unless_it_is_to_inherit_one(console: Console, agent: Agent) -> None:
    inheriting = console.does("POST", CREATE, BOB, body(isEncryptionInherited=True, immutabilityInterval=14))
    assert password_of(agent, inheriting["targetRepositoryUid"]) == password_of(agent, ACMES.first)
    own = console.does("POST", CREATE, BOB, body("second", encryptionPasswordUid=ACMES.encryption_password))
    assert password_of(agent, own["targetRepositoryUid"]) == "encryption password of Acme's"
    generated = console.does("POST", CREATE, BOB, body("third"))
    others = {password_of(agent, uid) for uid in (ACMES.first, own["targetRepositoryUid"])}
    assert password_of(agent, generated["targetRepositoryUid"]) not in others
    path = f"/infrastructure/backupServers/{ACMES.server}/repositories/{inheriting['targetRepositoryUid']}"
    shown = console.data(f"{path}?expand=BackupRepositoryInfo", BOB)
    assert (shown["name"], shown["_embedded"]["immutabilityInterval"]) == ("off-site", 14)


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"targetRepositoryUid": ACMES.second}, 400, "targetRepositoryUid"),
        ({"targetRepository": None}, 400, "targetRepositoryUid"),
        ({"sourceFileShareJobUid": BETAS.job}, 400, "sourceFileShareJobUid"),
        ({"name": "Acme's job"}, 409, "name"),
        ({"targetRepository": {"name": "x", "path": "here"}}, 400, "targetRepository.path"),
        (
            {"targetRepository": {"name": "x", "path": "/x", "password": "secret", "isEncryptionInherited": True}},
            400,
            "targetRepository.isEncryptionInherited",
        ),
    ],
)
def test_what_is_wrong_with_the_job_is_found_before_a_repository_is_made(
    console: Console, agent: Agent, changes: dict[str, Any], status: int, field: str
) -> None:
    del agent
    repositories = "/infrastructure/backupServers/repositories"
    before = console.data(repositories, BOB)
    error = console.refuses(status, "POST", CREATE, BOB, body() | changes)
    assert error["propertyName"] == field
    assert "secret" not in error["message"]
    assert console.data(repositories, BOB) == before
