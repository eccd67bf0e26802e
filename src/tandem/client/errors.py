"""What a console refuses, or does not say."""

from __future__ import annotations

import ssl
from typing import Any

import httpx

from tandem.domain.errors import ConsoleError

# The longest answer: a repository is made by its agent before the console says so.
ANSWER_SECONDS_MAX = 90


class ApiError(ConsoleError):
    """The console refused, by an HTTP status and the contract's `errors`, or gave no answer: then `status` is 0."""

    def __init__(self, message: str, *, status: int = 0, errors: list[dict[str, Any]] | None = None) -> None:
        """Make an error that says what happened and what to do next."""
        super().__init__(message)
        self.status = status
        self.errors = errors or []


class NotSignedIn(ApiError):
    """Nobody is signed in here, or no longer."""


def unreachable(console: str, error: Exception) -> ApiError:
    """Make the error for a console that gave no answer: what happened and what to do next."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            text = f"Nothing was sent: the certificate that {console} shows is not trusted ({cause.verify_message})."
            return ApiError(f"{text} If it was renewed, compare its fingerprint and sign in again: tandem login")
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
        return ApiError(f"The console at {console} did not answer in {ANSWER_SECONDS_MAX} s; try again.")
    reason = str(error) or type(error).__name__
    return ApiError(f"There is no answer from {console} ({reason}). Is the console running there? (`tandem console`)")
