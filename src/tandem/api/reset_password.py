"""Password reset over HTTP: anonymous, and silent about who is a user."""

from __future__ import annotations

from typing import Annotated

import msgspec

from tandem.actions import reset_password as actions
from tandem.api.http.answers import One
from tandem.api.http.call import Call
from tandem.api.http.texts import NewPassword, Text

Code = Annotated[str, msgspec.Meta(max_length=200)]


class ResetPasswordRequest(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's CreateResetPasswordRequestBody. The URL is not followed, kept or sent on, so it can be any."""

    email: Text
    user_name: Text
    return_url: str | None = None


class ResetPassword(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's CompleteResetPasswordRequestBody."""

    code: Code
    new_password: NewPassword


def request_reset(call: Call, body: ResetPasswordRequest) -> One[bool]:
    """Ask for a code; the answer is the same whether there is such a user or not."""
    actions.request_reset(call.context, email=body.email, user_name=body.user_name, address=call.address)
    return One(data=True)


def complete_reset(call: Call, body: ResetPassword) -> One[bool]:
    """Set a new password by a code."""
    code, new_password = body.code, body.new_password
    actions.complete_reset(call.context, code=code, new_password=new_password, address=call.address)
    return One(data=True)
