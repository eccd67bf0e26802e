"""What happens to a job, as it happens: server-sent events (HTML Standard §9.2), read from the database.

So any console process tells of any agent. Each look costs one short read and admits the caller anew: the stream ends
with his token, his rights, or the job. No thread waits for a listener.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from typing import Annotated, Any

import anyio
import anyio.to_thread
import msgspec
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from tandem.api.http.admission import admit
from tandem.api.http.call import Call
from tandem.api.http.operations import BASE, Operation
from tandem.api.sessions import SessionView, view_session
from tandem.domain.errors import ConsoleError
from tandem.domain.identity import Permission
from tandem.domain.jobs import JobStatus
from tandem.domain.listing import Query
from tandem.domain.paging import Window
from tandem.domain.sessions import Session
from tandem.store import jobs, sessions

EVENTS_TYPE = "text/event-stream"
LOOK_EVERY_SECONDS = 1.0
HEARTBEAT_SECONDS = 10.0
STREAM_SECONDS_MAX = 3600
RETRY_MILLISECONDS = 2000
# A job has one session that goes on, and may leave some that were skipped meanwhile.
NEWEST = Query(window=Window(limit=5, offset=0))
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no", "x-content-type-options": "nosniff"}


class EventParameters(msgspec.Struct, rename="camel", kw_only=True):
    """The query: after so many seconds the stream ends, and is to be asked for again; 0 tells how things are now."""

    seconds: Annotated[int, msgspec.Meta(ge=0, le=STREAM_SECONDS_MAX, extra_json_schema={"format": "int32"})] = (
        STREAM_SECONDS_MAX
    )


class _Look(msgspec.Struct, frozen=True):
    """A job and its newest sessions at one moment."""

    status: JobStatus
    sessions: list[Session]
    views: dict[str, SessionView]


class EventStream(StreamingResponse):
    """A stream that counts as its listener's for as long as it is sent."""

    def __init__(self, call: Call, job_uid: str, seconds: int) -> None:
        """Be ready to tell of a job."""
        self._listeners = call.services.listeners
        self._user_uid = call.who.user_uid
        # Later looks are on connections of their own, by a caller who is admitted anew.
        later = msgspec.structs.replace(call, connection=None, caller=None)
        super().__init__(_events(later, job_uid, seconds), media_type=EVENTS_TYPE, headers=HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the end, or until nobody reads any more."""
        self._listeners.enter(self._user_uid)
        try:
            with contextlib.suppress(ClientDisconnect):
                await super().__call__(scope, receive, send)
        finally:
            self._listeners.leave(self._user_uid)


def stream_job_events(call: Call, query: EventParameters) -> StreamingResponse:
    """Tell what happens to a job: `job`, `session` and `progress` events, and `end` when no more will come.

    A stream begins with how things are, so nothing is lost between two of them, whatever `Last-Event-ID` says.
    """
    with call.reading() as connection:
        job = jobs.get_job(connection, call.scope, call.uid("jobUid"))
    call.services.listeners.check(call.who.user_uid)
    return EventStream(call, job.instance_uid, query.seconds)


JOB_EVENTS = Operation(
    "GET",
    BASE + "/infrastructure/backupServers/jobs/{jobUid}/events",
    "GetBackupServerJobEvents",
    Permission.READ,
    stream_job_events,
    is_extension=True,
    media=EVENTS_TYPE,
)


async def _events(call: Call, job_uid: str, seconds: int) -> AsyncGenerator[str]:
    ends_at = call.services.ticks() + seconds
    teller = _Teller()
    last_word_at = call.services.ticks()
    yield f"retry: {RETRY_MILLISECONDS}\n\n"
    while True:
        try:
            look = await _look(call, job_uid)
        except ConsoleError as error:
            yield teller.event("end", {"reason": error.message})
            return
        for text in teller.news(look):
            last_word_at = call.services.ticks()
            yield text
        now = call.services.ticks()
        if call.services.stopping.is_set() or now >= ends_at:
            yield teller.event("end", {"reason": "The stream is to be asked for again."})
            return
        if now - last_word_at >= HEARTBEAT_SECONDS:
            last_word_at = now
            yield ": alive\n\n"
        await anyio.sleep(LOOK_EVERY_SECONDS)


async def _look(call: Call, job_uid: str) -> _Look:
    if call.context.database.is_embedded:
        return _look_now(call, job_uid)
    return await anyio.to_thread.run_sync(_look_now, call, job_uid)


def _look_now(call: Call, job_uid: str) -> _Look:
    with call.context.database.reading() as connection:
        scope = admit(connection, JOB_EVENTS, call).scope
        job = jobs.get_job(connection, scope, job_uid)
        page = sessions.list_sessions(connection, scope, NEWEST, job_unique_uid=job.unique_uid)
    now = call.context.clock()
    found = list(reversed(page.rows))
    return _Look(job.status, found, {session.instance_uid: view_session(session, now) for session in found})


class _Teller:
    """Turns looks into events: only what has changed since the last one."""

    def __init__(self) -> None:
        self._number = 0
        self._status: JobStatus | None = None
        self._told: dict[str, tuple[Any, Any]] = {}

    def news(self, look: _Look) -> list[str]:
        """Give the events of a look."""
        events: list[str] = []
        if look.status is not self._status:
            events.append(self.event("job", {"status": look.status}))
        is_first = self._status is None
        self._status = look.status
        for session in look.sessions:
            is_newest = session is look.sessions[-1]
            view = look.views[session.instance_uid]
            before = self._told.get(session.instance_uid)
            now = (session.state, _moving(view))
            self._told[session.instance_uid] = now
            if is_first and session.state.is_final and not is_newest:
                continue
            if before is None or before[0] != now[0]:
                events.append(self.event("session", view))
            elif before[1] != now[1]:
                events.append(self.event("progress", {"sessionUid": session.instance_uid, **now[1]}))
        self._told = {uid: told for uid, told in self._told.items() if uid in look.views}
        return events

    def event(self, name: str, data: Any) -> str:
        """Give one event as it is sent; JSON has no line ends."""
        self._number += 1
        return f"id: {self._number}\nevent: {name}\ndata: {msgspec.json.encode(data).decode()}\n\n"


def _moving(view: SessionView) -> dict[str, Any]:
    return {
        "progress": msgspec.to_builtins(view.progress),
        "liveness": view.liveness,
        "queuePosition": view.queue_position,
        "waitingReason": view.waiting_reason,
    }
