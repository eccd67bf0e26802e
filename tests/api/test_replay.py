"""A write that is sent twice under one id is done once: the second gets the first one's answer, and nobody else's."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from tandem.actions.replay import CLAIM_LIFETIME, KEPT_FOR
from tandem.actions.sweep import sweep
from tandem.domain.identity import Role
from tandem.store.database import open_database
from tandem.store.schema.request_tables import replays
from tandem.store.schema.tables import users
from tests import postgres
from tests.conftest import Inhabited
from tests.consoles import COPY_JOBS, JOBS, Console, error_in, fill_with_people, rows_of
from tests.gates import gated_console
from tests.people import ACMES, ALICE, BOB, CHARLIE, PASSWORD, PEOPLE, Person, uid
from tests.running import until

TOKENS = "/infrastructure/backupServers/enrolmentTokens"
SHARES = f"/infrastructure/backupServers/{ACMES.server}/fileShares"
REQUEST = uid("request")


def fail(*_arguments: Any, **_more: Any) -> None:
    raise RuntimeError("broken")


def do_nothing(*_arguments: Any) -> None:
    """Be a console that is dead by now."""


def new_token(console: Console, who: Person = BOB, *, request: str = REQUEST, name: str = "new") -> httpx.Response:
    """Ask for something that is another each time: a token to enrol with."""
    return console.call("POST", TOKENS, who, json={"name": name}, headers={"X-Request-id": request})


def repeat(console: Console, method: str, path: str, json: object = None, who: Person = BOB) -> httpx.Response:
    return console.call(method, path, who, json=json, headers={"X-Request-id": REQUEST})


def tokens_made(console: Console) -> int:
    return len(rows_of(console.database)["enrolment_tokens"])


def test_a_repeated_write_gets_the_same_answer_and_is_done_once(console: Console) -> None:
    first, second = new_token(console), new_token(console)
    assert first.status_code == 200
    assert (second.status_code, second.content, second.headers) == (first.status_code, first.content, first.headers)
    assert tokens_made(console) == 1


def test_without_an_id_or_under_another_it_is_done_again(console: Console) -> None:
    answers = {new_token(console, request=request).text for request in (REQUEST, str(uuid.uuid4()), "", "")}
    assert len(answers) == tokens_made(console) == 4


def test_an_id_is_one_in_any_spelling(console: Console) -> None:
    spellings = (REQUEST, REQUEST.upper(), REQUEST.replace("-", ""))
    assert len({new_token(console, request=request).text for request in spellings}) == 1


def test_another_user_who_sends_the_same_is_given_his_own(console: Console) -> None:
    people = (BOB, PEOPLE[Role.COMPANY_ADMINISTRATOR], CHARLIE, ALICE)
    tokens = {new_token(console, who).json()["data"]["token"] for who in people}
    assert len(tokens) == tokens_made(console) == len(people)


def test_the_same_id_with_another_body_url_or_method_is_another_request(console: Console) -> None:
    assert new_token(console).text != new_token(console, name="newer").text
    assert repeat(console, "POST", f"{TOKENS}?x=1", {"name": "new"}).text != new_token(console).text
    assert repeat(console, "POST", f"{JOBS}/{ACMES.job}/stop").status_code == 409
    assert repeat(console, "PATCH", f"{JOBS}/{ACMES.job}", [{"op": "replace", "path": "isEnabled", "value": False}])
    assert console.data(f"{JOBS}/{ACMES.job}", BOB)["isEnabled"] is False


def test_a_listing_whose_pages_all_bear_one_id_moves_on(quiet_console: Console) -> None:
    headers = {"X-Request-id": REQUEST}
    pages = [quiet_console.call("GET", f"{COPY_JOBS}?limit=1&offset={n}", ALICE, headers=headers) for n in range(4)]
    assert len({page.json()["data"][0]["instanceUid"] for page in pages}) == 4


def test_a_read_is_never_repeated_from_memory(console: Console) -> None:
    path = f"{JOBS}/{ACMES.job}"
    before = repeat(console, "GET", path).json()["data"]["isEnabled"]
    repeat(console, "PATCH", path, [{"op": "replace", "path": "isEnabled", "value": False}])
    assert (before, repeat(console, "GET", path).json()["data"]["isEnabled"]) == (True, False)


@pytest.mark.parametrize("request_id", ["1", "no-uuid", REQUEST + "0", "\xe4", "'; drop table replays"])
def test_an_id_that_is_none_is_told_where_it_counts_and_ignored_where_not(console: Console, request_id: str) -> None:
    response = new_token(console, request=request_id)
    assert (response.status_code, error_in(response)["parameterName"]) == (400, "X-Request-id")
    assert tokens_made(console) == 0
    assert console.call("GET", COPY_JOBS, BOB, headers={"X-Request-id": request_id}).status_code == 200


def test_after_a_few_minutes_it_is_a_new_request(console: Console) -> None:
    first = new_token(console).text
    console.clock.forward(seconds=KEPT_FOR.total_seconds() - 1)
    sweep(console.context)
    assert new_token(console).text == first
    console.clock.forward(seconds=KEPT_FOR.total_seconds())
    assert new_token(console).text != first
    console.clock.forward(seconds=KEPT_FOR.total_seconds())
    sweep(console.context)
    assert rows_of(console.database)["replays"] == []


def test_another_console_of_the_same_database_repeats_it_too(console: Console) -> None:
    first = new_token(console)
    assert new_token(Console(console.database)).content == first.content


def test_no_secret_of_an_answer_or_a_request_is_readable_in_the_database(console: Console) -> None:
    token = new_token(console).json()["data"]["token"]
    user: dict[str, Any] = {"organizationUid": BOB.organization_uid, "role": "CompanyAdministrator", "profile": {}}
    body = {**user, "credentials": {"userName": "new", "password": PASSWORD}}
    made = repeat(console, "POST", "/users", body)
    assert made.status_code == 200
    rows = repr(rows_of(console.database))
    assert token not in rows
    assert PASSWORD not in rows
    assert made.text[10:60] not in repr(rows_of(console.database)["replays"])


def test_a_refusal_that_would_come_again_is_repeated(console: Console) -> None:
    console.agent_of(ACMES)
    wrong = {"name": "new", "path": "relative"}
    first, second = (repeat(console, "POST", SHARES, wrong) for _ in range(2))
    assert (first.status_code, second.content) == (400, first.content)
    taken = {"name": "other", "path": "/srv/share"}
    first, second = (repeat(console, "POST", SHARES, taken) for _ in range(2))
    assert (first.status_code, second.content) == (409, first.content)


def test_what_may_work_the_next_time_is_done_again(console: Console) -> None:
    body = {"name": "new", "path": "/new"}
    console.clock.forward(hours=1)
    away = repeat(console, "POST", SHARES, body)
    assert (away.status_code, error_in(away)["type"]) == (409, "retryableLogical")
    console.agent_of(ACMES).turn()
    assert repeat(console, "POST", SHARES, body).status_code == 200


def test_a_fault_of_the_server_is_not_repeated(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("tandem.actions.enrol_agent.create_enrolment_token", fail)
        assert new_token(console).status_code == 520
    assert new_token(console).status_code == 200


def test_who_may_no_longer_do_it_is_refused_whatever_was_answered_before(console: Console) -> None:
    assert new_token(console).status_code == 200
    with console.database.writing() as connection:
        bob = update(users).where(users.c.instance_uid == BOB.uid)
        connection.execute(bob.values(role=Role.COMPANY_INVOICE_AUDITOR))
    assert new_token(console).status_code == 403
    with console.database.writing() as connection:
        connection.execute(update(users).where(users.c.instance_uid == BOB.uid).values(status="disabled"))
    assert new_token(console).status_code == 401
    assert console.call("POST", TOKENS, None, json={"name": "new"}, headers={"X-Request-id": REQUEST}).is_error


def test_a_refused_caller_is_not_refused_for_ever(console: Console) -> None:
    with console.database.writing() as connection:
        bob = update(users).where(users.c.instance_uid == BOB.uid)
        connection.execute(bob.values(role=Role.COMPANY_INVOICE_AUDITOR))
    assert new_token(console).status_code == 403
    with console.database.writing() as connection:
        connection.execute(update(users).where(users.c.instance_uid == BOB.uid).values(role=Role.COMPANY_OWNER))
    assert new_token(console).status_code == 200


def test_those_who_send_it_at_once_get_one_answer(console: Console) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = [each.result() for each in [pool.submit(new_token, console) for _ in range(6)]]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert tokens_made(console) == 1


def test_a_second_that_comes_while_the_first_runs_waits_for_its_answer(inhabited: Inhabited) -> None:
    with gated_console(inhabited) as console, ThreadPoolExecutor(2) as pool:
        first = pool.submit(console.make_repository, BOB, ACMES, "new", X_Request_id=REQUEST)
        until(lambda: rows_of(console.database)["replays"])
        second = pool.submit(console.make_repository, BOB, ACMES, "new", X_Request_id=REQUEST)
        console.gate.set()
        assert first.result().status_code == 200
        assert second.result().content == first.result().content
        assert len(console.names_of_repositories(BOB)) == 3


def test_a_second_that_has_waited_enough_is_told_to_ask_again(inhabited: Inhabited) -> None:
    with gated_console(inhabited, replay_wait_seconds=0.05) as console, ThreadPoolExecutor(1) as pool:
        first = pool.submit(console.make_repository, BOB, ACMES, "new", X_Request_id=REQUEST)
        until(lambda: rows_of(console.database)["replays"])
        second = console.make_repository(BOB, ACMES, "new", X_Request_id=REQUEST)
        assert (second.status_code, error_in(second)["type"]) == (409, "retryableLogical")
        console.gate.set()
        assert first.result().status_code == 200
        assert console.make_repository(BOB, ACMES, "new", X_Request_id=REQUEST).content == first.result().content


def test_a_console_that_dies_before_it_changed_anything_blocks_a_request_for_minutes_only(
    inhabited: Inhabited, monkeypatch: pytest.MonkeyPatch
) -> None:
    with gated_console(inhabited, replay_wait_seconds=0.05) as console:
        with monkeypatch.context() as dying:
            dying.setattr("tandem.actions.enrol_agent.create_enrolment_token", fail)
            dying.setattr("tandem.api.http.background.give_up_claim", do_nothing)
            assert new_token(console).status_code == 520
        assert new_token(console).status_code == 409
        console.clock.forward(seconds=CLAIM_LIFETIME.total_seconds())
        assert new_token(console).status_code == 200
        assert new_token(console).status_code == 200
        assert tokens_made(console) == 1


def test_a_change_whose_answer_died_with_its_console_is_not_made_twice(
    inhabited: Inhabited, monkeypatch: pytest.MonkeyPatch
) -> None:
    with gated_console(inhabited, replay_wait_seconds=0.05) as console:
        with monkeypatch.context() as dying:
            dying.setattr("tandem.api.http.background.keep_answer", do_nothing)
            assert new_token(console).status_code == 200
        console.clock.forward(seconds=CLAIM_LIFETIME.total_seconds())
        again = new_token(console)
        assert (again.status_code, error_in(again)["type"]) == (409, "logical")
        assert "look at that before you send the request again" in error_in(again)["message"]
        assert tokens_made(console) == 1


def test_a_console_that_is_taken_for_dead_changes_nothing_any_more(inhabited: Inhabited) -> None:
    with gated_console(inhabited) as console, ThreadPoolExecutor(1) as pool:
        late = pool.submit(repeat, console, "POST", SHARES, {"name": "new", "path": "/new"})
        until(lambda: rows_of(console.database)["agent_commands"])
        with console.database.writing() as connection:
            connection.execute(update(replays).values(claim_uid=uid("another's")))
        console.gate.set()
        answer = late.result()
        assert (answer.status_code, error_in(answer)["type"]) == (409, "retryableLogical")
        assert "new" not in {row["name"] for row in console.data("/protectedWorkloads/fileShares", BOB)}


def test_a_request_whose_console_was_killed_while_it_asked_an_agent_is_run_again_at_once(
    postgres_url: str,
) -> None:
    with postgres.empty_database(postgres_url) as url, ThreadPoolExecutor(1) as pool:
        killed, living = open_database(url), open_database(url)
        living.migrate()
        with living.writing() as connection:
            fill_with_people(connection)
        with gated_console(Inhabited(killed, rows_of(killed)), replay_wait_seconds=0.05) as console:
            body = {"name": "new", "path": "/new"}
            late = pool.submit(repeat, console, "POST", SHARES, body)
            until(lambda: rows_of(living)["agent_commands"])
            other = Console(living)
            other.agent_of(ACMES)
            assert repeat(other, "POST", SHARES, body).status_code == 409  # it is run by one that lives
            killed.close()
            assert repeat(other, "POST", SHARES, body).status_code == 200
            console.agents.clear()
            console.gate.set()
            assert late.result().status_code == 409
            assert len([row for row in rows_of(living)["file_shares"] if row["name"] == "new"]) == 1
        killed.close()
        living.close()


def test_signing_in_is_never_repeated(console: Console) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Request-id": REQUEST}
    content = f"grant_type=password&username=bob&password={PASSWORD.replace(' ', '+')}".encode()
    answers = [console.request("POST", "/api/v3/token", content=content, headers=headers) for _ in range(2)]
    assert answers[0].json()["refresh_token"] != answers[1].json()["refresh_token"]
    assert rows_of(console.database)["replays"] == []
