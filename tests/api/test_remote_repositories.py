"""Repositories at servers elsewhere: what opens them is checked, sealed, told to their agent only, and changeable."""

from typing import Any

import pytest

from tests.agents import Agent
from tests.consoles import Console
from tests.people import ACMES, BETAS, BOB, CHARLIE

pytestmark = pytest.mark.embedded_only

SERVER = f"/infrastructure/backupServers/{ACMES.server}"
REPOSITORIES = f"{SERVER}/repositories"
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGE1NmE1NmE1NmE1NmE1NmE1NmE1NmE1NmE1NmE1"
SECRET = "canary of the account"


@pytest.fixture
def agent(console: Console) -> Agent:
    """The agent of Acme's backup server."""
    return console.agent_of(ACMES)


def account(console: Console, username: str = "acme", **linux: object) -> str:
    """Add credentials; gives their uid."""
    kind, secret = ("linux", {"privateKey": SECRET, **linux}) if linux else ("standard", {"password": SECRET})
    made = console.does("POST", f"{SERVER}/credentials/{kind}", BOB, {"username": username, **secret})
    return str(made["instanceUid"])


def create(console: Console, path: str, credentials_uid: str | None, **body: object) -> Any:
    """Create a repository elsewhere."""
    asked = {"name": path[-60:], "path": path, "credentialsUid": credentials_uid, **body}
    return console.does("POST", REPOSITORIES, BOB, asked)


def refusal(console: Console, path: str, credentials_uid: str | None, **body: object) -> tuple[str, str]:
    """Ask for a repository that is refused; gives field and message."""
    asked = {"name": "new", "path": path, "credentialsUid": credentials_uid, **body}
    error = console.refuses(400, "POST", REPOSITORIES, BOB, asked)
    return error["propertyName"], error["message"]


def test_its_account_is_told_to_its_agent_only(console: Console, agent: Agent) -> None:
    opened_by = account(console)
    made = create(console, "s3:https://S3.example:443//acme-backups/office/", opened_by)
    info = made["_embedded"]
    assert (info["path"], info["type"]) == ("s3:https://s3.example/acme-backups/office", "S3Compatible")
    agent.turn()
    assert agent.configuration is not None
    (told,) = [each for each in agent.configuration.repositories if each.uid == made["instanceUid"]]
    assert told.account is not None
    assert (told.path, told.account.username, told.account.password) == (info["path"], "acme", SECRET)
    assert SECRET not in repr(told)
    answers = [console.call("GET", path, BOB).text for path in (f"{REPOSITORIES}?expand=BackupRepositoryInfo", SERVER)]
    assert SECRET not in "".join(answers)
    error = console.refuses(409, "DELETE", f"{SERVER}/credentials/{opened_by}", BOB)
    assert "in use by the repository" in error["message"]


def test_an_ssh_account_says_user_and_port_unless_the_location_does(console: Console, agent: Agent) -> None:
    opened_by = account(console, "backup", sshPort=2222)
    made = create(console, "sftp://nas.example//srv/restic", opened_by, hostKey=f"{HOST_KEY} root@nas")
    assert made["_embedded"]["path"] == "sftp://backup@nas.example:2222//srv/restic"
    agent.turn()
    assert agent.configuration is not None
    told = agent.configuration.repositories[-1]
    assert told.account is not None
    assert (told.account.private_key, told.host_key) == (SECRET, HOST_KEY)
    field, message = refusal(console, "sftp://other@nas.example//srv/else", opened_by, hostKey=HOST_KEY)
    assert (field, "the credentials say backup" in message) == ("path", True)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("ftp://nas.example/x", "give an absolute path, or one of these"),
        ("s3:https://nas.example", "name a bucket"),
        ("s3:https://nas.example/UPPER/x", "name a bucket"),
        ("s3:nas.example/bucket", "must look like"),
        ("rest:https://nas.example:99999/x/", "a port is a number"),
        ("rest:https://nas.example/../x/", "without . and .."),
        ("rest:https://nas.example/x?y", "must look like"),
        ("rest:https://me:canary@nas.example/x/", "a location holds no password"),
        ("rest:https://-oProxyCommand=x/y", "must look like"),
        ("rest:http://nas.example/x/", "use https, or set isPlainAllowed"),
        ("sftp://nas.example/", "name a folder"),
        ("sftp://-oProxyCommand=x@nas.example//x", "must look like"),
        ("sftp://nas.example\nProxyCommand x//x", "must look like"),
        ("sftp://me:canary@nas.example//x", "a location holds no password"),
        ("rclone:other:x", "give an absolute path, or one of these"),
    ],
)
def test_a_location_that_cannot_be_used_is_refused_before_anybody_is_asked(
    console: Console, agent: Agent, path: str, said: str
) -> None:
    field, message = refusal(console, path, account(console), hostKey=HOST_KEY if path.startswith("sftp") else None)
    assert field == "path"
    assert said in message
    assert "canary" not in message
    assert agent.configuration is None or len(agent.configuration.repositories) == 2


def test_what_opens_it_must_fit_its_kind(console: Console, agent: Agent) -> None:
    standard, linux = account(console), account(console, "root", sshPort=22)
    s3, sftp = "s3:https://nas.example/bucket", "sftp://nas.example//x"
    assert refusal(console, s3, None)[0] == "credentialsUid"
    assert refusal(console, s3, linux)[0] == "credentialsUid"
    assert refusal(console, s3, standard, hostKey=HOST_KEY)[0] == "hostKey"
    assert refusal(console, sftp, None)[0] == "credentialsUid"
    agent.failure_at = lambda _path: "hostKey: the server's key is not confirmed. It shows …"
    assert refusal(console, sftp, standard)[0] == "hostKey"
    agent.failure_at = lambda _path: ""
    create(console, "rest:http://127.0.0.1:8000/x/", None)
    create(console, "rest:http://nas.example/x/", standard, isPlainAllowed=True)


def test_the_same_place_is_refused_however_it_is_written(console: Console, agent: Agent) -> None:
    assert agent is not None
    opened_by = account(console)
    create(console, "rest:https://nas.example/office/", opened_by)
    for path in ("rest:https://NAS.example:443//office", "rest:https://nas.example/office/inside/"):
        asked = {"name": "other", "path": path, "credentialsUid": opened_by}
        assert console.refuses(409, "POST", REPOSITORIES, BOB, asked)["propertyName"] == "path"
    create(console, "s3:https://nas.example/office", opened_by)


def test_another_account_or_host_key_takes_over(console: Console, agent: Agent) -> None:
    first, second = account(console), account(console, "other")
    made = create(console, "rest:https://nas.example/office/", first)
    access = f"{REPOSITORIES}/{made['instanceUid']}/access"
    console.does("POST", access, BOB, {"credentialsUid": second})
    agent.turn()
    assert agent.configuration is not None
    told = agent.configuration.repositories[-1].account
    assert told is not None
    assert told.username == "other"
    assert console.does("DELETE", f"{SERVER}/credentials/{first}", BOB) == {}

    assert console.refuses(400, "POST", access, BOB, {"hostKey": HOST_KEY})["propertyName"] == "hostKey"
    error = console.refuses(404, "POST", access, BOB, {"credentialsUid": BETAS.credentials})
    assert "credentialsUid" in error["message"]
    console.refuses(404, "POST", access, CHARLIE, {"credentialsUid": BETAS.credentials})
    sftp = create(console, "sftp://nas.example//x", account(console, "backup"), hostKey=HOST_KEY)
    access = f"{REPOSITORIES}/{sftp['instanceUid']}/access"
    assert console.refuses(400, "POST", access, BOB, {"credentialsUid": second})["propertyName"] == "path"
