"""An answer that its client has is not sent again, nobody between keeps one, and HEAD tells what GET would."""

import httpx
import pytest

from tandem.api.routes import ROUTES
from tandem.domain.identity import Permission
from tests.consoles import COPY_JOBS, JOBS, Console, error_in
from tests.people import ACMES, ALICE, BOB, CHARLIE, Person

pytestmark = pytest.mark.embedded_only

JOB = f"{JOBS}/{ACMES.job}"


def get(console: Console, path: str, who: Person = BOB, method: str = "GET", **headers: str) -> httpx.Response:
    return console.call(method, path, who, headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_who_has_the_answer_is_told_so_and_nothing_more(quiet_console: Console) -> None:
    first = get(quiet_console, JOB)
    tag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "private, no-cache"
    for given in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*", f'W/"x",{tag}'):
        again = get(quiet_console, JOB, If_None_Match=given)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == tag
        assert again.headers["Vary"] == "Accept-Encoding"
        assert again.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("given", ["", '"other"', "W/", "nonsense", '"'])
def test_who_has_another_answer_gets_this_one(quiet_console: Console, given: str) -> None:
    assert get(quiet_console, JOB, If_None_Match=given).status_code == 200


def test_after_a_change_the_tag_is_another(console: Console) -> None:
    tag = get(console, JOB).headers["ETag"]
    assert console.does("PATCH", JOB, BOB, [{"op": "replace", "path": "isEnabled", "value": False}])
    changed = get(console, JOB, If_None_Match=tag)
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag


def test_another_representation_has_another_tag(quiet_console: Console) -> None:
    paths = (COPY_JOBS, f"{COPY_JOBS}?offset=1", f"{COPY_JOBS}?expand=BackupServerJob")
    tags = {get(quiet_console, path, X_Client_Version="3.6.1").headers["ETag"] for path in paths}
    assert len(tags | {get(quiet_console, COPY_JOBS).headers["ETag"]}) == 4


def test_a_tag_opens_nothing_for_those_who_may_not_see_it(quiet_console: Console) -> None:
    tag = get(quiet_console, JOB).headers["ETag"]
    refused = get(quiet_console, JOB, CHARLIE, If_None_Match=tag)
    assert refused.status_code == 404
    assert quiet_console.call("GET", JOB, None, headers={"If-None-Match": "*"}).status_code == 401
    assert get(quiet_console, f"{JOBS}/{ACMES.share}", If_None_Match="*").status_code == 404


def test_only_a_successful_read_has_a_tag(console: Console) -> None:
    assert "ETag" not in get(console, f"{COPY_JOBS}?limit=x").headers
    patch = [{"op": "replace", "path": "isEnabled", "value": False}]
    changed = console.call("PATCH", JOB, BOB, json=patch, headers={"If-None-Match": "*"})
    assert (changed.status_code, "ETag" in changed.headers) == (200, False)


@pytest.mark.parametrize("path", [JOB, COPY_JOBS, f"{COPY_JOBS}?limit=x", f"{JOBS}/{ACMES.share}"])
@pytest.mark.parametrize("accept_encoding", ["identity", "gzip, identity;q=0"])
def test_head_tells_what_get_would(quiet_console: Console, path: str, accept_encoding: str) -> None:
    answer = get(quiet_console, path, Accept_Encoding=accept_encoding)
    head = get(quiet_console, path, method="HEAD", Accept_Encoding=accept_encoding)
    assert (head.status_code, head.content) == (answer.status_code, b"")
    assert head.headers == answer.headers


def test_head_is_for_those_who_may_get(quiet_console: Console) -> None:
    for operation in ROUTES:
        if operation.method == "GET" and operation.permission is not Permission.PUBLIC and "{" not in operation.path:
            assert quiet_console.request("HEAD", operation.path).status_code == 401
    assert quiet_console.request("HEAD", "/health/live").status_code == 200
    assert quiet_console.request("HEAD", "/nothing").content == b""


def test_a_path_is_found_with_a_slash_at_its_end_and_without(quiet_console: Console) -> None:
    for path in (JOB, COPY_JOBS):
        assert get(quiet_console, f"{path}/").content == get(quiet_console, path).content


def test_a_fault_has_an_id_that_the_client_can_quote(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_more: object) -> None:
        raise RuntimeError("a secret of the server's")

    monkeypatch.setattr("tandem.store.jobs.get_job", fail)
    response = get(console, JOB, ALICE)
    assert response.status_code == 520
    assert response.headers["X-Error-Id"] in error_in(response)["message"]
    assert "secret" not in response.text
    assert "ETag" not in response.headers


def test_a_read_with_a_content_type_and_no_body_is_a_read(quiet_console: Console) -> None:
    for content_type in ("application/json", "application/json; charset=utf-8", "text/plain"):
        assert get(quiet_console, COPY_JOBS, Content_Type=content_type).status_code == 200
