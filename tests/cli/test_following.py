"""Following a session: a console that is away for a while ends no waiting, and neither does an impatient person."""

from collections.abc import Generator
from typing import Any

import pytest

from tandem.cli import following
from tandem.cli.following import follow
from tandem.client import Client
from tandem.client.errors import ApiError

RUNNING: dict[str, Any] = {
    "type": "BackupFile",
    "status": "Running",
    "progress": {"percent": 10.0, "bytesDone": 1, "bytesTotal": 10, "pointsDone": 0, "pointsTotal": 0},
}
ENDED: dict[str, Any] = {**RUNNING, "status": "Success"}
AWAY = ApiError("There is no answer.")


class Answers(Client):
    """A client that gets these answers, one after the other."""

    def __init__(self, *answers: dict[str, Any] | BaseException) -> None:
        super().__init__("https://localhost:1", None)
        self._answers = list(answers)

    def get(self, path: str, **query: Any) -> Any:
        assert path == "/infrastructure/sessions/this"
        assert not query
        answer = self._answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def _no_pauses() -> Generator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(following, "PAUSE_SECONDS", 0)
        yield


def test_a_console_that_is_away_for_a_while_is_waited_for() -> None:
    with Answers(RUNNING, AWAY, AWAY, RUNNING, ENDED) as client:
        assert follow(client, "this") == ENDED


def test_a_console_that_stays_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "OUTAGE_SECONDS_MAX", -1)
    with Answers(RUNNING, AWAY) as client, pytest.raises(ApiError, match="no answer"):
        follow(client, "this")


def test_a_refusal_is_told_at_once() -> None:
    refusal = ApiError("Your role does not permit this.", status=403)
    with Answers(RUNNING, refusal) as client, pytest.raises(ApiError, match="role"):
        follow(client, "this")


def test_who_stops_waiting_is_told_that_the_session_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    with Answers(RUNNING, KeyboardInterrupt()) as client, pytest.raises(KeyboardInterrupt):
        follow(client, "this")
    assert "tandem sessions show this" in capsys.readouterr().err
