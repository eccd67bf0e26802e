"""A console at the other end of the agent's link, in this process, with faults on demand."""

from collections.abc import Callable
from threading import Condition

from tandem.agent.console_link import Fenced
from tandem.domain.errors import Unauthorized, Unavailable
from tandem.protocol.messages import (
    Command,
    CommandResult,
    Configuration,
    ExchangeAnswer,
    ExchangeRequest,
    Order,
    Report,
    SessionAnswer,
)


class FakeLink:
    """Takes reports in once and in order, fences old sessions and repeats commands, as the real console does."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.reports: list[Report] = []
        self.results: dict[int, str] = {}
        # Whether the agent waits for news, as it should when there is none.
        self.is_waiting = False
        self.sessions: list[str] = []
        # Called before each exchange; what it raises is what the agent sees.
        self.fault: Callable[[ExchangeRequest], None] | None = None
        # Called after each exchange was applied; what it raises is what the agent sees instead of the answer.
        self.loss: Callable[[ExchangeRequest], None] | None = None
        self.last_report = 0
        self._spool_uid = ""
        self._commands: list[Command] = []
        self._revoked: set[str] = set()
        self._is_closed = False
        self._changed = Condition()

    # The agent's side

    def open_session(self, spool_uid: str) -> SessionAnswer:
        with self._changed:
            if spool_uid != self._spool_uid:
                self._spool_uid, self.last_report = spool_uid, 0
            self.sessions.append(f"session {len(self.sessions)}")
            self._changed.notify_all()
            return SessionAnswer(token=self.sessions[-1], last_report=self.last_report)

    def exchange(self, request: ExchangeRequest, token: str) -> ExchangeAnswer:
        if self.fault is not None:
            self.fault(request)
        with self._changed:
            self._admit(token)
            self._take_in(request)
            if request.wait_seconds > 0:
                self.is_waiting = not self._has_news(request, token)
            self._changed.wait_for(lambda: self._has_news(request, token), request.wait_seconds)
            self._admit(token)
        if self.loss is not None:
            self.loss(request)
        changed = self.configuration if self.configuration.revision != request.revision else None
        return ExchangeAnswer(last_report=self.last_report, configuration=changed, commands=self._open_commands())

    # The test's side

    def order(self, order: Order) -> int:
        """Give the agent an order; gives its number."""
        with self._changed:
            self._commands.append(Command(len(self._commands) + 1, order))
            self._changed.notify_all()
            return len(self._commands)

    def configure(self, configuration: Configuration) -> None:
        """Give the agent another configuration."""
        with self._changed:
            self.configuration = configuration
            self._changed.notify_all()

    def revoke(self) -> None:
        """Forget all sessions that there are, as a console does whose database was put back."""
        with self._changed:
            self._revoked |= set(self.sessions)
            self._changed.notify_all()

    def fence(self) -> None:
        """Let another agent with this identity open a session."""
        self.open_session(self._spool_uid)

    def close(self) -> None:
        """Let nobody wait any longer."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _admit(self, token: str) -> None:
        if self._is_closed:
            raise Unavailable("closed")
        if token in self._revoked:
            raise Unauthorized("unknown")
        if token != self.sessions[-1]:
            raise Fenced

    def _take_in(self, request: ExchangeRequest) -> None:
        for numbered in request.reports:
            if numbered.number > self.last_report:
                self.reports.append(numbered.report)
                self.last_report = numbered.number
        for result in request.results:
            self._note(result)

    def _note(self, result: CommandResult) -> None:
        self.results.setdefault(result.serial, result.error)

    def _has_news(self, request: ExchangeRequest, token: str) -> bool:
        is_over = self._is_closed or token in self._revoked or token != self.sessions[-1]
        return is_over or request.revision != self.configuration.revision or bool(self._open_commands())

    def _open_commands(self) -> list[Command]:
        return [command for command in self._commands if command.serial not in self.results]
