"""POST /token: OAuth 2.0 as the contract has it, errors too."""

from __future__ import annotations

from enum import StrEnum
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec
from starlette.responses import Response

from tandem.actions.grants import (
    Desk,
    Tokens,
    grant_by_code,
    grant_by_password,
    grant_by_refresh_token,
    grant_to_act,
)
from tandem.actions.tokens import GrantRefused
from tandem.api.http.call import Call
from tandem.api.http.envelope import plain
from tandem.api.http.operations import FORM_TYPE
from tandem.api.http.texts import Int32

FIELDS_MAX = 50
SERVED = "password, refresh_token, mfa or as"

Form = dict[str, str]


class GrantType(StrEnum):
    """The contract's OAuth2IssueTokenBodyGrantType; grants by pairs of keys are not served."""

    AS = "as"
    AUTHORIZATION_CODE = "authorization_code"
    MFA = "mfa"
    PASSWORD = "password"  # noqa: S105  (a kind of grant)
    PUBLIC_KEY = "public_key"
    REFRESH_TOKEN = "refresh_token"  # noqa: S105  (the same)


class TokenForm(msgspec.Struct, kw_only=True):
    """The contract's OAuth2IssueTokenBody."""

    grant_type: GrantType
    username: str | None = None
    password: str | None = None
    refresh_token: str | None = None
    mfa_token: str | None = None
    mfa_code: str | None = None
    code: str | None = None
    public_key: str | None = None
    user_uid: UUID | None = msgspec.field(name="userUid", default=None)
    read_only: bool | None = msgspec.field(name="readOnly", default=None)


class TokenAnswer(msgspec.Struct, kw_only=True):
    """The contract's OAuth2Result; in seconds."""

    access_token: str | msgspec.UnsetType | None = msgspec.UNSET
    token_type: str | msgspec.UnsetType | None = msgspec.UNSET
    refresh_token: str | msgspec.UnsetType | None = msgspec.UNSET
    mfa_token: str | msgspec.UnsetType | None = msgspec.UNSET
    encrypted_code: str | msgspec.UnsetType | None = msgspec.UNSET
    expires_in: Int32


class RefusalWord(StrEnum):
    """The contract's OAuth2ErrorError."""

    INVALID_CLIENT = "invalid_client"
    INVALID_GRANT = "invalid_grant"
    INVALID_REQUEST = "invalid_request"
    INVALID_SCOPE = "invalid_scope"
    UNAUTHORIZED_CLIENT = "unauthorized_client"
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"


class TokenRefusal(msgspec.Struct, kw_only=True):
    """The contract's OAuth2Error."""

    error: RefusalWord
    error_description: str
    error_uri: str | msgspec.UnsetType | None = msgspec.UNSET


def issue_token(call: Call) -> Response:
    """Exchange credentials or tokens for an access token."""
    form = _read_form(call)
    desk = Desk(
        context=call.context,
        checker=call.services.checker,
        address=call.address,
        is_read_only=_boolean(form, "readOnly"),
    )
    response = plain(_grant(desk, form))
    response.headers["Cache-Control"] = "no-store"
    return response


def _grant(desk: Desk, form: Form) -> Tokens:
    match form.get("grant_type"):
        case "password":
            user_name, password = _required(form, "username"), _required(form, "password")
            return grant_by_password(desk, user_name=user_name, password=password)
        case "refresh_token":
            return grant_by_refresh_token(desk, refresh_token=_required(form, "refresh_token"))
        case "mfa":
            mfa_token, mfa_code = _required(form, "mfa_token"), _required(form, "mfa_code")
            return grant_by_code(desk, mfa_token=mfa_token, mfa_code=mfa_code)
        case "as":
            refresh_token, user_uid = _required(form, "refresh_token"), _uid(form, "userUid")
            return grant_to_act(desk, refresh_token=refresh_token, user_uid=user_uid)
        case None:
            raise GrantRefused("invalid_request", "grant_type: this field is required.")
        case other:
            text = f"grant_type: {other[:40]!r} is not served; use {SERVED}."
            raise GrantRefused("unsupported_grant_type", text)


def _read_form(call: Call) -> Form:
    content_type = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != FORM_TYPE:
        text = f'The content type is "{content_type[:60]}", but must be {FORM_TYPE}.'
        raise GrantRefused("invalid_request", text)
    try:
        form = dict(parse_qsl(call.body.decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX))
    except ValueError as error:
        raise GrantRefused("invalid_request", "The body is not a valid form.") from error
    # No user name or token holds a NUL character, and PostgreSQL would not compare one.
    if any("\0" in value for value in form.values()):
        raise GrantRefused("invalid_request", "The form holds a NUL character.")
    return form


def _required(form: Form, name: str) -> str:
    if not form.get(name):
        raise GrantRefused("invalid_request", f"{name}: this field is required for this grant.")
    return form[name]


def _uid(form: Form, name: str) -> str:
    try:
        return str(UUID(_required(form, name)))
    except ValueError as error:
        raise GrantRefused("invalid_request", f"{name}: {form[name][:60]!r} is not a uid.") from error


def _boolean(form: Form, name: str) -> bool:
    text = form.get(name, "").strip().lower()
    if text not in {"", "true", "false"}:
        raise GrantRefused("invalid_request", f"{name}: {text[:40]!r} is not allowed; use true or false.")
    return text == "true"
