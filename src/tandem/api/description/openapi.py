"""The API's own description, OpenAPI 3.1, made from the route table and the types of the handlers."""

from __future__ import annotations

import functools
import inspect as inspection
import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec
from msgspec import inspect

from tandem import __version__
from tandem.api.description.expressions import filter_schema, select_schema, sort_schema
from tandem.api.description.patch_schemas import patch_schema
from tandem.api.http.answers import Done, Many, One
from tandem.api.http.background import NEVER_ASYNC
from tandem.api.http.operations import JSON_TYPE, Operation, Signature, signature_of
from tandem.api.http.words import ResponseErrorType
from tandem.domain.identity import Permission
from tandem.domain.paging import LIMIT_DEFAULT, LIMIT_MAX, OFFSET_MAX

Schema = dict[str, Any]

CONTRACT_VERSION = "3.6.1"
SCHEMAS = "#/components/schemas/"
_CONTRACT_NAME = re.compile(r"The contract's ([A-Z]\w+)")
_OBJECT_TYPES = (inspect.StructType, inspect.EnumType)

DESCRIPTION = """Tandem's REST API. It speaks the published VSPC v3 contract for file shares; operations marked
`x-extension` are Tandem's own, in the contract's style."""


class PagingInformation(msgspec.Struct, rename="camel"):
    """The contract's PagingInformation."""

    total: int
    count: int
    offset: int


class ResponseMetadata(msgspec.Struct, rename="camel"):
    """The contract's ResponseMetadata."""

    paging_info: PagingInformation


class ResponseError(msgspec.Struct, rename="camel", omit_defaults=True):
    """The contract's ResponseError."""

    message: str
    type: ResponseErrorType
    code: int
    parameter_name: str | msgspec.UnsetType = msgspec.UNSET
    property_name: str | msgspec.UnsetType = msgspec.UNSET
    failed_json_patch: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    retry_after: int | msgspec.UnsetType = msgspec.UNSET


class ErrorResponse(msgspec.Struct):
    """The contract's ErrorResponse."""

    errors: list[ResponseError]


class EmptyResponse(msgspec.Struct):
    """The contract's EmptyResponse."""

    errors: list[ResponseError]
    data: dict[str, Any]
    meta: ResponseMetadata | None


def document(operations: Iterable[Operation], base: str) -> Schema:
    """Describe the operations whose path begins with a base."""
    described = [operation for operation in operations if operation.path.startswith(base)]
    schemas, components = _schemas(_types(described))
    _leave_to_select(described, components)
    paths: dict[str, dict[str, Schema]] = {}
    for operation in described:
        path = operation.path.removeprefix(base)
        paths.setdefault(path, {})[operation.method.lower()] = _operation(operation, schemas, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tandem", "version": __version__, "description": DESCRIPTION},
        "servers": [{"url": base}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "An access token or an API key."}
            },
            "parameters": _PARAMETERS,
            "schemas": components,
        },
    }


def contract_name(kind: type[Any]) -> str:
    """Give a struct's or an enumeration's name in the contract, which its docstring begins with, or else its own."""
    found = _CONTRACT_NAME.match(inspection.getdoc(kind) or "")
    return found[1] if found else kind.__name__.removesuffix("View")


def _types(operations: list[Operation]) -> list[Any]:
    types: list[Any] = [ErrorResponse, EmptyResponse, ResponseMetadata]
    for operation in operations:
        signature = signature_of(operation.handler)
        taken = [operation.patches or signature.body, signature.query, operation.form]
        types += [*signature.views, *taken, operation.gives, operation.refuses]
    types = [kind for kind in types if kind not in {None, bool, bytes, object}]
    return list(dict.fromkeys(types))


def _schemas(types: list[Any]) -> tuple[dict[Any, Schema], dict[str, Schema]]:
    """Give the schema of each type, and all that these refer to, under the contract's names."""
    found, components = msgspec.json.schema_components(types, ref_template=SCHEMAS + "{name}")
    names = _component_names(types)
    renamed = {names.get(name, name): _renamed(schema, names) for name, schema in components.items()}
    schemas = {kind: _renamed(schema, names) for kind, schema in zip(types, found, strict=True)}
    return schemas, {name: {**schema, "title": name} for name, schema in sorted(renamed.items())}


def _component_names(types: list[Any]) -> dict[str, str]:
    names: dict[str, str] = {}
    for info in inspect.multi_type_info(types):
        for kind in object_types(info):
            names[kind.__name__] = contract_name(kind)
    return names


def object_types(info: Any, seen: set[type[Any]] | None = None) -> set[type[Any]]:
    """Give the structs and enumerations that a type consists of; adds to those that were seen."""
    seen = set() if seen is None else seen
    if isinstance(info, _OBJECT_TYPES) and info.cls not in seen:
        seen.add(info.cls)
    elif isinstance(info, _OBJECT_TYPES):
        return seen
    for child in (
        *(field.type for field in getattr(info, "fields", ())),
        *getattr(info, "types", ()),
        *(getattr(info, name) for name in ("type", "item_type", "key_type", "value_type") if hasattr(info, name)),
    ):
        object_types(child, seen)
    return seen


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_renamed(item, names) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    members = cast("dict[str, Any]", value)
    if "enum" in members and not members.keys() & {"type", "$ref", "anyOf"}:
        members = {"type": "string", **members}
    if "pattern" in members and isinstance(members["pattern"], str):
        # The end of a text is written otherwise in Python than in JSON Schema.
        members = {**members, "pattern": members["pattern"].replace(r"\Z", "$")}
    return {
        name: SCHEMAS + names.get(inner.removeprefix(SCHEMAS), inner.removeprefix(SCHEMAS))
        if name == "$ref" and isinstance(inner, str)
        else _renamed(inner, names)
        for name, inner in members.items()
    }


def _operation(operation: Operation, schemas: dict[Any, Schema], components: dict[str, Schema]) -> Schema:
    signature = signature_of(operation.handler)
    described: Schema = {
        "operationId": operation.operation_id,
        "summary": (inspection.getdoc(operation.handler) or "").partition("\n")[0],
        "tags": [operation.handler.__module__.rpartition(".")[2].replace("_", " ").capitalize()],
        "parameters": [
            *_path_parameters(operation.path),
            *_query_parameters(signature, schemas, components),
            *_standard_parameters(operation, signature, components),
        ],
        "responses": _responses(operation, signature, schemas),
    }
    body = _body(operation, signature, schemas, components)
    if body is not None:
        described["requestBody"] = {"required": True, "content": {operation.body_type: {"schema": body}}}
    if operation.permission is Permission.PUBLIC:
        described["security"] = []
    if operation.is_extension:
        described["x-extension"] = True
    return described


def _body(
    operation: Operation, signature: Signature, schemas: dict[Any, Schema], components: dict[str, Schema]
) -> Schema | None:
    if operation.patches is not None:
        return patch_schema(schemas[operation.patches], components)
    body = signature.body if operation.form is None else operation.form
    return None if body is None else schemas[body]


def _leave_to_select(operations: list[Operation], components: dict[str, Schema]) -> None:
    """Require no member of what is only answered: `select` may leave out any."""
    answered, sent = set[type[Any]](), set[type[Any]]()
    for operation in operations:
        signature = signature_of(operation.handler)
        for view in signature.views if signature.answer in {One, Many} else ():
            object_types(inspect.type_info(view), answered)
        for body in (operation.patches or signature.body, operation.form):
            object_types(inspect.type_info(body), sent)
    for kind in answered - sent:
        components[contract_name(kind)].pop("required", None)


def _path_parameters(path: str) -> list[Schema]:
    names = re.findall(r"\{(\w+)\}", path)
    return [{"name": name, "in": "path", "required": True, "schema": _path_schema(name)} for name in names]


def _path_schema(name: str) -> Schema:
    if name == "userLoginId":
        return {"type": "integer", "format": "int64"}
    return {"type": "string", "format": "uuid"}


def _query_parameters(signature: Signature, schemas: dict[Any, Schema], components: dict[str, Schema]) -> list[Schema]:
    if signature.query is None:
        return []
    schema = components[schemas[signature.query]["$ref"].removeprefix(SCHEMAS)]
    required = set(schema.get("required", ()))
    return [
        _query_parameter(name, _without_null(inner), is_required=name in required)
        for name, inner in schema["properties"].items()
    ]


def _query_parameter(name: str, schema: Schema, *, is_required: bool) -> Schema:
    parameter: Schema = {"name": name, "in": "query", "required": is_required, "schema": schema}
    return parameter if is_required else {**parameter, "allowEmptyValue": True}


def _standard_parameters(operation: Operation, signature: Signature, components: dict[str, Schema]) -> list[Schema]:
    parameters: list[Schema] = []
    if operation.expands:
        items = {"type": "string", "enum": list(operation.expands)}
        parameters.append({"name": "expand", "in": "query", "schema": {"type": "array", "items": items}})
    if signature.answer is Many:
        parameters += [_reference("limit"), _reference("offset")]
    if operation.lists is not None:
        name = contract_name(operation.lists.view)
        components[f"{name}Filter"] = filter_schema(operation.lists.properties, f"{SCHEMAS}{name}Filter")
        components[f"{name}Sort"] = sort_schema(operation.lists.properties)
        parameters += [_json("filter", f"{name}Filter"), _json("sort", f"{name}Sort")]
    structs = [view for view in signature.views if _is_struct(view)]
    if signature.answer in {One, Many} or operation.gives is object:
        # Where there is nothing to select from, whatever is selected is all.
        name = f"{contract_name(structs[-1]) if structs else ''}Select"
        components[name] = select_schema(structs)
        parameters.append(_json("select", name))
    if operation.permission is not Permission.AGENT:
        keeps_answer = operation.method != "GET" and operation.permission is not Permission.PUBLIC
        name = "XRequestId" if keeps_answer else "XRequestIdOfRead"
        parameters += [_reference(name), _reference("XClientVersion")]
    return parameters


def _without_null(schema: Schema) -> Schema:
    """Give the schema of a query parameter: one that may be null is one that may be left out."""
    forms = [form for form in schema.get("anyOf", ()) if form != {"type": "null"}]
    kept = {name: value for name, value in schema.items() if name not in {"anyOf", "default"} or not forms}
    if not forms:
        return kept
    return {**kept, **forms[0]} if len(forms) == 1 else {**kept, "anyOf": forms}


def _is_struct(view: Any) -> bool:
    return isinstance(view, type) and issubclass(view, msgspec.Struct)


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/parameters/{name}"}


def _json(parameter: str, schema: str) -> Schema:
    content = {"application/json": {"schema": {"$ref": SCHEMAS + schema}}}
    return {"name": parameter, "in": "query", "content": content}


def _responses(operation: Operation, signature: Signature, schemas: dict[Any, Schema]) -> Schema:
    responses: Schema = {"200": _answer(_data(signature, schemas))}
    if signature.answer is Done:
        responses = {"200": _answer(schemas[EmptyResponse])}
    if operation.gives is bytes:
        content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
        responses = {"200": {"description": "The content.", "content": content}}
    elif operation.gives is not None:
        responses = {"200": _answer(schemas.get(operation.gives, {}))}
    if operation.media != JSON_TYPE:
        responses = {"200": {"description": "Done.", "content": {operation.media: {"schema": {"type": "string"}}}}}
    if operation.refuses is not None:
        responses["400"] = _answer(schemas[operation.refuses], "The grant is refused.")
    is_by_user = operation.permission not in {Permission.PUBLIC, Permission.AGENT}
    if is_by_user and operation.operation_id not in NEVER_ASYNC:
        responses["202"] = {
            "description": "Taken over by an async action.",
            "headers": {"Location": {"description": "Its address.", "schema": {"type": "string"}}},
        }
    if signature.answer in {One, Many}:
        responses["414"] = {"description": "The address is longer than a server reads; write shorter expressions."}
    responses["default"] = _answer(schemas[ErrorResponse], "What is wrong, and what to do about it.")
    return responses


def _data(signature: Signature, schemas: dict[Any, Schema]) -> Schema:
    forms = [schemas.get(view, {"type": "boolean"} if view is bool else {}) for view in signature.views]
    data = forms[0] if len(forms) == 1 else {"anyOf": forms}
    required = ["data"]
    properties: Schema = {"data": data}
    if signature.answer is Many:
        properties = {"meta": schemas[ResponseMetadata], "data": {"type": "array", "items": data}}
        required = ["meta", "data"]
    return {"type": "object", "properties": properties, "required": required}


def _answer(schema: Schema, description: str = "Done.") -> Schema:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


_PARAMETERS: Schema = {
    "limit": {
        "name": "limit",
        "in": "query",
        "description": "How many resources to answer at most.",
        "schema": {
            "type": "integer",
            "format": "int32",
            "minimum": 1,
            "maximum": LIMIT_MAX,
            "default": LIMIT_DEFAULT,
        },
    },
    "offset": {
        "name": "offset",
        "in": "query",
        "description": "How many resources to leave out before the first that is answered.",
        "schema": {"type": "integer", "format": "int32", "minimum": 0, "maximum": OFFSET_MAX, "default": 0},
    },
    "XRequestId": {
        "name": "X-Request-id",
        "in": "header",
        "description": "A uuid that the client makes: a write that is sent again with it is not done again.",
        "schema": {"anyOf": [{"type": "string", "format": "uuid"}, {"type": "string", "maxLength": 0}]},
    },
    "XRequestIdOfRead": {
        "name": "X-Request-id",
        "in": "header",
        "description": "Taken with any value: what only reads, or needs no sign-in, may be sent again as it is.",
        "schema": {"type": "string"},
    },
    "XClientVersion": {
        "name": "X-Client-Version",
        "in": "header",
        "description": "The release of the contract that the client was written for.",
        "schema": {"type": "string", "examples": [CONTRACT_VERSION]},
    },
}


@functools.cache
def encoded(operations: tuple[Operation, ...], base: str) -> bytes:
    """Give the document as JSON, made once."""
    return msgspec.json.encode(document(operations, base))
