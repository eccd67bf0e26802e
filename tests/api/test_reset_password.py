"""Who has forgotten his password: a code for him, and nothing for anybody who asks in his name."""

import httpx
import pytest
from sqlalchemy import select, update

from tandem.actions import throttles
from tandem.actions.reset_password import CODE_LIFETIME, CODES_OF_USER_MAX, HeldCode, held_codes
from tandem.actions.sweep import sweep
from tandem.store.schema.tables import activity_log, users
from tests.api.test_costs import counted
from tests.consoles import SEAL, Console, error_in, rows_of
from tests.people import BOB, PASSWORD, Person, key_of

pytestmark = pytest.mark.embedded_only

PATH = "/api/v3/users/resetpassword"
EMAIL = "Bob@example.com"
NEW = "a new password for bob"
ASKS = {"email": EMAIL, "userName": "bob"}


@pytest.fixture(autouse=True)
def bobs_address(console: Console) -> None:
    give_address(console, BOB, EMAIL)


def give_address(console: Console, who: Person, email: str | None) -> None:
    with console.database.writing() as connection:
        connection.execute(update(users).where(users.c.instance_uid == who.uid).values(email=email))


def ask(console: Console, body: object = ASKS, address: str = "192.0.2.1") -> httpx.Response:
    return console.request("POST", PATH, json=body, address=address)


def held(console: Console) -> list[HeldCode]:
    return held_codes(console.database, SEAL, console.clock.now)


def code_for_bob(console: Console) -> str:
    assert ask(console).json() == {"data": True}
    return held(console)[-1].code


def complete(console: Console, code: str, password: object = NEW, address: str = "192.0.2.1") -> httpx.Response:
    return console.request("PUT", PATH, json={"code": code, "newPassword": password}, address=address)


def sign_in(console: Console, password: str) -> httpx.Response:
    return console.ask_for_token(grant_type="password", username="bob", password=password)


def test_a_code_sets_a_new_password_once(console: Console) -> None:
    code = code_for_bob(console)
    assert complete(console, code).json() == {"data": True}
    assert sign_in(console, NEW).status_code == 200
    assert sign_in(console, PASSWORD).status_code == 400
    response = complete(console, code, "yet another password")
    assert response.status_code == 400
    assert error_in(response)["propertyName"] == "code"
    assert sign_in(console, NEW).status_code == 200


def test_whoever_was_signed_in_no_longer_is_but_keys_stay(console: Console) -> None:
    pair = sign_in(console, PASSWORD).json()
    complete(console, code_for_bob(console))
    headers = {"Authorization": f"Bearer {pair['access_token']}"}
    assert console.request("GET", "/api/v3/users/me", headers=headers).status_code == 401
    refresh = console.ask_for_token(grant_type="refresh_token", refresh_token=pair["refresh_token"])
    assert refresh.status_code == 400
    headers = {"Authorization": f"Bearer {key_of(BOB)}"}
    assert console.request("GET", "/api/v3/users/me", headers=headers).status_code == 200


def test_a_code_is_kept_by_its_hash_and_sealed_and_is_told_to_nobody_over_http(console: Console) -> None:
    code = code_for_bob(console)
    assert len(code) >= 40
    assert code not in repr(rows_of(console.database))
    (found,) = held(console)
    assert (found.user_name, found.email, found.expires_at) == ("bob", EMAIL, console.clock.now + CODE_LIFETIME)


def test_a_code_ends_after_half_an_hour(console: Console) -> None:
    code = code_for_bob(console)
    console.clock.forward(seconds=CODE_LIFETIME.total_seconds())
    assert complete(console, code).status_code == 400
    assert held(console) == []
    sweep(console.context)
    assert rows_of(console.database)["single_use_codes"] == []


@pytest.mark.parametrize(
    "body",
    [
        {"email": EMAIL, "userName": "nobody"},
        {"email": "mallory@example.com", "userName": "bob"},
        {"email": EMAIL, "userName": "charlie"},
        {"email": "", "userName": "charlie"},
        {"email": f"{EMAIL} x", "userName": "bob"},
        {"email": "%", "userName": "bob"},
        {"email": "' or 1=1 --", "userName": "' or 1=1 --"},
    ],
)
def test_whoever_guesses_learns_nothing(console: Console, body: dict[str, str]) -> None:
    right, wrong = ask(console), ask(console, body)
    assert (right.status_code, right.content) == (wrong.status_code, wrong.content) == (200, b'{"data":true}')
    assert dict(right.headers) == dict(wrong.headers)
    assert [found.user_name for found in held(console)] == ["bob"]


def test_the_same_statements_run_whether_there_is_such_a_user_or_not(console: Console) -> None:
    # Each has been asked for before, so that the throttle's rows are there.
    for body in (ASKS, {"email": EMAIL, "userName": "nobody"}):
        ask(console, body)
    with counted() as unknown:
        ask(console, {"email": EMAIL, "userName": "nobody"})
    with counted() as wrong:
        ask(console, {"email": "mallory@example.com", "userName": "bob"})
    with counted() as right:
        ask(console)
    assert len(unknown) == len(wrong)
    # Whoever knows Bob's address is told nothing new by the line that is written down for him.
    assert len(right) == len(unknown) + 1


def test_a_user_without_an_address_or_who_is_disabled_gets_no_code(console: Console) -> None:
    give_address(console, BOB, None)
    for email in ("", "None", "null", EMAIL):
        ask(console, {"email": email, "userName": "bob"})
    assert held(console) == []
    console.clock.forward(minutes=20)
    give_address(console, BOB, EMAIL)
    code = code_for_bob(console)
    with console.database.writing() as connection:
        connection.execute(update(users).where(users.c.instance_uid == BOB.uid).values(status="Disabled"))
    assert complete(console, code).status_code == 400
    console.clock.forward(minutes=40)
    ask(console)
    assert held(console) == []


@pytest.mark.parametrize("email", ["", " "])
def test_who_has_an_empty_address_is_not_found_by_one(console: Console, email: str) -> None:
    give_address(console, BOB, "")
    ask(console, {"email": email, "userName": BOB.user_name})
    assert held(console) == []


def test_another_users_code_changes_nobody_elses_password(console: Console) -> None:
    complete(console, code_for_bob(console))
    charlie = console.ask_for_token(grant_type="password", username="charlie", password=PASSWORD)
    assert charlie.status_code == 200


@pytest.mark.parametrize("password", ["", "short", "x" * 1025, None, 1, []])
def test_a_bad_password_leaves_the_code_good(console: Console, password: object) -> None:
    code = code_for_bob(console)
    response = complete(console, code, password)
    assert response.status_code == 400
    assert error_in(response)["propertyName"] == "newPassword"
    assert complete(console, code).status_code == 200


@pytest.mark.parametrize("code", ["", "x", "x" * 200, "x" * 201, "\0", "ü"])
def test_what_is_no_code_is_refused(console: Console, code: str) -> None:
    before = rows_of(console.database, leave_out=["sign_in_failures"])
    response = complete(console, code)
    assert response.status_code == 400
    assert error_in(response)["propertyName"] == "code"
    assert rows_of(console.database, leave_out=["sign_in_failures"]) == before


def test_an_mfa_token_is_no_code_and_a_code_is_no_mfa_token(console: Console) -> None:
    code = code_for_bob(console)
    response = console.ask_for_token(grant_type="mfa", mfa_token=code, mfa_code="000000")
    assert response.json()["error"] == "invalid_grant"
    assert complete(console, code).status_code == 200


def test_asking_is_slowed_down_for_a_user_from_an_address_and_for_an_address(console: Console) -> None:
    for _ in range(throttles.FREE_RESETS_OF_USER):
        assert ask(console).status_code == 200
    assert ask(console).status_code == 429
    # As for a name that nobody has.
    for _ in range(throttles.FREE_RESETS_OF_USER):
        assert ask(console, {"email": EMAIL, "userName": "nobody"}).status_code == 200
    assert ask(console, {"email": EMAIL, "userName": "nobody"}).status_code == 429
    for number in range(throttles.FREE_RESETS_OF_ADDRESS):
        ask(console, {"email": EMAIL, "userName": f"user {number}"})
    assert ask(console, {"email": EMAIL, "userName": "the next"}).status_code == 429
    assert ask(console, address="192.0.2.2").status_code == 200


def test_others_cannot_fill_a_users_post(console: Console) -> None:
    for number in range(CODES_OF_USER_MAX + 3):
        assert ask(console, address=f"192.0.2.{number}").json() == {"data": True}
    found = held(console)
    assert len(found) == CODES_OF_USER_MAX
    assert complete(console, found[0].code).status_code == 200
    # One that was used ends the others.
    assert held(console) == []


def test_guessing_codes_is_slowed_down(console: Console) -> None:
    code = code_for_bob(console)
    for number in range(throttles.FREE_RESETS_OF_ADDRESS):
        assert complete(console, f"guess {number}").status_code == 400
    assert complete(console, code).status_code == 429
    assert complete(console, code, address="192.0.2.2").status_code == 200


@pytest.mark.parametrize(
    "url",
    ["https://evil.example/", "javascript:alert(1)", "//evil.example", "x" * 5000, "\r\nSet-Cookie: a=b", "", None],
)
def test_the_return_url_is_neither_followed_nor_kept(console: Console, url: str | None) -> None:
    response = ask(console, {**ASKS, "returnUrl": url})
    assert response.json() == {"data": True}
    assert not url or url not in repr(rows_of(console.database))
    assert "location" not in response.headers


@pytest.mark.parametrize("body", [{}, {"email": EMAIL}, {"userName": "bob"}, {"email": 1.5, "userName": "bob"}, []])
def test_a_body_that_lacks_something_is_told(console: Console, body: object) -> None:
    response = ask(console, body)
    assert response.status_code == 400
    error_in(response)


def test_it_is_written_down_without_the_code(console: Console) -> None:
    code = code_for_bob(console)
    ask(console, {"email": "mallory@example.com", "userName": "bob"})
    complete(console, code)
    with console.database.reading() as connection:
        lines = connection.execute(select(activity_log).order_by(activity_log.c.position)).mappings().all()
    assert [line["activity"] for line in lines] == ["CreateResetPasswordRequest", "CompleteResetPasswordRequest"]
    assert code not in repr(lines)
