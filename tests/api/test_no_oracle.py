"""Nobody can tell what is another tenant's from what is not there at all: by words, headers, tags or work done."""

import re

import httpx
import pytest
from sqlalchemy import delete, update

from tandem.api.routes import BASE, Operation
from tandem.store.schema.tables import file_share_copy_jobs, jobs
from tests.api.test_costs import counted
from tests.api.test_isolation import OPERATIONS, WITH_IDS, call
from tests.consoles import COPY_JOBS, JOBS, Console
from tests.people import ACMES, BETA, BETAS, CHARLIE, Estate, Person

pytestmark = pytest.mark.embedded_only

UID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Where there is nothing: an estate that nobody has, and its organization, which does not exist either.
NOWHERE = Estate("Nobody's", BETA.replace("0", "1").replace("2", "3"))


def told(console: Console, operation: Operation, who: Person, estate: Estate) -> tuple[int, str, dict[str, str], int]:
    """Give what an answer tells: its status, its words without the ids asked for, its headers, and the work done."""
    with counted() as statements:
        response: httpx.Response = call(console, operation, who, estate)
    words = UID.sub("ID", response.text)
    headers = {name: value for name, value in response.headers.items() if name not in {"content-length", "etag"}}
    return response.status_code, words, headers, len(statements)


# Users are looked for by people's ids, not by estates': tests/api/test_logins.py and test_user_changes.py try those.
OF_ESTATES = [name for name in WITH_IDS if "{user" not in OPERATIONS[name].path]


@pytest.mark.parametrize("name", OF_ESTATES)
def test_what_is_anothers_and_what_is_not_there_look_alike(console: Console, name: str) -> None:
    operation = OPERATIONS[name]
    assert told(console, operation, CHARLIE, ACMES) == told(console, operation, CHARLIE, NOWHERE)


LISTS = [JOBS, COPY_JOBS, "/protectedWorkloads/fileShares/backups", "/organizations/companies/usage"]


@pytest.mark.parametrize("path", LISTS)
def test_a_tag_never_changes_with_anothers_data(console: Console, path: str) -> None:
    tag = console.call("GET", path, CHARLIE).headers["ETag"]
    with console.database.writing() as connection:
        connection.execute(update(jobs).where(jobs.c.unique_uid == ACMES.job_unique).values(name="renamed"))
        connection.execute(
            delete(file_share_copy_jobs).where(file_share_copy_jobs.c.unique_uid == ACMES.copy_job_unique)
        )
    assert console.call("GET", path, CHARLIE).headers["ETag"] == tag


def test_a_tag_does_change_with_ones_own_data(console: Console) -> None:
    tag = console.call("GET", JOBS, CHARLIE).headers["ETag"]
    with console.database.writing() as connection:
        connection.execute(update(jobs).where(jobs.c.unique_uid == BETAS.job_unique).values(name="renamed"))
    assert console.call("GET", JOBS, CHARLIE).headers["ETag"] != tag


def test_a_filter_is_no_way_to_ask_about_another_tenant(console: Console) -> None:
    for property_, value in (
        ("name", "Acme's job"),
        ("uniqueUid", ACMES.job_unique),
        ("backupServerUid", ACMES.server),
    ):
        written = f'[{{"property":"{property_}","operation":"equals","value":"{value}"}}]'
        answer = console.request(
            "GET",
            f"{BASE}{JOBS}",
            headers={"Authorization": f"Bearer {console.services.checker.sign(CHARLIE.uid)}"},
            parameters={"filter": written},
        )
        assert answer.json()["meta"]["pagingInfo"]["total"] == 0
        assert answer.json()["data"] == []
