"""The agent's session with the console: opened when it is needed, opened anew when it has ended."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TypeVar

from tandem.agent.console_link import ConsoleLink, Fenced
from tandem.agent.state import State
from tandem.domain.errors import Unauthorized, Unavailable
from tandem.protocol.messages import ExchangeAnswer, ExchangeRequest
from tandem.protocol.transfers import TransferAnswer, TransferPart

Answer = TypeVar("Answer")


class ConsoleSession:
    """The agent's session with the console, opened when needed and shared by its threads."""

    def __init__(self, link: ConsoleLink, state: State) -> None:
        self._link = link
        self._state = state
        self._lock = Lock()
        self._token: str | None = None

    def exchange(self, request: ExchangeRequest) -> ExchangeAnswer:
        """Exchange news; raises as `ConsoleLink.exchange`."""
        return self._say(lambda token: self._link.exchange(request, token))

    def send_part(self, part: TransferPart) -> TransferAnswer:
        """Send a part of what somebody waits for; raises as `ConsoleLink.send_part`."""
        return self._say(lambda token: self._link.send_part(part, token))

    def _say(self, say: Callable[[str], Answer]) -> Answer:
        with self._lock:
            if self._token is None:
                self._token = self._open()
            token = self._token
        try:
            return say(token)
        except (Fenced, Unauthorized) as error:
            with self._lock:
                is_current = self._token == token
                if is_current and isinstance(error, Unauthorized):
                    self._token = None
            if not is_current:
                # The other thread has opened a newer session: it is our own that made this one old.
                raise Unavailable("The session with the console was opened anew.") from error
            raise

    def _open(self) -> str:
        answer = self._link.open_session(self._state.spool_uid())
        if answer.last_report > self._state.last_number():
            # This memory was put back from a backup: its next reports would be taken for ones that have arrived.
            answer = self._link.open_session(self._state.begin_spool())
        return answer.token
