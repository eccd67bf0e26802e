"""JSON Patch against a naive reading of its rules, and what clients write differently."""

import copy
from enum import StrEnum
from typing import Annotated, Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.api.http.json_patch import Patch, PatchOperation
from tandem.decoding import convert
from tandem.domain.errors import Conflict, ConsoleError, Invalid


class Color(StrEnum):
    RED = "Red"
    DARK_BLUE = "DarkBlue"


class Inner(msgspec.Struct, rename="camel"):
    first_name: str | None = None
    count: Annotated[int, msgspec.Meta(ge=0, le=9)] = 0


class Patchable(msgspec.Struct, rename="camel"):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=5)]
    color: Color
    is_on: bool
    inner: Inner
    notes: str | None = None
    words: list[str] = []


class Shown(msgspec.Struct, rename="camel"):
    uid: str
    name: str
    color: str
    is_on: bool
    inner: Inner
    notes: str | None
    words: list[str]


def shown(**changes: Any) -> Shown:
    start = Shown("u1", "first", "Red", is_on=True, inner=Inner("Ann", 3), notes=None, words=["a", "b"])
    return msgspec.structs.replace(start, **changes)


def changes(*operations: dict[str, Any], current: Shown | None = None) -> dict[str, Any]:
    return Patch(convert(list(operations), list[PatchOperation]), Patchable).changes(current or shown())


def op(word: str, path: str, value: object = None, **more: object) -> dict[str, Any]:
    return {"op": word, "path": path, "value": value, **more}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (op("replace", "/name", "next"), {"name": "next"}),
        (op("add", "NAME", 12), {"name": "12"}),
        (op("Replace", "isOn", "FALSE"), {"is_on": False}),
        (op("replace", "/color", "darkblue"), {"color": Color.DARK_BLUE}),
        (op("replace", "/Inner/FirstName", 7), {"inner": Inner("7", 3)}),
        (op("replace", "/inner/count", "9"), {"inner": Inner("Ann", 9)}),
        (op("replace", "/inner", {"COUNT": "1"}), {"inner": Inner(None, 1)}),
        (op("remove", "/inner/firstName"), {"inner": Inner(None, 3)}),
        (op("remove", "/notes"), {"notes": None}),
        (op("copy", "/notes", **{"from": "/uid"}), {"notes": "u1"}),
        (op("move", "/notes", **{"from": "inner/firstname"}), {"notes": "Ann", "inner": Inner(None, 3)}),
        (op("move", "/name", **{"from": "/name"}), {"name": "first"}),
        (op("add", "/words/-", "c"), {"words": ["a", "b", "c"]}),
        (op("add", "/words/0", "c"), {"words": ["c", "a", "b"]}),
        (op("replace", "/words/1", "c"), {"words": ["a", "c"]}),
        (op("remove", "/words/0"), {"words": ["b"]}),
        (op("move", "/words/1", **{"from": "/words/0"}), {"words": ["b", "a"]}),
        (op("test", "/color", "RED"), {}),
        (op("test", "/uid", "u1"), {}),
        (op("test", "/inner", {"firstName": "Ann", "count": 3}), {}),
    ],
    ids=str,
)
def test_a_patch_is_understood_however_a_client_writes_it(
    operation: dict[str, Any], expected: dict[str, object]
) -> None:
    assert changes(operation) == expected


@pytest.mark.parametrize(
    "operation",
    [
        op("replace", "/uid", "u2"),
        op("remove", "/uid"),
        op("move", "/notes", **{"from": "/uid"}),
        op("move", "/name", **{"from": "/isOn"}),
        op("move", "/inner/firstName", **{"from": "/inner"}),
        op("copy", "/notes"),
        op("copy", "/notes", **{"from": "/nothing"}),
        op("replace", "/nothing", 1),
        op("test", "/nothing", None),
        op("replace", "", {}),
        op("replace", "/", {}),
        op("replace", "/name/x", 1),
        op("replace", "/inner/nothing", 1),
        op("remove", "/name"),
        op("remove", "/inner"),
        op("add", "/words/9", "c"),
        op("replace", "/words/-", "c"),
        op("replace", "/words/01", "c"),
        op("replace", "/words/-1", "c"),
        op("remove", "/words/2"),
        op("remove", "/words/" + "9" * 40),
        op("swap", "/name", "x"),
        op("", "/name", "x"),
    ],
    ids=str,
)
def test_what_cannot_be_patched_is_refused_with_its_operation(operation: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        changes(op("replace", "/name", "x"), operation)
    assert refused.value.failed_patch is not None
    assert refused.value.failed_patch["path"] == operation["path"]


@pytest.mark.parametrize(
    ("operation", "field"),
    [
        (op("replace", "/name", ""), "name"),
        (op("replace", "/name", "longer"), "name"),
        (op("replace", "/name", None), "name"),
        (op("replace", "/inner/count", 10), "inner.count"),
        (op("replace", "/inner/count", "x"), "inner.count"),
        (op("replace", "/inner", None), "inner"),
        (op("replace", "/color", "Green"), "color"),
        (op("replace", "/words", "a"), "words"),
        (op("replace", "/words/0", 1.5), "words[0]"),
        (op("copy", "/name", **{"from": "/inner"}), "name"),
        ({"op": "add", "path": "/inner/firstName"}, "inner.firstName"),
    ],
    ids=str,
)
def test_a_value_that_is_not_allowed_is_told_by_its_member(operation: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        changes(operation)
    assert refused.value.field == field
    assert refused.value.message.startswith(f"{field}: ")


@pytest.mark.parametrize("operation", [op("test", "/name", "x"), op("test", "/isOn", 1), op("test", "/notes", "")])
def test_a_test_that_fails_is_a_conflict(operation: dict[str, Any]) -> None:
    with pytest.raises(Conflict) as refused:
        changes(op("replace", "/color", "DarkBlue"), operation)
    assert refused.value.failed_patch == operation


def test_a_value_nested_too_deeply_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(3000):
        deep = [deep]
    with pytest.raises(Invalid):
        changes(op("replace", "/notes", deep))


# What a naive reader does: one member after another, in a plain dictionary.
WRITABLE = ["/name", "/color", "/isOn", "/notes", "/inner/firstName", "/inner/count"]
NULLABLE = ["/notes", "/inner/firstName"]
VALUES = st.sampled_from(["x", "Red", "DarkBlue", True, False, None, 0, 9, "first"])
ANYTHING = st.builds(
    op,
    st.sampled_from(["add", "replace", "test", "remove", "move", "copy"]),
    st.sampled_from([*WRITABLE, "/uid"]),
    VALUES,
    **{"from": st.sampled_from([*WRITABLE, "/uid"])},
)


def naive(document: dict[str, Any], operations: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Apply a patch; None if it cannot be."""
    flat = {"/" + name: value for name, value in document.items() if name != "inner"}
    flat |= {f"/inner/{name}": value for name, value in document["inner"].items()}
    for operation in operations:
        word, path, source = operation["op"], operation["path"], operation["from"]
        if path == "/uid" and word != "test":
            return None
        match word:
            case "test":
                if json(flat[path]) != json(operation["value"]):
                    return None
            case "remove":
                if path not in NULLABLE:
                    return None
                flat[path] = None
            case "copy":
                flat[path] = flat[source]
            case "move":
                if source == "/uid" or (source not in NULLABLE and source != path):
                    return None
                flat[path], flat[source] = flat[source], flat[source] if source == path else None
            case _:
                flat[path] = operation["value"]
    return flat


def json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def is_allowed(flat: dict[str, Any], touched: set[str]) -> bool:
    """Say whether every member that was touched has a value that it may have."""
    kinds: dict[str, Any] = {
        "/name": Annotated[str, msgspec.Meta(min_length=1, max_length=5)],
        "/color": Color,
        "/isOn": bool,
        "/notes": str | None,
        "/inner/firstName": str | None,
        "/inner/count": Annotated[int, msgspec.Meta(ge=0, le=9)],
    }
    try:
        for path in touched:
            is_text = isinstance(flat[path], int) and not isinstance(flat[path], bool) and "str" in str(kinds[path])
            convert(str(flat[path]) if is_text else flat[path], kinds[path])
    except msgspec.ValidationError:
        return False
    return True


@given(st.lists(ANYTHING, max_size=5))
def test_a_patch_does_what_a_naive_reader_would_or_nothing(operations: list[dict[str, Any]]) -> None:
    start = shown()
    before = copy.deepcopy(cast("dict[str, Any]", msgspec.to_builtins(start)))
    # Numbers become texts on their way in; here they stay out of the members that are texts.
    numbers = {"/name", "/color", "/notes", "/inner/firstName"}
    operations = [
        {**each, "value": str(each["value"])}
        if isinstance(each.get("value"), int) and not isinstance(each["value"], bool) and each["path"] in numbers
        else each
        for each in operations
    ]
    expected = naive(before, operations)
    written = {each["path"] for each in operations if each["op"] != "test"}
    written |= {each["from"] for each in operations if each["op"] == "move"}
    if "/inner/firstName" in written or "/inner/count" in written:
        written |= {"/inner/firstName", "/inner/count"}
    if expected is None or not is_allowed(expected, written):
        with pytest.raises(ConsoleError):
            changes(*operations, current=start)
    else:
        found = changes(*operations, current=start)
        names = {"/name": "name", "/color": "color", "/isOn": "is_on", "/notes": "notes"}
        plain = {path: found[name] for path, name in names.items() if name in found}
        if "inner" in found:
            plain |= {"/inner/firstName": found["inner"].first_name, "/inner/count": found["inner"].count}
        as_texts = {p: str(expected[p]) if p in numbers and type(expected[p]) is int else expected[p] for p in written}
        assert plain == as_texts
    assert msgspec.to_builtins(start) == before
