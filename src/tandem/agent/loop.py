"""The agent's loops: ask what is due and start it; tell the console; listen to it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from random import Random
from threading import Event, Lock, Thread
from typing import TypeVar

import msgspec
import structlog

from tandem.agent import adoption, holds, retries
from tandem.agent.backoff import pause
from tandem.agent.console_link import ConsoleLink, Fenced
from tandem.agent.console_session import ConsoleSession
from tandem.agent.files import Files
from tandem.agent.folders import check_share
from tandem.agent.identity import Identity
from tandem.agent.proofs import Proofs
from tandem.agent.reset_copy import reset_copy
from tandem.agent.run import Means
from tandem.agent.run_adoption import wish_for_adoption
from tandem.agent.sessions import Sessions
from tandem.domain.errors import ConsoleError, Throttled
from tandem.domain.file_shares import ShareKind, kind_of
from tandem.domain.repositories import RepositoryState
from tandem.domain.schedule import ScheduleType, is_out_of_reach, next_run
from tandem.protocol.messages import (
    REPORTS_PER_EXCHANGE_MAX,
    WAIT_SECONDS_MAX,
    AdoptPoints,
    CheckFolder,
    Collect,
    CollectSnapshots,
    Command,
    CommandResult,
    Configuration,
    DrillCopy,
    ExchangeAnswer,
    ExchangeRequest,
    JobConfiguration,
    Order,
    RepositoryConfiguration,
    ResetCopy,
    RestorePointTo,
    StartJob,
    StopJob,
    VerifyRepository,
)
from tandem.protocol.transfers import FindFiles, ListFiles, SendFile

TICK_SECONDS = 0.5
REPORT_EVERY_SECONDS = 1.0
STOP_SECONDS_MAX = 8.0
LAST_WORDS_SECONDS_MAX = 1.5

Answer = TypeVar("Answer")

AboutPoints = (
    RestorePointTo
    | ResetCopy
    | AdoptPoints
    | CollectSnapshots
    | ListFiles
    | FindFiles
    | SendFile
    | VerifyRepository
    | DrillCopy
)

log = structlog.get_logger()


class Agent:
    """Everything that goes on at a backup server."""

    def __init__(self, means: Means, identity: Identity, data: Path) -> None:
        """Put the parts together; `run` starts them."""
        self._means = means
        self._identity = identity
        self._data = data
        self._stopping = Event()
        self._news = Event()
        self._configuration_lock = Lock()
        self._configuration = means.state.configuration()
        adoption.tell_once(means.state, self._configuration)
        restic_version = ".".join(map(str, means.engine.version))
        self._session = ConsoleSession(ConsoleLink(identity, restic_version), means.state)
        self._chance = Random()  # noqa: S311  (spreads agents over time; nothing secret)
        self._making: set[str] = set()
        self._collecting = Lock()
        # Said once, until it is another or over.
        self._trouble = ""
        self.is_fenced = False
        means.state.close_open_commands("The agent was interrupted while it carried this out.")
        self._sessions = Sessions(means, identity.host_name, data, self._news.set)
        self._proofs = Proofs(means, self._sessions, data)
        self._files = Files(means, self._session.send_part)

    def run(self) -> None:
        """Work until `stop`; then end every run, within ten seconds."""
        report = Thread(target=self._report, name="report", daemon=True)
        self._sessions.resume(self._obey)
        Thread(target=self._listen, name="listen", daemon=True).start()
        report.start()
        self._make_repositories()
        while not self._stopping.wait(TICK_SECONDS):
            self._start_due()
        self._files.close()
        self._sessions.close(STOP_SECONDS_MAX)
        # It asks the memory what there is to say, which whoever has started the agent closes next.
        report.join(LAST_WORDS_SECONDS_MAX)
        if not self.is_fenced:
            last_words = Thread(target=self._say_last, name="last words", daemon=True)
            last_words.start()
            last_words.join(LAST_WORDS_SECONDS_MAX)

    def stop(self) -> None:
        """Tell the agent to end."""
        self._stopping.set()
        self._news.set()

    def _start_due(self) -> None:
        configuration = self._configuration
        if configuration is None:
            return
        self._means.clock_watch.look(configuration)
        for job in configuration.jobs:
            try:
                self._start_if_due(job, configuration)
            except Exception:  # one bad job must not keep the others from running
                log.exception("job not started", job=job.name)
        try:
            self._proofs.start_due(configuration)
        except Exception:  # nor may this
            log.exception("verifications not started")
        self._sessions.look(configuration)

    def _start_if_due(self, job: JobConfiguration, configuration: Configuration) -> None:
        now = self._means.clock()
        if job.is_enabled and not self._sessions.is_running(job.uid) and retries.is_due(self._means.state, job, now):
            self._sessions.start_job(job, configuration)
            return
        planned = self._means.state.next_run(job.uid)
        form = msgspec.json.encode(job.schedule).decode()
        is_chained = job.schedule.type is ScheduleType.CHAINED
        if not is_chained and (planned is None or planned[1] != form or is_out_of_reach(job.schedule, planned[0], now)):
            upcoming = next_run(job.schedule, now, job.created_at)
            if planned is not None or upcoming is not None:
                self._means.state.set_next_run(job.uid, upcoming, form)
            return
        if planned is None or planned[0] > now:
            return
        upcoming = None if is_chained else next_run(job.schedule, now, job.created_at)

        def note_plan() -> None:
            self._means.state.set_next_run(job.uid, upcoming, form)

        if not job.is_enabled:
            note_plan()
        elif not self._sessions.is_running(job.uid):
            self._sessions.start_job(job, configuration, note_plan)
        elif not is_chained:
            # A chained run waits for the one that is going on; one by the clock has its next time.
            with self._means.state.transaction():
                note_plan()
                was = "waiting to begin" if self._sessions.is_waiting(job.uid) else "going on"
                self._sessions.skip(job, f"Its previous run was still {was}.")

    def _report(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            self._news.wait()
            self._news.clear()
            try:
                failures = self._report_news(failures)
            except Exception:  # the memory could not be read: what there is to say is looked for again
                log.exception("reports not read")
                self._stopping.wait(pause(failures, 0, self._chance))
                failures += 1
                self._news.set()

    def _report_news(self, failures: int) -> int:
        while not self._stopping.is_set() and self._has_something_to_say():
            failures = self._converse(wait_seconds=0, failures=failures)
            if not self._stopping.is_set() and not self._means.state.reports(1):
                self._stopping.wait(REPORT_EVERY_SECONDS)
        return failures

    def _listen(self) -> None:
        failures = 0
        self._news.set()
        while not self._stopping.is_set():
            # After trouble, first hear that it is over.
            failures = self._converse(wait_seconds=0 if failures else WAIT_SECONDS_MAX, failures=failures)

    def _has_something_to_say(self) -> bool:
        state = self._means.state
        return bool(state.reports(1) or state.unsent_results() or self._sessions.has_news())

    def _converse(self, *, wait_seconds: float, failures: int) -> int:
        try:
            self._exchange(wait_seconds)
        except Fenced as error:
            log.warning("fenced", message=error.message)
            self.is_fenced = True
            self.stop()
        except Exception as error:  # whatever it is, this thread must go on: the next try may succeed
            if not isinstance(error, ConsoleError):
                log.exception("exchange failed")
            elif error.message != self._trouble:
                log.warning("console not reached", message=error.message)
                self._trouble = error.message
            asked = error.retry_after_seconds if isinstance(error, Throttled) else 0
            self._stopping.wait(pause(failures, asked, self._chance))
            return failures + 1
        self._trouble = ""
        return 0

    def _say_last(self) -> None:
        """Tell how the sessions ended, so that they do not seem to go on while this agent is away."""
        with contextlib.suppress(ConsoleError):
            while self._means.state.reports(1):
                self._exchange(0)

    def _exchange(self, wait_seconds: float) -> None:
        is_reporting = wait_seconds == 0
        state = self._means.state
        # Results go with whichever exchange is next: a command is repeated until its result has arrived.
        results = state.unsent_results()
        configuration = self._configuration
        self._sessions.note_told()
        request = ExchangeRequest(
            revision=configuration.revision if configuration else 0,
            reports=state.reports(REPORTS_PER_EXCHANGE_MAX) if is_reporting else [],
            results=[CommandResult(serial, error) for serial, error in results],
            # Also by whoever only listens: so the console hears of them at least as often as of the agent.
            running=self._sessions.running(),
            wait_seconds=wait_seconds,
        )
        answer = self._session.exchange(request)
        state.drop_reports(answer.last_report)
        state.mark_results_sent(serial for serial, _error in results)
        if not self._stopping.is_set():
            self._take_in(answer)

    def _take_in(self, answer: ExchangeAnswer) -> None:
        with self._configuration_lock:
            newest = answer.configuration
            # An older one too: the console's database may have been put back from a backup.
            if newest is not None and (self._configuration is None or newest.revision != self._configuration.revision):
                self._means.state.set_configuration(newest)
                self._configuration = newest
                holds.take_releases(self._means.state, newest)
                adoption.tell_where_asked(self._means.state, newest)
                self._news.set()
        self._make_repositories()
        for command in answer.commands:
            self._carry_out(command)

    def _carry_out(self, command: Command) -> None:
        if not self._means.state.take_command(command.serial):
            return
        try:
            error = self._obey(command.order)
        except Exception as failure:  # an order that fails is answered as such, and the next one is taken
            log.exception("order failed", serial=command.serial)
            error = f"The agent failed: {failure}"
        self._means.state.answer_command(command.serial, error)
        self._news.set()

    def _obey(self, order: Order) -> str:
        configuration = self._configuration
        match order:
            case CheckFolder():
                return self._check(order, configuration)
            case StopJob(job_uid=job_uid):
                return self._sessions.stop_job(job_uid)
            case StartJob(job_uid=job_uid):
                return self._start(job_uid, configuration)
            case Collect():
                # Large repositories take minutes to measure: the orders that come next do not wait.
                Thread(target=self._collect, name="collect", daemon=True).start()
                return ""
            case _:
                if configuration is None:
                    return "This agent has no configuration yet."
                return self._obey_about_points(order, configuration)

    def _obey_about_points(self, order: AboutPoints, configuration: Configuration) -> str:
        match order:
            case RestorePointTo():
                return self._sessions.start_restore(order, configuration)
            case ResetCopy():
                return reset_copy(self._means, self._sessions, configuration, order)
            case AdoptPoints():
                wish = wish_for_adoption(order, configuration, self._identity.host_name)
                return self._sessions.start(wish, configuration) if wish else "This agent does not know the job."
            case CollectSnapshots():
                return self._collect_snapshots(order, configuration)
            case VerifyRepository() | DrillCopy():
                return self._proofs.obey(order, configuration)
            case ListFiles() | FindFiles() | SendFile():
                return self._files.send(order, configuration)

    def _collect_snapshots(self, order: CollectSnapshots, configuration: Configuration) -> str:
        if order.repository_uid not in {repository.uid for repository in configuration.repositories}:
            return "This agent does not know the repository."
        # Others may take minutes to be read: the orders that come next do not wait.
        args = (order, configuration)
        Thread(target=self._look_into, args=args, name="look into", daemon=True).start()
        return ""

    def _check(self, order: CheckFolder, configuration: Configuration | None) -> str:
        if kind_of(order.path) is ShareKind.FOLDER:
            return check_share(order.path, configuration, self._data)
        return self._means.mounts.check(order.path, order.credentials)

    def _start(self, job_uid: str, configuration: Configuration | None) -> str:
        jobs = [job for job in configuration.jobs if job.uid == job_uid] if configuration else []
        if configuration is None or not jobs:
            return "This agent does not know the job."
        return self._sessions.start_job(jobs[0], configuration)

    def _collect(self) -> None:
        with self._collecting:
            configuration = self._configuration
            for repository in configuration.repositories if configuration else []:
                if self._stopping.is_set():
                    return
                try:
                    control = self._means.processes.control(self._stopping, _nothing)
                    report = self._means.repositories.collect(repository, control)
                    if report is not None and not self._stopping.is_set():
                        self._means.state.add_report(report)
                        self._news.set()
                except Exception:  # the others are told all the same
                    log.exception("repository not measured", repository=repository.name)

    def _look_into(self, order: CollectSnapshots, configuration: Configuration) -> None:
        control = self._means.processes.control(self._stopping, _nothing)
        report = adoption.look_into(self._means, order, configuration, control)
        if not self._stopping.is_set():
            self._means.state.add_report(report)
            self._news.set()

    def _make_repositories(self) -> None:
        configuration = self._configuration
        with self._configuration_lock:
            wanted = [
                repository
                for repository in (configuration.repositories if configuration else [])
                if repository.state is RepositoryState.CREATING and repository.uid not in self._making
            ]
            self._making |= {repository.uid for repository in wanted}
        for repository in wanted:
            Thread(target=self._make_repository, args=(repository, configuration), daemon=True).start()

    def _make_repository(self, repository: RepositoryConfiguration, configuration: Configuration) -> None:
        control = self._means.processes.control(self._stopping, _nothing)
        try:
            report = self._means.repositories.make(repository, configuration, control)
            if not self._stopping.is_set():
                self._means.state.add_report(report)
                self._news.set()
        except Exception:  # tried again at the next exchange: nobody else waits for this thread
            log.exception("repository not made", repository=repository.name)
            self._making.discard(repository.uid)


def _nothing() -> None:
    return None
