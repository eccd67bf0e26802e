"""Recovery kits: who gets the keys to a repository, who is told that somebody has them, and where they never stay."""

import re
from pathlib import Path

import pytest
from sqlalchemy import update

from tandem.domain.identity import Role
from tandem.store.schema.tables import backup_repositories
from tests.agents import enrol
from tests.consoles import Console, copy_of, rows_of
from tests.people import ACME, ACMES, ALICE, BOB, CHARLIE, PEOPLE, PROVIDERS, START, Estate, Person, restic_id

pytestmark = pytest.mark.embedded_only

SERVERS = "/infrastructure/backupServers"
REMOVED = f"{SERVERS}/removedRepositories"
KEYS = ("recoveryKitDownloadTime", "recoveryKitDownloadedBy")
AT_START = "2026-03-02T12:00:00.0000000+00:00"
PASSWORD = f"password of {ACMES.name} first repository"


def repository(estate: Estate) -> str:
    return f"{SERVERS}/{estate.server}/repositories/{estate.first}"


def kit_of(console: Console, who: Person, estate: Estate = ACMES) -> dict[str, str]:
    """Download the first repository's kit; gives its facts."""
    data = console.does("POST", f"{repository(estate)}/recoveryKit", who)
    return dict(re.findall(r"^([A-Z][A-Za-z-]+): (.*)$", data["text"], re.MULTILINE))


def known(console: Console, who: Person, estate: Estate = ACMES) -> tuple[object, ...]:
    """Give what the repository says of its kit."""
    found = console.data(repository(estate), who)
    return tuple(found[key] for key in KEYS)


def metric(console: Console) -> float:
    text = console.request("GET", "/metrics").text
    return float(re.findall(r"^tandem_repositories_without_recovery_kit (\S+)$", text, re.MULTILINE)[0])


def test_a_kit_holds_what_restic_needs_and_says_what_is_there(console: Console) -> None:
    answer = console.call("POST", f"{repository(ACMES)}/recoveryKit", BOB)
    assert answer.headers["Cache-Control"] == "no-store"
    data = answer.json()["data"]
    assert data["fileName"] == f"recovery-kit-acme-s-first-repository-{ACMES.first[:8]}.txt"
    assert data["creationTime"] == AT_START
    assert f"- {ACMES.name} share (/srv/share), backed up by the job" in data["text"]
    facts = kit_of(console, BOB)
    assert facts["Password"] == PASSWORD
    assert (facts["Kind"], facts["Location"], facts["Host"]) == ("Local", "/backup/first", "acme.example")
    assert (facts["Restic-Id"], facts["Restic-Version"]) == (restic_id(f"{ACMES.name} first repository"), "0.18.1")
    assert (facts["Organization"], facts["Repository-Uid"]) == ("Acme", ACMES.first)


def test_who_has_a_kit_is_told_until_it_opens_nothing_any_more(console: Console) -> None:
    assert known(console, BOB) == (None, None)
    assert metric(console) == 8
    kit_of(console, BOB)
    assert known(console, BOB) == known(console, ALICE) == (AT_START, "bob")
    assert metric(console) == 7
    # The provider's people have no names for its customers, and cannot be found by them.
    kit_of(console, ALICE)
    assert known(console, BOB) == (AT_START, None)
    assert known(console, ALICE) == (AT_START, "alice")
    missing = (
        f'{SERVERS}/repositories?filter={{"property":"recoveryKitDownloadTime","operation":"equals","value":null}}'
    )
    assert [row["instanceUid"] for row in console.data(missing, BOB)] == [ACMES.second]
    found = f'{SERVERS}/repositories?filter={{"property":"recoveryKitDownloadedBy","operation":"equals","value":"a"}}'
    assert console.refuses(400, "GET", found, BOB)

    # An agent on the same machine changes nothing; on another one the kit leads to the wrong place.
    for host, expected in (("acme.example", AT_START), ("elsewhere.example", None)):
        body = {"name": "x", "backupServerUid": ACMES.server}
        enrol(console, console.does("POST", f"{SERVERS}/enrolmentTokens", BOB, body)["token"], host)
        assert known(console, BOB) == (expected, None)


def test_every_download_is_in_the_log_of_those_whose_data_it_opens(console: Console) -> None:
    kit_of(console, ALICE)
    (line,) = console.data("/eventLogs/activityLogs", BOB)
    assert line["message"] == (
        f"Your service provider downloaded the recovery kit of the backup repository {ACMES.name} first repository."
    )
    assert "alice" in console.data("/eventLogs/activityLogs", ALICE)[0]["message"]
    assert PASSWORD not in repr(rows_of(console.database))


def test_a_kit_goes_to_nobody_who_may_not_have_it(console: Console) -> None:
    before = rows_of(console.database)
    for who, estate in ((CHARLIE, ACMES), (BOB, PROVIDERS), (PEOPLE[Role.PORTAL_OPERATOR], PROVIDERS)):
        assert console.refuses(404, "POST", f"{repository(estate)}/recoveryKit", who)
    reader = console.ask_for_token(grant_type="password", username="bob", password="wrong").status_code
    assert reader == 400
    assert [row for row in rows_of(console.database)["backup_repositories"] if row["recovery_kit_user_name"]] == []
    assert rows_of(console.database)["backup_repositories"] == before["backup_repositories"]


def test_who_only_reads_is_given_no_keys(console: Console) -> None:
    for role in (Role.PORTAL_READONLY_OPERATOR, Role.COMPANY_LOCATION_USER):
        console.refuses(403, "POST", f"{repository(ACMES)}/recoveryKit", PEOPLE[role])


def test_a_kit_of_what_was_never_made_is_refused(console: Console) -> None:
    with console.database.writing() as connection:
        connection.exec_driver_sql("update backup_repositories set restic_id = null, state = 'Creating'")
    assert "not been made" in console.refuses(409, "POST", f"{repository(ACMES)}/recoveryKit", BOB)["message"]
    assert known(console, BOB) == (None, None)


def test_a_kit_is_kept_nowhere_on_its_way(
    file_with_people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with copy_of(file_with_people, tmp_path) as database:
        console = Console(database)
        headers = {"X-Request-id": "11111111-2222-4333-8444-555555555555", "Prefer": "respond-async"}
        for number in (1, 2):
            answer = console.call("POST", f"{repository(ACMES)}/recoveryKit", BOB, headers=headers)
            assert answer.status_code == 200
            assert PASSWORD in answer.text
            assert "ETag" not in answer.headers
            rows = rows_of(database)
            assert len(rows["activity_log"]) == number, "each download is one of its own"
            assert rows["replays"] == rows["async_actions"][4:] == []
            assert PASSWORD not in repr(rows)
    printed = capsys.readouterr()
    assert PASSWORD not in printed.out + printed.err
    assert not [path for path in tmp_path.iterdir() if PASSWORD.encode() in path.read_bytes()]


def test_the_account_of_a_repository_elsewhere_is_in_its_kit_also_when_its_company_is_gone(console: Console) -> None:
    with console.database.writing() as connection:
        mine = update(backup_repositories).where(backup_repositories.c.instance_uid == ACMES.first)
        elsewhere = {"path": "s3:https://s3.example/backups/acme", "credentials_uid": ACMES.credentials}
        connection.execute(mine.values(elsewhere))
    expected = ["AWS_ACCESS_KEY_ID=Acme's account", "AWS_SECRET_ACCESS_KEY=password of Acme's account"]
    text = console.does("POST", f"{repository(ACMES)}/recoveryKit", BOB)["text"]
    assert re.findall(r"^Variable: (.*)$", text, re.MULTILINE) == expected
    assert re.findall(r"^(?:Kind|Location): (.*)$", text, re.MULTILINE) == ["S3", elsewhere["path"]]
    # Whoever changes what opens it needs a new kit.
    assert known(console, BOB) == (AT_START, "bob")
    changed = console.does("POST", f"{repository(ACMES)}/access", BOB, {"credentialsUid": ACMES.credentials})
    assert [changed[key] for key in KEYS] == [None, None]
    assert known(console, BOB) == (None, None)
    console.does("DELETE", f"/organizations/companies/{ACME}?removeAllAgents=true", ALICE)
    text = console.does("POST", f"{REMOVED}/{ACMES.first}/recoveryKit", ALICE)["text"]
    assert re.findall(r"^Variable: (.*)$", text, re.MULTILINE) == expected


def test_what_a_deleted_company_left_is_opened_by_the_provider_alone(console: Console) -> None:
    assert console.data(REMOVED, ALICE) == []
    console.does("DELETE", f"/organizations/companies/{ACME}?removeAllAgents=true", ALICE)
    rows = console.data(REMOVED, ALICE)
    assert {row["instanceUid"] for row in rows} == {ACMES.first, ACMES.second}
    (row,) = [row for row in rows if row["instanceUid"] == ACMES.first]
    assert (row["organizationName"], row["hostName"], row["path"]) == ("Acme", "acme.example", "/backup/first")
    assert row["removalTime"] == AT_START
    for role in (Role.PORTAL_OPERATOR, Role.RESELLER_OWNER):
        console.refuses(403, "GET", REMOVED, PEOPLE[role])
        console.refuses(403, "POST", f"{REMOVED}/{ACMES.first}/recoveryKit", PEOPLE[role])
    answer = console.call("POST", f"{REMOVED}/{ACMES.first}/recoveryKit", ALICE)
    assert answer.headers["Cache-Control"] == "no-store"
    text = answer.json()["data"]["text"]
    assert f"\nPassword: {PASSWORD}\n" in text
    assert "WHAT WAS KEPT THERE" not in text
    (line,) = [line for line in rows_of(console.database)["activity_log"] if "Kit" in line["activity"]]
    assert (line["user_name"], line["object_uid"], line["at"]) == ("alice", ACMES.first, START)
    assert line["detail"] == f"{ACMES.name} first repository of Acme"
