"""Holding an answer against the contract's schemas, as strictly as clients that were generated from them read it."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from tests.contract.facts import CONTRACT, SCHEMAS, resolved

Schema = dict[str, Any]

# Members of our own, beside the contract's.
OURS: dict[str, set[str]] = {
    "BackupServerFileShareCopyJob": {"gfsDaily", "gfsMonthly", "gfsWeekly", "gfsYearly"},
    "BackupServerFileShareJob": {"gfsDaily", "gfsMonthly", "gfsWeekly", "gfsYearly"},
    "BackupRepository": {"failureMessage", "recoveryKitDownloadTime", "recoveryKitDownloadedBy"},
    "BackupServerJobSchedule": {"timeZone"},
    "ProtectedOnPremisesFileShare": {"path", "inclusionMasks", "exclusionMasks"},
    "BackupServerJob": {"retryTimes", "retryInterval", "retentionHold"},
    "ProtectedOnPremisesFileShareRestorePoint": {
        "copies",
        "damageTime",
        "verificationTime",
        "expirationTime",
        "filesCount",
        "isComplete",
        "isInFirstRepository",
        "repositoryUid",
    },
}
# Members that are left out: there is nothing to say, and most of them may not be null.
LEFT_OUT: dict[str, set[str]] = {
    "About": {"actualValVersion", "actualVamVersion", "actualVawVersion"},
    "BackupRepository": {"_embedded"},
    "BackupServerCredentialsRecord": {"linuxCredentialsDetails"},
    "BackupServerFileShareCopyJobObject": {"lastSession"},
    "BackupServerFileShareJobObject": {"lastSession"},
    "BackupServerJob": {"schedule"},
    "BackupServerJobScheduleOptionsPeriodically": {"schedule"},
    "Company": {"_embedded"},
    "CredentialsInfo": {"password"},
    "OAuth2Error": {"error_uri"},
    "OAuth2Result": {"encrypted_code", "mfa_token"},
    "OwnerCredentials": {"password"},
    "ResponseError": {"failedJsonPatch", "parameterName", "propertyName", "retryAfter"},
}
ONE_OF = {"BackupServerJobSchedule"}

FORMATS = {
    "uuid": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "date-time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}[+-]\d\d:\d\d"),
}
BITS = {"int32": 31, "int64": 63}
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


class Form(NamedTuple):
    """A schema, plain: its name if it has one, what it says, and whether null is a value of it."""

    name: str
    schema: Schema
    is_nullable: bool


def check(value: Any, resource: str) -> None:
    """Fail if a resource is not as the contract has it, or has a member too many or too few."""
    found = list(_faults(value, SCHEMAS[resource], resource, is_exact=resource))
    assert not found, found


def faults(value: Any, schema: Schema, path: str) -> list[str]:
    """Tell where a value breaks a client that was generated from a schema; members of our own are no harm."""
    return list(_faults(value, schema, path))


def words_of(resource: str, member: str) -> list[str]:
    """Give the words of a member that is an enumeration."""
    return _form(SCHEMAS[resource]["properties"][member]).schema["enum"]


def answer_schema(described: Schema) -> Schema:
    """Give the schema of an operation's success."""
    (content,) = resolved(described["responses"]["200"], CONTRACT)["content"].values()
    return content["schema"]


def _form(schema: Schema) -> Form:
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    schema = resolved(schema, CONTRACT)
    is_nullable = bool(schema.get("nullable"))
    parts = cast("list[Schema]", schema.get("anyOf", schema.get("allOf", ())))
    forms = [form for form in map(_form, parts) if form.name != "Null"]
    if not forms:
        return Form(name, schema, is_nullable)
    (inner,) = forms
    return Form(inner.name, inner.schema, is_nullable or inner.is_nullable or len(forms) < len(parts))


def _faults(value: Any, schema: Schema, path: str, *, is_exact: str = "") -> Iterator[str]:
    form = _form(schema)
    kind, said = form.schema.get("type"), form.schema
    if value is None:
        if not form.is_nullable:
            yield f"{path} is null"
    elif kind is not None and (not isinstance(value, TYPES[kind]) or (kind != "boolean" and isinstance(value, bool))):
        yield f"{path} is no {kind}: {value!r}"
    elif isinstance(value, list):
        for place, item in enumerate(cast("list[Any]", value)):
            yield from _faults(item, said["items"], f"{path}[{place}]", is_exact=is_exact)
    elif isinstance(value, dict):
        yield from _faults_of_members(cast("dict[str, Any]", value), form, path, is_exact)
    else:
        yield from _faults_of_plain(value, said, path)


def _faults_of_members(value: dict[str, Any], form: Form, path: str, is_exact: str) -> Iterator[str]:
    members: dict[str, Schema] = form.schema.get("properties", {})
    name = form.name or is_exact
    yield from (f"{path} lacks {each}" for each in form.schema.get("required", ()) if each not in value)
    if is_exact and members:
        yield from (f"{path} has {each}" for each in set(value) - set(members) - OURS.get(name, set()))
        missing = set(members) - set(value) - LEFT_OUT.get(name, set())
        yield from (f"{path} lacks {each}" for each in missing if name not in ONE_OF)
    for each, schema in members.items():
        if each in value:
            yield from _faults(value[each], schema, f"{path}.{each}", is_exact=is_exact)


def _faults_of_plain(value: Any, schema: Schema, path: str) -> Iterator[str]:
    format_ = schema.get("format", "")
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path} is not a word: {value!r}"
    if format_ in FORMATS and not FORMATS[format_].fullmatch(value):
        yield f"{path} is no {format_}: {value!r}"
    if format_ in BITS and abs(value) >= 2 ** BITS[format_]:
        yield f"{path} is no {format_}: {value!r}"
