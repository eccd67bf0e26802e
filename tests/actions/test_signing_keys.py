"""Signing keys: a new one each month, for every console without a restart, and no token lost by it."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from joserfc.jws import extract_compact

from tandem.actions import signing_keys, tokens
from tandem.actions.signing_keys import KNOWN_AFTER, ROTATED_AFTER, SUPERSEDED_KEPT, rotate_signing_keys
from tandem.actions.sweep import sweep
from tandem.actions.tokens import TokenChecker
from tandem.server.console import SWEEP_EVERY_SECONDS
from tandem.store.tokens import delete_signing_key
from tests.api.test_costs import counted
from tests.consoles import SEAL, Console, rows_of
from tests.people import BOB


def keys(console: Console) -> list[str]:
    rows = rows_of(console.database)["signing_keys"]
    return [row["key_id"] for row in sorted(rows, key=lambda row: row["created_at"])]


def key_of(token: str) -> str:
    """Give the id of the key that has signed a token."""
    return str(extract_compact(token.encode()).headers()["kid"])


def status_with(console: Console, token: str) -> int:
    return console.request("GET", "/api/v3/users/me", headers={"Authorization": f"Bearer {token}"}).status_code


def test_a_key_is_renewed_after_a_month_and_not_before(console: Console) -> None:
    (first,) = keys(console)
    console.clock.forward(seconds=ROTATED_AFTER.total_seconds() - 1)
    sweep(console.context)
    assert keys(console) == [first]
    console.clock.forward(seconds=1)
    sweep(console.context)
    old, new = keys(console)
    assert old == first
    sweep(console.context)
    assert keys(console) == [old, new]
    stored = {row["key_id"]: row["sealed_key"] for row in rows_of(console.database)["signing_keys"]}
    assert len(SEAL.open(stored[new], new)) >= 43
    assert SEAL.open(stored[new], new) != SEAL.open(stored[old], old)


def test_a_token_lives_on_when_its_key_is_renewed(console: Console) -> None:
    console.clock.forward(seconds=ROTATED_AFTER.total_seconds())
    token = console.services.checker.sign(BOB.uid)
    sweep(console.context)
    console.clock.forward(minutes=59)
    sweep(console.context)
    again = Console(console.database)
    again.clock.now = console.clock.now
    for each in (console, again):
        assert status_with(each, token) == 200


def test_an_old_key_goes_when_its_last_token_is_over(console: Console) -> None:
    console.clock.forward(seconds=ROTATED_AFTER.total_seconds())
    sweep(console.context)
    _old, new = keys(console)
    longest = tokens.ACCESS_TOKEN_SECONDS + KNOWN_AFTER.total_seconds() + tokens.KEYS_LOOKED_FOR_SECONDS
    assert SUPERSEDED_KEPT.total_seconds() > longest
    console.clock.forward(seconds=longest)
    sweep(console.context)
    assert len(keys(console)) == 2
    console.clock.forward(seconds=SUPERSEDED_KEPT.total_seconds() - longest)
    sweep(console.context)
    assert keys(console) == [new]


def test_a_new_key_signs_only_when_every_console_knows_it_so_that_no_token_is_refused(console: Console) -> None:
    other = Console(console.database)
    for each in (console, other):
        each.clock.forward(seconds=ROTATED_AFTER.total_seconds())
    rotate_signing_keys(console.context)
    old, new = keys(console)
    for each in (console, other):
        each.services.checker.look_for_keys(0)
    assert key_of(console.services.checker.sign(BOB.uid)) == old
    # One that looks as seldom as any does has found it before anybody signs with it.
    assert KNOWN_AFTER.total_seconds() > tokens.KEYS_LOOKED_FOR_SECONDS + 2 * SWEEP_EVERY_SECONDS
    for each in (console, other):
        each.clock.forward(seconds=KNOWN_AFTER.total_seconds())
    token = console.services.checker.sign(BOB.uid)
    assert key_of(token) == new
    with counted() as statements:
        assert status_with(other, token) == 200
    assert not [each for each in statements if "signing_keys" in each]


def test_a_console_that_has_missed_a_new_key_looks_for_it_and_who_comes_meanwhile_waits(console: Console) -> None:
    other = Console(console.database)
    for each in (console, other):
        each.clock.forward(seconds=ROTATED_AFTER.total_seconds())
    rotate_signing_keys(console.context)
    console.clock.forward(seconds=KNOWN_AFTER.total_seconds())
    console.services.checker.look_for_keys(0)
    tokens_of_bob = [console.services.checker.sign(BOB.uid) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert {*pool.map(partial(status_with, other), tokens_of_bob)} == {200}


def test_a_console_that_made_no_key_signs_with_the_newest_within_minutes(console: Console) -> None:
    console.clock.forward(seconds=ROTATED_AFTER.total_seconds())
    rotate_signing_keys(console.context)
    console.clock.forward(seconds=KNOWN_AFTER.total_seconds())
    response = console.ask_for_token(grant_type="password", username="bob", password="correct horse battery staple")
    assert key_of(response.json()["access_token"]) == keys(console)[-1]


def test_tokens_with_unknown_keys_do_not_make_the_console_look_each_time(console: Console) -> None:
    other = Console(console.database)
    console.clock.forward(days=60)
    other.clock.now = console.clock.now
    rotate_signing_keys(other.context)
    other.clock.forward(seconds=KNOWN_AFTER.total_seconds())
    other.services.checker.look_for_keys(0)
    unknown = other.services.checker.sign(BOB.uid)
    with console.database.writing() as connection:
        delete_signing_key(connection, keys(other)[-1])
    with counted() as first:
        for _ in range(20):
            assert status_with(console, unknown) == 401
    console.clock.forward(seconds=tokens.UNKNOWN_KEY_SECONDS)
    with counted() as second:
        assert status_with(console, unknown) == 401
    assert [len([each for each in found if "signing_keys" in each]) for found in (first, second)] == [1, 1]


def test_several_consoles_renew_at_once(console: Console) -> None:
    console.clock.forward(seconds=ROTATED_AFTER.total_seconds())
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(rotate_signing_keys, [console.context] * 4))
    assert 2 <= len(keys(console)) <= 5
    token = TokenChecker(console.context).sign(BOB.uid)
    assert status_with(console, token) == 200
    assert signing_keys.load_signing_keys(console.context)
