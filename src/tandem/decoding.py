"""JSON and plain values, read into types by any number of threads.

msgspec learns a type when it first reads one, and marks it as known before it is: a second thread that reads the same
type in that moment crashes the process. Here a type is learnt by one thread at a time, and used once it is known.
"""

from functools import cache
from threading import Lock
from typing import Any, TypeVar, overload

import msgspec

Read = TypeVar("Read")

_learning = Lock()


@overload
def decode(text: bytes | str, kind: type[Read]) -> Read: ...
@overload
def decode(text: bytes | str, kind: Any = ...) -> Any: ...
def decode(text: bytes | str, kind: Any = Any) -> Any:
    """Read JSON.

    Args:
        text: the JSON, in UTF-8.
        kind: what it must be; without it, whatever it is.

    Raises:
        msgspec.DecodeError: if it is no JSON.
        msgspec.ValidationError: if it is something else than `kind`; says where.
    """
    return _decoder(kind).decode(text)


@overload
def convert(value: Any, kind: type[Read], *, strict: bool = ...) -> Read: ...
@overload
def convert(value: Any, kind: Any, *, strict: bool = ...) -> Any: ...
def convert(value: Any, kind: Any, *, strict: bool = True) -> Any:
    """Turn what was decoded already, or other plain values, into a type.

    Args:
        value: dicts, lists, texts, numbers.
        kind: what it must be.
        strict: whether a text that says a number is none.

    Raises:
        msgspec.ValidationError: if it is something else than `kind`; says where.
    """
    _decoder(kind)
    return msgspec.convert(value, kind, strict=strict)


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    with _learning:
        return msgspec.json.Decoder(kind)
