"""Events of a job: told as they happen, to whom they may be told and as long as they may, and to no more than a few."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import update

from tandem.api import job_events
from tandem.api.http.listeners import OF_USER_MAX
from tandem.decoding import decode
from tandem.domain.sessions import Progress, SessionState
from tandem.protocol.messages import RunningSession
from tandem.store.schema.tables import users
from tests.consoles import BASE, JOBS, Console
from tests.people import ACMES, BOB, CHARLIE, Person, uid
from tests.reports import ended, session

pytestmark = pytest.mark.embedded_only

EVENTS = f"{JOBS}/{ACMES.job}/events"
SECONDS_MAX = 30.0


class Listener:
    """Somebody who listens to a stream, and may go away."""

    def __init__(self, console: Console, who: Person = BOB, method: str = "GET", **headers: str) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.text = ""
        self._gone = asyncio.Event()
        token = console.services.checker.sign(who.uid)
        sent = {"authorization": f"Bearer {token}", "accept-encoding": "gzip", **headers}
        scope = {
            "type": "http",
            "method": method,
            "path": BASE + EVENTS,
            "query_string": b"",
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in sent.items()],
            "client": ("192.0.2.1", 1),
            "asgi": {"spec_version": "2.3"},
        }
        self.task = asyncio.create_task(console.application(scope, self._receive, self._send))

    async def until(self, text: str) -> None:
        async with asyncio.timeout(SECONDS_MAX):
            while text not in self.text:
                assert not self.task.done() or text in self.text, self.text
                await asyncio.sleep(0.005)

    async def leave(self) -> None:
        self._gone.set()
        await asyncio.wait_for(self.task, SECONDS_MAX)

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        found: list[tuple[str, dict[str, Any]]] = []
        for block in self.text.split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
            if "event" in fields:
                found.append((fields["event"], decode(fields["data"])))
        return found

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.text += message.get("body", b"").decode()


@asynccontextmanager
async def listening(console: Console, who: Person = BOB, **headers: str) -> AsyncGenerator[Listener]:
    listener = Listener(console, who, **headers)
    await listener.until("event: ")
    yield listener
    await listener.leave()
    assert console.services.listeners.count() == 0


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_events, "LOOK_EVERY_SECONDS", 0.01)


def test_what_happens_to_a_job_is_told_as_it_happens(console: Console) -> None:
    agent = console.agent_of(ACMES)

    async def listen() -> None:
        async with listening(console, last_event_id="77") as listener:
            assert listener.status == 200
            assert listener.headers["content-type"].startswith("text/event-stream")
            assert listener.headers["cache-control"] == "no-store"
            assert "content-encoding" not in listener.headers
            await listener.until('"status":"Success"')
            await asyncio.to_thread(agent.report, session("run", state=SessionState.QUEUED))
            await listener.until('"status":"Queued"')
            waits = RunningSession(uid("run"), Progress(), queue_position=1, waiting_reason="Held by another.")
            await asyncio.to_thread(agent.exchange, running=(waits,))
            await listener.until("Held by another.")
            await asyncio.to_thread(agent.report, session("run"))
            await listener.until('"status":"Running"')
            moving = RunningSession(uid("run"), Progress(percent=12.5, bytes_done=5), idle_seconds=0)
            await asyncio.to_thread(agent.exchange, running=(moving,))
            await listener.until('"percent":12.5')
            console.clock.forward(seconds=11)
            await listener.until(": alive")
            await asyncio.to_thread(agent.report, ended("run", SessionState.WARNING, messages=["One file."]))
            await listener.until("One file.")
            names = [name for name, _data in listener.events()]
            assert names[:2] == ["job", "session"]
            assert set(names) == {"job", "session", "progress"}
            assert len(names) < 15, "nothing is told twice"

    asyncio.run(listen())


def test_a_stream_ends_with_the_token_the_rights_or_the_console(console: Console) -> None:
    async def disable_charlie_in_the_middle() -> None:
        async with listening(console) as of_bob:
            with console.database.writing() as connection:
                connection.execute(update(users).where(users.c.instance_uid == BOB.uid).values(status="Disabled"))
            await of_bob.until("event: end")
            await asyncio.wait_for(of_bob.task, SECONDS_MAX)
        with console.database.writing() as connection:
            connection.execute(update(users).where(users.c.instance_uid == BOB.uid).values(status="Enabled"))
        async with listening(console) as of_bob:
            console.clock.forward(hours=2)
            await of_bob.until("event: end")
            assert "access token" in of_bob.events()[-1][1]["reason"]
        async with listening(console) as of_bob:
            console.services.stopping.set()
            await of_bob.until("event: end")

    asyncio.run(disable_charlie_in_the_middle())


def test_a_user_has_a_few_streams_and_nobody_listens_to_anothers_job(console: Console) -> None:
    async def listen() -> None:
        those = [Listener(console) for _ in range(OF_USER_MAX)]
        for each in those:
            await each.until("event: ")
        refused, stranger = Listener(console), Listener(console, CHARLIE)
        await asyncio.gather(refused.task, stranger.task)
        assert (refused.status, stranger.status) == (429, 404)
        assert "retry-after" in refused.headers
        assert f"At most {OF_USER_MAX} streams" in refused.text
        await those.pop().leave()
        head = Listener(console, method="HEAD")
        await head.task
        assert (head.status, head.text) == (200, "")
        async_one = Listener(console, prefer="respond-async")
        await async_one.until("event: ")
        for each in [async_one, *those]:
            await each.leave()
        assert console.services.listeners.count() == 0

    asyncio.run(listen())


@pytest.mark.parametrize("seconds", ["-1", "3601", "x"])
def test_a_stream_of_no_length_is_refused(quiet_console: Console, seconds: str) -> None:
    assert "seconds" in quiet_console.refuses(400, "GET", f"{EVENTS}?seconds={seconds}", BOB)["message"]
    now = quiet_console.call("GET", f"{EVENTS}?seconds=0", BOB)
    assert now.text.startswith("retry: ")
    assert "event: end" in now.text
