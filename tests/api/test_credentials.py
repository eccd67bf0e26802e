"""Credentials: kept for the agent, told to nobody, and seen only by those whose backup server or company it is."""

import secrets
from typing import Any

import pytest

from tandem.decoding import decode
from tandem.domain.credentials import Secrets
from tandem.protocol.messages import CheckFolder, ShareCredentials
from tests.consoles import SEAL, Console, rows_of
from tests.people import ACME, ACMES, ALICE, BETA, BETAS, BOB, CHARLIE, GAMMA, GAMMAS, NORA, PROVIDERS, Estate, uid

pytestmark = pytest.mark.embedded_only


def path_of(estate: Estate) -> str:
    return f"/infrastructure/backupServers/{estate.server}/credentials"


ACMES_PATH = path_of(ACMES)
PROVIDERS_PATH = path_of(PROVIDERS)


def add(console: Console, path: str = ACMES_PATH, who: Any = BOB, **body: object) -> Any:
    return console.does("POST", f"{path}/standard", who, {"username": "reader", "password": "secret", **body})


def test_what_was_added_is_listed_without_its_secrets(console: Console) -> None:
    made = add(console, description="of the filer")
    assert made == {
        "instanceUid": made["instanceUid"],
        "username": "reader",
        "description": "of the filer",
        "creationTime": "2026-03-02T12:00:00.0000000+00:00",
        "mappedOrganizationUid": None,
        "mappedOrganizationName": None,
    }
    (row,) = [row for row in console.data(ACMES_PATH, BOB) if row["instanceUid"] == made["instanceUid"]]
    assert row == {**made, "type": "Standard"}


def test_linux_credentials_tell_how_one_signs_in_and_no_key(console: Console) -> None:
    body = {
        "username": "root",
        "privateKey": "-----BEGIN KEY-----\nx\n-----END KEY-----\n",
        "passphrase": "of the key",
        "rootPassword": "of root",
        "sshPort": 2222,
        "useSu": True,
    }
    made = console.does("POST", f"{ACMES_PATH}/linux", BOB, body)
    details = {"sshPort": 2222, "autoElevated": False, "addToSudoers": False, "useSu": True}
    details |= {"privateKey": None, "passphrase": None}
    assert made.items() >= details.items()
    (row,) = [row for row in console.data(ACMES_PATH, BOB) if row["type"] == "Linux"]
    assert row["linuxCredentialsDetails"] == details
    kept = {row["instance_uid"]: row["sealed_secrets"] for row in rows_of(console.database)["credentials"]}
    opened = decode(SEAL.open(kept[made["instanceUid"]], made["instanceUid"]), Secrets)
    assert (opened.private_key, opened.passphrase) == (body["privateKey"], "of the key")
    assert (opened.root_password, opened.password) == ("of root", None)
    # Somebody who can write to the database cannot give one account the secrets of another.
    assert len(set(kept.values())) == len(kept)
    assert "of root" not in repr(opened)


def test_names_are_matched_whatever_their_case_and_defaults_are_the_contracts(console: Console) -> None:
    made = console.does("POST", f"{ACMES_PATH}/linux", BOB, {"UserName": "root"})
    assert (made["sshPort"], made["autoElevated"], made["addToSudoers"], made["useSu"]) == (22, False, False, False)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Acme's account", "Zoe", "adam", "bea"]),
        ("?orderColumn=Username", ["Acme's account", "adam", "bea", "Zoe"]),
        ("?orderColumn=username&orderAsc=false", ["Zoe", "bea", "adam", "Acme's account"]),
        ("?orderColumn=Description&orderAsc=TRUE", ["Acme's account", "adam", "Zoe", "bea"]),
        ("?orderAsc=false", ["bea", "adam", "Zoe", "Acme's account"]),
        ("?orderColumn=Username&limit=2&offset=1", ["adam", "bea"]),
    ],
)
def test_a_list_is_ordered_as_asked_in_the_database(console: Console, query: str, names: list[str]) -> None:
    for name, description in (("Zoe", "first"), ("adam", None), ("bea", "second")):
        add(console, username=name, description=description)
    answer = console.get(ACMES_PATH + query, BOB)
    assert [row["username"] for row in answer["data"]] == names
    assert answer["meta"]["pagingInfo"]["total"] == 4


@pytest.mark.parametrize(
    "query",
    [
        "orderColumn=Password",
        "orderColumn=username;drop table users",
        "orderAsc=upwards",
        "mappedOrganizationUidFilter=x",
    ],
)
def test_a_list_refuses_what_it_does_not_know(quiet_console: Console, query: str) -> None:
    error = quiet_console.refuses(400, "GET", f"{ACMES_PATH}?{query}", BOB)
    assert error["parameterName"] == query.partition("=")[0]


def test_a_company_sees_what_is_mapped_to_it_and_cannot_touch_it(console: Console) -> None:
    console.refuses(404, "GET", PROVIDERS_PATH, BOB)
    made = add(console, PROVIDERS_PATH, ALICE, mappedOrganizationUid=ACME)
    add(console, PROVIDERS_PATH, ALICE, mappedOrganizationUid=BETA)
    assert made["mappedOrganizationName"] == "Acme"
    (row,) = console.data(PROVIDERS_PATH, BOB)
    assert row["instanceUid"] == made["instanceUid"]
    assert console.data(f"{PROVIDERS_PATH}?mappedOrganizationUidFilter={BETA}", BOB) == []
    before = rows_of(console.database)
    console.refuses(404, "DELETE", f"{PROVIDERS_PATH}/{made['instanceUid']}", BOB)
    console.refuses(404, "POST", f"{PROVIDERS_PATH}/standard", BOB, {"username": "x", "password": "y"})
    assert rows_of(console.database) == before
    assert len(console.data(PROVIDERS_PATH, ALICE)) == 3
    assert len(console.data(f"{PROVIDERS_PATH}?mappedOrganizationUidFilter={BETA}", ALICE)) == 1


@pytest.mark.parametrize(
    ("who", "estate", "company", "status"),
    [
        (BOB, ACMES, BETA, 404),  # a company that he does not see
        (BOB, ACMES, uid("nothing"), 404),
        (ALICE, ACMES, BETA, 400),  # Bob would learn of Beta
        (ALICE, ACMES, ALICE.organization_uid, 404),  # no company
        (NORA, GAMMAS, ACME, 404),
        (ALICE, GAMMAS, BETA, 400),
    ],
)
def test_nothing_is_mapped_to_a_company_that_has_nothing_to_do_with_the_server(
    console: Console, *, who: Any, estate: Estate, company: str, status: int
) -> None:
    before = rows_of(console.database)
    body = {"username": "x", "password": "y", "mappedOrganizationUid": company}
    for path in (f"{path_of(estate)}/standard", f"{path_of(estate)}/linux"):
        error = console.refuses(status, "POST", path, who, body)
        assert error["propertyName"] == "mappedOrganizationUid"
    assert rows_of(console.database) == before


def test_a_company_maps_to_itself_and_a_reseller_to_its_company(console: Console) -> None:
    assert add(console, mappedOrganizationUid=ACME)["mappedOrganizationName"] == "Acme"
    assert add(console, path_of(GAMMAS), NORA, mappedOrganizationUid=GAMMA)["mappedOrganizationName"] == "Gamma"


def test_credentials_of_one_server_are_not_found_at_another(console: Console) -> None:
    for who, path in ((ALICE, path_of(BETAS)), (CHARLIE, path_of(BETAS))):
        console.refuses(404, "DELETE", f"{path}/{ACMES.credentials}", who)
    assert console.data(ACMES_PATH, BOB)
    console.does("DELETE", f"{ACMES_PATH}/{ACMES.credentials}", BOB)
    assert console.data(ACMES_PATH, BOB) == []


SHARES = f"/infrastructure/backupServers/{ACMES.server}/fileShares"


def test_a_share_takes_credentials_to_its_agent_and_keeps_them_from_being_deleted(console: Console) -> None:
    agent = console.agent_of(ACMES)
    made = add(console, username="FILER\\reader", password="the password")
    share = {"name": "of the filer", "path": "/srv/filer", "credentialsUid": made["instanceUid"]}
    console.does("POST", SHARES, BOB, share)
    agent.turn()
    assert agent.configuration is not None
    told = {each.path: each.credentials for each in agent.configuration.file_shares}
    expected = ShareCredentials(username="FILER\\reader", password="the password")
    assert told == {"/srv/share": None, "/srv/filer": expected}
    assert "the password" not in repr(agent.configuration)
    error = console.refuses(409, "DELETE", f"{ACMES_PATH}/{made['instanceUid']}", BOB)
    assert "of the filer" in error["message"]
    assert len(console.data(ACMES_PATH, BOB)) == 2


def test_a_share_takes_no_credentials_that_are_not_its_servers(console: Console) -> None:
    console.agent_of(ACMES)
    linux = console.does("POST", f"{ACMES_PATH}/linux", BOB, {"username": "root"})["instanceUid"]
    mapped = add(console, PROVIDERS_PATH, ALICE, mappedOrganizationUid=ACME)["instanceUid"]
    before = rows_of(console.database)["file_shares"]
    for status, named in ((404, BETAS.credentials), (404, mapped), (404, uid("nothing")), (400, linux)):
        body = {"name": "new", "path": "/srv/new", "credentialsUid": named}
        assert console.refuses(status, "POST", SHARES, BOB, body)["propertyName"] == "credentialsUid"
    assert rows_of(console.database)["file_shares"] == before


HOSTILE = ["'; drop table credentials; --", '" or 1=1', "%s %(x)s {0} \\", "\u202eevil", "\U0001d518" * 200]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_kept_as_they_are(console: Console, text: str) -> None:
    made = add(console, username=text, description=text, password=text)
    (row,) = [row for row in console.data(ACMES_PATH, BOB) if row["instanceUid"] == made["instanceUid"]]
    assert (row["username"], row["description"]) == (text, text)


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("standard", "username", ""),
        ("standard", "username", "x" * 256),
        ("standard", "username", "a\0b"),
        ("standard", "description", "x" * 2001),
        ("standard", "description", "a\0b"),
        ("standard", "mappedOrganizationUid", "x"),
        ("standard", "userName2", "x"),
        ("linux", "sshPort", 0),
        ("linux", "sshPort", 65536),
        ("linux", "sshPort", "ssh"),
        ("linux", "useSu", "yes"),
    ],
)
def test_bad_input_is_told_by_field_and_keeps_nothing(console: Console, kind: str, field: str, value: object) -> None:
    before = rows_of(console.database)
    body = {"username": "reader", "password": "secret", field: value}
    error = console.refuses(400, "POST", f"{ACMES_PATH}/{kind}", BOB, body)
    assert error["propertyName"] == field
    assert rows_of(console.database) == before


@pytest.mark.parametrize("field", ["password", "rootPassword", "privateKey", "passphrase"])
def test_a_secret_that_is_refused_is_not_repeated(console: Console, field: str) -> None:
    canary = secrets.token_hex(16)
    for value in (f"{canary}\0", canary * 2000, [canary], {"x": canary}):
        body = {"username": "reader", field: value}
        error = console.refuses(400, "POST", f"{ACMES_PATH}/linux", BOB, body)
        assert error["propertyName"] == field
        assert canary not in str(error)


def test_a_share_of_another_machine_is_mounted_by_its_agent_before_it_is_taken(console: Console) -> None:
    agent = console.agent_of(ACMES)
    made = add(console, username="FILER\\reader", password="the password")["instanceUid"]
    share = {
        "name": "of the filer",
        "path": "//Filer/docs/Finance/",
        "credentialsUid": made,
        "inclusionMasks": ["\\Reports", "/Bills/*"],
        "exclusionMasks": ["*.tmp"],
    }
    agent.answer_to = lambda _order: "access is denied"
    assert "access is denied" in console.refuses(400, "POST", SHARES, BOB, share)["message"]
    # To the agent the order has the password; in the database it has not.
    (order,) = agent.orders
    secret = ShareCredentials(username="FILER\\reader", password="the password")
    assert order == CheckFolder(path=r"\\filer\docs\Finance", credentials_uid=made, credentials=secret)
    assert "the password" not in repr(rows_of(console.database)["agent_commands"])

    agent.answer_to = lambda _order: ""
    shown = console.does("POST", SHARES, BOB, share)
    assert shown["path"] == r"\\filer\docs\Finance"
    assert (shown["inclusionMasks"], shown["exclusionMasks"]) == (["/Reports", "/Bills/*"], ["*.tmp"])
    agent.turn()
    assert agent.configuration is not None
    (told,) = [each for each in agent.configuration.file_shares if each.uid == shown["fileShareUid"]]
    assert (told.inclusion_masks, told.exclusion_masks) == (["/Reports", "/Bills/*"], ["*.tmp"])
    assert told.credentials == secret
    # Names at an SMB server have no case.
    again = {**share, "name": "again", "path": r"\\FILER\DOCS\finance"}
    assert console.refuses(409, "POST", SHARES, BOB, again)["propertyName"] == "path"
    # A repository is never in the way of a share that is elsewhere.
    agent.failure_at = lambda _path: ""
    console.does("POST", SHARES, BOB, {"name": "export", "path": "filer:/export/docs"})
