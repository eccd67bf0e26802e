"""A console whose backup servers answer when a test lets them: what waits for them takes as long as it is to."""

from collections.abc import Generator
from contextlib import contextmanager
from threading import Event
from typing import Any

import httpx

from tests.conftest import Inhabited
from tests.consoles import Console, fill
from tests.people import ACMES, BETAS, Estate, Person
from tests.running import until

ACTIONS = "/asyncActions"


class GatedConsole(Console):
    """Whoever waits for an agent here waits until the gate is opened."""

    gate: Event

    def make_repository(self, who: Person, estate: Estate, name: str, **headers: str) -> httpx.Response:
        """Ask for a repository; its agent makes it once the gate is open."""
        path = f"/infrastructure/backupServers/{estate.server}/repositories"
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.call("POST", path, who, json={"name": name, "path": f"/{name}"}, headers=sent)

    def names_of_repositories(self, who: Person) -> set[str]:
        """Give the names of the repositories that somebody sees."""
        rows = self.data("/infrastructure/backupServers/repositories", who)
        return {row["name"].rpartition(" ")[0] or row["name"] for row in rows}

    def action(self, uid: str, who: Person) -> Any:
        """Give an async action as its initiator sees it."""
        return self.data(f"{ACTIONS}/{uid}", who)

    def ended(self, uid: str, who: Person) -> str:
        """Give how an async action ended, as soon as it has."""
        return until(lambda: None if (status := self.action(uid, who)["status"]) == "running" else status) or ""

    def _pause(self, seconds: float) -> None:
        assert self.gate.wait(60)
        super()._pause(seconds)


@contextmanager
def gated_console(inhabited: Inhabited, **settings: Any) -> Generator[GatedConsole]:
    """Give such a console, its gate closed and the agents of two companies there; nothing waits in the end."""
    fill(inhabited.database, inhabited.rows)
    console = GatedConsole(inhabited.database, **settings)
    console.gate = Event()
    for estate in (ACMES, BETAS):
        console.agent_of(estate)
    try:
        yield console
    finally:
        console.gate.set()
        until(lambda: not console.application.background.is_at_work)
        console.application.background.close()


def action_in(response: httpx.Response) -> str:
    """Give the id of the action that an answer leads to."""
    assert response.status_code == 202, response.text
    assert response.json() == {"errors": [], "data": {}, "meta": None}
    where, _, uid = response.headers["Location"].rpartition("/")
    assert where == "https://console.example/api/v3/asyncActions"
    return uid
