"""Asking a backup server for what it has, over HTTP."""

from __future__ import annotations

from tandem.actions import collect
from tandem.api.http.answers import Done
from tandem.api.http.call import Call


def collect_from_backup_server(call: Call) -> Done:
    """Queue a report of all that a backup server has."""
    collect.collect(call.act, call.uid("backupServerUid"))
    return Done()
