"""Tidying up: what is over goes, what is not stays, and several consoles may do it at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from tandem.actions.sweep import FORGOTTEN_AFTER, sweep
from tests.consoles import JOBS, Console, rows_of
from tests.people import ACMES, BOB, PASSWORD

TOKENS = "/infrastructure/backupServers/enrolmentTokens"


def left(console: Console) -> dict[str, int]:
    """Give how much there is of what does not stay for ever."""
    rows = rows_of(console.database)
    names = ("agent_commands", "enrolment_tokens", "refresh_tokens", "sign_in_failures")
    return {name: len(rows[name]) for name in names}


def use(console: Console) -> None:
    """Leave one of each behind."""
    console.agent_of(ACMES).turn()
    console.does("POST", f"{JOBS}/{ACMES.job}/start", BOB)
    console.agents[0].turn()
    console.does("POST", TOKENS, BOB, {"name": "new", "lifetimeMinutes": 60})
    assert console.ask_for_token(grant_type="password", username="bob", password=PASSWORD).is_success
    console.ask_for_token(grant_type="password", username="bob", password="wrong password")


def test_what_is_not_over_stays(console: Console) -> None:
    use(console)
    before = left(console)
    assert before == {"agent_commands": 1, "enrolment_tokens": 1, "refresh_tokens": 1, "sign_in_failures": 3}
    sweep(console.context)
    assert left(console) == before


def test_what_is_over_goes_each_in_its_time(console: Console) -> None:
    use(console)
    console.clock.forward(minutes=16)
    sweep(console.context)
    assert left(console)["sign_in_failures"] == 0
    console.clock.forward(seconds=FORGOTTEN_AFTER.total_seconds())
    sweep(console.context)
    assert left(console) == {"agent_commands": 0, "enrolment_tokens": 1, "refresh_tokens": 1, "sign_in_failures": 0}
    console.clock.forward(hours=1)
    sweep(console.context)
    assert left(console)["enrolment_tokens"] == 0
    console.clock.forward(seconds=timedelta(days=14).total_seconds())
    sweep(console.context)
    assert left(console) == dict.fromkeys(left(console), 0)


def test_an_order_that_no_agent_has_answered_stays_until_it_is_given_up(console: Console) -> None:
    agent = console.agent_of(ACMES)
    console.does("POST", f"{JOBS}/{ACMES.job}/start", BOB)
    sweep(console.context)
    assert len(agent.hear().commands) == 1
    console.clock.forward(days=3)
    sweep(console.context)
    assert left(console)["agent_commands"] == 1, "given up just now: kept for a day, to look into it"
    assert agent.hear().commands == []


def test_several_consoles_tidy_up_at_once(console: Console) -> None:
    use(console)
    console.clock.forward(days=30)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(sweep, [console.context] * 4))
    sweep(console.context)
    assert left(console) == dict.fromkeys(left(console), 0)
