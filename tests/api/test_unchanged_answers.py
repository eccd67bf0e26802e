"""A page that is asked for again is given as it was only if nobody has changed anything, and only to the same user."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from sqlalchemy import Table, update

from tandem.api.http import unchanged_answers
from tandem.api.http.throttling import Limit, Limits
from tandem.store import sign_ins
from tandem.store.database import open_database
from tandem.store.schema.tables import companies, file_share_copy_jobs, users
from tests.consoles import COPY_JOBS, JOBS, Console
from tests.people import ACME, ACMES, ALICE, BETAS, BOB, CHARLIE, PROVIDERS, Person, key_of

PATHS = {"all": COPY_JOBS, "of a server": f"/infrastructure/backupServers/{ACMES.server}/jobs/fileShareCopyJobs"}


class Poller:
    """A dashboard: asks for one page with one token again and again."""

    def __init__(self, console: Console, who: Person, path: str = COPY_JOBS, token: str = "", **headers: str) -> None:
        self._console = console
        self._path = f"/api/v3{path}"
        self.headers = {"Authorization": f"Bearer {token or console.services.checker.sign(who.uid)}", **headers}

    def ask(self, method: str = "GET", **headers: str) -> httpx.Response:
        return self._console.request(method, self._path, headers=self.headers | headers)


def told(console: Console, poller: Poller) -> tuple[int, bytes]:
    """Give what a console that has never been asked before answers to the same."""
    fresh = Console(console.database).request("GET", f"/api/v3{COPY_JOBS}", headers=poller.headers)
    return fresh.status_code, fresh.content


@pytest.fixture
def other_console(console: Console) -> Iterator[Console]:
    """Another console over the same database."""
    database = open_database(console.context.database._engine.url.render_as_string(hide_password=False))  # pyright: ignore[reportPrivateUsage]
    yield Console(database)
    database.close()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of all answers that were made, and not given again."""
    paths: list[str] = []
    keep = unchanged_answers.UnchangedAnswers.keep

    def note(self: unchanged_answers.UnchangedAnswers, path: str, *rest: object) -> None:
        paths.append(path)
        keep(self, path, *rest)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(unchanged_answers.UnchangedAnswers, "keep", note)
    return paths


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("token", ["", key_of(BOB)], ids=["token", "key"])
def test_a_page_of_which_nothing_has_changed_is_made_once(
    console: Console, made: list[str], path: str, token: str
) -> None:
    poller = Poller(console, BOB, path, token)
    first, *others = [poller.ask() for _ in range(4)]
    assert first.json()["meta"]["pagingInfo"]["total"] == 1
    assert [(each.content, each.headers) for each in others] == [(first.content, first.headers)] * 3
    assert len(made) == 1


def write(console: Console, table: Table, uid: str, **values: object) -> None:
    with console.database.writing() as connection:
        assert connection.execute(update(table).where(table.c.instance_uid == uid).values(values)).rowcount == 1


def change_retention(console: Console) -> None:
    write(console, file_share_copy_jobs, ACMES.copy_job, retention=99)


def assign_job(console: Console) -> None:
    console.does("POST", f"{JOBS}/{PROVIDERS.copy_job}/assign?companyUid={ACME}", ALICE)


def delete_job(console: Console) -> None:
    console.does("DELETE", f"{JOBS}/{ACMES.copy_job}", BOB)


def forbid_the_api(console: Console) -> None:
    write(console, companies, ACME, is_rest_access_enabled=False)


def disable_user(console: Console) -> None:
    write(console, users, BOB.uid, status="Disabled")


def end_sign_in(console: Console) -> None:
    with console.database.writing() as connection:
        sign_ins.end_sign_ins(connection, BOB.uid)


CHANGES = [change_retention, delete_job, assign_job, forbid_the_api, disable_user, end_sign_in]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("where", ["this console", "another console"])
def test_no_change_is_ever_missed(
    console: Console, other_console: Console, change: Callable[[Console], None], where: str
) -> None:
    poller = Poller(console, BOB)
    before = poller.ask()
    assert poller.ask().content == before.content
    change(console if where == "this console" else other_console)
    after = poller.ask()
    assert after.content != before.content
    assert (after.status_code, after.content) == told(other_console, poller)


def test_a_token_ends_in_time_however_often_its_page_is_asked_for(console: Console) -> None:
    poller = Poller(console, BOB)
    assert [poller.ask().status_code for _ in range(2)] == [200, 200]
    console.clock.forward(hours=1)
    assert poller.ask().status_code == 401


def test_nobody_gets_what_was_made_for_another(console: Console) -> None:
    pollers = {who: Poller(console, who) for who in (ALICE, BOB, CHARLIE)}
    for _ in range(3):
        shown = {who: {row["instanceUid"] for row in poller.ask().json()["data"]} for who, poller in pollers.items()}
        assert shown[BOB] == {ACMES.copy_job}
        assert shown[CHARLIE] == {BETAS.copy_job}
        assert shown[ALICE] > shown[BOB] | shown[CHARLIE]
    assert Poller(console, BOB, token="x" * 40).ask().status_code == 401


def test_each_form_and_each_part_is_an_answer_of_its_own(console: Console) -> None:
    poller, second = Poller(console, ALICE), Poller(console, ALICE, f"{COPY_JOBS}?offset=1")
    for _ in range(2):
        oldest, current = poller.ask(), poller.ask(**{"X-Client-Version": "3.6.1"})
        assert "uniqueUid" not in oldest.json()["data"][0]
        assert "uniqueUid" in current.json()["data"][0]
        assert second.ask().json()["data"] == oldest.json()["data"][1:]


@pytest.mark.parametrize("methods", [["GET", "HEAD"], ["HEAD", "GET"]])
def test_head_takes_nothing_away_from_get(console: Console, methods: list[str]) -> None:
    poller = Poller(console, BOB)
    answers = {method: poller.ask(method) for method in methods + methods}
    assert answers["HEAD"].content == b""
    assert answers["GET"].json()["meta"]["pagingInfo"]["total"] == 1
    assert answers["HEAD"].headers == answers["GET"].headers


def test_whoever_has_the_page_is_told_so_as_long_as_it_is_right(console: Console) -> None:
    poller = Poller(console, BOB)
    tag = poller.ask().headers["ETag"]
    assert [poller.ask(**{"If-None-Match": tag}).status_code for _ in range(3)] == [304] * 3
    assert [poller.ask(**{"If-None-Match": tag + str(each)}).status_code for each in range(9)] == [200] * 9
    change_retention(console)
    assert poller.ask(**{"If-None-Match": tag}).status_code == 200


def test_each_client_gets_the_coding_that_it_takes(console: Console) -> None:
    poller = Poller(console, ALICE)
    for _ in range(2):
        plain, small = (poller.ask(**{"Accept-Encoding": each}) for each in ("identity", "gzip, identity;q=0"))
        assert (plain.headers.get("Content-Encoding"), small.headers["Content-Encoding"]) == (None, "gzip")
        assert small.content == plain.content


def test_an_answer_that_is_given_again_counts_against_the_limits(console: Console) -> None:
    limited = Console(console.database, limits=Limits(user=Limit(per_minute=3)))
    poller = Poller(limited, BOB)
    assert [poller.ask().status_code for _ in range(4)] == [200, 200, 200, 429]


def test_however_many_pages_are_asked_for_memory_is_bounded(
    console: Console, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unchanged_answers, "BYTES_MAX", 100_000)
    for number in range(40):
        assert Poller(console, BOB, f"{COPY_JOBS}?x={number}{'y' * 5000}").ask().status_code == 200
    known = console.application._unchanged._known  # pyright: ignore[reportPrivateUsage]
    assert len(made) == 40
    assert 0 < len(known) <= 10
