"""JSON Patch (RFC 6902) on a resource's patchable members: all or nothing.

A struct declares the members that may be patched, with their types; what the resource shows beside them may be tested
and copied from, but not changed.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple, cast

import jsonpatch
import msgspec
from msgspec import inspect

from tandem.api.http.bodies import convert_body, text_without_secret
from tandem.api.http.coercion import coerce, is_nullable, member_of, shape_of_type, without_null
from tandem.domain.errors import Conflict, Invalid

OPERATIONS_MAX = 100
SHOWN_LENGTH_MAX = 200
NAME_LENGTH_MAX = 60
KNOWN = ("add", "replace", "test", "remove", "move", "copy")
WITH_VALUE = {"add", "replace", "test"}
WITH_SOURCE = {"move", "copy"}


class PatchOperation(msgspec.Struct, frozen=True):
    """One operation of a patch."""

    op: str
    path: str
    value: Any = msgspec.UNSET
    source: str | None = msgspec.field(name="from", default=None)


JsonPatches = list[PatchOperation]


class _Place(NamedTuple):
    """Where a path leads: as the library takes it, as people read it, and what is there."""

    pointer: str
    name: str
    shape: inspect.Type
    is_in_list: bool

    @property
    def member(self) -> str:
        return self.pointer.split("/")[1]


class Patch:
    """A patch that was read, and not yet applied to anything."""

    def __init__(self, operations: list[PatchOperation], patchable: type[msgspec.Struct]) -> None:
        """Take operations on the members that a struct declares."""
        self._operations = operations
        self._patchable = patchable

    def changes(self, current: msgspec.Struct) -> dict[str, Any]:
        """Apply the patch to a resource; gives the new values by the attribute of the patchable struct.

        Call it in the transaction that makes the changes: what is tested is then what is changed.

        Args:
            current: the resource as the API shows it, before the changes.

        Raises:
            Invalid: naming the member, if a value is not allowed; with the operation, if one cannot be applied.
            Conflict: with the operation, if a test fails.
        """
        document = cast("dict[str, Any]", msgspec.to_builtins(current))
        for field in msgspec.structs.fields(self._patchable):
            document.setdefault(field.encode_name, None)
        touched: dict[str, None] = {}
        for operation in self._operations:
            for member in _apply(operation, document, self._patchable, type(current)):
                touched[member] = None
        patched = convert_body({name: document[name] for name in touched}, _optional(self._patchable))
        values = {name: getattr(patched, name) for name in self._patchable.__struct_fields__}
        return {name: value for name, value in values.items() if value is not msgspec.UNSET}


def read_patch(operations: JsonPatches, patchable: type[msgspec.Struct]) -> Patch:
    """Read a patch.

    Args:
        operations: the request's body.
        patchable: declares the members that may be changed, with the type of each.

    Raises:
        Invalid: if it has too many operations.
    """
    if len(operations) > OPERATIONS_MAX:
        raise Invalid(f"The patch has {len(operations)} operations; at most {OPERATIONS_MAX} are taken.")
    return Patch(operations, patchable)


@functools.cache
def _optional(patchable: type[msgspec.Struct]) -> type[msgspec.Struct]:
    fields = [
        (field.name, field.type | msgspec.UnsetType, msgspec.field(name=field.encode_name, default=msgspec.UNSET))
        for field in msgspec.structs.fields(patchable)
    ]
    return msgspec.defstruct(patchable.__name__, fields)


def _apply(
    operation: PatchOperation, document: dict[str, Any], patchable: type[msgspec.Struct], shown: type[msgspec.Struct]
) -> list[str]:
    """Apply one operation to a document; gives the members that it has changed."""
    word = operation.op.lower()
    if word not in KNOWN:
        raise _refused(operation, f'op: "{operation.op[:40]}" is not known; allowed: {", ".join(KNOWN)}')
    place = _place(operation, operation.path, patchable, shown, is_read=word == "test")
    if word in WITH_VALUE:
        if operation.value is msgspec.UNSET:
            raise Invalid(f"{place.name}: the operation {word} has no value.", field=place.name)
        steps = [_step("add" if word == "replace" and not place.is_in_list else word, place, operation)]
    elif word == "remove":
        steps = [_removal(operation, place)]
    else:
        source = _place(operation, operation.source or "", patchable, shown, is_read=word == "copy")
        steps = [{"op": "copy", "from": source.pointer, "path": place.pointer}]
        if word == "move" and source.pointer != place.pointer:
            if place.pointer.startswith(f"{source.pointer}/"):
                raise _refused(operation, f"{source.name}: this cannot be moved into itself")
            # A member goes on existing without a value; only an item of a list can really go away.
            removal = _removal(operation, source)
            steps = [{**steps[0], "op": "move"}] if source.is_in_list else [*steps, removal]
            _run(operation, place, steps, document)
            return [place.member, source.member]
    _run(operation, place, steps, document)
    return [] if word == "test" else [place.member]


def _step(word: str, place: _Place, operation: PatchOperation) -> dict[str, Any]:
    return {"op": word, "path": place.pointer, "value": coerce(operation.value, place.shape)}


def _removal(operation: PatchOperation, place: _Place) -> dict[str, Any]:
    if place.is_in_list:
        return {"op": "remove", "path": place.pointer}
    if not is_nullable(place.shape):
        raise _refused(operation, f"{place.name}: this property always has a value, and cannot be removed")
    return {"op": "add", "path": place.pointer, "value": None}


def _run(operation: PatchOperation, place: _Place, steps: list[dict[str, Any]], document: dict[str, Any]) -> None:
    try:
        jsonpatch.apply_patch(document, steps, in_place=True)
    except jsonpatch.JsonPatchTestFailed as error:
        text = f"{place.name}: the test failed, so nothing was changed; read the resource again."
        raise Conflict(text, field=place.name, failed_patch=_plain(operation)) from error
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        raise _refused(operation, f"{place.name}: there is nothing that this operation could be applied to") from error
    except RecursionError as error:
        raise Invalid(f"{place.name}: the value is nested too deeply.", field=place.name) from error


def _place(
    operation: PatchOperation, path: str, patchable: type[msgspec.Struct], shown: type[msgspec.Struct], *, is_read: bool
) -> _Place:
    """Find where a path leads; raises Invalid if nowhere, or to what may only be read."""
    found = _find(path, shape_of_type(patchable))
    readable = found or _find(path, shape_of_type(shown))
    if found is not None or (is_read and readable is not None):
        return cast("_Place", readable)
    allowed = ", ".join(sorted(field.encode_name for field in msgspec.structs.fields(patchable)))
    shown_path = path.removeprefix("/")[:NAME_LENGTH_MAX] or '""'
    what = "this property is read-only" if readable else "there is no such property"
    raise _refused(operation, f"{shown_path}: {what}; allowed: {allowed}")


def _find(path: str, shape: inspect.Type) -> _Place | None:
    pointer = name = ""
    is_in_list = False
    for part in path.removeprefix("/").split("/"):
        shape = without_null(shape)
        is_in_list = isinstance(shape, inspect.ListType)
        if isinstance(shape, inspect.ListType):
            if part != "-" and not (part.isascii() and part.isdigit()):
                return None
            pointer, name, shape = f"{pointer}/{part}", f"{name}[{part}]", shape.item_type
        else:
            member = member_of(shape, part.replace("~1", "/").replace("~0", "~"))
            if member is None:
                return None
            dot = "." if name else ""
            pointer, name = f"{pointer}/{member.encode_name}", f"{name}{dot}{member.encode_name}"
            shape = member.type
    return _Place(pointer, name, shape, is_in_list)


def _refused(operation: PatchOperation, text: str) -> Invalid:
    return Invalid(f"{text}.", failed_patch=_plain(operation))


def _plain(operation: PatchOperation) -> dict[str, Any]:
    plain: dict[str, Any] = {"op": operation.op[:40], "path": operation.path[:SHOWN_LENGTH_MAX]}
    shown = None if operation.value is msgspec.UNSET else text_without_secret(operation.path, operation.value)
    if shown is not None:
        plain["value"] = operation.value if len(shown) <= SHOWN_LENGTH_MAX else shown[:SHOWN_LENGTH_MAX]
    return plain
