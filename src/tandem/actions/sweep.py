"""What the console tidies up now and then; harmless when several consoles do it at once."""

from __future__ import annotations

from datetime import timedelta

from tandem.actions.change_job import expire_orders
from tandem.actions.context import Context
from tandem.actions.signing_keys import rotate_signing_keys
from tandem.actions.throttles import FAILURES_FORGOTTEN_AFTER
from tandem.actions.transfers import ABANDONED_AFTER
from tandem.domain.async_actions import DEAD_AFTER
from tandem.protocol.messages import AdoptPoints, DrillCopy, RestorePointTo, VerifyRepository
from tandem.store import (
    agent_commands,
    agent_news,
    async_actions,
    backup_servers,
    codes,
    replays,
    session_logs,
    sessions,
    sign_ins,
    tokens,
    transfers,
)
from tandem.store.periodic_work import claim_work

# Agents' orders are looked through several times a second: what is over goes, after a time to look into it.
FORGOTTEN_AFTER = timedelta(days=1)
# A console that is a moment early must not wait for another whole turn.
TURN_SHARE = 0.9


def sweep_if_due(context: Context, every: timedelta) -> bool:
    """Sweep, unless one of the consoles has done so since; gives whether this one has.

    If it dies in the middle, nothing is half done, and the next time comes.
    """
    with context.database.writing() as connection:
        is_mine = claim_work(connection, "sweep", context.clock(), every * TURN_SHARE)
    if is_mine:
        sweep(context)
    return is_mine


def sweep(context: Context) -> None:
    """Close orders that no agent took in time, drop what is over of requests, and renew the signing key."""
    now = context.clock()
    with context.database.writing() as connection:
        expired = agent_commands.take_expired_commands(connection, now)
        expire_orders(connection, expired)
        for _server_uid, order in expired:
            if isinstance(order, RestorePointTo | AdoptPoints | VerifyRepository | DrillCopy):
                text = "The agent of the backup server did not take the order in time."
                sessions.fail_queued_session(connection, order.session_uid, text, now)
        agent_commands.delete_closed_commands(connection, now - FORGOTTEN_AFTER)
        agent_news.delete_old_news(connection)
        backup_servers.delete_expired_enrolment_tokens(connection, now - FORGOTTEN_AFTER)
        sign_ins.delete_over(connection, now)
        codes.delete_expired_codes(connection, now)
        tokens.delete_expired_tokens(connection, now)
        tokens.delete_sign_in_failures(connection, before=now - FAILURES_FORGOTTEN_AFTER)
        async_actions.fail_abandoned_actions(connection, now - DEAD_AFTER, now)
        async_actions.delete_expired_actions(connection, now)
        replays.delete_expired_replays(connection, now)
        session_logs.delete_old_logs(connection, now)
        transfers.delete_abandoned_transfers(connection, now - ABANDONED_AFTER)
    rotate_signing_keys(context)
