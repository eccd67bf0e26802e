"""The schema of a JSON Patch: for each member that may be changed, by which operations and to which values."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

import msgspec

from tandem.api.http.json_patch import OPERATIONS_MAX

Schema = dict[str, Any]

SCHEMAS = "#/components/schemas/"
_NULL: Schema = {"type": "null"}


def patch_schema(patchable: Schema, components: Mapping[str, Schema]) -> Schema:
    """Describe the patches of what a schema declares; paths and operations may be written in any case.

    Args:
        patchable: the schema of the struct whose members may be changed.
        components: where its references lead.
    """
    members: dict[bytes, tuple[Schema, list[str]]] = {}
    for path, schema in _members(patchable, components, ""):
        members.setdefault(msgspec.json.encode(schema), (schema, []))[1].append(path)
    forms = [form for schema, paths in members.values() for form in _operations(schema, sorted(paths))]
    return {"type": "array", "maxItems": OPERATIONS_MAX, "items": {"anyOf": forms}}


def _members(schema: Schema, components: Mapping[str, Schema], above: str) -> Generator[tuple[str, Schema]]:
    for name, member in _plain(schema, components).get("properties", {}).items():
        path = f"{above}/{name}"
        yield path, {key: value for key, value in member.items() if key != "default"}
        yield from _members(member, components, path)


def _plain(schema: Schema, components: Mapping[str, Schema]) -> Schema:
    reference: str | None = schema.get("$ref")
    return schema if reference is None else _plain(components[reference.removeprefix(SCHEMAS)], components)


def _operations(schema: Schema, paths: list[str]) -> Generator[Schema]:
    """Describe what may be done with members that have the same schema; only what may be null can go away."""
    can_go = _NULL in schema.get("anyOf", ())
    path = {"type": "string", "enum": paths}
    yield _form(["add", "replace", "test"], {"path": path, "value": schema})
    if len(paths) > 1:
        yield _form(["copy", "move"] if can_go else ["copy"], {"path": path, "from": path})
    if can_go:
        yield _form(["remove"], {"path": path})


def _form(words: list[str], members: Schema) -> Schema:
    properties = {"op": {"type": "string", "enum": words}, **members}
    return {"type": "object", "properties": properties, "required": list(properties)}
