"""What an operation is, and what its handler's annotations say of it: what it takes and what it answers."""

from __future__ import annotations

import functools
import types
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Union, cast, get_args, get_origin, get_type_hints

import msgspec
from starlette.responses import Response

from tandem.api.http.answers import Done, Many, One
from tandem.api.http.listing import Resource
from tandem.domain.identity import Permission

JSON_TYPE = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded"

BASE = "/api/v3"

Answer = One[Any] | Many[Any] | Done | Response
Handler = Callable[..., Answer] | Callable[..., Awaitable[Answer]]


class Operation(NamedTuple):
    """One operation of the API.

    Attributes:
        method: GET, POST, …
        path: with path parameters in braces.
        operation_id: the contract's, or one in its style.
        permission: whom it admits.
        handler: what serves it: takes the `Call` and, where it declares them, `query` and `body`.
        lists: the resource whose filters and sorts it takes.
        expands: what `expand` takes.
        patches: the struct whose members its body, a JSON Patch, may change.
        form: the struct of its form, if it takes one; the handler reads it.
        gives: the type of an answer without an envelope; `object` for any.
        refuses: the type of a refusal (400) that is not the contract's ErrorResponse.
        is_extension: whether the published contract does not have it.
        media: the content type of its success.
    """

    method: str
    path: str
    operation_id: str
    permission: Permission
    handler: Handler
    lists: Resource[Any] | None = None
    expands: tuple[str, ...] = ()
    patches: type[msgspec.Struct] | None = None
    form: Any = None
    gives: Any = None
    refuses: Any = None
    is_extension: bool = False
    media: str = JSON_TYPE

    @property
    def body_type(self) -> str:
        """The content type of its body."""
        return JSON_TYPE if self.form is None else FORM_TYPE


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """What a handler takes and answers.

    Attributes:
        query: the struct of its query parameters, beside those that every operation of its kind has.
        body: the type of its body.
        answer: One, Many, Done, or Response for those that write their own.
        data: the type of what One or Many hold.
        views: the types that `data` may be: several where the client chooses the form.
    """

    query: type[msgspec.Struct] | None
    body: Any
    answer: type[Any]
    data: Any
    views: tuple[Any, ...]


@functools.cache
def signature_of(handler: Handler) -> Signature:
    """Read a handler's annotations."""
    hints = get_type_hints(handler, include_extras=True)
    answer = hints.get("return", Response)
    kind = get_origin(answer) or answer
    arguments = get_args(answer)
    data = arguments[0] if arguments else None
    is_union = get_origin(data) in {Union, types.UnionType}
    return Signature(
        query=hints.get("query"),
        body=hints.get("body"),
        answer=cast("type[Any]", kind),
        data=data,
        views=get_args(data) if is_union else (data,),
    )
