"""What an agent sends is handed on once, in order and in bounds, to whom it is for; and to nobody else."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from tandem.actions import browse_points, transfers
from tandem.actions.sweep import sweep
from tandem.actions.transfers import ABANDONED_AFTER, OF_USER_MAX, PARTS_WAITING_MAX
from tandem.domain.errors import Throttled
from tandem.domain.paging import Window
from tandem.protocol.transfers import TransferAnswer, TransferPart
from tandem.store.schema.tables import transfer_parts
from tandem.store.schema.tables import transfers as table
from tests.agents import Agent
from tests.consoles import Console
from tests.people import ACMES, BETAS, BOB, CHARLIE

CANARY = b"canary-of-a-file"


@pytest.fixture
def agent(console: Console) -> Agent:
    """Acme's agent, which sends nothing by itself."""
    agent = console.agent_of(ACMES)
    agent.parts_of = lambda _order: []
    return agent


def begin(console: Console) -> str:
    return browse_points.download(console.act(BOB), ACMES.point, b"hello.txt", repository_uid=None, archive=None)


def part(uid: str, number: int, data: bytes = CANARY, *, is_last: bool = False) -> TransferPart:
    return TransferPart(transfer_uid=uid, number=number, data=data, is_last=is_last)


def take(console: Console, uid: str, seen_number: int = 0) -> list[bytes]:
    taken = transfers.take_data(console.context, uid, seen_number=seen_number)
    assert taken is not None
    return taken.data


def is_gone(console: Console) -> bool:
    with console.database.reading() as connection:
        return not connection.execute(select(table)).all() and not connection.execute(select(transfer_parts)).all()


def test_each_part_is_handed_on_once_however_often_it_is_sent(console: Console, agent: Agent) -> None:
    uid = begin(console)
    assert agent.send_part(part(uid, 0, b"one")) == TransferAnswer(1)
    assert agent.send_part(part(uid, 0, b"one")) == TransferAnswer(1)
    # Out of step: told which part is next, so that none is left out.
    assert agent.send_part(part(uid, 5, b"six")) == TransferAnswer(1)
    assert agent.send_part(part(uid, 1, b"two")) == TransferAnswer(2)
    assert take(console, uid) == [b"one", b"two"]
    assert agent.send_part(part(uid, 1, b"two")) == TransferAnswer(2)
    assert take(console, uid, 2) == []
    assert agent.send_part(part(uid, 2, b"three", is_last=True)) == TransferAnswer(3)
    assert agent.send_part(part(uid, 2, b"three", is_last=True)) == TransferAnswer(3)
    assert take(console, uid, 2) == [b"three"]
    assert not agent.send_part(part(uid, 3)).is_wanted
    transfers.end_transfer(console.context, uid)
    assert not agent.send_part(part(uid, 2)).is_wanted
    assert is_gone(console)


def test_no_more_than_a_few_parts_wait(console: Console, agent: Agent) -> None:
    uid = begin(console)
    console.agents.clear()  # it waits for room, and takes no turns meanwhile
    for number in range(PARTS_WAITING_MAX):
        assert agent.send_part(part(uid, number)) == TransferAnswer(number + 1)
    # No room: the same one again.
    assert agent.send_part(part(uid, PARTS_WAITING_MAX)) == TransferAnswer(PARTS_WAITING_MAX)
    assert len(take(console, uid)) == PARTS_WAITING_MAX
    assert agent.send_part(part(uid, PARTS_WAITING_MAX)) == TransferAnswer(PARTS_WAITING_MAX + 1)


def test_another_backup_server_sends_nothing_into_it(console: Console, agent: Agent) -> None:
    stranger = console.agent_of(BETAS)
    uid = begin(console)
    unknown = stranger.send_part(part("00000000-0000-4000-8000-000000000000", 0))
    assert stranger.send_part(part(uid, 0)) == unknown == TransferAnswer(1, is_wanted=False)
    assert agent.send_part(part(uid, 0, b"ours")) == TransferAnswer(1)
    assert not stranger.send_part(part(uid, 0)).is_wanted
    assert take(console, uid) == [b"ours"]


def test_no_content_lies_in_the_database_in_the_clear(console: Console, agent: Agent) -> None:
    uid = begin(console)
    agent.send_part(part(uid, 0))
    with console.database.reading() as connection:
        (sealed,) = connection.scalars(select(transfer_parts.c.sealed_data)).all()
    assert CANARY not in sealed
    assert take(console, uid) == [CANARY]
    with console.database.reading() as connection:
        assert connection.scalars(select(transfer_parts.c.sealed_data)).all() == []


def test_what_nobody_waits_for_any_more_goes(console: Console, agent: Agent) -> None:
    uid = begin(console)
    agent.send_part(part(uid, 0))
    console.clock.forward(seconds=(ABANDONED_AFTER - timedelta(seconds=1)).total_seconds())
    transfers.note_waiting(console.context, uid)
    console.clock.forward(seconds=2)
    sweep(console.context)
    assert not is_gone(console)
    console.clock.forward(seconds=ABANDONED_AFTER.total_seconds())
    sweep(console.context)
    assert is_gone(console)
    assert not agent.send_part(part(uid, 1)).is_wanted


def test_nobody_takes_all_that_an_agent_can_send(console: Console, agent: Agent) -> None:
    del agent
    uids = [begin(console) for _ in range(OF_USER_MAX)]
    with pytest.raises(Throttled, match="try again when one of them has ended"):
        begin(console)
    console.agent_of(BETAS)
    browse_points.list_point_files(console.act(CHARLIE), BETAS.point, b"", repository_uid=None, window=Window())
    transfers.end_transfer(console.context, uids[0])
    begin(console)
