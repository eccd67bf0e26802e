"""Following a session until it has ended, with a progress bar for people."""

from __future__ import annotations

import json
import time

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from tandem.cli.lookup import JOBS, SESSIONS
from tandem.cli.output import Row, duration, moment, note, plain, say, show_json, size
from tandem.client import Client
from tandem.client.errors import ApiError
from tandem.domain.errors import Unavailable
from tandem.domain.jobs import JobStatus
from tandem.domain.sessions import FINAL, RUNS, Liveness, SessionState, SessionType

PAUSE_SECONDS = 0.5
# A console that restarts must not end what waits for a backup of many hours.
OUTAGE_SECONDS_MAX = 120

_IS_RUN = json.dumps([{"property": "type", "operation": "in", "value": list(RUNS)}])
_ACTIVE = {status.value for status in JobStatus if status.is_active}
_DOING = {
    SessionType.BACKUP: "Backing up",
    SessionType.COPY: "Copying",
    SessionType.RESTORE: "Restoring",
    SessionType.VERIFICATION: "Reading back",
    SessionType.HEALING: "Healing",
    SessionType.DRILL: "Restoring for a drill",
    SessionType.ADOPTION: "Adopting",
}


def newest_run_uid(client: Client, job: Row) -> str | None:
    """Give the uid of the session of a job's newest run, None if it never ran; drills and adoptions are no runs."""
    rows = client.get(f"{JOBS.path}/{job['instanceUid']}/sessions", limit=1, filter=_IS_RUN)
    return rows[0]["instanceUid"] if rows else None


def await_session(client: Client, job: Row, *, before: str | None) -> str:
    """Wait until a job that was started has begun; gives the uid of its run's session.

    Args:
        client: signed in.
        job: the job.
        before: the uid of its newest run's session before it was started.

    Raises:
        Unavailable: if the start came to nothing.
    """
    while True:
        # In this order: a job that is no longer active has told its session before.
        now = client.get(f"{JOBS.path}/{job['instanceUid']}")
        uid = newest_run_uid(client, job)
        if uid is not None and uid != before:
            return uid
        if now["status"] not in _ACTIVE:
            raise Unavailable(f"The job {job['name']} did not start: {now['failureMessage'] or now['status']}")
        time.sleep(PAUSE_SECONDS)


def follow(client: Client, session_uid: str) -> Row:
    """Wait for a session's end, showing how far it is; gives it as it is then."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("", total=100)
            while True:
                session = _get_patiently(client, session_uid)
                bar.update(task, completed=session["progress"]["percent"], description=describe(session))
                if session["status"] in FINAL:
                    return session
                time.sleep(PAUSE_SECONDS)
    except KeyboardInterrupt:
        note(f"It goes on. See how it ends with: tandem sessions show {session_uid}")
        raise


def tell_end(session: Row, *, as_json: bool) -> None:
    """Print how a session ended; anything but success ends the command with exit code 1."""
    if as_json:
        show_json(session)
    else:
        say(f"{session['status']} after {duration(session['duration'])}{_describe_done(session)}.")
    for message in session["messages"]:
        note(message)
    if session["status"] != SessionState.SUCCESS:
        raise typer.Exit(1)


def _describe_done(session: Row) -> str:
    done = session["statistics"]
    if session["status"] not in {SessionState.SUCCESS, SessionState.WARNING}:
        return ""
    if session["type"] == SessionType.COPY:
        return f": {done['pointsCopied']} points copied, {size(done['transferred'])} transferred"
    if session["type"] == SessionType.ADOPTION:
        return f": {sum(entry['action'] == 'adopt' for entry in session['plan'])} points adopted"
    if session["type"] in {SessionType.VERIFICATION, SessionType.HEALING}:
        return ""  # they count no files; what they have read is in their messages
    return f": {done['filesTotal']} files, {size(done['transferred'])}"


def _get_patiently(client: Client, session_uid: str) -> Row:
    gives_up_at = time.monotonic() + OUTAGE_SECONDS_MAX
    while True:
        try:
            return client.get(f"{SESSIONS.path}/{session_uid}")
        except ApiError as error:
            if error.status or time.monotonic() > gives_up_at:
                raise
        time.sleep(PAUSE_SECONDS)


def describe(session: Row) -> str:
    """Say in a line what a session is at: how far, how fast, how long still; or what it waits for."""
    doing = _DOING.get(session["type"], session["type"])
    if session["status"] != SessionState.RUNNING:
        waiting = session.get("waitingReason")
        return plain(f"{session['status']}: {waiting}" if waiting else session["status"])
    parts: list[str] = [str(doing), *_amounts(session["progress"])]
    if session.get("liveness") == Liveness.SILENT:
        parts.append(f"no word from its agent since {moment(session['lastHeartbeat'])}")
    if session.get("liveness") == Liveness.HANGING:
        parts.append(f"no progress since {moment(session['lastProgress'])}")
    return plain(", ".join(parts))


def _amounts(progress: Row) -> list[str]:
    parts: list[str] = []
    if progress["pointsTotal"]:
        parts.append(f"{progress['pointsDone']} of {progress['pointsTotal']} points")
    elif progress.get("filesTotal"):
        parts.append(f"{progress['filesDone']} of {progress['filesTotal']} files")
    if progress["bytesTotal"]:
        parts.append(f"{size(progress['bytesDone'])} of {size(progress['bytesTotal'])}")
    if progress.get("rate"):
        parts.append(f"{size(progress['rate'])}/s")
    if progress.get("remainingSeconds") is not None:
        parts.append(f"{duration(progress['remainingSeconds'])} left")
    return parts
