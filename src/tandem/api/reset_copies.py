"""Having a quarantined copy of a restore point tried again, over HTTP."""

from __future__ import annotations

from tandem.actions import reset_copy as reset
from tandem.api.http.answers import Done
from tandem.api.http.call import Call


def reset_copy(call: Call) -> Done:
    """Have the copy of a restore point tried again that is quarantined in a copy job."""
    reset.reset_copy(call.act, call.uid("restorePointUid"), call.uid("jobUid"))
    return Done()
