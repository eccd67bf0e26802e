"""What an agent reports, applied once and in order; what it gets in return."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from tandem.actions.apply_reports import apply_reports, note_running
from tandem.actions.context import Context
from tandem.actions.enrol_agent import Fenced, recognize
from tandem.domain.errors import Conflict, ConsoleError, Unauthorized
from tandem.domain.jobs import JobStatus
from tandem.protocol.messages import (
    AdoptPoints,
    CheckFolder,
    Command,
    CommandResult,
    DrillCopy,
    ExchangeAnswer,
    ExchangeRequest,
    NumberedReport,
    RestorePointTo,
    StartJob,
    StopJob,
    VerifyRepository,
)
from tandem.store import agent_commands, backup_servers, configuration, jobs, sessions
from tandem.store.backup_servers import AgentState
from tandem.store.database import Connection, alone

# An agent that only listens says so about once a minute; it counts as gone after two minutes of silence.
HEARD_AGAIN_AFTER = timedelta(seconds=30)

log = structlog.get_logger()


class Said(msgspec.Struct, frozen=True):
    """What an agent says, and the token of its session."""

    token: str
    request: ExchangeRequest

    @property
    def server_uid(self) -> str:
        """The backup server that the token names."""
        return self.token.partition(".")[0]

    @property
    def is_silent(self) -> bool:
        """Whether it only listens."""
        return not (self.request.reports or self.request.results or self.request.running)

    @property
    def without_news(self) -> Said:
        """The same for one who only goes on listening."""
        return Said(self.token, msgspec.structs.replace(self.request, reports=[], results=[], running=[]))


class Heard(msgspec.Struct, frozen=True):
    """What came of it: the agent, its last report that is applied, and the commands that it has not answered."""

    agent: AgentState
    last_report: int
    commands: list[Command]

    def has_news(self, revision: int) -> bool:
        """Say whether there is anything to tell an agent that has the configuration of a revision."""
        return self.agent.revision != revision or bool(self.commands)


Outcome = Heard | Fenced | Unauthorized


def take_in(context: Context, said: list[Said]) -> list[Outcome]:
    """Apply what agents have to say, all in one transaction; gives what came of each, in their order.

    Of an agent whose session is not open, or not any more, nothing is applied.

    Args:
        context: the console's means.
        said: by each agent once.
    """
    now = context.clock()
    is_spoken = any(not one.is_silent for one in said)
    with context.database.writing() if is_spoken else context.database.reading() as connection:
        speaking = [one.server_uid for one in said if not one.is_silent]
        agents = backup_servers.lock_agents(connection, speaking) if speaking else {}
        if silent := [one.server_uid for one in said if one.is_silent]:
            agents |= backup_servers.find_agents(connection, silent)
        known = [_recognize(agents, one) for one in said]
        last_reports = _apply_all(connection, _spoken(said, known), context, now)
        open_ones = [agent.instance_uid for agent in known if isinstance(agent, AgentState)]
        commands = agent_commands.open_commands(connection, open_ones, now)
    _note_silent(context, _unheard(said, known, now), now)
    return [
        agent
        if isinstance(agent, ConsoleError)
        else Heard(
            agent,
            last_reports.get(agent.instance_uid, agent.last_report),
            commands.get(agent.instance_uid, []),
        )
        for agent in known
    ]


def _recognize(agents: dict[str, AgentState], one: Said) -> AgentState | Fenced | Unauthorized:
    try:
        return recognize(agents.get(one.server_uid), one.token)
    except (Fenced, Unauthorized) as error:
        return error


def _spoken(said: list[Said], known: Sequence[AgentState | ConsoleError]) -> list[tuple[AgentState, ExchangeRequest]]:
    pairs = zip(said, known, strict=True)
    return [(agent, one.request) for one, agent in pairs if isinstance(agent, AgentState) and not one.is_silent]


def _unheard(said: list[Said], known: Sequence[AgentState | ConsoleError], now: datetime) -> list[str]:
    """Give those who only listen, and were noted as heard too long ago."""
    return [
        agent.instance_uid
        for one, agent in zip(said, known, strict=True)
        if one.is_silent and isinstance(agent, AgentState)
        if agent.last_seen_at is None or abs(now - agent.last_seen_at) >= HEARD_AGAIN_AFTER
    ]


def _note_silent(context: Context, uids: list[str], now: datetime) -> None:
    if not uids:
        return
    with context.database.writing() as connection:
        # Whoever is busy with one of them notes it himself.
        agents = backup_servers.lock_agents(connection, uids, leave_busy=True)
        backup_servers.touch_agents(connection, {uid: agent.last_report for uid, agent in agents.items()}, now)


def _apply_all(
    connection: Connection, spoken: list[tuple[AgentState, ExchangeRequest]], context: Context, now: datetime
) -> dict[str, int]:
    """Apply what the agents, which are locked, have said; gives the last report of each that is applied now."""
    waiting: dict[str, list[NumberedReport]] = {}
    last_reports: dict[str, int] = {}
    for agent, request in spoken:
        new = [one for one in sorted(request.reports, key=_number) if one.number > agent.last_report]
        # One that is sent twice in one message counts once.
        new = [one for one, before in zip(new, [None, *new], strict=False) if not before or before.number < one.number]
        waiting[agent.instance_uid] = new
        last_reports[agent.instance_uid] = new[-1].number if new else agent.last_report
    apply_reports(connection, waiting, now)
    for agent, request in spoken:
        uid = agent.instance_uid
        for result in request.results:
            try:
                with alone(connection):
                    _note_result(connection, uid, result, context)
            except Conflict as error:
                log.exception("result refused", backup_server=uid, number=result.serial, reason=error.message)
    note_running(connection, [(agent.instance_uid, one) for agent, request in spoken for one in request.running], now)
    backup_servers.touch_agents(connection, last_reports, now)
    return last_reports


def answer(context: Context, heard: Heard, revision: int) -> ExchangeAnswer:
    """Put together what an agent is told: the newest configuration, if it has an older one, and commands."""
    changed, commands = None, heard.commands
    if heard.has_news(revision):
        uid = heard.agent.instance_uid
        with context.database.reading() as connection:
            if heard.agent.revision != revision:
                changed = configuration.configuration_of(connection, context.seal, uid)
            commands = [_with_credentials(context, connection, heard.agent, command) for command in commands]
    return ExchangeAnswer(last_report=heard.last_report, configuration=changed, commands=commands)


def _with_credentials(context: Context, connection: Connection, agent: AgentState, command: Command) -> Command:
    """Put the secrets into an order that names credentials: they are stored nowhere but where they are sealed."""
    order = command.order
    if not isinstance(order, CheckFolder) or order.credentials_uid is None:
        return command
    found = configuration.share_credentials(connection, context.seal, agent.instance_uid, order.credentials_uid)
    return msgspec.structs.replace(command, order=msgspec.structs.replace(order, credentials=found))


def _number(numbered: NumberedReport) -> int:
    return numbered.number


def _note_result(connection: Connection, uid: str, result: CommandResult, context: Context) -> None:
    command = agent_commands.find_open_order(connection, uid, result.serial)
    agent_commands.answer_command(connection, uid, result.serial, error=result.error, now=context.clock())
    if isinstance(command, StartJob) and result.error:
        jobs.fail_start(connection, uid, command.job_uid, old=JobStatus.STARTING, failure=result.error)
    if isinstance(command, StopJob) and result.error:
        jobs.fail_start(connection, uid, command.job_uid, old=JobStatus.STOPPING, failure=result.error)
    if isinstance(command, RestorePointTo | AdoptPoints | VerifyRepository | DrillCopy) and result.error:
        sessions.fail_queued_session(connection, command.session_uid, result.error, context.clock())
