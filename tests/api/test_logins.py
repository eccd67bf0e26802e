"""What one signs in with: keys that are shown once, second factors, and nobody else's business."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from sqlalchemy import select, update

from tandem.actions import throttles
from tandem.actions.logins import LOGINS_MAX
from tandem.domain.identity import MfaPolicyStatus, Role
from tandem.domain.logins import IdentityProvider
from tandem.store.schema.login_tables import user_logins
from tandem.store.schema.tables import activity_log, companies, users
from tests.consoles import COPY_JOBS, JOBS, Console, error_in, rows_of
from tests.people import ACME, ACMES, ALICE, BOB, CHARLIE, NORA, PASSWORD, PEOPLE, Person, key_of, login_id_of, uid
from tests.second_factors import code_of

pytestmark = pytest.mark.embedded_only

ADMINISTRATOR = PEOPLE[Role.COMPANY_ADMINISTRATOR]
LOCATION_USER = PEOPLE[Role.COMPANY_LOCATION_USER]


def logins_of(who: Person) -> str:
    return f"/users/{who.uid}/logins"


def new_key(console: Console, who: Person, whose: Person | None = None, **changes: str) -> Any:
    parameters = {"description": "for a script", "scopes": "rest", **changes}
    return console.does("POST", f"{logins_of(whose or who)}/apikey?{urlencode(parameters)}", who)


def with_key(console: Console, key: str, method: str = "GET", path: str = "/users/me", **more: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return console.request(method, f"/api/v3{path}", headers=headers, **more)


def totp_parameters(console: Console, who: Person, **changes: str) -> tuple[str, dict[str, str]]:
    """Give a new secret and what a second factor is made from."""
    secret = console.data("/authentication/keys/totp-secret", who)
    code = code_of(secret["secret"], console.clock.now)
    given = {"secretUrl": secret["secretUrl"], "code": code, "description": "telephone", "scopes": "rest"}
    return secret["secret"], {**given, **changes}


def new_totp(console: Console, who: Person, whose: Person | None = None) -> tuple[str, Any]:
    """Add a second factor; gives its secret and the login."""
    secret, parameters = totp_parameters(console, who)
    return secret, console.does("POST", f"{logins_of(whose or who)}/totp?{urlencode(parameters)}", who)


def patch(console: Console, who: Person, whose: Person, login_id: int, **members: object) -> httpx.Response:
    body = [{"op": "replace", "path": f"/{name}", "value": value} for name, value in members.items()]
    return console.call("PATCH", f"{logins_of(whose)}/{login_id}", who, json=body)


def test_everybody_has_the_login_of_his_password(console: Console) -> None:
    for who in (ALICE, NORA, BOB, LOCATION_USER, PEOPLE[Role.COMPANY_INVOICE_AUDITOR]):
        first = console.data("/users/logins", who)[0]
        assert (first["identityProviderName"], first["identifierInProvider"]) == ("VSPC", who.user_name)
        assert (first["userUid"], first["userName"], first["status"]) == (who.uid, who.user_name, "enabled")
        assert (first["scopes"], first["isReadAccessOnly"]) == (["rest", "ui"], False)
        assert ("companyName" in first) is who.role.value.startswith("Company")
        assert "parameters" not in first
        assert console.data(logins_of(who), who) == console.data("/users/logins", who)
        assert console.data(f"{logins_of(who)}/{first['id']}", who) == first


def test_own_logins_can_be_filtered_and_sorted(console: Console) -> None:
    made = new_key(console, BOB, description="zebra")
    query = urlencode({"filter": '[{"property":"description","operation":"equals","value":"zebra"}]'})
    assert [row["id"] for row in console.data(f"/users/logins?{query}", BOB)] == [made["id"]]
    query = urlencode({"sort": '[{"property":"id","direction":"descending"}]', "limit": 1})
    assert console.data(f"/users/logins?{query}", BOB)[0]["id"] == made["id"]


def test_a_key_works_and_is_shown_and_kept_nowhere_but_in_its_first_answer(console: Console) -> None:
    made = new_key(console, BOB)
    key = made["parameters"]
    assert key.startswith("tandem_key_")
    assert len(key) > 50
    assert with_key(console, key).json()["data"]["userName"] == "bob"
    assert with_key(console, key, "POST", f"/infrastructure/backupServers/jobs/{ACMES.job}/stop").status_code == 409
    assert key not in repr(rows_of(console.database))
    for path in ("/users/logins", logins_of(BOB), f"{logins_of(BOB)}/{made['id']}", f"/organizations/{ACME}/keys"):
        assert key not in console.call("GET", path, BOB).text
    shown = console.data(f"{logins_of(BOB)}/{made['id']}", BOB)
    assert shown == {name: value for name, value in made.items() if name != "parameters"}
    assert key.startswith(shown["identifierInProvider"])
    assert len(shown["identifierInProvider"]) < 20


def test_the_answer_with_a_key_is_kept_by_nobody_on_its_way(console: Console) -> None:
    path = f"{logins_of(BOB)}/apikey?description=x&scopes=rest"
    assert console.call("POST", path, BOB).headers["Cache-Control"] == "no-store"
    assert console.call("GET", "/authentication/keys/totp-secret", BOB).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("key", ["", "x", key_of(BOB)[:-1], key_of(BOB) + "x", key_of(BOB).upper(), "\0", "ü" * 10])
def test_a_key_that_is_nearly_right_opens_nothing(console: Console, key: str) -> None:
    response = with_key(console, f"tandem_key_{key.removeprefix('tandem_key_')}".encode().decode("latin-1"))
    assert response.status_code == 401
    assert error_in(response)["type"] == "security"


def test_the_hash_of_a_key_is_no_key(console: Console) -> None:
    with console.database.reading() as connection:
        hashed = connection.scalar(select(user_logins.c.secret_hash).where(user_logins.c.user_uid == BOB.uid))
        hashes = [hashed, *connection.scalars(select(user_logins.c.secret_hash))]
    for each in hashes:
        assert with_key(console, f"tandem_key_{each}").status_code == 401
        assert with_key(console, str(each)).status_code == 401


def test_a_key_for_other_services_gets_no_rest_access(console: Console) -> None:
    for scopes in ("ui", "integration", "ui,integration"):
        key = new_key(console, BOB, scopes=scopes)["parameters"]
        response = with_key(console, key)
        assert response.status_code == 403
        assert "rest" in error_in(response)["message"]
    query = urlencode([("description", "x"), ("scopes", "ui"), ("scopes", "REST")])
    key = console.does("POST", f"{logins_of(BOB)}/apikey?{query}", BOB)
    assert key["scopes"] == ["rest", "ui"]
    assert with_key(console, key["parameters"]).status_code == 200


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"scopes": ""}, "scopes"),
        ({"scopes": "everything"}, "scopes"),
        ({"scopes": "unknown"}, "scopes"),
        ({"description": "x" * 2001}, "description"),
        ({"description": "a\0b"}, "description"),
        ({"isReadAccessOnly": "perhaps"}, "isReadAccessOnly"),
    ],
)
def test_a_bad_parameter_of_a_key_is_told_by_name(console: Console, changes: dict[str, str], named: str) -> None:
    before = rows_of(console.database)
    parameters = {"description": "x", "scopes": "rest", **changes}
    error = console.refuses(400, "POST", f"{logins_of(BOB)}/apikey?{urlencode(parameters)}", BOB)
    assert error["parameterName"] == named
    assert rows_of(console.database) == before


def test_a_read_only_key_changes_nothing(console: Console) -> None:
    key = new_key(console, BOB, isReadAccessOnly="true")["parameters"]
    assert with_key(console, key, path=COPY_JOBS).status_code == 200
    before = rows_of(console.database)
    path = f"{JOBS}/{ACMES.job}"
    for method, target in (
        ("POST", f"{path}/start"),
        ("PATCH", path),
        ("DELETE", path),
        ("POST", f"{logins_of(BOB)}/apikey?description=x&scopes=rest"),
        ("DELETE", f"/users/{BOB.uid}/tokens"),
        ("DELETE", f"{logins_of(BOB)}/1"),
        # Reading a file of a point is more than watching that it is there.
        ("GET", f"/protectedWorkloads/fileShares/restorePoints/{ACMES.point}/files"),
        ("GET", f"/protectedWorkloads/fileShares/restorePoints/{ACMES.point}/files/content?path=hello.txt"),
    ):
        response = with_key(console, key, method, target)
        assert response.status_code == 403, target
        assert "read only" in error_in(response)["message"]
    assert rows_of(console.database) == before


def test_a_key_can_be_restricted_for_good(console: Console) -> None:
    made = new_key(console, BOB)
    narrowed = patch(console, BOB, BOB, made["id"], isReadAccessOnly=True, description="Only Reads")
    assert narrowed.json()["data"]["isReadAccessOnly"] is True
    assert narrowed.json()["data"]["description"] == "Only Reads"
    assert with_key(console, made["parameters"], "DELETE", f"/users/{BOB.uid}/tokens").status_code == 403
    assert patch(console, BOB, BOB, made["id"], isReadAccessOnly=False).status_code == 409
    assert console.data(f"{logins_of(BOB)}/{made['id']}", BOB)["isReadAccessOnly"] is True


def test_a_key_that_is_switched_off_or_removed_ends_at_once(console: Console) -> None:
    made = new_key(console, BOB)
    assert patch(console, BOB, BOB, made["id"], status="Disabled").json()["data"]["status"] == "disabled"
    assert with_key(console, made["parameters"]).status_code == 401
    assert patch(console, BOB, BOB, made["id"], status="enabled").status_code == 200
    assert with_key(console, made["parameters"]).status_code == 200
    assert console.does("DELETE", f"{logins_of(BOB)}/{made['id']}", BOB) is True
    assert with_key(console, made["parameters"]).status_code == 401
    console.refuses(404, "DELETE", f"{logins_of(BOB)}/{made['id']}", BOB)


def test_a_key_ends_with_its_user_and_his_company(console: Console) -> None:
    assert with_key(console, key_of(BOB)).status_code == 200
    for table, condition, off, on in (
        (users, users.c.instance_uid == BOB.uid, {"status": "Disabled"}, {"status": "Enabled"}),
        (companies, companies.c.instance_uid == ACME, {"status": "Disabled"}, {"status": "Active"}),
        (
            companies,
            companies.c.instance_uid == ACME,
            {"is_rest_access_enabled": False},
            {"is_rest_access_enabled": True},
        ),
    ):
        with console.database.writing() as connection:
            connection.execute(update(table).where(condition).values(off))
        assert with_key(console, key_of(BOB)).status_code == 401
        with console.database.writing() as connection:
            connection.execute(update(table).where(condition).values(on))
        assert with_key(console, key_of(BOB)).status_code == 200


def test_guessing_keys_is_slowed_down_for_an_address(console: Console) -> None:
    for number in range(throttles.FREE_FAILURES_OF_ADDRESS):
        assert with_key(console, f"tandem_key_{number}").status_code == 401
    response = with_key(console, "tandem_key_x")
    assert response.status_code == 429
    assert response.headers["Retry-After"] == "1"
    # Who has a key is not kept out by others at his address.
    assert with_key(console, key_of(BOB)).status_code == 200
    assert with_key(console, "tandem_key_x", address="192.0.2.9").status_code == 401


def test_a_user_has_a_bounded_number_of_logins(console: Console) -> None:
    with console.database.writing() as connection:
        rows = connection.execute(select(user_logins).where(user_logins.c.user_uid == BOB.uid)).mappings().all()
        for number in range(LOGINS_MAX - len(rows)):
            copy = {**rows[0], "instance_uid": uid(f"login {number}"), "identity_provider_name": IdentityProvider.TOTP}
            del copy["position"]
            connection.execute(user_logins.insert().values(copy))
    console.refuses(409, "POST", f"{logins_of(BOB)}/apikey?description=x&scopes=rest", BOB)


def test_the_password_login_stays_as_it_is(console: Console) -> None:
    password = console.data("/users/logins", BOB)[0]["id"]
    console.refuses(409, "DELETE", f"{logins_of(BOB)}/{password}", BOB)
    for member, value in {"status": "disabled", "isReadAccessOnly": True}.items():
        response = patch(console, ALICE, BOB, password, **{member: value})
        assert response.status_code == 409
        assert error_in(response)["propertyName"] == member
    assert patch(console, BOB, BOB, password, description="mine").status_code == 200


@pytest.mark.parametrize(
    "members",
    [{"status": "disabledDueToSystem"}, {"status": "on"}, {"identifierInProvider": "x"}, {"userUid": CHARLIE.uid}],
)
def test_what_cannot_be_patched_is_told(console: Console, members: dict[str, str]) -> None:
    made = new_key(console, BOB)
    before = rows_of(console.database)
    assert patch(console, BOB, BOB, made["id"], **members).status_code == 400
    assert rows_of(console.database) == before


@pytest.mark.parametrize("login_id", ["x", "0", "-1", "99999999999999999999", "1.5", "%00"])
def test_an_id_of_no_login_is_not_found(console: Console, login_id: str) -> None:
    console.refuses(404, "GET", f"{logins_of(BOB)}/{login_id}", BOB)
    console.refuses(404, "DELETE", f"{logins_of(BOB)}/{login_id}", BOB)


def test_a_login_is_found_only_at_its_own_user(console: Console) -> None:
    with console.database.reading() as connection:
        alices, bobs = login_id_of(connection, ALICE), login_id_of(connection, BOB)
    console.refuses(404, "GET", f"{logins_of(BOB)}/{alices}", BOB)
    console.refuses(404, "DELETE", f"{logins_of(ADMINISTRATOR)}/{bobs}", BOB)
    console.refuses(404, "GET", f"{logins_of(CHARLIE)}/{bobs}", ALICE)


# Who, whose, and what is answered to each operation on the other's logins.
MANAGES = [
    (ALICE, BOB, 200),
    (ALICE, NORA, 200),
    (BOB, ADMINISTRATOR, 200),
    (PEOPLE[Role.PORTAL_OPERATOR], ADMINISTRATOR, 200),
    (ADMINISTRATOR, BOB, 403),
    (PEOPLE[Role.PORTAL_OPERATOR], BOB, 403),
    (PEOPLE[Role.RESELLER_ADMINISTRATOR], NORA, 403),
    (BOB, ALICE, 404),
    (NORA, BOB, 404),
    (CHARLIE, BOB, 404),
    (PEOPLE[Role.PORTAL_OPERATOR], ALICE, 404),
    (PEOPLE[Role.PORTAL_READONLY_OPERATOR], BOB, 404),
    (PEOPLE[Role.COMPANY_TENANT], BOB, 404),
    (PEOPLE[Role.COMPANY_TENANT], ADMINISTRATOR, 404),
    (LOCATION_USER, BOB, 404),
]


@pytest.mark.parametrize(("who", "whose", "status"), MANAGES, ids=lambda each: getattr(each, "user_name", each))
def test_only_who_manages_a_user_manages_his_logins(console: Console, who: Person, whose: Person, status: int) -> None:
    path = logins_of(whose)
    with console.database.writing() as connection:
        login_id = login_id_of(connection, whose) or login_id_of(connection, whose, IdentityProvider.PASSWORD)
    before = rows_of(console.database)
    _secret, parameters = totp_parameters(console, who)
    body = [{"op": "replace", "path": "/description", "value": "theirs"}]
    asked: list[tuple[str, str, object]] = [
        ("GET", path, None),
        ("GET", f"{path}/{login_id}", None),
        ("PATCH", f"{path}/{login_id}", body),
        ("POST", f"{path}/apikey?description=x&scopes=rest", None),
        ("POST", f"{path}/totp?{urlencode(parameters)}", None),
        ("DELETE", f"/users/{whose.uid}/tokens", None),
    ]
    for method, target, sent in asked:
        response = console.call(method, target, who, json=sent)
        assert response.status_code == status, (method, target, response.text)
        if status == 404:
            assert whose.user_name not in response.text
    if status != 200:
        assert rows_of(console.database) == before


def test_the_keys_of_an_organization_are_those_that_one_may_manage_and_ones_own(console: Console) -> None:
    for who in (ADMINISTRATOR, PEOPLE[Role.COMPANY_TENANT]):
        new_key(console, who)
    path = f"/organizations/{ACME}/keys"
    all_names = {"bob", ADMINISTRATOR.user_name, "CompanyTenant"}
    assert {row["userName"] for row in console.data(path, ALICE)} == all_names
    assert {row["userName"] for row in console.data(path, BOB)} == all_names
    assert {row["userName"] for row in console.data(path, ADMINISTRATOR)} == all_names - {"bob"}
    assert {row["userName"] for row in console.data(path, PEOPLE[Role.COMPANY_TENANT])} == {"CompanyTenant"}
    console.refuses(404, "GET", path, CHARLIE)
    console.refuses(404, "GET", path, NORA)
    console.refuses(403, "GET", path, PEOPLE[Role.PORTAL_READONLY_OPERATOR])
    query = urlencode({"filter": '[{"property":"userName","operation":"equals","value":"bob"}]', "limit": 1})
    assert [row["userName"] for row in console.data(f"{path}?{query}", ALICE)] == ["bob"]


def test_a_second_factor_is_added_with_proof_and_kept_sealed(console: Console) -> None:
    secret, login = new_totp(console, BOB)
    assert (login["identityProviderName"], login["description"]) == ("TOTP", "telephone")
    assert secret not in repr(rows_of(console.database))
    assert secret not in console.call("GET", "/users/logins", BOB).text
    assert console.data("/users/me", BOB)["mfaPolicyConfigurationStatus"] == "Configured"
    console.does("DELETE", f"{logins_of(BOB)}/{login['id']}", BOB)
    assert console.data("/users/me", BOB)["mfaPolicyConfigurationStatus"] == "NotConfigured"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"code": "000000"}, "code"),
        ({"code": "12345"}, "code"),
        ({"code": "٣٣٣٣٣٣"}, "code"),
        ({"secretUrl": "otpauth://totp/x"}, "secretUrl"),
        ({"secretUrl": "otpauth://totp/x?secret=GEZDGNBV"}, "secretUrl"),
        ({"secretUrl": "otpauth://totp/x?secret=!!!!"}, "secretUrl"),
        ({"secretUrl": "otpauth://hotp/x?secret=" + "A" * 32}, "secretUrl"),
        ({"secretUrl": "https://totp/x?secret=" + "A" * 32}, "secretUrl"),
        ({"secretUrl": "otpauth://totp/x?digits=8&secret=" + "A" * 32}, "secretUrl"),
        ({"secretUrl": "otpauth://totp/x?algorithm=MD5&secret=" + "A" * 32}, "secretUrl"),
        ({"secretUrl": "otpauth://[totp/x"}, "secretUrl"),
        ({"secretUrl": "otpauth://totp/x?" + "a=b&" * 50}, "secretUrl"),
    ],
)
def test_a_second_factor_without_proof_is_not_added(console: Console, changes: dict[str, str], named: str) -> None:
    _secret, parameters = totp_parameters(console, BOB, **changes)
    error = console.refuses(400, "POST", f"{logins_of(BOB)}/totp?{urlencode(parameters)}", BOB)
    assert error["parameterName"] == named
    assert {row["identityProviderName"] for row in console.data("/users/logins", BOB)} == {"VSPC", "ApiKey"}


def test_guessing_the_proof_is_slowed_down(console: Console) -> None:
    for _ in range(throttles.FREE_CODES_OF_USER):
        _secret, parameters = totp_parameters(console, BOB, code="000000")
        console.refuses(400, "POST", f"{logins_of(BOB)}/totp?{urlencode(parameters)}", BOB)
    _secret, parameters = totp_parameters(console, BOB)
    console.refuses(429, "POST", f"{logins_of(BOB)}/totp?{urlencode(parameters)}", BOB)
    console.clock.forward(seconds=1)
    new_totp(console, BOB)


def test_who_must_have_a_second_factor_cannot_give_up_his_last_one(console: Console) -> None:
    _secret, login = new_totp(console, BOB)
    with console.database.writing() as connection:
        enabled = update(users).where(users.c.instance_uid == BOB.uid)
        connection.execute(enabled.values(mfa_policy_status=MfaPolicyStatus.ENABLED))
    console.clock.forward(minutes=1)
    path = f"{logins_of(BOB)}/{login['id']}"
    assert with_key(console, key_of(BOB), "DELETE", path).status_code == 409
    assert patch_with_key(console, path).status_code == 409
    _secret, other = new_totp(console, BOB)
    assert with_key(console, key_of(BOB), "DELETE", path).status_code == 200
    # His administrator can, for a telephone that was lost.
    console.does("DELETE", f"{logins_of(BOB)}/{other['id']}", ALICE)


def patch_with_key(console: Console, path: str) -> httpx.Response:
    body = b'[{"op":"replace","path":"/status","value":"disabled"}]'
    headers = {"Authorization": f"Bearer {key_of(BOB)}", "Content-Type": "application/json"}
    return console.request("PATCH", f"/api/v3{path}", content=body, headers=headers)


def test_everything_is_written_down_without_a_secret(console: Console) -> None:
    key = new_key(console, BOB, whose=ADMINISTRATOR)
    patch(console, BOB, ADMINISTRATOR, key["id"], status="disabled")
    console.does("DELETE", f"{logins_of(ADMINISTRATOR)}/{key['id']}", BOB)
    console.does("DELETE", f"/users/{ADMINISTRATOR.uid}/tokens", BOB)
    secret, _login = new_totp(console, BOB)
    with console.database.reading() as connection:
        lines = connection.execute(select(activity_log).order_by(activity_log.c.position)).mappings().all()
    assert [line["activity"] for line in lines] == [
        "AddApiKeyLogin",
        "UpdateUserLogin",
        "DeleteUserLogin",
        "RevokeAuthenticationToken",
        "AddTotpLogin",
    ]
    assert {line["user_name"] for line in lines} == {"bob"}
    assert lines[0]["object_uid"] == ADMINISTRATOR.uid
    assert ADMINISTRATOR.user_name in lines[0]["detail"]
    assert key["parameters"] not in repr(lines)
    assert secret not in repr(lines)


def test_a_password_is_no_key_and_a_refresh_token_is_no_key(console: Console) -> None:
    pair = console.ask_for_token(grant_type="password", username="bob", password=PASSWORD).json()
    for value in (PASSWORD, pair["refresh_token"], f"tandem_key_{pair['refresh_token']}"):
        assert with_key(console, value).status_code == 401
    console.clock.forward(seconds=timedelta(hours=2).total_seconds())
    assert with_key(console, key_of(BOB)).status_code == 200
