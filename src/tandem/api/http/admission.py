"""Who is let through to an operation: by role, and by what his token or API key is good for."""

from __future__ import annotations

from tandem.actions.context import Context
from tandem.actions.throttles import FREE_FAILURES_OF_ADDRESS, origin, pay_attempt, refuse_if_throttled, subject
from tandem.actions.tokens import UnknownKey, find_caller
from tandem.api.http.call import Call
from tandem.api.http.operations import Operation
from tandem.domain.errors import ConsoleError, Forbidden, Throttled
from tandem.domain.identity import Access, Caller, Permission, admitted_roles
from tandem.store.database import Connection

# What somebody may do who must have a second factor and has none: see who he is, and add one.
ENROLMENT_OPERATIONS = frozenset({"GetCurrentUser", "GenerateTotpSecret", "AddTotpLogin"})


def admit(connection: Connection, operation: Operation, call: Call) -> Caller:
    """Give who is calling.

    Raises:
        Unauthorized: if nobody stands behind his token or key (any more).
        Forbidden: if his role, or what the token or the key is good for, does not permit the operation.
    """
    caller = find_caller(connection, call.services.checker, call.token)
    if caller.role not in admitted_roles(operation.permission, call.context.contract):
        raise Forbidden(f"Your role {caller.role} does not permit {operation.operation_id}.")
    # A key that only watches the jobs is not to open the files in them.
    is_more = operation.method != "GET" or operation.permission is Permission.FILES
    if caller.access is Access.READ_ONLY and is_more:
        raise Forbidden(f"You are signed in to read only, which does not permit {operation.operation_id}.")
    if caller.access is Access.ENROLMENT and operation.operation_id not in ENROLMENT_OPERATIONS:
        text = "You must have a second factor: add one at /users/{userUid}/logins/totp, then sign in again"
        raise Forbidden(f"{text}; before that, {operation.operation_id} is not permitted.")
    return caller


def count_guess(context: Context, address: str, error: UnknownKey) -> ConsoleError:
    """Count an API key that opens nothing, for the address that it came from; gives what to answer."""
    of_address = subject("api key", origin(address), free=FREE_FAILURES_OF_ADDRESS)
    try:
        with context.database.reading() as connection:
            refuse_if_throttled(connection, [of_address], context.clock())
        with context.database.writing() as connection:
            pay_attempt(connection, [of_address], context.clock())
    except Throttled as throttled:
        return throttled
    return error
