"""Signing in with a second factor, to read only, or as another; and ending it."""

from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from sqlalchemy import func, select, update

from tandem.actions import grants, throttles
from tandem.actions.sweep import sweep
from tandem.domain.activity_log import ActivityType
from tandem.domain.identity import MfaPolicyStatus, Role
from tandem.domain.logins import IdentityProvider
from tandem.store import users as stored_users
from tandem.store.database import Connection
from tandem.store.schema.login_tables import sign_ins, single_use_codes
from tandem.store.schema.tables import activity_log, companies, users
from tests.consoles import COPY_JOBS, JOBS, Console, error_in, rows_of
from tests.people import ACME, ACMES, ALICE, BOB, CHARLIE, NORA, PASSWORD, PEOPLE, Person, login_id_of
from tests.second_factors import code_of

pytestmark = pytest.mark.embedded_only

NOBODY = "7e57ab1e-0000-4000-8000-000000000000"
ADMINISTRATOR = PEOPLE[Role.COMPANY_ADMINISTRATOR]
OPERATOR = PEOPLE[Role.PORTAL_OPERATOR]
LOCATION_USER = PEOPLE[Role.COMPANY_LOCATION_USER]


def given(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    assert response.headers["Cache-Control"] == "no-store"
    return response.json()


def refused(response: httpx.Response, error: str = "invalid_grant") -> str:
    assert response.status_code == 400, response.text
    body = response.json()
    assert body["error"] == error, body
    return body["error_description"]


def password(console: Console, who: Person = BOB, **more: str) -> httpx.Response:
    return console.ask_for_token(grant_type="password", username=who.user_name, password=PASSWORD, **more)


def refresh(console: Console, pair: Any, **more: str) -> httpx.Response:
    return console.ask_for_token(grant_type="refresh_token", refresh_token=pair["refresh_token"], **more)


def prove(console: Console, mfa_token: str, code: str, **more: str) -> httpx.Response:
    return console.ask_for_token(grant_type="mfa", mfa_token=mfa_token, mfa_code=code, **more)


def act_as(console: Console, pair: Any, whom: Person, **more: str) -> httpx.Response:
    fields = {"grant_type": "as", "refresh_token": pair["refresh_token"], "userUid": whom.uid}
    return console.ask_for_token(**fields, **more)


def by(console: Console, pair: Any, method: str = "GET", path: str = "/users/me") -> httpx.Response:
    headers = {"Authorization": f"Bearer {pair['access_token']}"}
    return console.request(method, f"/api/v3{path}", headers=headers)


def works(console: Console, pair: Any) -> bool:
    response = by(console, pair)
    if response.status_code != 200:
        assert response.status_code == 401
        assert error_in(response)["type"] == "security"
    return response.status_code == 200


def enrol(console: Console, who: Person = BOB, pair: Any = None) -> str:
    """Add a second factor; gives its secret. A minute later its next code can be used."""
    secret = console.data("/authentication/keys/totp-secret", who)
    code = code_of(secret["secret"], console.clock.now)
    parameters = {"secretUrl": secret["secretUrl"], "code": code, "description": "x", "scopes": "rest"}
    path = f"/users/{who.uid}/logins/totp?{urlencode(parameters)}"
    response = by(console, pair, "POST", path) if pair else console.call("POST", path, who)
    assert response.status_code == 200, response.text
    console.clock.forward(minutes=1)
    return secret["secret"]


def demand_second_factor(console: Console, who: Person = BOB) -> None:
    with console.database.writing() as connection:
        stored_users.update_user(connection, who.uid, {"mfa_policy_status": MfaPolicyStatus.ENABLED})


def change(console: Console, who: Person, **values: object) -> None:
    with console.database.writing() as connection:
        connection.execute(update(users).where(users.c.instance_uid == who.uid).values(**values))


def code_now(console: Console, secret: str, steps: int = 0) -> str:
    """Give the code of a step from now."""
    console.clock.forward(seconds=30 * steps)
    code = code_of(secret, console.clock.now)
    console.clock.forward(seconds=-30 * steps)
    return code


def test_with_a_second_factor_the_password_alone_gives_no_token(console: Console) -> None:
    secret = enrol(console)
    answer = given(password(console))
    assert set(answer) == {"mfa_token", "expires_in"}
    assert answer["expires_in"] == 300
    for stolen in (answer["mfa_token"],):
        assert not works(console, {"access_token": stolen})
        refused(refresh(console, {"refresh_token": stolen}))
    pair = given(prove(console, answer["mfa_token"], code_now(console, secret)))
    assert set(pair) == {"access_token", "refresh_token", "expires_in", "token_type"}
    assert works(console, pair)
    assert works(console, given(refresh(console, pair)))
    assert answer["mfa_token"] not in repr(rows_of(console.database))


def test_a_code_is_good_once(console: Console) -> None:
    secret = enrol(console)
    code = code_now(console, secret)
    given(prove(console, given(password(console))["mfa_token"], code))
    answer = given(password(console))
    refused(prove(console, answer["mfa_token"], code))
    refused(prove(console, answer["mfa_token"], code_now(console, secret, -1)))
    console.clock.forward(seconds=30)
    given(prove(console, answer["mfa_token"], code_now(console, secret)))


def test_the_code_that_proved_the_authenticator_signs_nobody_in(console: Console) -> None:
    secret = enrol(console)
    console.clock.forward(minutes=-1)
    refused(prove(console, given(password(console))["mfa_token"], code_now(console, secret)))


@pytest.mark.parametrize(("steps", "is_right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_wrong_by_one_step(console: Console, steps: int, *, is_right: bool) -> None:
    secret = enrol(console)
    console.clock.forward(minutes=5)
    response = prove(console, given(password(console))["mfa_token"], code_now(console, secret, steps))
    assert response.is_success is is_right


def test_an_mfa_token_is_good_once_for_five_minutes_and_five_guesses(console: Console) -> None:
    secret = enrol(console)
    token = given(password(console))["mfa_token"]
    given(prove(console, token, code_now(console, secret)))
    console.clock.forward(minutes=1)
    assert "mfa_token" in refused(prove(console, token, code_now(console, secret)))
    token = given(password(console))["mfa_token"]
    console.clock.forward(minutes=5)
    assert "mfa_token" in refused(prove(console, token, code_now(console, secret)))
    token = given(password(console))["mfa_token"]
    for _ in range(grants.MFA_ATTEMPTS_MAX):
        assert "mfa_code" in refused(prove(console, token, "000000"))
    console.clock.forward(minutes=1)
    assert "mfa_token" in refused(prove(console, token, code_now(console, secret)))


def test_guessing_codes_is_slowed_down_wherever_it_comes_from(console: Console) -> None:
    secret = enrol(console)
    first, second = given(password(console))["mfa_token"], given(password(console))["mfa_token"]
    for number in range(throttles.FREE_CODES_OF_USER):
        refused(prove(console, first, "000000", address=f"192.0.2.{number}"))
    response = prove(console, second, code_now(console, secret), address="192.0.2.99")
    assert response.status_code == 429
    assert response.headers["Retry-After"] == "1"
    # It survives a restart, as it is in the database.
    again = Console(console.database)
    assert prove(again, second, code_now(console, secret)).status_code == 429
    console.clock.forward(seconds=1)
    given(prove(console, second, code_now(console, secret)))


@pytest.mark.parametrize("code", ["", " ", "12345", "1234567", "٣٣٣٣٣٣", "abcdef", "-12345", "1e1000"])
def test_what_is_no_code_is_refused(console: Console, code: str) -> None:
    enrol(console)
    token = given(password(console))["mfa_token"]
    refused(prove(console, token, code), "invalid_request" if not code else "invalid_grant")


def test_an_mfa_token_of_one_user_takes_no_code_of_another(console: Console) -> None:
    enrol(console)
    charlies = enrol(console, CHARLIE)
    refused(prove(console, given(password(console))["mfa_token"], code_now(console, charlies)))


def test_who_must_have_a_second_factor_and_has_none_may_only_add_one(console: Console) -> None:
    demand_second_factor(console)
    assert console.data("/users/me", BOB)["mfaPolicyStatus"] == "Enabled"
    answer = given(password(console))
    assert set(answer) == {"access_token", "expires_in", "token_type"}
    assert by(console, answer).json()["data"]["userName"] == "bob"
    for method, path in (
        ("GET", COPY_JOBS),
        ("GET", "/users"),
        ("GET", "/users/logins"),
        ("POST", f"/users/{BOB.uid}/logins/apikey?description=x&scopes=rest"),
        ("DELETE", f"/users/{BOB.uid}/tokens"),
        ("POST", f"{JOBS}/{ACMES.job}/start"),
    ):
        response = by(console, answer, method, path)
        assert response.status_code == 403, path
        assert "second factor" in error_in(response)["message"]
    secret = enrol(console, pair=answer)
    # The token was for this only.
    assert not works(console, answer)
    pair = given(prove(console, given(password(console))["mfa_token"], code_now(console, secret)))
    assert works(console, pair)
    assert by(console, pair, path=COPY_JOBS).status_code == 200


def test_that_token_adds_a_second_factor_to_nobody_else(console: Console) -> None:
    demand_second_factor(console, ALICE)
    answer = given(password(console, ALICE))
    secret = console.data("/authentication/keys/totp-secret", ALICE)
    code = code_of(secret["secret"], console.clock.now)
    parameters = {"secretUrl": secret["secretUrl"], "code": code, "description": "x", "scopes": "rest"}
    assert by(console, answer, "POST", f"/users/{BOB.uid}/logins/totp?{urlencode(parameters)}").status_code == 404


def test_who_signed_in_before_a_second_factor_was_demanded_signs_in_again(console: Console) -> None:
    pair = given(password(console))
    demand_second_factor(console)
    refused(refresh(console, pair))
    assert not works(console, pair)


def test_read_only_tokens_change_nothing_and_stay_read_only(console: Console) -> None:
    pair = given(password(console, readOnly="true"))
    for current in (
        pair,
        refreshed := given(refresh(console, pair)),
        given(refresh(console, refreshed, readOnly="false")),
    ):
        assert by(console, current, path=COPY_JOBS).status_code == 200
        before = rows_of(console.database)
        for method, path in (("POST", f"{JOBS}/{ACMES.job}/start"), ("DELETE", f"/users/{BOB.uid}/tokens")):
            response = by(console, current, method, path)
            assert response.status_code == 403
            assert "read only" in error_in(response)["message"]
        assert rows_of(console.database) == before


def test_a_refreshed_token_can_be_made_read_only_and_never_wider(console: Console) -> None:
    pair = given(password(console))
    narrowed = given(refresh(console, pair, readOnly="True"))
    assert by(console, narrowed, "DELETE", f"/users/{BOB.uid}/tokens").status_code == 403
    again = given(refresh(console, narrowed))
    assert by(console, again, "DELETE", f"/users/{BOB.uid}/tokens").status_code == 403


def test_read_only_goes_through_the_second_factor(console: Console) -> None:
    secret = enrol(console)
    answer = given(password(console, readOnly="true"))
    pair = given(prove(console, answer["mfa_token"], code_now(console, secret), readOnly="false"))
    assert by(console, pair, "DELETE", f"/users/{BOB.uid}/tokens").status_code == 403


@pytest.mark.parametrize("text", ["yes", "1", "null", "truetrue"])
def test_read_only_is_true_or_false(console: Console, text: str) -> None:
    assert "readOnly" in refused(password(console, readOnly=text), "invalid_request")


ACTS = [
    (ALICE, BOB),
    (ALICE, NORA),
    (BOB, ADMINISTRATOR),
    (OPERATOR, ADMINISTRATOR),
    (NORA, PEOPLE[Role.RESELLER_USER]),
]
ACTS_NOT = [
    (BOB, BOB),
    (BOB, ALICE),
    (BOB, CHARLIE),
    (ADMINISTRATOR, BOB),
    (OPERATOR, BOB),
    (OPERATOR, ALICE),
    (NORA, BOB),
    (PEOPLE[Role.RESELLER_ADMINISTRATOR], NORA),
    (PEOPLE[Role.PORTAL_READONLY_OPERATOR], LOCATION_USER),
    (LOCATION_USER, BOB),
    (PEOPLE[Role.COMPANY_TENANT], LOCATION_USER),
]


@pytest.mark.parametrize(("who", "whom"), ACTS, ids=lambda who: who.user_name)
def test_one_acts_as_a_user_whom_one_manages_and_it_is_told(console: Console, who: Person, whom: Person) -> None:
    pair = given(password(console, who))
    acting = given(act_as(console, pair, whom))
    assert set(acting) == {"access_token", "expires_in", "token_type"}
    assert acting["expires_in"] == 900
    assert by(console, acting).json()["data"]["userName"] == whom.user_name
    # His own tokens stay good.
    assert by(console, given(refresh(console, pair))).json()["data"]["userName"] == who.user_name
    with console.database.reading() as connection:
        line = connection.execute(select(activity_log).order_by(activity_log.c.position)).mappings().all()[-1]
    assert (line["user_name"], line["object_uid"]) == (who.user_name, whom.uid)
    assert line["type"] is ActivityType.USER_IMPERSONATION_SUCCESSFUL
    assert whom.user_name in line["detail"]
    console.clock.forward(seconds=900)
    assert not works(console, acting)


@pytest.mark.parametrize(("who", "whom"), ACTS_NOT, ids=lambda who: who.user_name)
def test_nobody_acts_as_one_whom_he_does_not_manage(console: Console, who: Person, whom: Person) -> None:
    pair = given(password(console, who))
    before = rows_of(console.database)
    told = refused(act_as(console, pair, whom))
    nobody = refused(
        act_as(console, pair, Person("7e57ab1e-0000-4000-8000-000000000000", "x", Role.COMPANY_OWNER, ACME))
    )
    # The same words, whether there is such a user or not.
    assert told.replace(whom.uid, "") == nobody.replace(NOBODY, "")
    assert rows_of(console.database) == before


def test_what_is_done_as_another_names_both(console: Console) -> None:
    acting = given(act_as(console, given(password(console)), ADMINISTRATOR))
    body = b'{"name":"theirs","lifetimeMinutes":60}'
    headers = {"Authorization": f"Bearer {acting['access_token']}", "Content-Type": "application/json"}
    path = "/api/v3/infrastructure/backupServers/enrolmentTokens"
    assert console.request("POST", path, content=body, headers=headers).status_code == 200
    with console.database.reading() as connection:
        line = connection.execute(select(activity_log).order_by(activity_log.c.position)).mappings().all()[-1]
    assert line["user_name"] == ADMINISTRATOR.user_name
    assert "by bob" in line["detail"]


def test_who_acts_as_another_leaves_him_no_logins(console: Console) -> None:
    acting = given(act_as(console, given(password(console)), ADMINISTRATOR))
    for method, path in (
        ("POST", f"/users/{ADMINISTRATOR.uid}/logins/apikey?description=x&scopes=rest"),
        ("DELETE", f"/users/{ADMINISTRATOR.uid}/tokens"),
    ):
        assert by(console, acting, method, path).status_code == 403


def test_a_reader_acts_as_a_reader(console: Console) -> None:
    acting = given(act_as(console, given(password(console, readOnly="true")), ADMINISTRATOR))
    assert by(console, acting, "POST", f"{JOBS}/{ACMES.job}/start").status_code == 403
    asked = given(act_as(console, given(password(console)), ADMINISTRATOR, readOnly="true"))
    assert by(console, asked, "POST", f"{JOBS}/{ACMES.job}/start").status_code == 403


@pytest.mark.parametrize(
    ("who", "values"),
    [
        (BOB, {"status": "Disabled"}),
        (BOB, {"role": Role.COMPANY_INVOICE_AUDITOR}),
        (ADMINISTRATOR, {"status": "Disabled"}),
        (ADMINISTRATOR, {"role": Role.COMPANY_OWNER}),
    ],
)
def test_acting_ends_when_either_is_not_what_he_was(console: Console, who: Person, values: dict[str, Any]) -> None:
    acting = given(act_as(console, given(password(console)), ADMINISTRATOR))
    assert works(console, acting)
    change(console, who, **values)
    assert not works(console, acting)


def test_acting_ends_with_the_sign_in_that_it_came_of(console: Console) -> None:
    pair = given(password(console))
    acting = given(act_as(console, pair, ADMINISTRATOR))
    console.does("DELETE", f"/users/{BOB.uid}/tokens", BOB)
    assert not works(console, acting)


@pytest.mark.parametrize("user_uid", ["x", "", "1", "alice"])
def test_acting_as_what_is_no_uid_is_told(console: Console, user_uid: str) -> None:
    pair = given(password(console))
    whom = Person(user_uid, "x", Role.COMPANY_OWNER, ACME)
    assert refused(act_as(console, pair, whom), "invalid_request").startswith("userUid: ")


def test_a_used_refresh_token_acts_as_nobody_and_ends_its_sign_in(console: Console) -> None:
    first = given(password(console, ALICE))
    second = given(refresh(console, first))
    refused(act_as(console, first, BOB))
    assert not works(console, second)
    refused(act_as(console, second, BOB))


def revoke(console: Console, who: Person, whose: Person, login_id: int | None = None) -> None:
    query = f"?userLoginId={login_id}" if login_id is not None else ""
    assert console.does("DELETE", f"/users/{whose.uid}/tokens{query}", who) is True


def test_revoking_ends_access_and_refresh_tokens_at_once(console: Console) -> None:
    first, second, others = given(password(console)), given(password(console)), given(password(console, CHARLIE))
    assert works(console, first)  # checked before, and remembered
    revoke(console, BOB, BOB)
    for pair in (first, second):
        assert not works(console, pair)
        refused(refresh(console, pair))
    assert works(console, others)
    assert works(console, given(password(console)))


def test_revoking_by_login_ends_what_came_of_that_login(console: Console) -> None:
    plain = given(password(console))
    secret = enrol(console)
    proved = given(prove(console, given(password(console))["mfa_token"], code_now(console, secret)))
    with console.database.reading() as connection:
        key = login_id_of(connection, BOB)
        totp = login_id_of(connection, BOB, IdentityProvider.TOTP)
        own = login_id_of(connection, BOB, IdentityProvider.PASSWORD)
        charlies = login_id_of(connection, CHARLIE, IdentityProvider.PASSWORD)
    revoke(console, ALICE, BOB, key)
    assert works(console, plain)
    revoke(console, ALICE, BOB, totp)
    assert works(console, plain)
    assert not works(console, proved)
    console.refuses(404, "DELETE", f"/users/{BOB.uid}/tokens?userLoginId={charlies}", ALICE)
    assert works(console, plain)
    revoke(console, ALICE, BOB, own)
    assert not works(console, plain)


@pytest.mark.parametrize("text", ["x", "-1", "1.5", "99999999999999999999", "true"])
def test_revoking_by_what_is_no_login_ends_nothing(console: Console, text: str) -> None:
    pair = given(password(console))
    response = console.call("DELETE", f"/users/{BOB.uid}/tokens?userLoginId={text}", BOB)
    assert response.status_code in {400, 404}
    assert works(console, pair)


def test_removing_a_second_factor_ends_what_it_had_proved(console: Console) -> None:
    secret = enrol(console)
    pair = given(prove(console, given(password(console))["mfa_token"], code_now(console, secret)))
    with console.database.reading() as connection:
        totp = login_id_of(connection, BOB, IdentityProvider.TOTP)
    console.does("DELETE", f"/users/{BOB.uid}/logins/{totp}", ALICE)
    assert not works(console, pair)
    assert works(console, given(password(console)))


def test_a_stolen_refresh_token_that_is_replayed_ends_access_tokens_too(console: Console) -> None:
    first = given(password(console))
    second = given(refresh(console, first))
    refused(refresh(console, first))
    assert not works(console, first)
    assert not works(console, second)


def test_a_user_who_was_disabled_signs_in_anew_when_he_is_enabled_again(console: Console) -> None:
    pair = given(password(console))
    change(console, BOB, status="Disabled")
    sweep(console.context)
    change(console, BOB, status="Enabled")
    assert not works(console, pair)
    refused(refresh(console, pair))


def test_signing_in_and_failing_to_are_written_down_within_bounds(console: Console) -> None:
    given(password(console))
    for _ in range(60):
        console.clock.forward(seconds=throttles.WAIT_SECONDS_MAX)
        wrong = console.ask_for_token(grant_type="password", username="bob", password="wrong password")
        assert wrong.status_code == 400
        console.ask_for_token(grant_type="password", username="nobody", password="wrong password")
    with console.database.reading() as connection:
        lines = connection.execute(select(activity_log).order_by(activity_log.c.position)).mappings().all()
    assert {(line["activity"], line["user_name"], line["object_uid"]) for line in lines} == {
        ("OAuth2IssueToken", "bob", BOB.uid)
    }
    details = [line["detail"] for line in lines]
    assert details[0].startswith("with the password")
    assert all("192.0.2.1" in detail for detail in details)
    failures = [line for line in lines if line["type"] is ActivityType.LOGIN_FAILED]
    # The first ten, then the 16th and the 32nd.
    assert len(failures) == throttles.FAILURES_TOLD + 2


def test_a_company_without_rest_access_gets_nothing_by_a_code_either(console: Console) -> None:
    secret = enrol(console)
    token = given(password(console))["mfa_token"]
    with console.database.writing() as connection:
        off = update(companies).where(companies.c.instance_uid == ACME).values(is_rest_access_enabled=False)
        connection.execute(off)
    refused(prove(console, token, code_now(console, secret)))


def counted(connection: Connection) -> tuple[int, int]:
    count = select(func.count())
    signed_in = connection.scalar(count.select_from(sign_ins)) or 0
    return signed_in, connection.scalar(count.select_from(single_use_codes)) or 0


def test_what_is_over_is_forgotten(console: Console) -> None:
    with console.database.reading() as connection:
        before = counted(connection)
    enrol(console)
    given(password(console))
    given(act_as(console, given(password(console, ALICE)), BOB))
    sweep(console.context)
    with console.database.reading() as connection:
        assert counted(connection) == (before[0] + 2, before[1] + 1)
    console.clock.forward(days=14)
    sweep(console.context)
    with console.database.reading() as connection:
        assert counted(connection) == before


def test_a_customers_log_says_that_his_provider_acted_but_not_who_nor_from_where(console: Console) -> None:
    acting = given(act_as(console, given(password(console, ALICE)), BOB))
    patch = [{"op": "replace", "path": "/isEnabled", "value": False}]
    token = {"Authorization": f"Bearer {acting['access_token']}"}
    assert console.call("PATCH", f"{JOBS}/{ACMES.job}", None, json=patch, headers=token).status_code == 200
    told = console.data("/eventLogs/activityLogs", BOB)
    assert any("(by the service provider)" in line["message"] for line in told)
    assert not [line for line in told if "alice" in str(line) or ALICE.uid in str(line) or "192.0.2" in str(line)]
    assert any("alice" in line["message"] for line in console.data("/eventLogs/activityLogs", ALICE))
