"""F21: secrets that were given once, looked for in all that anybody can see afterwards."""

import re
import uuid

import pytest

from tandem.api.http.operations import BASE
from tandem.api.routes import ROUTES
from tandem.client.errors import ApiError
from tests.faults.matrix import Scene
from tests.faults.oracle import places_of
from tests.faults.sites import RecordedSite, Sites
from tests.running import PASSWORD, REPOSITORY_PASSWORD, SERVERS

ANSWERS_MIN = 20
# A stream of events goes on for as long as one listens.
ONLY_NOW = {"seconds": 0}


def looked_for(sites: Sites, scene: Scene) -> None:
    """Give a secret in every way there is, ask for everything that can be asked for, and look into all files."""
    canary = f"canary-{scene.chance.randrange(10**9):09}"
    with sites.site() as site:
        _give(site, canary)
        answers = _all_answers(site)
        assert len(answers) > ANSWERS_MIN, list(answers)
        for secret in (canary, PASSWORD, REPOSITORY_PASSWORD):
            assert [path for path, answer in answers.items() if secret in answer] == []
        site.holds(scene.chance)
        assert places_of([canary, PASSWORD, REPOSITORY_PASSWORD], [site.folder]) == []


def _give(site: RecordedSite, canary: str) -> None:
    site.client.post(f"{site.server}/encryptionPasswords", {"password": canary, "hint": "a hint"})
    site.client.post(f"{site.server}/credentials/standard", {"username": "reader", "password": canary})
    linux = {"username": "root", **dict.fromkeys(("password", "rootPassword", "privateKey", "passphrase"), canary)}
    site.client.post(f"{site.server}/credentials/linux", linux)
    body = {"name": "refused", "path": str(site.share / "inside"), "password": canary}
    with pytest.raises(ApiError) as refused:
        site.client.post(f"{site.server}/repositories", body)
    assert canary not in str(refused.value)


def _all_answers(site: RecordedSite) -> dict[str, str]:
    """Give the answer to every GET operation there is, by its path; what cannot be found is answered too."""
    known = _ids(site)
    answers: dict[str, str] = {}
    for operation in ROUTES:
        if operation.method != "GET" or not operation.path.startswith(BASE):
            continue
        path = operation.path.removeprefix(BASE)
        for name in re.findall(r"{(\w+)}", path):
            path = path.replace(f"{{{name}}}", known.get(name, str(uuid.uuid4())))
        try:
            answers[path] = site.client.request("GET", path, query=ONLY_NOW if path.endswith("/events") else None).text
        except ApiError as error:
            answers[path] = str(error)
    return answers


def _ids(site: RecordedSite) -> dict[str, str]:
    point = site.points()[0]
    return {
        "backupServerUid": site.server.removeprefix(f"{SERVERS}/"),
        "repositoryUid": site.repositories["first"],
        "jobUid": site.copy,
        "fileShareUid": site.file_share,
        "restorePointUid": point["instanceUid"],
        "sessionUid": site.sessions(site.copy)[0]["instanceUid"],
    }
