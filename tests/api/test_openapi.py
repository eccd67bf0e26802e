"""The description that we serve is that of the published contract, for all that we serve of it."""

from collections import Counter
from typing import Any

import pytest
from msgspec import inspect

from tandem.api.description.openapi import contract_name, document, object_types
from tandem.api.http.operations import signature_of
from tandem.api.routes import BASE, ROUTES
from tests.consoles import Console
from tests.contract.facts import CONTRACT, NOT_SERVED, OPERATIONS, resolved

Schema = dict[str, Any]

OURS = document(ROUTES, BASE)
BY_ID: dict[str, tuple[str, str, Schema]] = {
    described["operationId"]: (method.upper(), path, described)
    for path, methods in OURS["paths"].items()
    for method, described in methods.items()
}
SERVED = [name for name in OPERATIONS if name in BY_ID]


def test_everything_of_the_contract_is_served_unless_there_is_a_reason() -> None:
    assert set(OPERATIONS) - set(BY_ID) == set(NOT_SERVED)


def test_only_what_the_contract_does_not_have_is_marked_as_ours() -> None:
    ours = {operation.operation_id for operation in ROUTES if operation.is_extension}
    assert not ours & set(OPERATIONS)
    assert {name for name in BY_ID if name not in OPERATIONS} <= ours


def test_no_two_types_share_a_name_in_the_description() -> None:
    types = {
        kind
        for operation in ROUTES
        for signature in [signature_of(operation.handler)]
        for given in (*signature.views, operation.patches or signature.body, operation.form)
        for kind in object_types(inspect.type_info(given))
    }
    names = Counter(map(contract_name, types))
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("name", SERVED)
def test_an_operation_stands_where_the_contract_has_it(name: str) -> None:
    method, path, _theirs = OPERATIONS[name]
    assert BY_ID[name][:2] == (method, path.rstrip("/"))


@pytest.mark.parametrize("name", SERVED)
def test_an_operation_takes_the_contracts_parameters(name: str) -> None:
    theirs = {_key(each): each for each in _parameters(OPERATIONS[name][2], CONTRACT)}
    ours = {_key(each): each for each in _parameters(BY_ID[name][2], OURS)}
    assert set(theirs) <= set(ours)
    for key, parameter in theirs.items():
        assert bool(ours[key].get("required")) == bool(parameter.get("required")), key
        # Where nothing is done with an id of a request, any text is taken.
        if "schema" in parameter and key != ("header", "X-Request-id"):
            for difference in answer_differences(ours[key]["schema"], parameter["schema"], key[1]):
                pytest.fail(difference)


@pytest.mark.parametrize("name", SERVED)
def test_an_operation_answers_what_the_contract_says(name: str) -> None:
    theirs, ours = OPERATIONS[name][2], BY_ID[name][2]
    differences = answer_differences(_answer(ours, OURS), _answer(theirs, CONTRACT), "answer")
    assert not differences


@pytest.mark.parametrize("name", [name for name in SERVED if "requestBody" in OPERATIONS[name][2]])
def test_an_operation_takes_the_bodies_that_the_contract_allows(name: str) -> None:
    theirs: Schema = OPERATIONS[name][2]["requestBody"]["content"]
    ours: Schema = BY_ID[name][2]["requestBody"]["content"]
    assert set(ours) == set(theirs)
    (content_type,) = theirs
    differences = body_differences(ours[content_type]["schema"], theirs[content_type]["schema"], "body")
    assert not differences


def test_the_description_and_the_pages_to_browse_it_are_there_for_everybody(quiet_console: Console) -> None:
    assert quiet_console.request("GET", f"{BASE}/openapi.json").json() == OURS
    page = quiet_console.request("GET", "/docs")
    assert page.headers["Content-Type"].startswith("text/html")
    for name in ("swagger-ui.css", "swagger-ui.js", "start.js"):
        assert f"/docs/{name}" in page.text
        assert quiet_console.request("GET", f"/docs/{name}").status_code == 200
    assert quiet_console.request("GET", "/docs/..%2f..%2fsecret").status_code == 404
    assert "://" not in page.text


def _key(parameter: Schema) -> tuple[str, str]:
    return parameter["in"], parameter["name"]


def _parameters(described: Schema, whole: Schema) -> list[Schema]:
    return [resolved(each, whole) for each in described.get("parameters", ())]


def _answer(described: Schema, whole: Schema) -> Schema:
    response = resolved(described["responses"]["200"], whole)
    return next(iter(response["content"].values()))["schema"] if "content" in response else {}


class Form:
    """A schema, plain: what it refers to resolved, and `nullable` told apart, however either document writes it."""

    def __init__(self, schema: Schema, whole: Schema) -> None:
        schema = resolved(schema, whole)
        self.is_nullable = bool(schema.get("nullable"))
        parts: list[Schema] = [
            resolved(part, whole) for part in schema.get("anyOf", schema.get("allOf", schema.get("oneOf", ())))
        ]
        real = [part for part in parts if part.get("type") != "null" and part.get("enum") != [None]]
        if parts:
            self.is_nullable = self.is_nullable or len(real) < len(parts)
        # Of several forms, the last is the current one.
        self.schema: Schema = resolved(real[-1], whole) if real else schema
        self.whole = whole

    @property
    def kind(self) -> Any:
        return self.schema.get("type")

    def child(self, name: str) -> "Form":
        return Form(self.schema[name], self.whole)

    @property
    def properties(self) -> dict[str, Schema]:
        return self.schema.get("properties", {})


def answer_differences(ours: Schema, theirs: Schema, path: str) -> list[str]:
    """Tell where what we answer is not what the contract says."""
    return _compare(Form(ours, OURS), Form(theirs, CONTRACT), path, ())


def _compare(ours: Form, theirs: Form, path: str, above: tuple[str, ...]) -> list[str]:
    if not theirs.kind or path.count(".") > 8:
        return []
    if ours.kind != theirs.kind and not (ours.kind is None and theirs.kind == "object"):
        return [f"{path}: {ours.kind} in place of {theirs.kind}"]
    found: list[str] = []
    if ours.is_nullable and not theirs.is_nullable:
        found.append(f"{path}: may be null")
    if theirs.schema.get("format", ours.schema.get("format")) != ours.schema.get("format"):
        found.append(f"{path}: format {ours.schema.get('format')} in place of {theirs.schema['format']}")
    if "enum" in theirs.schema and set(ours.schema.get("enum", ())) != set(theirs.schema["enum"]):
        different = set(ours.schema.get("enum", ())) ^ set(theirs.schema["enum"])
        found.append(f"{path}: other words: {sorted(map(str, different))}")
    if theirs.kind == "array":
        found += _compare(ours.child("items"), theirs.child("items"), f"{path}[]", above)
    for name, schema in theirs.properties.items():
        if name in {"meta", "errors"} and path in {"answer", "body"}:
            continue
        if name not in ours.properties:
            found.append(f"{path}: lacks {name}")
            continue
        found += _compare(Form(ours.properties[name], OURS), Form(schema, CONTRACT), f"{path}.{name}", above)
    return found


def body_differences(ours: Schema, theirs: Schema, path: str) -> list[str]:
    """Tell where a body that the contract allows would be refused."""
    our_form, their_form = Form(ours, OURS), Form(theirs, CONTRACT)
    if "JsonPatch" in str(their_form.schema.get("items")):
        # Each of our forms is one operation of a patch; of what it does not name, null included, any is taken.
        forms: list[Schema] = our_form.schema["items"]["anyOf"]
        return [path for form in forms if set(form["required"]) > {"op", "path", "value", "from"}]
    if their_form.kind == "array":
        return body_differences(our_form.schema.get("items", {}), their_form.schema["items"], f"{path}[]")
    found = [
        f"{path}: {name} is required"
        for name in our_form.schema.get("required", ())
        if name not in their_form.schema.get("required", ())
    ]
    for name, schema in their_form.properties.items():
        if name not in our_form.properties:
            if our_form.schema.get("additionalProperties") is False:
                found.append(f"{path}: {name} is refused")
            continue
        inner = Form(schema, CONTRACT)
        if inner.is_nullable and not Form(our_form.properties[name], OURS).is_nullable:
            found.append(f"{path}.{name}: null is refused")
        if inner.kind in {"object", "array"}:
            found += body_differences(our_form.properties[name], schema, f"{path}.{name}")
    return found
