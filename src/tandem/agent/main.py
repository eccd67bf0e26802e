"""The agent's process: puts the parts together, runs until told to end."""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import msgspec
import structlog

from tandem.agent.clock_watch import ClockWatch, uptime
from tandem.agent.folder_lock import hold_folder
from tandem.agent.identity import load_identity
from tandem.agent.loop import Agent
from tandem.agent.mounts import Mounts
from tandem.agent.processes import Processes
from tandem.agent.repositories import Repositories
from tandem.agent.run import Means
from tandem.agent.state import State
from tandem.domain.errors import Unavailable
from tandem.restic import version
from tandem.restic.engine import Engine
from tandem.restic.errors import ResticError
from tandem.sealing import open_seal

FENCED_EXIT_CODE = 4

log = structlog.get_logger()


def run_agent(data: Path, restic: str, console: str | None = None) -> int:
    """Run an enrolled agent until SIGTERM or SIGINT.

    Args:
        data: the agent's folder.
        restic: the program, as a name or a path.
        console: where the console is now, if that is not where the agent enrolled; its certificate must be the same.

    Returns:
        the exit code: 0, or 4 if a newer agent with the same identity took over.

    Raises:
        NotFound: if no agent is enrolled in this folder.
        Conflict: if another process runs the agent of this folder.
        Unavailable: if restic is missing or too old.
    """
    identity = load_identity(data)
    if console is not None:
        identity = msgspec.structs.replace(identity, console=console.rstrip("/"))
    with hold_folder(data):
        engine = _find_restic(restic)
        state = State(data / "agent.db", open_seal(data / "seal.key"))
        processes = Processes(state, _now)
        repositories = Repositories(engine, state, processes, data)
        mounts = Mounts(data)
        mounts.clean_up()
        means = Means(engine, state, repositories, processes, _now, mounts, ClockWatch(state, _now, uptime))
        agent = Agent(means, identity, data)
        stop_on_signals(agent.stop)
        log.info("agent started", console=identity.console, restic=".".join(map(str, engine.version)))
        agent.run()
        log.info("agent stopped")
        return FENCED_EXIT_CODE if agent.is_fenced else 0


def stop_on_signals(stop: Callable[[], None]) -> None:
    """Have something called on SIGTERM or SIGINT, in a thread of its own.

    A handler interrupts the main thread wherever it is, also where it holds a lock that `stop` needs: it must not wait.
    """
    told = SimpleQueue[None]()

    def wait() -> None:
        told.get()
        stop()

    Thread(target=wait, name="signals", daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: told.put(None))


def _find_restic(restic: str) -> Engine:
    try:
        return version.detect(restic)
    except ResticError as error:
        raise Unavailable(str(error)) from error


def _now() -> datetime:
    return datetime.now(UTC)
