"""A secret that was posted appears nowhere: in no answer, no log line, no byte of the database."""

import secrets
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from tandem.api.routes import BASE, ROUTES
from tandem.store import activity_log
from tests.consoles import Console, copy_of, rows_of
from tests.people import ACMES, ALICE, BOB

SERVER = f"/infrastructure/backupServers/{ACMES.server}"
LINUX_SECRETS = ("password", "rootPassword", "privateKey", "passphrase")
# A stream would go on for an hour: asked to end at once, it tells how things are first.
QUERIES = {"GetBackupServerJobEvents": ["seconds=0"]}


@pytest.fixture
def own_console(file_with_people: Path, tmp_path: Path) -> Iterator[Console]:
    """A console whose database's files can be read."""
    with copy_of(file_with_people, tmp_path) as database:
        yield Console(database)


def posts(canary: str) -> list[tuple[str, dict[str, object]]]:
    """Give every way to post a secret."""
    return [
        (f"{SERVER}/credentials/standard", {"username": "reader", "password": canary}),
        (f"{SERVER}/credentials/linux", {"username": "root", **dict.fromkeys(LINUX_SECRETS, canary)}),
        (f"{SERVER}/encryptionPasswords", {"hint": "of 2026", "password": canary}),
        (f"{SERVER}/repositories", {"name": "new", "path": "/new", "password": canary}),
    ]


def every_answer(console: Console) -> Iterator[str]:
    """Give what every operation that reads answers."""
    for operation in ROUTES:
        path = operation.path
        if operation.method != "GET" or not path.startswith(BASE):
            continue
        ids = {**ACMES.uids, "organizationUid": ACMES.organization_uid, "companyUid": ACMES.organization_uid}
        for name, value in {**ids, "userUid": BOB.uid}.items():
            path = path.replace("{" + name + "}", value)
        queries = QUERIES.get(operation.operation_id, ["", "expand=BackupRepositoryInfo"])
        for who, query in product((ALICE, BOB), queries):
            yield console.call("GET", f"{path.removeprefix(BASE)}?{query}", who).text


def test_a_secret_that_was_posted_appears_nowhere(
    own_console: Console, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = f"canary-{secrets.token_hex(16)}"
    console = own_console
    agent = console.agent_of(ACMES)
    answers = [console.call("POST", path, BOB, json=body) for path, body in posts(canary)]
    assert [answer.status_code for answer in answers] == [200] * 4
    account, _linux, password, _repository = (answer.json()["data"]["instanceUid"] for answer in answers)
    share = {"name": "new", "path": "/srv/new", "credentialsUid": account}
    answers.append(console.call("POST", f"{SERVER}/fileShares", BOB, json=share))
    body = {"name": "newer", "path": "/newer", "encryptionPasswordUid": password}
    answers.append(console.call("POST", f"{SERVER}/repositories", BOB, json=body))
    assert [answer.status_code for answer in answers] == [200] * 6
    # Refused in every way there is, also by a fault of ours, whose trace is logged.
    for path, posted in posts(canary):
        wrongs: list[dict[str, object]] = [{"username": ""}, {"unknown": 1}, {"hint": "\0"}, {"path": "/srv/share"}]
        answers += [console.call("POST", path, BOB, json={**posted, **wrong}) for wrong in wrongs]
        content = f'{{"password": "{canary}", "username": "x" "{canary}"}}'.encode()
        sent = {"Content-Type": "application/json", "Authorization": f"Bearer {console.services.checker.sign(BOB.uid)}"}
        answers.append(console.request("POST", BASE + path, content=content, headers=sent))
        assert {answer.status_code for answer in answers[-5:]} <= {400, 409}
    with monkeypatch.context() as patch:
        patch.setattr(activity_log, "record_activity", _fail)
        answers += [console.call("POST", path, BOB, json=posted) for path, posted in posts(canary)[:3]]
    assert [answer.status_code for answer in answers[-3:]] == [520] * 3
    answers += [console.call("DELETE", f"{SERVER}/credentials/{account}", BOB)]
    assert answers[-1].status_code == 409
    agent.turn()
    assert agent.configuration is not None
    assert sum(share.credentials is not None for share in agent.configuration.file_shares) == 1
    texts = [answer.text for answer in answers] + list(every_answer(console))
    assert sum("event: session" in text for text in texts) == len((ALICE, BOB))
    printed = capsys.readouterr()
    assert "request failed" in printed.out + printed.err
    for text in (*texts, printed.out, printed.err, repr(rows_of(console.database))):
        assert canary not in text
    assert not [path for path in tmp_path.iterdir() if canary.encode() in path.read_bytes()]


def _fail(*_given: object, **_named: object) -> None:
    raise RuntimeError("a fault of ours")
