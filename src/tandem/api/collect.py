"""Asking a backup server for what it has, over HTTP."""

from __future__ import annotations

from starlette.responses import Response

from tandem.actions import collect
from tandem.api.call import Call
from tandem.api.envelope import empty


def collect_from_backup_server(call: Call) -> Response:
    """Queue a report of all that a backup server has."""
    collect.collect(call.act, call.uid("backupServerUid"))
    return empty()
