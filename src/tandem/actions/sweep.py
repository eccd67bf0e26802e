"""What the console tidies up now and then; harmless when several consoles do it at once."""

from __future__ import annotations

from tandem.actions.change_job import expire_orders
from tandem.actions.context import Context
from tandem.actions.tokens import FAILURES_FORGOTTEN_AFTER
from tandem.protocol.messages import RestorePointTo
from tandem.store import agent_commands, sessions, tokens


def sweep(context: Context) -> None:
    """Close orders that no agent took in time, and drop tokens and failures that are over."""
    now = context.clock()
    with context.database.writing() as connection:
        expired = agent_commands.take_expired_commands(connection, now)
        expire_orders(connection, expired)
        for _server_uid, order in expired:
            if isinstance(order, RestorePointTo):
                text = "The agent of the backup server did not take the order in time."
                sessions.fail_queued_session(connection, order.session_uid, text, now)
        tokens.delete_expired_tokens(connection, now)
        tokens.delete_sign_in_failures(connection, before=now - FAILURES_FORGOTTEN_AFTER)
