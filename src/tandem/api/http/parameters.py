"""Query parameters that an operation has beside those of every list, read into a struct."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from tandem.api.http.bodies import told
from tandem.api.http.call import Call
from tandem.decoding import convert
from tandem.domain.errors import Invalid

Parameters = TypeVar("Parameters", bound=msgspec.Struct)


def read_parameters(call: Call, kind: type[Parameters]) -> Parameters:
    """Read the query into a struct: of several values the last counts, a list takes all, words are taken in any case.

    Raises:
        Invalid: naming the parameter, its value and what is allowed.
    """
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)  # noqa: S101  (told to the type checker)
    raw: dict[str, Any] = {}
    for field in info.fields:
        given = [value for name, value in call.query if name == field.encode_name]
        if not given or (given == [""] and not field.required):
            continue
        raw[field.encode_name] = _value(_plain(field.type), given)
    try:
        read = convert(raw, kind, strict=False)
    except msgspec.ValidationError as error:
        found = told(str(error), raw, info)
        raise Invalid(found.message, parameter=(found.field or "").partition("[")[0]) from error
    for field in info.fields:
        if field.encode_name in raw and getattr(read, field.name) is None:
            name = field.encode_name
            raise Invalid(f"{name}: null is no value of a parameter; leave it out.", parameter=name)
    return read


def _plain(info: Any) -> Any:
    while isinstance(info, inspect.Metadata | inspect.UnionType):
        if isinstance(info, inspect.Metadata):
            info = info.type
        else:
            info = next(part for part in info.types if not isinstance(part, inspect.NoneType))
    return info


def _value(info: Any, given: list[str]) -> Any:
    if isinstance(info, inspect.ListType):
        item = _plain(info.item_type)
        return [_value(item, [word.strip()]) for text in given for word in text.split(",") if word.strip()]
    if isinstance(info, inspect.EnumType):
        words = {str(word.value).casefold(): word.value for word in info.cls}
        return words.get(given[-1].casefold(), given[-1])
    if isinstance(info, inspect.BoolType):
        return given[-1].lower()
    return given[-1]
