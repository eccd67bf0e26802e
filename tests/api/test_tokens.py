"""Signing in: who gets a token, how long it is good, what a stolen one is worth, and how guessing is slowed down."""

import base64
import json
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from sqlalchemy import func, select, update

from tandem.actions import throttles
from tandem.actions.passwords import LENGTH_MAX
from tandem.actions.sweep import sweep
from tandem.domain.identity import Role
from tandem.store.schema.tables import companies, refresh_tokens, sign_in_failures, users
from tests.consoles import COPY_JOBS, FORM, Console, error_in, rows_of
from tests.people import ACME, ALICE, BOB, CHARLIE, INSTALLATION, NORA, PASSWORD, PEOPLE, START, Person, uid

KEY = "k" * 43
KEY_ID = uid("signing key")


def sign_in(
    console: Console, who: Person = BOB, password: str = PASSWORD, address: str = "192.0.2.1"
) -> httpx.Response:
    fields = {"grant_type": "password", "username": who.user_name, "password": password}
    return console.ask_for_token(address=address, **fields)


def refresh(console: Console, token: str) -> httpx.Response:
    return console.ask_for_token(grant_type="refresh_token", refresh_token=token)


def given(response: httpx.Response) -> Any:
    """Give the tokens of an answer that must hold some."""
    assert response.status_code == 200, response.text
    return response.json()


def refused(response: httpx.Response, error: str) -> str:
    """Give what an answer that must be a refusal says, in the shape that OAuth 2.0 clients read."""
    assert response.status_code == 400, response.text
    body = response.json()
    assert set(body) == {"error", "error_description"}
    assert body["error"] == error
    return body["error_description"]


def status_with(console: Console, token: str) -> int:
    """Give how a request with a token is answered."""
    response = console.request("GET", f"/api/v3{COPY_JOBS}", headers={"Authorization": f"Bearer {token}"})
    if response.status_code != 200:
        assert error_in(response)["type"] == "security"
    return response.status_code


def test_a_name_and_its_password_give_a_token_that_works(console: Console) -> None:
    response = sign_in(console)
    tokens_given = given(response)
    assert set(tokens_given) == {"access_token", "refresh_token", "expires_in", "token_type"}
    assert (tokens_given["token_type"], tokens_given["expires_in"]) == ("bearer", 3600)
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    assert status_with(console, tokens_given["access_token"]) == 200


def test_the_word_bearer_may_be_written_in_any_case(console: Console) -> None:
    token = given(sign_in(console))["access_token"]
    for scheme, status in {"bearer": 200, "BEARER": 200, "Bearer ": 200, "Basic": 401, "": 401}.items():
        headers = {"Authorization": f"{scheme} {token}"}
        assert console.request("GET", "/api/v3/users/me", headers=headers).status_code == status


def test_a_user_name_is_the_same_in_any_case_but_a_password_is_not(console: Console) -> None:
    given(console.ask_for_token(grant_type="password", username="BoB", password=PASSWORD))
    refused(console.ask_for_token(grant_type="password", username="bob", password=PASSWORD.upper()), "invalid_grant")


def test_an_unknown_user_is_answered_as_a_wrong_password(console: Console) -> None:
    wrong = refused(sign_in(console, password="wrong password"), "invalid_grant")
    unknown = console.ask_for_token(grant_type="password", username="nobody", password=PASSWORD)
    assert refused(unknown, "invalid_grant") == wrong
    assert "bob" not in wrong


def test_a_password_of_endless_length_is_wrong_and_no_burden(console: Console) -> None:
    refused(sign_in(console, password="x" * 500_000), "invalid_grant")
    refused(sign_in(console, password=PASSWORD + "x" * LENGTH_MAX), "invalid_grant")


def test_an_access_token_ends_after_an_hour(console: Console) -> None:
    token = given(sign_in(console))["access_token"]
    console.clock.forward(seconds=3599)
    assert status_with(console, token) == 200
    console.clock.forward(seconds=1)
    assert status_with(console, token) == 401


def test_a_refresh_token_gives_the_next_pair(console: Console) -> None:
    first = given(sign_in(console))
    console.clock.forward(hours=2)
    second = given(refresh(console, first["refresh_token"]))
    assert second["refresh_token"] != first["refresh_token"]
    assert status_with(console, first["access_token"]) == 401
    assert status_with(console, second["access_token"]) == 200
    given(refresh(console, second["refresh_token"]))


def test_a_refresh_token_used_twice_ends_all_that_came_from_its_sign_in(console: Console) -> None:
    first, other = given(sign_in(console)), given(sign_in(console))
    second = given(refresh(console, first["refresh_token"]))
    third = given(refresh(console, second["refresh_token"]))
    refused(refresh(console, first["refresh_token"]), "invalid_grant")
    refused(refresh(console, third["refresh_token"]), "invalid_grant")
    refused(refresh(console, second["refresh_token"]), "invalid_grant")
    # Another sign-in of the same user is none of the thief's.
    given(refresh(console, other["refresh_token"]))


def test_a_refresh_token_ends_after_two_weeks_and_is_then_forgotten(console: Console) -> None:
    kept, late = given(sign_in(console))["refresh_token"], given(sign_in(console))["refresh_token"]
    console.clock.forward(days=14, seconds=-1)
    given(refresh(console, kept))
    console.clock.forward(seconds=1)
    refused(refresh(console, late), "invalid_grant")
    sweep(console.context)
    with console.database.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(refresh_tokens)) == 1


def test_no_token_is_stored_as_it_is(console: Console) -> None:
    pair = given(sign_in(console))
    stored = repr(rows_of(console.database))
    assert pair["refresh_token"] not in stored
    assert pair["access_token"] not in stored
    assert PASSWORD not in stored


@pytest.mark.parametrize("who", [ALICE, BOB, NORA], ids=lambda who: who.user_name)
def test_a_disabled_user_is_refused_at_once_also_with_a_token_from_before(console: Console, who: Person) -> None:
    pair = given(sign_in(console, who))
    with console.database.writing() as connection:
        connection.execute(update(users).where(users.c.instance_uid == who.uid).values(status="Disabled"))
    assert status_with(console, pair["access_token"]) == 401
    refused(refresh(console, pair["refresh_token"]), "invalid_grant")
    refused(sign_in(console, who), "invalid_grant")


def test_a_company_whose_rest_access_is_switched_off_is_refused_at_once(console: Console) -> None:
    bob, charlie = given(sign_in(console)), given(sign_in(console, CHARLIE))
    with console.database.writing() as connection:
        off = update(companies).where(companies.c.instance_uid == ACME).values(is_rest_access_enabled=False)
        connection.execute(off)
    assert status_with(console, bob["access_token"]) == 401
    refused(refresh(console, bob["refresh_token"]), "invalid_grant")
    assert "REST API access" in refused(sign_in(console), "unauthorized_client")
    # Whether it is off is told to those who know the password only.
    assert "REST" not in refused(sign_in(console, password="wrong password"), "invalid_grant")
    assert status_with(console, charlie["access_token"]) == 200


def test_a_disabled_company_is_refused_at_once(console: Console) -> None:
    bob = given(sign_in(console))
    with console.database.writing() as connection:
        connection.execute(update(companies).where(companies.c.instance_uid == ACME).values(status="Disabled"))
    assert status_with(console, bob["access_token"]) == 401
    refused(sign_in(console), "invalid_grant")


def test_a_role_that_was_taken_away_is_gone_at_once(console: Console) -> None:
    token = given(sign_in(console))["access_token"]
    with console.database.writing() as connection:
        demoted = update(users).where(users.c.instance_uid == BOB.uid).values(role=Role.COMPANY_INVOICE_AUDITOR)
        connection.execute(demoted)
    assert status_with(console, token) == 403


def fails(console: Console, times: int, address: str = "192.0.2.1") -> None:
    """Guess wrong so many times, never too fast."""
    for _ in range(times):
        console.clock.forward(seconds=throttles.WAIT_SECONDS_MAX)
        refused(sign_in(console, password="wrong password", address=address), "invalid_grant")


def test_guessing_is_slowed_down_for_a_user_from_an_address(console: Console) -> None:
    for _ in range(throttles.FREE_FAILURES_OF_USER):
        refused(sign_in(console, password="wrong password"), "invalid_grant")
    response = sign_in(console)  # the right one, too early
    assert response.status_code == 429
    error = error_in(response)
    assert (error["code"], error["retryAfter"]) == (429, 1)
    assert response.headers["Retry-After"] == "1"

    given(sign_in(console, CHARLIE))  # another user from there
    given(sign_in(console, address="192.0.2.2"))  # the same user from elsewhere
    console.clock.forward(seconds=1)
    given(sign_in(console))
    # Having signed in, one may err again.
    refused(sign_in(console, password="wrong password"), "invalid_grant")
    given(sign_in(console))


def test_each_further_guess_waits_twice_as_long_up_to_five_minutes(console: Console) -> None:
    fails(console, throttles.FREE_FAILURES_OF_USER)
    waits: list[int] = []
    for _ in range(11):
        response = sign_in(console)
        assert response.status_code == 429
        waits.append(int(response.headers["Retry-After"]))
        console.clock.forward(seconds=waits[-1])
        refused(sign_in(console, password="wrong password"), "invalid_grant")
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_guesses_are_forgotten_after_a_quarter_of_an_hour(console: Console) -> None:
    fails(console, throttles.FREE_FAILURES_OF_USER + 8)
    console.clock.forward(seconds=throttles.FAILURES_FORGOTTEN_AFTER.total_seconds())
    for _ in range(throttles.FREE_FAILURES_OF_USER):
        refused(sign_in(console, password="wrong password"), "invalid_grant")
    assert sign_in(console).status_code == 429
    console.clock.forward(seconds=throttles.FAILURES_FORGOTTEN_AFTER.total_seconds() + 1)
    sweep(console.context)
    with console.database.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(sign_in_failures)) == 0


def test_an_address_that_guesses_for_many_users_is_slowed_down_too(console: Console) -> None:
    names = [person.user_name for person in PEOPLE.values()]
    for number in range(throttles.FREE_FAILURES_OF_ADDRESS):
        name = names[number % len(names)]
        wrong = console.ask_for_token(grant_type="password", username=name, password="wrong password")
        assert wrong.status_code == 400, number
    assert sign_in(console, CHARLIE).status_code == 429
    given(sign_in(console, CHARLIE, address="192.0.2.2"))


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "", "multipart/form-data; boundary=x"])
def test_another_content_type_is_told(quiet_console: Console, content_type: str) -> None:
    response = quiet_console.ask_for_token(
        content_type=content_type, grant_type="password", username="bob", password=PASSWORD
    )
    assert FORM in refused(response, "invalid_request")


def test_the_content_types_parameters_do_no_harm(console: Console) -> None:
    fields = {"grant_type": "password", "username": "bob", "password": PASSWORD}
    given(console.ask_for_token(content_type="Application/X-WWW-Form-Urlencoded; charset=UTF-8", **fields))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, "grant_type"),
        ({"username": "bob", "password": PASSWORD}, "grant_type"),
        ({"grant_type": "password"}, "username"),
        ({"grant_type": "password", "username": "bob"}, "password"),
        ({"grant_type": "password", "username": "bob", "password": ""}, "password"),
        ({"grant_type": "password", "password": PASSWORD}, "username"),
        ({"grant_type": "refresh_token"}, "refresh_token"),
        ({"grant_type": "refresh_token", "refresh_token": ""}, "refresh_token"),
    ],
)
def test_a_missing_field_is_told_by_name(quiet_console: Console, fields: dict[str, str], named: str) -> None:
    assert refused(quiet_console.ask_for_token(**fields), "invalid_request").startswith(f"{named}: ")


@pytest.mark.parametrize("grant", ["public_key", "authorization_code", "client_credentials", "Password", "x"])
def test_a_grant_that_is_not_served_is_told(quiet_console: Console, grant: str) -> None:
    text = refused(
        quiet_console.ask_for_token(grant_type=grant, username="bob", password=PASSWORD), "unsupported_grant_type"
    )
    assert "password, refresh_token, mfa or as" in text


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"&".join([b"a=b"] * 100), b"grant_type=password&username=%00&password=x"]
)
def test_a_form_that_cannot_be_read_is_no_fault_of_the_server(console: Console, body: bytes) -> None:
    response = console.request("POST", "/api/v3/token", content=body, headers={"Content-Type": FORM})
    refused(response, "invalid_request")


def test_a_refresh_token_that_was_never_given_is_refused(console: Console) -> None:
    for token in ("x", "x" * 5000, "ü"):
        refused(refresh(console, token), "invalid_grant")


def forged(**changes: Any) -> str:
    """Make the access token that Bob would be given, or one that differs in something."""
    now = int(START.timestamp())
    claims: dict[str, Any] = {"iss": INSTALLATION, "aud": "tandem-api", "sid": BOB.uid, "iat": now, "exp": now + 3600}
    header = {"alg": changes.pop("alg", "HS256"), "kid": changes.pop("kid", KEY_ID)}
    key = OctKey.import_key(changes.pop("key", KEY))
    claims = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return jwt.encode(header, claims, key, algorithms=["HS256", "HS384", "HS512", "none"])


def test_the_tokens_that_follow_differ_from_a_good_one_in_one_thing_each(console: Console) -> None:
    assert status_with(console, forged()) == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"key": "x" * 43},
        {"alg": "HS512"},
        {"kid": "another key"},
        {"kid": ""},
        {"iss": "another installation"},
        {"iss": None},
        {"aud": "another-api"},
        {"aud": None},
        {"aud": ["tandem-api"]},
        {"exp": int(START.timestamp())},
        {"exp": 0},
        {"exp": None},
        {"exp": "never"},
        {"sid": None},
        {"sid": "nobody"},
        {"sid": CHARLIE.uid.upper()},
    ],
    ids=str,
)
def test_a_forged_token_is_refused(console: Console, changes: dict[str, Any]) -> None:
    assert status_with(console, forged(**changes)) == 401


def _unsigned(header: dict[str, str]) -> str:
    parts = [json.dumps(header).encode(), base64.urlsafe_b64decode(forged().split(".")[1] + "==")]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


@pytest.mark.parametrize(
    "token",
    [
        _unsigned({"alg": "none"}),
        _unsigned({"alg": "None", "typ": "JWT"}),
        _unsigned({"alg": "HS256"}),
        _unsigned({}),
        forged() + "x",
        forged()[:-4],
        forged().replace(".", ".."),
        "x.y.z",
        "...",
        "x",
        "",
        "\xff",
        "a" * 20_000,
    ],
)
def test_a_token_that_nobody_signed_is_refused(console: Console, token: str) -> None:
    assert status_with(console, token) == 401
