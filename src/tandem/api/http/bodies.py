"""Reading request bodies: bad input is told by field, value and what is allowed."""

from __future__ import annotations

import re
from typing import Any, TypeVar, get_origin

import msgspec
from msgspec import inspect

from tandem.api.http.call import Call
from tandem.api.http.coercion import allowed_words, coerce, member_of, shape_of_type, without_null
from tandem.api.http.errors import TransportError
from tandem.decoding import convert, decode
from tandem.domain.errors import Invalid

Body = TypeVar("Body")

JSON_TYPE = "application/json"
SHOWN_LENGTH_MAX = 80
SECRETS = ("password", "token", "secret", "privatekey", "passphrase")
_PATH = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_TYPE_NAMES = {
    "`int`": "an integer",
    "`str`": "a text",
    "`bool`": "true or false",
    "`object`": "an object",
    "`array`": "an array",
    "`null`": "null",
    "`float`": "a number",
}


def read_json(call: Call) -> Any:
    """Read a JSON body; raises TransportError (415) or Invalid."""
    content_type = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != JSON_TYPE:
        raise TransportError(415, f'The content type is "{content_type[:60]}", but must be {JSON_TYPE}.')
    try:
        return decode(call.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"The body is not valid JSON: {error}.") from error
    except RecursionError as error:
        raise Invalid("The body is not valid JSON: it is nested too deeply.") from error


def read_body(call: Call, kind: type[Body]) -> Body:
    """Read a JSON body of a declared type.

    Names and words are taken in any case, numbers as text and text as numbers, since clients in use differ in it.

    Raises:
        TransportError: 415 for another content type.
        Invalid: naming the property, its value and what is allowed.
    """
    raw = read_json(call)
    if not isinstance(raw, dict) and get_origin(kind) is not list:
        raise Invalid("The body must be a JSON object.")
    return convert_body(raw, kind)


def convert_body(raw: Any, kind: type[Body]) -> Body:
    """Turn decoded JSON into a declared type; raises Invalid, naming the property, its value and what is allowed."""
    shape = shape_of_type(kind)
    coerced = coerce(raw, shape)
    try:
        return convert(coerced, kind)
    except msgspec.ValidationError as error:
        raise told(str(error), coerced, shape) from error


def told(text: str, raw: Any, shape: inspect.Type) -> Invalid:
    """Turn msgspec's complaint into an error that names the property, its value and what is allowed."""
    found = _PATH.search(text)
    path = found["path"] if found else ""
    reason = text[: found.start()] if found else text
    missing = re.search(r"required field `(?P<name>[^`]+)`", reason)
    unknown = re.search(r"unknown field `(?P<name>[^`]+)`", reason)
    for named in (missing, unknown):
        if named:
            path = f"{path}.{named['name']}" if path else named["name"]
    if missing:
        return Invalid(f"{path}: this property is required.", field=path)
    if unknown:
        return Invalid(f"{path}: this property is not known here.", field=path)
    for name, words in _TYPE_NAMES.items():
        reason = reason.replace(name, words)
    reason = reason[0].lower() + reason[1:].replace("`", "")
    if words := allowed_words(_shape_at(path, shape)):
        reason = f"must be one of {', '.join(words)}"
    return Invalid(f"{path or 'body'}: {reason}{_shown(path, raw)}.", field=path or None)


def _shape_at(path: str, shape: inspect.Type) -> inspect.Type | None:
    found: inspect.Type | None = shape
    for part in re.findall(r"[^.\[\]]+", path):
        found = without_null(found) if found is not None else None
        if isinstance(found, inspect.ListType):
            found = found.item_type
        else:
            member = member_of(found, part)
            found = member.type if member else None
    return found


def _shown(path: str, raw: Any) -> str:
    value = raw
    for part in re.findall(r"[^.\[\]]+", path):
        try:
            value = value[int(part) if part.isdigit() else part]
        except (KeyError, IndexError, TypeError):
            return ""
    shown = text_without_secret(path, value)
    return f"; the value was {shown[:SHOWN_LENGTH_MAX]}" if shown is not None else ""


def text_without_secret(path: str, value: Any) -> str | None:
    """Give a value as JSON, to be shown to who sent it; None if it is secret, or holds or may hold what is."""
    try:
        shown = msgspec.json.encode(value).decode()
    except RecursionError:
        return None
    named = path.lower() if isinstance(value, str) else f"{path} {shown}".lower()
    is_secret = any(word in named for word in SECRETS) or path.lower().endswith("credentials")
    return None if is_secret else shown
