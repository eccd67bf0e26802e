"""What a published SDK writes: its own models, read by the console, and the effect seen by its own reads."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from tandem.actions.reset_password import held_codes
from tandem.domain.sessions import SessionState
from tandem.store.schema.tables import users
from tests.clients.sdk import RELEASES, Sdk
from tests.conftest import Inhabited
from tests.consoles import SEAL, Console
from tests.gates import gated_console
from tests.people import ACME, ACMES, ALICE, BOB, LARA, NORTH, PASSWORD, PROVIDERS
from tests.reports import ended, session
from tests.running import until

pytestmark = pytest.mark.embedded_only

NEW_PASSWORD = "a new password, long enough"
# None of the releases can send an id with a request: they put the UUID itself into a header. So no test gives one.


@pytest.fixture(params=[(release, way) for release in RELEASES for way in ("sync", "async")], ids="-".join)
def sdk(request: pytest.FixtureRequest, console: Console) -> Sdk:
    """Every release, in both of its ways to call."""
    release, way = request.param
    return Sdk(release, console, is_asynchronous=way == "async")


def made_company(sdk: Sdk, name: str) -> Any:
    """Make a company of the reseller North's, as far as the release can say so."""
    organization = sdk.model("OrganizationInput", name=name, zip_code="0815", email=f"{name}@example.com")
    owner = sdk.model("OwnerCredentials", user_name=f"{name} owner", password=PASSWORD)
    if sdk.release == "v3_5_1":
        # This release's model has no owner; what it does not know it passes on.
        body = sdk.model("CompanyInput", organization_input=organization, reseller_uid=UUID(NORTH))
        body["ownerCredentials"] = owner.to_dict()
    else:
        body = sdk.model(
            "CompanyInput",
            organization_input=organization,
            owner_credentials=owner,
            reseller_uid=UUID(NORTH),
            is_rest_access_enabled=True,
        )
    return sdk.does("CreateCompany", ALICE, body=body).data


def names_of(sdk: Sdk, operation_id: str, **arguments: Any) -> set[str]:
    return {row.name for row in sdk.does(operation_id, ALICE, **arguments).data}


def test_a_company_is_made_changed_and_deleted(sdk: Sdk) -> None:
    made = made_company(sdk, "Delta")
    uid = str(made.instance_uid)
    assert (made.name, made.reseller_uid) == ("Delta", UUID(NORTH))
    # The releases' patches hold texts only, also for what is none.
    patch = sdk.patch(name="Delta 2", isAlarmDetectEnabled="true")
    changed = sdk.does("PatchCompany", ALICE, company_uid=uid, body=patch).data
    assert (changed.name, changed.is_alarm_detect_enabled) == ("Delta 2", True)
    assert sdk.does("GetCompany", ALICE, company_uid=uid).data.to_dict() == changed.to_dict()
    patch = sdk.patch(**{"/city": "Basel", "/country": "756"})
    organization = sdk.does("PatchOrganization", ALICE, organization_uid=uid, body=patch).data
    assert (organization.city, organization.country) == ("Basel", 756)
    older: dict[str, Any] = {"remove_backups": False} if sdk.release == "v3_5_1" else {}
    sdk.does("DeleteCompany", ALICE, company_uid=uid, remove_all_agents=True, **older)
    assert "Delta 2" not in names_of(sdk, "GetCompanies")
    assert sdk.refuses(404, "GetCompany", ALICE, company_uid=uid).code == 404


def made_user(sdk: Sdk, name: str, role: str) -> Any:
    body = sdk.model(
        "UserInput",
        organization_uid=UUID(ACME),
        role=sdk.word("UserInputRole", role),
        profile=sdk.model("UserProfile", first_name="Ann", title=sdk.word("UserProfileTitle", "Mrs")),
        credentials=sdk.model("Credentials", user_name=name, password=PASSWORD),
    )
    return sdk.does("CreateUser", BOB, body=body).data


def test_a_user_is_made_changed_and_deleted(sdk: Sdk) -> None:
    made = made_user(sdk, "ann", "CompanyAdministrator")
    assert (made.user_name, made.role.value, made.profile.title.value) == ("ann", "CompanyAdministrator", "Mrs")
    uid = str(made.instance_uid)
    patch = sdk.patch(**{"/profile/lastName": "Smith", "profile/email": "ann@example.com", "/status": "disabled"})
    changed = sdk.does("PatchUser", BOB, user_uid=uid, body=patch).data
    assert (changed.profile.first_name, changed.profile.last_name) == ("Ann", "Smith")
    assert sdk.does("GetUser", BOB, user_uid=uid).data.to_dict() == changed.to_dict()
    assert not sdk.does("DeleteUser", BOB, user_uid=uid).errors
    assert "ann" not in {row.user_name for row in sdk.does("GetUsers", BOB).data}


def test_a_user_is_given_locations(sdk: Sdk) -> None:
    body = sdk.model("OrganizationLocationInput", organization_uid=UUID(ACME), name="Bern", quota_gb=100)
    made = sdk.does("CreateLocation", BOB, body=body).data
    uid = str(made.instance_uid)
    patch = sdk.patch(**{"/name": "Biel", "/quotaGb": "200"})
    changed = sdk.does("PatchLocation", BOB, location_uid=uid, body=patch).data
    assert (changed.name, changed.quota_gb) == ("Biel", 200)
    sdk.does("SetUserToLocation", BOB, user_uid=LARA.uid, location_uid=uid)
    assert "Biel" in names_of(sdk, "GetUserLocations", user_uid=LARA.uid)
    sdk.does("DeleteUserFromLocation", BOB, user_uid=LARA.uid, location_uid=uid)
    assert "Biel" not in names_of(sdk, "GetUserLocations", user_uid=LARA.uid)
    sdk.does("DeleteLocation", BOB, location_uid=uid)
    assert "Biel" not in names_of(sdk, "GetLocations")


def test_a_job_is_switched_started_stopped_retried_and_deleted(sdk: Sdk) -> None:
    agent = sdk.console.agent_of(ACMES)
    changed = sdk.does("PatchBackupServerJob", BOB, job_uid=ACMES.job, body=sdk.patch(**{"/isEnabled": "false"})).data
    assert changed.is_enabled is False
    assert status_of(sdk) == "Success"
    sdk.does("StartBackupServerJob", BOB, job_uid=ACMES.job)
    assert status_of(sdk) == "Starting"
    assert sdk.refuses(409, "StartBackupServerJob", BOB, job_uid=ACMES.job).type_.value == "logical"
    agent.turn()
    agent.report(session("running"))
    sdk.does("StopBackupServerJob", BOB, job_uid=ACMES.job)
    assert status_of(sdk) == "Stopping"
    agent.turn()
    agent.report(ended("running", SessionState.FAILED))
    assert status_of(sdk) == "Failed"
    sdk.does("RetryBackupServerJob", BOB, job_uid=ACMES.job)
    assert status_of(sdk) == "Starting"
    sdk.does("DeleteBackupServerJob", BOB, job_uid=ACMES.copy_job)
    assert UUID(ACMES.copy_job) not in {row.instance_uid for row in sdk.does("GetBackupServerJobs", BOB).data}


def status_of(sdk: Sdk) -> str:
    return sdk.does("GetBackupServerJob", BOB, job_uid=ACMES.job).data.status.value


def test_a_job_of_the_providers_is_assigned_and_taken_back(sdk: Sdk) -> None:
    job = {"job_uid": PROVIDERS.job}
    sdk.does("AssignBackupServerJob", ALICE, company_uid=ACME, **job)
    assert sdk.does("GetBackupServerJob", BOB, **job).data.mapped_organization_uid == UUID(ACME)
    sdk.does("UnassignBackupServerJob", ALICE, **job)
    assert sdk.refuses(404, "GetBackupServerJob", BOB, **job).code == 404


def test_keys_are_made_used_restricted_and_removed(sdk: Sdk) -> None:
    scope = sdk.word("AddApiKeyLoginScopesItem", "rest")
    bob = {"user_uid": BOB.uid}
    key = sdk.does("AddApiKeyLogin", BOB, description="of the SDK", scopes=[scope], **bob).data.parameters
    me = sdk.does("GetCurrentUser", key)
    assert me.data.user_name == "bob"
    (login,) = [row for row in sdk.does("GetUserLogins", BOB, **bob).data if row.description == "of the SDK"]
    patch = sdk.patch(description="changed", isReadAccessOnly="true")
    changed = sdk.does("UpdateUserLogin", BOB, user_login_id=login.id, body=patch, **bob).data
    assert (changed.description, changed.is_read_access_only) == ("changed", True)
    sdk.refuses(403, "PatchBackupServerJob", key, job_uid=ACMES.job, body=sdk.patch(isEnabled="false"))
    assert sdk.does("DeleteUserLogin", BOB, user_login_id=login.id, **bob).data is True
    sdk.refuses(401, "GetCurrentUser", key)


def test_secrets_of_a_backup_server_are_kept_and_removed(sdk: Sdk) -> None:
    server = {"backup_server_uid": ACMES.server}
    for kind in ("Standard", "Linux"):
        body = sdk.model(f"BackupServerCredentials{kind}Input", username=f"{kind} account", password="secret")
        made = sdk.does(f"CreateBackupServer{kind}Credentials", BOB, body=body, **server).data
        listed = {row.instance_uid for row in sdk.does("GetBackupServerCredentialsByServer", BOB, **server).data}
        assert made.instance_uid in listed
        sdk.does("DeleteBackupServerCredentials", BOB, credentials_uid=str(made.instance_uid), **server)
        left = {row.instance_uid for row in sdk.does("GetBackupServerCredentialsByServer", BOB, **server).data}
        assert left == listed - {made.instance_uid}
    body = sdk.model("BackupServerEncryptionPasswordInput", password="secret", hint="of the SDK")
    made = sdk.does("CreateBackupServerEncryptionPassword", BOB, body=body, **server).data
    hints = {row.hint for row in sdk.does("GetBackupServerEncryptionPasswordsByServer", BOB, **server).data}
    assert "of the SDK" in hints
    sdk.does("DeleteBackupServerEncryptionPassword", BOB, password_uid=str(made.instance_uid), **server)
    left = {row.hint for row in sdk.does("GetBackupServerEncryptionPasswordsByServer", BOB, **server).data}
    assert left == hints - {"of the SDK"}


def test_a_server_is_told_to_report(sdk: Sdk) -> None:
    agent = sdk.console.agent_of(ACMES)
    assert not sdk.does("ForceCollectBackupServer", BOB, backup_server_uid=ACMES.server).errors
    agent.turn()
    assert "Collect" in {type(order).__name__ for order in agent.orders}


def token_for(sdk: Sdk, client: Any, grant: str, **fields: Any) -> Any:
    """Ask for tokens by the release's own form."""
    body = sdk.model("OAuth2IssueTokenBody", grant_type=sdk.word("OAuth2IssueTokenBodyGrantType", grant), **fields)
    return sdk.answer("OAuth2IssueToken", client, body=body, x_client_version=RELEASES[sdk.release])


def test_signing_in_going_on_and_signing_out(sdk: Sdk) -> None:
    first = token_for(sdk, sdk.visitor(), "password", username="bob", password=PASSWORD).parsed
    assert sdk.does("GetCurrentUser", first.access_token).data.user_name == "bob"
    sdk.console.clock.forward(hours=2)
    sdk.refuses(401, "GetCurrentUser", first.access_token)
    # The high-level client asks for new tokens with the old one in the header.
    fields = {"refresh_token": first.refresh_token}
    second = token_for(sdk, sdk.client(first.access_token), "refresh_token", **fields).parsed
    assert sdk.does("GetCurrentUser", second.access_token).data.user_name == "bob"
    assert 0 < second.expires_in <= 3600
    assert sdk.does("RevokeAuthenticationToken", second.access_token, user_uid=BOB.uid).data is True
    sdk.refuses(401, "GetCurrentUser", second.access_token)
    ended = token_for(sdk, sdk.visitor(), "refresh_token", refresh_token=second.refresh_token)
    assert (ended.status_code, ended.parsed.error.value) == (400, "invalid_grant")


def test_acting_for_somebody_and_a_token_to_read_with(sdk: Sdk) -> None:
    mine = token_for(sdk, sdk.visitor(), "password", username="alice", password=PASSWORD).parsed
    fields: dict[str, Any] = {"refresh_token": mine.refresh_token, "user_uid": UUID(BOB.uid)}
    # The first of these releases cannot ask for a token that only reads.
    reads_only = sdk.release != "v3_5_1"
    given = token_for(sdk, sdk.visitor(), "as", **fields, **({"read_only": True} if reads_only else {}))
    his = given.parsed.access_token
    assert sdk.does("GetCurrentUser", his).data.user_name == "bob"
    patch = sdk.patch(isEnabled="false")
    if reads_only:
        sdk.refuses(403, "PatchBackupServerJob", his, job_uid=ACMES.job, body=patch)
    else:
        sdk.does("PatchBackupServerJob", his, job_uid=ACMES.job, body=patch)


def test_a_forgotten_password_is_replaced(sdk: Sdk) -> None:
    with sdk.console.database.writing() as connection:
        connection.execute(update(users).where(users.c.instance_uid == BOB.uid).values(email="bob@example.com"))
    body = sdk.model("CreateResetPasswordRequestBody", email="bob@example.com", user_name="bob")
    assert sdk.answer("CreateResetPasswordRequest", sdk.visitor(), body=body).parsed.data is True
    (held,) = held_codes(sdk.console.database, SEAL, sdk.console.clock.now)
    body = sdk.model("CompleteResetPasswordRequestBody", code=held.code, new_password=NEW_PASSWORD)
    assert sdk.answer("CompleteResetPasswordRequest", sdk.visitor(), body=body).parsed.data is True
    assert token_for(sdk, sdk.visitor(), "password", username="bob", password=NEW_PASSWORD).status_code == 200


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize("release", RELEASES)
def test_an_action_is_followed_to_its_result(inhabited: Inhabited, release: str, way: str) -> None:
    with gated_console(inhabited) as console:
        console.gate.set()
        sdk = Sdk(release, console, is_asynchronous=way == "async")
        client = sdk.client(BOB, Prefer="respond-async")
        asked = sdk.answer("PatchBackupServerJob", client, job_uid=ACMES.job, body=sdk.patch(isEnabled="false"))
        assert (asked.status_code, asked.parsed) == (202, None)
        action = {"action_id": UUID(asked.headers["Location"].rpartition("/")[2])}

        def status() -> str:
            return sdk.does("GetAsyncActionInfo", BOB, **action).data.status.value

        until(lambda: status() != "running")
        info = sdk.does("GetAsyncActionInfo", BOB, **action).data
        assert (info.status.value, info.action_name) == ("succeed", "PatchBackupServerJob")
        result = sdk.does("GetAsyncActionResult", BOB, **action)
        assert result["data"]["isEnabled"] is False
        assert action["action_id"] in {row.id for row in sdk.does("GetAsyncActionsInfo", BOB).data}
        sdk.does("ClearAsyncActionResult", BOB, **action)
        assert sdk.refuses(404, "GetAsyncActionResult", BOB, **action).code == 404
