"""What goes on by itself after 202: asked for or because it takes long, found by its initiator and by nobody else."""

import uuid
from collections.abc import Generator
from typing import Any

import pytest
from sqlalchemy import update

from tandem.actions.sweep import sweep
from tandem.api.http.background import Background
from tandem.api.routes import ROUTES
from tandem.domain.async_actions import DEAD_AFTER, FAILURE_KEPT, PARALLEL_MAX, SUCCESS_KEPT, WAITING_MAX_OF_USER
from tandem.domain.identity import Permission, Role
from tandem.store.schema.tables import users
from tandem.store.users import ENABLED
from tests.conftest import Inhabited
from tests.consoles import COPY_JOBS, JOBS, Console, error_in, rows_of
from tests.gates import ACTIONS, GatedConsole, action_in, gated_console
from tests.people import ACMES, ALICE, BETAS, BOB, CHARLIE, ESTATES, PASSWORD, PEOPLE, Person, uid
from tests.running import until

ASYNC = {"Prefer": "respond-async"}
START_JOB = f"{JOBS}/{ACMES.job}/start"
TOKENS = "/infrastructure/backupServers/enrolmentTokens"


@pytest.fixture
def gated(inhabited: Inhabited) -> Generator[GatedConsole]:
    """A console where everything that needs an agent takes long, and is waited for shortly."""
    with gated_console(inhabited, async_after_seconds=0.05) as console:
        yield console


@pytest.fixture
def patient(inhabited: Inhabited) -> Generator[GatedConsole]:
    """A console that never turns a request into an action unless it is asked to."""
    with gated_console(inhabited) as console:
        yield console


def begin(console: GatedConsole, name: str, who: Person = BOB, **headers: str) -> str:
    """Have a repository made by an action that is asked for; gives its id."""
    estate = ACMES if who is BOB else BETAS
    return action_in(console.make_repository(who, estate, name, Prefer="respond-async", **headers))


def statuses(console: Console, who: Person) -> list[str]:
    """Give how the actions stand that a test has begun."""
    old = {estate.action for estate in ESTATES}
    return [row["status"] for row in console.data(ACTIONS, who) if row["id"] not in old]


def test_who_prefers_not_to_wait_finds_the_result_later(patient: GatedConsole) -> None:
    response = patient.make_repository(BOB, ACMES, "new", Prefer="respond-async")
    action = action_in(response)
    assert response.headers["Preference-Applied"] == "respond-async"
    assert patient.action(action, BOB)["status"] == "running"
    patient.gate.set()
    assert patient.ended(action, BOB) == "succeed"
    result = patient.call("GET", f"{ACTIONS}/{action}/result", BOB)
    assert (result.status_code, result.json()["data"]["name"]) == (200, "new")
    assert "new" in patient.names_of_repositories(BOB)


def test_an_action_says_what_was_asked_and_by_whom(patient: GatedConsole) -> None:
    path = f"/infrastructure/backupServers/{ACMES.server}/repositories?select=%5B%5D&x=1&x=2"
    patient.gate.set()
    body = {"name": "new", "path": "/new"}
    action = action_in(patient.call("POST", path, BOB, json=body, headers=ASYNC))
    patient.ended(action, BOB)
    assert patient.action(action, BOB) == {
        "id": action,
        "initiatorUid": BOB.uid,
        "actionName": "CreateBackupRepository",
        "status": "succeed",
        "queryParameters": {"select": ["[]"], "x": ["1", "2"]},
        "requestBody": '{"name":"new","path":"/new"}',
    }


def test_a_read_may_be_an_action_too(patient: GatedConsole) -> None:
    action = action_in(patient.call("GET", f"{COPY_JOBS}?limit=1", BOB, headers=ASYNC))
    assert patient.ended(action, BOB) == "succeed"
    result = patient.call("GET", f"{ACTIONS}/{action}/result", BOB)
    assert result.content == patient.call("GET", f"{COPY_JOBS}?limit=1", BOB).content


@pytest.mark.parametrize("prefer", ["respond-async, wait=10", "handling=lenient,Respond-Async", "respond-async;x=1"])
def test_the_preference_is_read_as_it_is_written(patient: GatedConsole, prefer: str) -> None:
    patient.gate.set()
    assert action_in(patient.make_repository(BOB, ACMES, "new", Prefer=prefer))


@pytest.mark.parametrize("prefer", ["", "wait=10", "no-respond-async", "return=minimal"])
def test_an_id_or_another_preference_makes_no_action(patient: GatedConsole, prefer: str) -> None:
    patient.gate.set()
    request = str(uuid.uuid4())
    assert patient.make_repository(BOB, ACMES, "new", Prefer=prefer, X_Request_id=request).status_code == 200
    patient.refuses(404, "GET", f"{ACTIONS}/{request}", BOB)


def test_what_takes_long_is_answered_and_goes_on(gated: GatedConsole) -> None:
    response = gated.make_repository(BOB, ACMES, "new")
    action = action_in(response)
    assert "Preference-Applied" not in response.headers
    assert gated.action(action, BOB)["status"] == "running"
    gated.gate.set()
    assert gated.ended(action, BOB) == "succeed"
    assert gated.data(f"{ACTIONS}/{action}/result", BOB)["name"] == "new"
    assert "new" in gated.names_of_repositories(BOB)


def test_what_is_quick_is_answered_as_ever(inhabited: Inhabited) -> None:
    with gated_console(inhabited, async_after_seconds=60) as console:
        assert console.call("POST", TOKENS, BOB, json={"name": "new"}).status_code == 200
        assert statuses(console, BOB) == []


def test_a_request_that_goes_on_is_repeated_as_that(gated: GatedConsole) -> None:
    request = str(uuid.uuid4())
    assert action_in(gated.make_repository(BOB, ACMES, "new", X_Request_id=request)) == request
    assert action_in(gated.make_repository(BOB, ACMES, "new", X_Request_id=request)) == request
    gated.gate.set()
    assert gated.ended(request, BOB) == "succeed"
    assert action_in(gated.make_repository(BOB, ACMES, "new", X_Request_id=request)) == request
    assert len(gated.names_of_repositories(BOB)) == 3


def test_an_action_bears_the_id_of_its_request_unless_it_is_taken(patient: GatedConsole) -> None:
    request = str(uuid.uuid4())
    assert begin(patient, "new", X_Request_id=request) == request
    assert begin(patient, "new", X_Request_id=request) == request, "the same request"
    another = begin(patient, "newer", X_Request_id=request)
    his = begin(patient, "new", CHARLIE, X_Request_id=request)
    assert len({request, another, his}) == 3
    assert patient.action(request, BOB)["initiatorUid"] == BOB.uid
    assert patient.action(his, CHARLIE)["initiatorUid"] == CHARLIE.uid


@pytest.mark.parametrize("who", [ALICE, CHARLIE])
def test_nobody_else_sees_an_action_whatever_his_role(patient: GatedConsole, who: Person) -> None:
    action = begin(patient, "new")
    of_nothing = uid("nothing")
    for method, path, body in [
        ("GET", "", None),
        ("DELETE", "", None),
        ("PUT", "/requestData", {"requestBody": "mine"}),
        ("GET", "/result", None),
        ("DELETE", "/result", None),
    ]:
        refused = patient.refuses(404, method, f"{ACTIONS}/{action}{path}", who, body)
        missing = patient.refuses(404, method, f"{ACTIONS}/{of_nothing}{path}", who, body)
        assert refused["message"].replace(action, "…") == missing["message"].replace(of_nothing, "…")
    assert statuses(patient, who) == []
    assert statuses(patient, BOB) == ["running"]


def test_another_console_of_the_same_database_answers_for_it(patient: GatedConsole) -> None:
    action = begin(patient, "new")
    other = Console(patient.database)
    assert other.data(f"{ACTIONS}/{action}", BOB)["status"] == "running"
    other.does("DELETE", f"{ACTIONS}/{action}", BOB)
    assert patient.action(action, BOB)["status"] == "canceled"


def test_a_failure_is_found_as_the_operation_would_have_answered_it(patient: GatedConsole) -> None:
    path = f"/infrastructure/backupServers/{BETAS.server}/repositories"
    action = action_in(patient.call("POST", path, BOB, json={"name": "new", "path": "/new"}, headers=ASYNC))
    assert patient.ended(action, BOB) == "failed"
    error = patient.refuses(404, "GET", f"{ACTIONS}/{action}/result", BOB)
    assert error["message"] == f"No backup server with the id {BETAS.server} was found."


def test_a_fault_of_the_server_fails_the_action(patient: GatedConsole, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: Any, **_more: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("tandem.actions.enrol_agent.create_enrolment_token", fail)
    action = action_in(patient.call("POST", TOKENS, BOB, json={"name": "new"}, headers=ASYNC))
    assert patient.ended(action, BOB) == "failed"
    result = patient.call("GET", f"{ACTIONS}/{action}/result", BOB)
    assert (result.status_code, error_in(result)["code"]) == (520, 520)
    assert result.headers["X-Error-Id"] in error_in(result)["message"]
    assert "broken" not in result.text


def test_while_an_action_runs_its_result_is_to_be_asked_for_again(patient: GatedConsole) -> None:
    action = begin(patient, "new")
    for method in ("GET", "DELETE"):
        error = patient.refuses(409, method, f"{ACTIONS}/{action}/result", BOB)
        assert action in error["message"]
    assert patient.refuses(409, "GET", f"{ACTIONS}/{action}/result", BOB)["type"] == "retryableLogical"


def test_few_run_at_a_time_and_one_that_is_canceled_while_it_waits_never_runs(patient: GatedConsole) -> None:
    running = [begin(patient, f"new{number}") for number in range(PARALLEL_MAX)]
    waiting = begin(patient, "never")
    after = begin(patient, "after")
    assert set(statuses(patient, BOB)) == {"running"}
    assert patient.call("DELETE", f"{ACTIONS}/{waiting}", BOB).json() == {"errors": [], "data": {}, "meta": None}
    patient.gate.set()
    for action in (*running, after):
        assert patient.ended(action, BOB) == "succeed"
    assert patient.action(waiting, BOB)["status"] == "canceled"
    assert "never" not in patient.names_of_repositories(BOB)
    assert "after" in patient.names_of_repositories(BOB)


def test_what_a_canceled_action_did_stays_and_its_result_is_not_told(gated: GatedConsole) -> None:
    action = action_in(gated.make_repository(BOB, ACMES, "new"))
    gated.does("DELETE", f"{ACTIONS}/{action}", BOB)
    gated.does("DELETE", f"{ACTIONS}/{action}", BOB)
    gated.gate.set()
    gated.application.background.close()
    assert "canceled" in gated.refuses(409, "GET", f"{ACTIONS}/{action}/result", BOB)["message"]


def test_an_action_that_has_ended_cannot_be_canceled(patient: GatedConsole) -> None:
    patient.gate.set()
    action = begin(patient, "new")
    patient.ended(action, BOB)
    assert "succeed" in patient.refuses(409, "DELETE", f"{ACTIONS}/{action}", BOB)["message"]
    assert patient.action(action, BOB)["status"] == "succeed"


def test_a_result_is_kept_for_minutes_and_a_failure_for_an_hour(patient: GatedConsole) -> None:
    patient.gate.set()
    good, bad = begin(patient, "new"), begin(patient, "second")
    assert (patient.ended(good, BOB), patient.ended(bad, BOB)) == ("succeed", "succeed")
    failed = begin(patient, "new")
    assert patient.ended(failed, BOB) == "failed", "the name is taken"
    kept = patient.data(f"{ACTIONS}/config", BOB)["resultRetentionTime"]
    assert kept == SUCCESS_KEPT.total_seconds() == 300
    patient.clock.forward(seconds=kept)
    patient.refuses(404, "GET", f"{ACTIONS}/{good}/result", BOB)
    patient.refuses(404, "GET", f"{ACTIONS}/{good}", BOB)
    assert patient.action(failed, BOB)["status"] == "failed"
    patient.clock.forward(seconds=FAILURE_KEPT.total_seconds())
    sweep(patient.context)
    assert rows_of(patient.database)["async_actions"] == []


def test_a_result_that_was_dropped_is_gone_and_the_action_is_not(patient: GatedConsole) -> None:
    patient.gate.set()
    action = begin(patient, "new")
    patient.ended(action, BOB)
    patient.does("DELETE", f"{ACTIONS}/{action}/result", BOB)
    for method in ("GET", "DELETE"):
        patient.refuses(404, method, f"{ACTIONS}/{action}/result", BOB)
    assert patient.action(action, BOB)["status"] == "succeed"


def test_an_action_whose_console_has_died_fails_before_long(patient: GatedConsole) -> None:
    action = begin(patient, "new")
    until(lambda: "new" in patient.names_of_repositories(BOB))
    background: Background = patient.application.background
    patient.clock.forward(seconds=DEAD_AFTER.total_seconds())
    background.note_alive()
    sweep(patient.context)
    assert patient.action(action, BOB)["status"] == "running", "it gave a sign of life"
    patient.clock.forward(seconds=DEAD_AFTER.total_seconds() + 1)
    sweep(Console(patient.database).context)
    sweep(patient.context)
    assert patient.action(action, BOB)["status"] == "failed"
    assert "process" in patient.refuses(409, "GET", f"{ACTIONS}/{action}/result", BOB)["message"]


def test_a_console_that_ends_gives_its_actions_up(patient: GatedConsole) -> None:
    actions = [begin(patient, f"new{number}") for number in range(PARALLEL_MAX + 1)]
    patient.application.background.close()
    assert {patient.action(action, BOB)["status"] for action in actions} == {"failed"}
    patient.gate.set()


def test_a_caller_who_is_switched_off_while_his_action_waits_gets_nothing_done(patient: GatedConsole) -> None:
    running = [begin(patient, f"new{number}", CHARLIE) for number in range(PARALLEL_MAX)]
    waiting = begin(patient, "never")
    with patient.database.writing() as connection:
        connection.execute(update(users).where(users.c.instance_uid == BOB.uid).values(status="disabled"))
    patient.gate.set()
    for action in running:
        patient.ended(action, CHARLIE)
    with patient.database.writing() as connection:
        connection.execute(update(users).where(users.c.instance_uid == BOB.uid).values(status=ENABLED))
    assert patient.ended(waiting, BOB) == "failed"
    assert "never" not in patient.names_of_repositories(ALICE)


def test_nobody_fills_the_queue_alone(patient: GatedConsole) -> None:
    for number in range(WAITING_MAX_OF_USER):
        begin(patient, f"new{number}")
    refused = patient.make_repository(BOB, ACMES, "more", Prefer="respond-async")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "10")
    assert begin(patient, "new", CHARLIE)


def test_no_secret_of_a_request_is_kept_readable_or_shown(patient: GatedConsole) -> None:
    patient.gate.set()
    path = f"/infrastructure/backupServers/{ACMES.server}/repositories?code=246810&name=x"
    body = {"name": "new", "path": "/new", "password": PASSWORD, "isExisting": True}
    made = action_in(patient.call("POST", path, BOB, json=body, headers=ASYNC))
    token = action_in(patient.call("POST", TOKENS, BOB, json={"name": "new"}, headers=ASYNC))
    assert (patient.ended(made, BOB), patient.ended(token, BOB)) == ("succeed", "succeed")
    shown = patient.action(made, BOB)
    assert (shown["requestBody"], shown["queryParameters"]) == (None, {"name": ["x"]})
    result = patient.call("GET", f"{ACTIONS}/{token}/result", BOB)
    assert result.headers["Cache-Control"] == "no-store"
    rows = repr(rows_of(patient.database))
    for secret in (result.json()["data"]["token"], PASSWORD, "246810"):
        assert secret not in rows


@pytest.mark.parametrize(
    "body",
    [
        {"passphrase": "x"},
        {"a": [{"linux": {"PrivateKey": "x"}}]},
        [{"op": "replace", "path": "/rootPassword", "value": "x"}],
        {"refresh_token": "x"},
    ],
)
def test_a_body_that_names_a_secret_is_not_shown_again(patient: GatedConsole, body: object) -> None:
    action = action_in(patient.call("POST", TOKENS, BOB, json=body, headers=ASYNC))
    assert patient.action(action, BOB)["requestBody"] is None


def test_an_initiator_notes_what_he_wants_with_his_action(patient: GatedConsole) -> None:
    action = begin(patient, "new")
    data = {"requestBody": '{"note":1}', "queryParameters": {"a": ["1", "2"]}}
    shown = patient.does("PUT", f"{ACTIONS}/{action}/requestData", BOB, data)
    assert {name: shown[name] for name in data} == data
    assert patient.action(action, BOB) == shown
    assert "note" not in repr(rows_of(patient.database)["async_actions"])
    shown = patient.does("PUT", f"{ACTIONS}/{action}/requestData", BOB, {})
    assert (shown["requestBody"], shown["queryParameters"]) == (None, {})


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"requestBody": 1.5}, "requestBody"),
        ({"queryParameters": {"a": "1"}}, "queryParameters"),
        ({"queryParameters": []}, "queryParameters"),
        ({"more": 1}, "more"),
    ],
)
def test_request_data_that_is_none_is_told_by_its_field(patient: GatedConsole, body: object, name: str) -> None:
    action = begin(patient, "new")
    error = patient.refuses(400, "PUT", f"{ACTIONS}/{action}/requestData", BOB, body)
    assert name in error["propertyName"]


def test_asking_about_actions_is_never_an_action(patient: GatedConsole) -> None:
    for operation in ROUTES:
        if "/asyncActions" in operation.path and operation.method == "GET":
            path = operation.path.removeprefix("/api/v3").replace("{actionId}", ACMES.action)
            assert patient.call("GET", path, BOB, headers=ASYNC).status_code == 200
    assert patient.call("DELETE", f"{ACTIONS}/{ACMES.action}/result", BOB, headers=ASYNC).status_code == 200


def test_what_needs_no_caller_is_never_an_action(quiet_console: Console) -> None:
    for operation in ROUTES:
        if operation.permission is Permission.PUBLIC:
            response = quiet_console.request(operation.method, operation.path, headers=ASYNC)
            assert response.status_code != 202, operation.operation_id


def test_who_may_not_do_it_starts_no_action(patient: GatedConsole) -> None:
    assert patient.call("POST", START_JOB, None, headers=ASYNC).status_code == 401
    auditor = PEOPLE[Role.COMPANY_INVOICE_AUDITOR]
    assert patient.call("POST", START_JOB, auditor, headers=ASYNC).status_code == 403
    assert statuses(patient, auditor) == []


@pytest.mark.parametrize("host", ["evil.example/x", "a b", "x@y", ""])
def test_a_name_of_the_console_that_is_none_is_not_handed_back(patient: GatedConsole, host: str) -> None:
    patient.gate.set()
    response = patient.call("GET", COPY_JOBS, BOB, headers={**ASYNC, "Host": host})
    assert response.headers["Location"].startswith("https://localhost/api/v3/asyncActions/")


@pytest.mark.parametrize("host", ["vspc.example:1280", "[::1]:1280", "192.0.2.7"])
def test_an_action_is_found_where_the_console_was_called(patient: GatedConsole, host: str) -> None:
    response = patient.call("GET", COPY_JOBS, BOB, headers={**ASYNC, "Host": host})
    assert response.headers["Location"].startswith(f"https://{host}/api/v3/asyncActions/")
