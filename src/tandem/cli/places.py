"""Where a point is read from, and what within it is meant, as somebody types it."""

from __future__ import annotations

import base64
import os
from typing import Annotated

import typer

from tandem.cli.lookup import REPOSITORIES, find
from tandem.cli.output import Row
from tandem.client import Client
from tandem.domain.errors import Conflict
from tandem.domain.restore_points import CopyState

FIRST, COPY = "first", "copy"

Source = Annotated[
    str | None,
    typer.Option("--from", metavar="first|copy|REPOSITORY", help="Where to read; else the first that holds the point."),
]


def path_query(path: str) -> dict[str, str]:
    """Give the member that names a path within a share: its text or, where it is none, its bytes in base64."""
    given = os.fsencode(path)
    try:
        return {"path": given.decode()}
    except UnicodeDecodeError:
        return {"rawPath": base64.b64encode(given).decode()}


def repository_uid(client: Client, row: Row, source: str) -> str:
    """Give the uid of the repository that is meant.

    Raises:
        NotFound: if there is no repository of this name.
        Conflict: if a copy is meant, and none holds the point.
    """
    if source.lower() == FIRST:
        return row["repositoryUid"]
    if source.lower() != COPY:
        return find(client, REPOSITORIES, source, server_uid=row["backupServerUid"])["instanceUid"]
    for state in (CopyState.VERIFIED, CopyState.COPIED):
        for copy in row["copies"]:
            if copy["state"] == state:
                return copy["repositoryUid"]
    states = ", ".join(f"{copy['state']} ({copy['reason']})" for copy in row["copies"]) or "there is no copy job"
    raise Conflict(f"No copy holds this restore point: {states}. Leave --from out to read where it is held.")
