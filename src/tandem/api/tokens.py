"""POST /token: OAuth 2.0 as the contract has it, errors too."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.responses import Response

from tandem.actions.tokens import GrantRefused, grant_by_password, grant_by_refresh_token
from tandem.api.call import Call
from tandem.api.envelope import plain

FORM_TYPE = "application/x-www-form-urlencoded"
FIELDS_MAX = 50


def issue_token(call: Call) -> Response:
    """Exchange credentials or a refresh token for an access token."""
    form = _read_form(call)
    match form.get("grant_type"):
        case "password":
            pair = grant_by_password(
                call.context,
                call.services.checker,
                user_name=_required(form, "username"),
                password=_required(form, "password"),
                address=call.address,
            )
        case "refresh_token":
            refresh_token = _required(form, "refresh_token")
            pair = grant_by_refresh_token(call.context, call.services.checker, refresh_token=refresh_token)
        case None:
            raise GrantRefused("invalid_request", "grant_type: this field is required.")
        case other:
            text = f"grant_type: {other[:40]!r} is not served; use password or refresh_token."
            raise GrantRefused("unsupported_grant_type", text)
    response = plain(pair)
    response.headers["Cache-Control"] = "no-store"
    return response


def _read_form(call: Call) -> dict[str, str]:
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


def _required(form: dict[str, str], name: str) -> str:
    if not form.get(name):
        raise GrantRefused("invalid_request", f"{name}: this field is required for this grant.")
    return form[name]
