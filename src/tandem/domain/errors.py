"""What can go wrong, in the product's own words; how it looks over HTTP is decided in `tandem.api.http.errors`."""

from __future__ import annotations

from typing import Any


class ConsoleError(Exception):
    """Something went wrong."""

    def __init__(
        self,
        message: str | None = None,
        *,
        parameter: str | None = None,
        field: str | None = None,
        failed_patch: dict[str, Any] | None = None,
    ) -> None:
        """Make an error.

        Args:
            message: what happened and what to do next; the class docstring when left out.
            parameter: the request parameter that caused it, by its API name.
            field: the property of the request body that caused it, by its API name.
            failed_patch: the JSON Patch operation that was refused.
        """
        self.message = message or (self.__doc__ or "").strip()
        self.parameter = parameter
        self.field = field
        self.failed_patch = failed_patch
        super().__init__(self.message)


class Invalid(ConsoleError):
    """The request is not valid."""


class Unauthorized(ConsoleError):
    """The access token is missing, wrong or expired; ask for a new one at /token."""


class Forbidden(ConsoleError):
    """Your role does not permit this operation."""


class NotFound(ConsoleError):
    """No such resource."""

    @classmethod
    def of(cls, noun: str, uid: str) -> NotFound:
        """Say that a resource of this kind and id is not there, or is not for the caller to see."""
        return cls(f"No {noun} with the id {uid} was found.")


class Conflict(ConsoleError):
    """The resource is not in a state that allows this."""


class Unavailable(ConsoleError):
    """The backup server did not answer; the same request may work later."""


class Busy(ConsoleError):
    """The console's database is busy or away; try again."""


class Collided(Busy):
    """Two changes waited for each other, and this one was undone; try again."""


class Throttled(ConsoleError):
    """Too many attempts; wait before the next one."""

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        """Make an error that says how many seconds to wait."""
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
