"""JSON Patch (RFC 6902) on a resource's patchable members: all or nothing."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, cast

import msgspec

from tandem.domain.errors import Invalid

OPERATIONS_MAX = 100
SHOWN_LENGTH_MAX = 200
ALLOWED = {"replace", "add"}


class PatchOperation(msgspec.Struct, frozen=True):
    """One operation of a patch."""

    op: str
    path: str
    value: Any = msgspec.UNSET

    @property
    def member(self) -> str:
        """The member it is about; clients write it with and without a leading slash."""
        return self.path.removeprefix("/")


JsonPatches = list[PatchOperation]


def read_patch(operations: JsonPatches, patchable: dict[str, type]) -> dict[str, Any]:
    """Read a patch of replacements; gives the new values by member name.

    Args:
        operations: the body.
        patchable: the members that may be changed, with the type of each; any other is refused with code 1001.

    Raises:
        Invalid: naming the member; nothing has been changed then.
    """
    if len(operations) > OPERATIONS_MAX:
        raise Invalid(f"The patch has {len(operations)} operations; at most {OPERATIONS_MAX} are taken.")
    members = {name.casefold(): name for name in patchable}
    changes: dict[str, Any] = {}
    for operation in operations:
        name = members.get(operation.member.casefold())
        if operation.op not in ALLOWED:
            text = f'op: "{operation.op[:40]}" cannot be applied to {operation.member[:60]}; use replace.'
            raise Invalid(text, failed_patch=_plain(operation))
        if name is None:
            text = f"{operation.member[:60]}: this property cannot be patched; allowed: {', '.join(sorted(patchable))}."
            raise Invalid(text, failed_patch=_plain(operation))
        changes[name] = _value(operation, name, patchable[name])
    return changes


def _value(operation: PatchOperation, name: str, kind: type) -> Any:
    value = operation.value
    if value is msgspec.UNSET:
        raise Invalid(f"{name}: the operation has no value.", field=name)
    if isinstance(value, str):
        words = {word.casefold(): word for word in kind} if issubclass(kind, StrEnum) else {}
        value = words.get(value.casefold(), value.lower() if kind is bool else value)
    try:
        return msgspec.convert(value, cast("Any", kind), strict=False)
    except msgspec.ValidationError as error:
        allowed = " or ".join(kind) if issubclass(kind, StrEnum) else "true or false"
        shown = msgspec.json.encode(value).decode()[:60]
        raise Invalid(f"{name}: {shown} is not allowed; use {allowed}.", field=name) from error


def _plain(operation: PatchOperation) -> dict[str, Any]:
    plain: dict[str, Any] = {"op": operation.op[:40], "path": operation.path[:SHOWN_LENGTH_MAX]}
    if operation.value is not msgspec.UNSET:
        shown = msgspec.json.encode(operation.value).decode()
        plain["value"] = operation.value if len(shown) <= SHOWN_LENGTH_MAX else shown[:SHOWN_LENGTH_MAX]
    return plain
