"""Filter, sort, select and expand as clients write them, and what they are told when they write them wrongly."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tandem.api.http.listing import Resource
from tandem.api.http.properties import Kind, Property
from tandem.api.routes import BASE, ROUTES, Operation
from tandem.store import company_removal
from tandem.store.schema.tables import file_share_copy_jobs
from tests.consoles import COPY_JOBS, JOBS, Console, copy_of
from tests.people import ACME, ACMES, ALICE, BETAS, BOB, LARA, PROVIDERS, START

# Of cloud tenants there are none here.
EMPTY = {"GetCompanySiteResources", "GetCompanySites"}
LISTED = [operation for operation in ROUTES if operation.lists is not None and operation.operation_id not in EMPTY]
NAME = {"property": "name", "operation": "contains", "value": "copy"}


def asked(console: Console, path: str, **parameters: Any) -> Any:
    """Ask for a list; parameters that are no texts are sent as JSON."""
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in parameters.items()}
    query = "&".join(f"{name}={quote(value)}" for name, value in texts.items())
    return console.get(f"{path}?{query}", ALICE, "3.6.1")


def names(answer: Any) -> list[str]:
    return [row["name"] for row in answer["data"]]


def refused(console: Console, path: str, parameter: str, value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    error = console.refuses(400, "GET", f"{path}?{parameter}={quote(text)}", ALICE)
    assert error["parameterName"] == parameter
    assert (error["type"], error["code"]) == ("logical", 400)
    return error["message"]


@pytest.mark.parametrize(
    "written",
    [
        [NAME],
        NAME,
        [{"Property": "NAME", "Operation": "CONTAINS", "Value": "copy", "Items": None}],
        [{**NAME, "items": []}],
        [{**NAME, "value": "COPY", "collation": "IgnoreCase"}],
        [{"operation": "not", "items": [{**NAME, "value": "x"}, {**NAME, "value": "job"}]}, NAME],
        [{"operation": "and", "items": [NAME, {"property": "type", "operation": "equals", "value": "backupfilecopy"}]}],
        [{"property": "type", "operation": "in", "value": ["BackupFileCopy", "BackupVm"]}],
        [{"property": "type", "operation": "in", "value": '["BackupFileCopy"]'}],
        [{"property": "type", "operation": "in", "value": "BackupFileCopy"}],
        [{"property": "lastRun", "operation": "equals", "value": None}],
        [{"property": "retentionLimit", "operation": "greaterThan", "value": "27"}],
        [{"property": "scheduleType", "operation": "equals", "value": "Chained"}, {**NAME, "operation": "notEquals"}],
    ],
)
def test_a_filter_is_taken_in_every_way_that_clients_write_it(quiet_console: Console, written: Any) -> None:
    answer = asked(quiet_console, JOBS, filter=written)
    assert names(answer) == [f"{estate.name} copy job" for estate in (PROVIDERS, ACMES, BETAS)] + ["Gamma's copy job"]
    assert answer["meta"]["pagingInfo"] == {"total": 4, "count": 4, "offset": 0}


@pytest.mark.parametrize(
    ("found", "property_", "value"),
    [
        (8, "isEnabled", "true"),
        (8, "isEnabled", True),
        (0, "isEnabled", "0"),
        (4, "retentionLimit", "28"),
        (4, "retentionLimit", 28.0),
        (2, "backupServerUid", ACMES.server.upper()),
        (4, "lastRun", "2026-03-02T10:00:00.0000000+00:00"),
        (4, "lastRun", "2026-03-02T11:00:00+01:00"),
        (4, "lastRun", "2026-03-02T10:00:00"),
        (4, "lastDuration", "40"),
        (4, "processingRate", "51.2"),
        (8, "bottleneck", "none"),
        (0, "siteUid", ACMES.server),
        (8, "siteUid", None),
    ],
)
def test_a_value_is_taken_as_text_or_in_its_own_type(
    quiet_console: Console, found: int, property_: str, value: Any
) -> None:
    written = [{"property": property_, "operation": "equals", "value": value}]
    assert asked(quiet_console, JOBS, filter=written)["meta"]["pagingInfo"]["total"] == found


WRONG_FILTERS: list[tuple[Any, str]] = [
    ("{", "not valid JSON"),
    ("[" * 5000, "not valid JSON"),
    ("assignedForCompany eq '1'", "not valid JSON"),
    ("7", "is no expression; write it as [{"),
    ([[]], "is no expression; write it as [{"),
    ([{}], "operation null is not known; allowed: and, contains"),
    ([{"operation": "like", "property": "name", "value": "x"}], 'operation "like"'),
    ([{"operation": "equals", "value": "x"}], "property null cannot be used here; allowed: avgDuration"),
    ([{"operation": "equals", "property": "schedule", "value": "x"}], "allowed: avgDuration"),
    ([{"operation": "equals", "property": "name; drop table jobs", "value": "x"}], "drop table"),
    ([{"operation": "or"}], 'needs "items"'),
    ([{"operation": "or", "items": []}], 'needs "items"'),
    ([{"operation": "or", "items": ["x"]}], "is no expression; write it as [{"),
    ([{**NAME, "items": [NAME]}], '"items" goes with'),
    ([{**NAME, "collation": "german"}], "allowed: ignorecase, lexicographic, ordinal"),
    ([{**NAME, "value": {"a": 1}}], "must be a text"),
    ([{**NAME, "value": "\0"}], "must be a text"),
    ([{"operation": "equals", "property": "status", "value": "Fine"}], "allowed: Disabling"),
    ([{"operation": "equals", "property": "isEnabled", "value": "yes"}], "true or false"),
    ([{"operation": "equals", "property": "lastRun", "value": "yesterday"}], "an instant such as"),
    ([{"operation": "equals", "property": "lastDuration", "value": "1.5"}], "an integer"),
    ([{"operation": "equals", "property": "lastDuration", "value": True}], "an integer"),
    ([{"operation": "equals", "property": "lastDuration", "value": 2**63}], "an integer"),
    ([{"operation": "equals", "property": "processingRate", "value": "nan"}], "a number"),
    ([{"operation": "equals", "property": "uniqueUid", "value": "1"}], "a uuid"),
    ([{"operation": "lessThan", "property": "isEnabled", "value": True}], "have an order"),
    ([{"operation": "lessThan", "property": "name", "value": None}], "have an order"),
    ([{"operation": "contains", "property": "lastRun", "value": "2026"}], "a text or a list"),
    ([{"operation": "in", "property": "name", "value": ["x"] * 1001}], "at most 1000"),
    ([NAME] * 201, "at most 200 expressions"),
]


@pytest.mark.parametrize(("written", "told"), WRONG_FILTERS)
def test_a_filter_that_cannot_be_meant_is_refused_with_what_is_allowed(
    quiet_console: Console, written: Any, told: str
) -> None:
    message = refused(quiet_console, JOBS, "filter", written)
    assert message.startswith("filter: ")
    assert told in message


def test_a_filter_nested_without_end_is_refused(quiet_console: Console) -> None:
    nested: Any = NAME
    for _ in range(11):
        nested = {"operation": "not", "items": [nested]}
    assert "10 deep" in refused(quiet_console, JOBS, "filter", [nested])


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("name", "not valid JSON"),
        ([{"property": "nothing"}], "allowed: avgDuration"),
        ([{"direction": "ascending"}], "property null"),
        ([{"property": "name", "direction": "up"}], "allowed: ascending, descending"),
        ([{"property": "name", "collation": "x"}], "allowed: ignorecase"),
        ([{"property": "name"}] * 11, "at most 10"),
    ],
)
def test_a_sort_that_cannot_be_meant_is_refused_with_what_is_allowed(
    quiet_console: Console, written: Any, told: str
) -> None:
    assert told in refused(quiet_console, JOBS, "sort", written)


def test_a_list_is_sorted_by_several_properties_and_then_by_uid(quiet_console: Console) -> None:
    keys = [{"property": "type", "direction": "descending"}, {"property": "Name", "collation": "ignorecase"}]
    expected = sorted(asked(quiet_console, JOBS)["data"], key=lambda row: row["name"].lower())
    expected.sort(key=lambda row: row["type"], reverse=True)
    assert asked(quiet_console, JOBS, sort=keys)["data"] == expected
    by_uid = sorted(row["uniqueUid"] for row in expected)
    answer = asked(quiet_console, JOBS, sort=[{"property": "isEnabled", "direction": "Descending"}])
    assert [row["uniqueUid"] for row in answer["data"]] == by_uid[::-1]


def test_a_selection_leaves_only_what_was_named(quiet_console: Console) -> None:
    paths = [{"propertyPath": "instanceUid"}, {"propertyPath": "Profile.FirstName"}]
    for row in asked(quiet_console, "/users", select=paths)["data"]:
        assert row == {"instanceUid": row["instanceUid"], "profile": {"firstName": None}}
    one = asked(quiet_console, f"{JOBS}/{ACMES.job}", select=[{"propertyPath": "name"}])
    assert one == {"data": {"name": "Acme's job"}}
    rows = asked(quiet_console, COPY_JOBS, expand="BackupServerJob", select=[{"propertyPath": "_embedded"}])["data"]
    assert [row["_embedded"]["backupServerJob"]["type"] for row in rows] == ["BackupFileCopy"] * 4
    assert "allowed: " in refused(quiet_console, JOBS, "select", [{"propertyPath": "nothing"}])
    assert "allowed: " in refused(quiet_console, JOBS, "select", [{"property": "name"}])


def test_a_change_answers_with_what_was_selected(console: Console) -> None:
    patch = [{"op": "replace", "path": "/isEnabled", "value": False}]
    path = f"{JOBS}/{ACMES.job}?select=" + quote('[{"propertyPath":"isEnabled"}]')
    assert console.does("PATCH", path, BOB, patch) == {"isEnabled": False}


def test_the_oldest_form_is_filtered_sorted_and_selected_too(quiet_console: Console) -> None:
    written = quote(json.dumps([{"property": "targetRepositoryUid", "operation": "equals", "value": ACMES.second}]))
    answer = quiet_console.get(f"{COPY_JOBS}?filter={written}", ALICE)
    assert [row["instanceUid"] for row in answer["data"]] == [ACMES.copy_job]
    wanted = quote('[{"propertyPath":"retentionUnit"}]')
    selected = quiet_console.get(f"{COPY_JOBS}?select={wanted}", ALICE)
    assert selected["data"] == [{"retentionUnit": "days"}] * 4


def in_row(row: Any, path: str) -> Any:
    """Give what a row shows of a property; UNSET counts as null."""
    for part in path.split("."):
        row = row.get(part) if row is not None else None
    return row


@pytest.mark.parametrize("operation", LISTED, ids=[operation.operation_id for operation in LISTED])
def test_whatever_a_list_shows_can_be_asked_for(lists_console: Console, operation: Operation) -> None:
    path = path_of(operation)
    rows = asked(lists_console, path)["data"]
    assert rows, "nothing to compare"
    resource = operation.lists
    assert isinstance(resource, Resource)
    for property_ in resource.properties.values():
        sought = rows[-1]
        value = in_row(sought, property_.path)
        written = [{"property": property_.path, "operation": "equals", "value": value}]
        found = asked(lists_console, path, filter=written)["data"]
        expected = [row for row in rows if in_row(row, property_.path) == value]
        assert found == expected, property_.path
        _is_sorted(asked(lists_console, path, sort=[{"property": property_.path}])["data"], property_)


def _is_sorted(rows: list[Any], property_: Property) -> None:
    shown = [in_row(row, property_.path) for row in rows]
    if property_.kind in {Kind.TEXT, Kind.UID, Kind.WORD, Kind.INTEGER, Kind.NUMBER, Kind.BOOLEAN, Kind.INSTANT}:
        known = [value for value in shown if value is not None]
        assert shown == [None] * (len(shown) - len(known)) + sorted(known), property_.path


def path_of(operation: Operation) -> str:
    """Give an operation's path with the ids of the provider's things in it."""
    path = operation.path.removeprefix(BASE)
    ids = {**PROVIDERS.uids, "organizationUid": PROVIDERS.organization_uid, "userUid": ALICE.uid}
    ids |= {"companyUid": ACMES.organization_uid, "locationUid": ACMES.location}
    if path.startswith("/users/{userUid}/locations"):
        ids["userUid"] = LARA.uid
    if "fileShareCopyJobs/{" in path:
        ids["jobUid"] = PROVIDERS.copy_job
    for name, value in ids.items():
        path = path.replace("{" + name + "}", value)
    return path


@pytest.fixture(scope="module")
def lists_console(file_with_people: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console on SQLite whose things are spread unevenly, for tests that change nothing."""
    with copy_of(file_with_people, tmp_path_factory.mktemp("lists")) as database:
        with database.writing() as connection:
            company_removal.keep_repositories(connection, ACME, START)
        yield Console(database)


class Fleet(RuleBasedStateMachine):
    """Copy jobs that come and go while a client pages through them."""

    console: Console

    def __init__(self) -> None:
        super().__init__()
        with self.console.database.reading() as connection:
            rows = connection.execute(file_share_copy_jobs.select().order_by(file_share_copy_jobs.c.position))
            self.rows = [dict(row) for row in rows.mappings()]
        self.gone: list[dict[str, Any]] = []

    def teardown(self) -> None:
        for row in self.gone:
            self._insert(row)

    @rule(number=some.integers(0, 3))
    def delete(self, number: int) -> None:
        if number < len(self.rows):
            row = self.rows.pop(number)
            self.gone.append(row)
            with self.console.database.writing() as connection:
                connection.execute(
                    file_share_copy_jobs.delete().where(file_share_copy_jobs.c.unique_uid == row["unique_uid"])
                )

    @rule()
    def insert(self) -> None:
        if self.gone:
            row = self.gone.pop()
            self._insert(row)
            self.rows.append(row)

    def _insert(self, row: dict[str, Any]) -> None:
        values = {name: value for name, value in row.items() if name != "position"}
        with self.console.database.writing() as connection:
            connection.execute(file_share_copy_jobs.insert().values(values))

    @invariant()
    def pages_put_together_are_the_whole(self) -> None:
        expected = [row["unique_uid"] for row in self.rows]
        found: list[str] = []
        while True:
            answer = asked(self.console, COPY_JOBS, limit="1", offset=str(len(found)))
            paging = answer["meta"]["pagingInfo"]
            assert paging["total"] == len(expected)
            found += [row["uniqueUid"] for row in answer["data"]]
            if paging["count"] + paging["offset"] >= paging["total"]:
                break
        assert found == expected

    @rule()
    def rows_that_come_while_a_client_pages_disturb_nothing(self) -> None:
        before = [row["unique_uid"] for row in self.rows]
        first = asked(self.console, COPY_JOBS, limit="2")["data"]
        self.insert()
        rest = asked(self.console, COPY_JOBS, limit="500", offset=str(len(first)))["data"]
        assert [row["uniqueUid"] for row in [*first, *rest]][: len(before)] == before


def test_pages_stay_true_while_jobs_come_and_go(console: Console) -> None:
    fleet = type("FleetOfThisConsole", (Fleet,), {"console": console})
    run_state_machine_as_test(fleet, settings=settings(max_examples=15, stateful_step_count=12))  # pyright: ignore[reportUnknownMemberType]


def _named(number: int) -> dict[str, Any]:
    return {"property": "name", "operation": "equals", "value": f"copy {number}"}


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        (JOBS, [{"property": "name", "operation": "in", "value": [f"{number}" for number in range(1000)]}]),
        (JOBS, [{"property": "lastRun", "operation": "subset", "value": ["2026-03-02T12:00:00Z"] * 1000}]),
        (JOBS, [{"property": "name", "operation": "superset", "value": [f"{number}" for number in range(1000)]}]),
        (JOBS, [{"operation": "exclusiveOr", "items": [_named(number) for number in range(199)]}]),
        ("/users/logins", [{"property": "scopes", "operation": "in", "value": ["rest"] * 1000}]),
    ],
)
def test_as_much_as_may_be_asked_is_answered(console: Console, path: str, wanted: list[dict[str, Any]]) -> None:
    assert asked(console, path, filter=wanted)["meta"]["pagingInfo"]["total"] >= 0


def test_an_odd_number_of_many_is_counted_right(console: Console) -> None:
    alike = {"property": "name", "operation": "contains", "value": ""}
    total = asked(console, JOBS)["meta"]["pagingInfo"]["total"]
    for number in (1, 2, 3, 150, 151):
        found = asked(console, JOBS, filter=[{"operation": "exclusiveOr", "items": [alike] * number}])
        assert found["meta"]["pagingInfo"]["total"] == (total if number % 2 else 0)


@pytest.mark.parametrize("depth", [*range(940, 1000), 8_000])
def test_values_nested_deeply_are_refused(quiet_console: Console, depth: int) -> None:
    text = f'[{{"operation":"equals","property":"name","value":{"[" * depth}{"]" * depth}}}]'
    assert "filter" in refused(quiet_console, JOBS, "filter", text)
    refused(quiet_console, JOBS, "filter", [{"operation": "in", "property": "uniqueUid", "value": "[" * depth}])
