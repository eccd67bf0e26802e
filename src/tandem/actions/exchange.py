"""What an agent reports, applied once and in order; what it gets in return."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

import msgspec
import structlog

from tandem.actions.context import Context
from tandem.actions.enrol_agent import Fenced
from tandem.domain.errors import Conflict
from tandem.domain.jobs import JobStatus
from tandem.domain.sessions import RUNS, Session, SessionType
from tandem.protocol.messages import (
    AdoptPoints,
    CheckFolder,
    Command,
    CommandResult,
    DrillCopy,
    ExchangeAnswer,
    ExchangeRequest,
    HoldReport,
    LedgerReport,
    NumberedReport,
    PointReport,
    Report,
    RepositoryReport,
    RestorePointTo,
    SessionReport,
    SnapshotsReport,
    StartJob,
    StopJob,
    VerifyRepository,
)
from tandem.store import (
    adoption,
    agent_commands,
    backup_servers,
    configuration,
    file_share_copy_jobs,
    holds,
    jobs,
    proof,
    repositories,
    restore_points,
    session_logs,
    sessions,
)
from tandem.store.backup_servers import AgentState
from tandem.store.database import Connection, alone

log = structlog.get_logger()


def take_in(context: Context, agent: AgentState, request: ExchangeRequest) -> int:
    """Apply what an agent has to say, in one transaction; gives the number of the last report applied.

    Raises:
        Fenced: if a newer session of the agent exists; nothing is applied then.
    """
    now = context.clock()
    uid = agent.instance_uid
    with context.database.writing() as connection:
        current = backup_servers.lock_agent(connection, agent)
        if current is None:
            raise Fenced
        last_report = current.last_report
        for numbered in sorted(request.reports, key=_number):
            if numbered.number <= last_report:
                continue
            _alone(connection, uid, numbered, partial(_apply, connection, uid, numbered.report, now))
            last_report = numbered.number
        for result in request.results:
            _alone(connection, uid, result, partial(_note_result, connection, uid, result, context))
        for running in request.running:
            if sessions.note_running(connection, uid, running, now) and running.log:
                session_logs.put_log(connection, uid, running.session_uid, running.log, now)
        backup_servers.touch_agent(connection, uid, last_report=last_report, now=now)
    return last_report


def has_news(context: Context, agent: AgentState, revision: int) -> bool:
    """Say whether there is anything to tell an agent that has the configuration of a revision."""
    with context.database.reading() as connection:
        current = backup_servers.find_agent(connection, agent.instance_uid)
        if current is None or current.revision != revision or current.session_hash != agent.session_hash:
            return True
        return agent_commands.has_open_commands(connection, agent.instance_uid, context.clock())


def answer(context: Context, agent: AgentState, revision: int, last_report: int) -> ExchangeAnswer:
    """Put together what an agent is told: the newest configuration, if it has an older one, and commands."""
    changed = None
    with context.database.reading() as connection:
        if agent.revision != revision:
            changed = configuration.configuration_of(connection, context.seal, agent.instance_uid)
        commands = [
            _with_credentials(context, connection, agent, command)
            for command in agent_commands.open_commands(connection, agent.instance_uid, context.clock())
        ]
    return ExchangeAnswer(last_report=last_report, configuration=changed, commands=commands)


def _with_credentials(context: Context, connection: Connection, agent: AgentState, command: Command) -> Command:
    """Put the secrets into an order that names credentials: they are stored nowhere but where they are sealed."""
    order = command.order
    if not isinstance(order, CheckFolder) or order.credentials_uid is None:
        return command
    found = configuration.share_credentials(connection, context.seal, agent.instance_uid, order.credentials_uid)
    return msgspec.structs.replace(command, order=msgspec.structs.replace(order, credentials=found))


def _number(numbered: NumberedReport) -> int:
    return numbered.number


def _alone(connection: Connection, uid: str, what: NumberedReport | CommandResult, apply: Callable[[], None]) -> None:
    # One thing that cannot be applied must not hold up all that come after it.
    try:
        with alone(connection):
            apply()
    except Conflict as error:
        number, report = (what.serial, what) if isinstance(what, CommandResult) else (what.number, what.report)
        kind = type(report).__name__
        log.exception("report refused", backup_server=uid, number=number, kind=kind, reason=error.message)


def _apply(connection: Connection, uid: str, report: Report, now: datetime) -> None:
    match report:
        case RepositoryReport():
            repositories.apply_repository_report(connection, uid, report)
        case SessionReport(session=session, log=packed):
            _note_session(connection, uid, session)
            _keep_log(connection, uid, session, packed, now)
        case PointReport():
            restore_points.apply_point_report(connection, uid, report)
        case LedgerReport(job_uid=job_uid, entries=entries):
            restore_points.apply_ledger(connection, uid, job_uid, entries)
            proof.note_drills(connection, uid, job_uid, entries)
        case SnapshotsReport():
            adoption.apply_snapshots(connection, uid, report, now)
        case HoldReport(job_uid=job_uid, hold=hold):
            holds.apply_hold(connection, uid, job_uid, hold)


def _note_session(connection: Connection, uid: str, session: Session) -> None:
    if not sessions.put_session(connection, uid, session) or session.job_unique_uid is None:
        return
    sessions.note_run(connection, uid, session)
    if session.type is SessionType.BACKUP and session.statistics.source_size:
        size = session.statistics.source_size
        file_share_copy_jobs.set_source_size(connection, uid, session.job_unique_uid, size)
    if session.type in {*RUNS, SessionType.ADOPTION}:
        # One of the two is nothing: what is adopted counts for either kind of job.
        size = restore_points.chain_size_of_copy(connection, session.job_unique_uid)
        size += restore_points.chain_size_of_job(connection, session.job_unique_uid)
        sessions.set_chain_size(connection, uid, session.job_unique_uid, size)


def _keep_log(connection: Connection, uid: str, session: Session, packed: bytes | None, now: datetime) -> None:
    if packed is None:
        return
    session_logs.put_log(connection, uid, session.instance_uid, packed, now)
    if session.job_unique_uid is not None:
        session_logs.drop_logs_but_newest(connection, uid, session.job_unique_uid)


def _note_result(connection: Connection, uid: str, result: CommandResult, context: Context) -> None:
    command = agent_commands.find_open_order(connection, uid, result.serial)
    agent_commands.answer_command(connection, uid, result.serial, error=result.error, now=context.clock())
    if isinstance(command, StartJob) and result.error:
        jobs.fail_start(connection, uid, command.job_uid, old=JobStatus.STARTING, failure=result.error)
    if isinstance(command, StopJob) and result.error:
        jobs.fail_start(connection, uid, command.job_uid, old=JobStatus.STOPPING, failure=result.error)
    if isinstance(command, RestorePointTo | AdoptPoints | VerifyRepository | DrillCopy) and result.error:
        sessions.fail_queued_session(connection, command.session_uid, result.error, context.clock())
