"""A request on its way to a handler: who asks, for what, in which form."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from operator import attrgetter
from threading import Event
from typing import TypeAlias
from uuid import UUID

import anyio
import msgspec

from tandem.actions.context import Act, Context
from tandem.actions.enrol_agent import AgentDoor
from tandem.actions.exchange import Heard, Said
from tandem.actions.tokens import TokenChecker
from tandem.api.http.addresses import Network
from tandem.api.http.agent_listeners import AgentListeners
from tandem.api.http.listeners import Listeners
from tandem.api.http.throttling import Limits
from tandem.api.http.together import Together
from tandem.domain.errors import Invalid, NotFound
from tandem.domain.identity import Caller, Contract, Scope
from tandem.protocol.messages import SessionAnswer, SessionRequest
from tandem.store.database import Connection

CURRENT_SINCE = (3, 1, 0)
VERSION_PARTS_SIGNIFICANT = 2
VERSION_LENGTH_MAX = 60
INTEGER_DIGITS_MAX = 11
# Some seconds' worth: after a restart they all come, and those who are sent away have asked in vain.
OPENING_MAX = 1_500
# Agents that are told their configuration at a time: more would only get into each other's way.
TELLING_MAX = 4

Opening: TypeAlias = Together[SessionRequest, SessionAnswer]
Intake: TypeAlias = Together[Said, Heard]

_who_opens, _who_says = attrgetter("backup_server_uid"), attrgetter("server_uid")


def _reports(said: Said) -> int:
    return 1 + len(said.request.reports)


class Services(msgspec.Struct, frozen=True):
    """What handlers work with."""

    context: Context
    checker: TokenChecker
    door: AgentDoor
    stopping: Event
    limits: Limits = Limits()
    balancers: tuple[Network, ...] = ()
    # Seconds after which a write is answered with 202 and goes on by itself; 0 is never.
    async_after_seconds: float = 0
    # How long a repeated request waits for the first one's answer: longer than that takes at most.
    replay_wait_seconds: float = 30
    ticks: Callable[[], float] = time.monotonic
    listeners: Listeners = msgspec.field(default_factory=Listeners)
    opening: Opening = msgspec.field(default_factory=lambda: Together("sessions", _who_opens, waiting_max=OPENING_MAX))
    # Waits for an agent without holding a thread.
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    intake: Intake = msgspec.field(default_factory=lambda: Together("intake", _who_says, _reports))
    telling: anyio.CapacityLimiter = msgspec.field(default_factory=lambda: anyio.CapacityLimiter(TELLING_MAX))
    agent_listeners: AgentListeners = msgspec.field(default_factory=AgentListeners)


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request, its caller known and admitted."""

    services: Services
    path: dict[str, str]
    query: tuple[tuple[str, str], ...]
    headers: dict[str, str]
    address: str
    token: str
    caller: Caller | None = None
    connection: Connection | None = None
    body: bytes = b""

    @property
    def context(self) -> Context:
        """The console's means."""
        return self.services.context

    def noting(self, note: Callable[[Connection], None]) -> Call:
        """Give the same call, all of whose changes end with a note, or fail with it."""
        context = msgspec.structs.replace(self.context, database=self.context.database.noting(note))
        return msgspec.structs.replace(self, services=msgspec.structs.replace(self.services, context=context))

    def reading(self) -> AbstractContextManager[Connection]:
        """Give the connection on which the caller was admitted or, after a change, a new one."""
        return self.context.database.reading() if self.connection is None else nullcontext(self.connection)

    @property
    def who(self) -> Caller:
        """The caller of an operation that needs one."""
        if self.caller is None:
            raise AssertionError("This operation is public; it has no caller.")
        return self.caller

    @property
    def scope(self) -> Scope:
        """Whose data the caller sees."""
        return self.who.scope

    @property
    def act(self) -> Act:
        """The start of an action by the caller."""
        return Act(context=self.context, caller=self.who)

    def uid(self, name: str) -> str:
        """Give an id from the path, in its plain form; raises NotFound if it is none."""
        text = self.path[name]
        try:
            return str(UUID(text))
        except ValueError as error:
            raise NotFound(f"{name}: {text[:60]!r} is not the id of anything.") from error

    def parameter(self, name: str) -> str | None:
        """Give a query parameter; of several, the last."""
        for key, value in reversed(self.query):
            if key == name:
                return value
        return None

    def integer(self, name: str, *, default: int, low: int, high: int) -> int:
        """Give a query parameter as an integer; raises Invalid, naming it, if it is none or out of range."""
        text = self.parameter(name)
        if text is None:
            return default
        digits = text.removeprefix("-")
        is_integer = digits.isascii() and digits.isdigit() and len(digits) <= INTEGER_DIGITS_MAX
        if not is_integer or not low <= int(text) <= high:
            shown = text[:40]
            raise Invalid(f'{name}: "{shown}" is not an integer from {low} to {high}.', parameter=name)
        return int(text)

    def expands(self, allowed: str) -> bool:
        """Say whether the one expansion that a resource has is asked for; raises Invalid for any other."""
        named = [word.strip() for key, value in self.query if key == "expand" for word in value.split(",")]
        for word in filter(None, named):
            if word != allowed:
                text = f'expand: "{word[:60]}" is not known here; allowed is {allowed}.'
                raise Invalid(text, parameter="expand")
        return allowed in named

    @property
    def client_version(self) -> tuple[int, int, int] | None:
        """The release of the contract that the client was written for; None for the newest, or a strange one."""
        text = self.headers.get("x-client-version")
        return version_of(text[:VERSION_LENGTH_MAX]) if text else None

    @property
    def is_oldest_form(self) -> bool:
        """Whether the file share job family is answered as the oldest page documents it.

        The client chooses by X-Client-Version: below 3.1 is the oldest form. Without the header, the operator's
        setting decides. A header that is no version counts as the newest.
        """
        if not self.headers.get("x-client-version"):
            return self.context.contract is Contract.OLDEST
        version = self.client_version
        return version is not None and version < CURRENT_SINCE


@lru_cache(maxsize=256)
def version_of(text: str) -> tuple[int, int, int] | None:
    """Read an X-Client-Version; None if it is no version. Remembered, as few are in use."""
    parts = text.strip().split(".")[:3]
    # Of strange versions, those that begin as an old one does are taken for it.
    if len(parts) > VERSION_PARTS_SIGNIFICANT and not _is_number(parts[-1]):
        parts = parts[:-1]
    if not all(map(_is_number, parts)):
        return None
    major, minor, patch = [int(part) for part in parts] + [0] * (3 - len(parts))
    return major, minor, patch


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= INTEGER_DIGITS_MAX
