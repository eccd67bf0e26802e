"""Finding what somebody named: by uid or by name, and saying clearly when there is none or more than one."""

from __future__ import annotations

from uuid import UUID

import msgspec

from tandem.cli.output import Row
from tandem.client import Client
from tandem.client.errors import ApiError
from tandem.domain.errors import Conflict, NotFound

SHOWN_MAX = 20
NOT_FOUND = 404
BACKUP_SERVERS = "/infrastructure/backupServers"


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of resource: what it is called, where its rows are, and which members hold its uids and its name."""

    noun: str
    path: str
    listing: str
    name: str = "name"
    uids: tuple[str, ...] = ("instanceUid",)
    # Where one resource is got by its uid; None where the API has no such place for this kind.
    item: str | None = None
    # What its rows on one backup server are below.
    below_server: str | None = None


COMPANIES = Kind(
    noun="company",
    path="/organizations/companies",
    listing="tandem companies list",
    item="/organizations/companies",
)
ORGANIZATIONS = Kind(noun="organization", path="/organizations", listing="tandem companies list", item="/organizations")
USERS = Kind(noun="user", path="/users", listing="tandem users list", name="userName", item="/users")
SERVERS = Kind(noun="backup server", path=BACKUP_SERVERS, listing="tandem servers list", item=BACKUP_SERVERS)
REPOSITORIES = Kind(
    noun="repository",
    path=f"{BACKUP_SERVERS}/repositories",
    listing="tandem repositories list",
    below_server="repositories",
)
SHARES = Kind(
    noun="share",
    path="/protectedWorkloads/fileShares",
    listing="tandem shares list",
    uids=("fileShareUid",),
    item="/protectedWorkloads/fileShares",
    below_server="fileShares",
)
# These are asked for by backup server only.
CREDENTIALS = Kind(
    noun="credentials",
    path=BACKUP_SERVERS,
    listing="tandem credentials list",
    name="username",
    below_server="credentials",
)
ENCRYPTION_PASSWORDS = Kind(
    noun="encryption password",
    path=BACKUP_SERVERS,
    listing="tandem passwords list",
    name="hint",
    below_server="encryptionPasswords",
)
JOBS = Kind(
    noun="job",
    path=f"{BACKUP_SERVERS}/jobs",
    listing="tandem jobs list",
    uids=("instanceUid", "uniqueUid"),
    item=f"{BACKUP_SERVERS}/jobs",
    below_server="jobs",
)
SESSIONS = Kind(
    noun="session", path="/infrastructure/sessions", listing="tandem sessions list", item="/infrastructure/sessions"
)
POINTS = Kind(
    noun="restore point",
    path="/protectedWorkloads/fileShares/restorePoints",
    listing="tandem points list SHARE",
    item="/protectedWorkloads/fileShares/restorePoints",
)


def find(client: Client, kind: Kind, wanted: str, *, server_uid: str | None = None) -> Row:
    """Find one resource by its uid or its name.

    Args:
        client: signed in.
        kind: what is looked for.
        wanted: what somebody typed.
        server_uid: the backup server that it must be on; None means any.

    Raises:
        NotFound: naming what there is.
        Conflict: if several have this name, naming their uids.
    """
    if kind.item is not None and _is_uid(wanted):
        try:
            return client.get(f"{kind.item}/{wanted.strip()}")
        except ApiError as error:
            if error.status != NOT_FOUND:
                raise
    rows: list[Row] = list(client.pages(_path_of(kind, server_uid)))
    return _choose(kind, rows, wanted)


def find_repository(client: Client, wanted: str, server: str | None) -> Row:
    """Find a repository, on the backup server that is named, if one is; raises what `find` does."""
    server_uid = find(client, SERVERS, server)["instanceUid"] if server else None
    return find(client, REPOSITORIES, wanted, server_uid=server_uid)


def path_of_repository(row: Row) -> str:
    """Give where a repository is in the API."""
    return f"{BACKUP_SERVERS}/{row['backupServerUid']}/repositories/{row['instanceUid']}"


def find_by_uid(client: Client, kind: Kind, uid: str) -> Row:
    """Get one resource of a kind that has no names; raises NotFound."""
    if not _is_uid(uid):
        raise NotFound(f'"{uid}" is not the uid of a {kind.noun}. See the uids with: {kind.listing}')
    return client.get(f"{kind.item}/{uid.strip()}")


def find_server(client: Client, wanted: str | None) -> Row:
    """Find the backup server that is meant: by name or uid, or, unnamed, the only one.

    Raises:
        NotFound: if there is none.
        Conflict: if several fit, naming them.
    """
    if wanted is not None:
        return find(client, SERVERS, wanted)
    servers: list[Row] = list(client.pages(SERVERS.path))
    if not servers:
        raise NotFound("There is no backup server yet. Get a token for one with: tandem servers token NAME")
    if len(servers) > 1:
        raise Conflict(f"There are several backup servers: {_names(SERVERS, servers)}. Choose one with --server.")
    return servers[0]


def rows_of_servers(client: Client, kind: Kind, servers: list[Row]) -> list[tuple[str, Row]]:
    """Get all rows of a kind from backup servers, each with the backup server's name."""
    return [
        (str(server["name"]), row) for server in servers for row in client.pages(_path_of(kind, server["instanceUid"]))
    ]


def path_of(client: Client, kind: Kind, server: str | None) -> str:
    """Give where the rows of a kind are, of the backup server that is named, or of all."""
    return _path_of(kind, find(client, SERVERS, server)["instanceUid"] if server is not None else None)


def names_of(client: Client, kind: Kind) -> dict[str, str]:
    """Give the names of all resources of a kind, by uid."""
    return {row[uid]: str(row[kind.name]) for row in client.pages(kind.path) for uid in kind.uids}


def _path_of(kind: Kind, server_uid: str | None) -> str:
    return kind.path if server_uid is None else f"{BACKUP_SERVERS}/{server_uid}/{kind.below_server}"


def _is_uid(text: str) -> bool:
    try:
        UUID(text.strip())
    except ValueError:
        return False
    return True


def _choose(kind: Kind, rows: list[Row], wanted: str) -> Row:
    text = wanted.strip()
    by_uid = [row for row in rows if text.lower() in {str(row[uid]).lower() for uid in kind.uids}]
    exact = [row for row in rows if row[kind.name] == wanted]
    alike = [row for row in rows if str(row[kind.name]).casefold() == text.casefold()]
    found = by_uid or exact or alike
    if not found:
        there = f"There are: {_names(kind, rows)}." if rows else "There is none yet."
        raise NotFound(f'No {kind.noun} is called "{wanted}". {there} See: {kind.listing}')
    if len(found) > 1:
        uids = ", ".join(str(row[kind.uids[0]]) for row in found[:SHOWN_MAX])
        raise Conflict(f'Several are called "{wanted}" ({kind.noun}): {uids}. Name one by its uid; see: {kind.listing}')
    return found[0]


def _names(kind: Kind, rows: list[Row]) -> str:
    shown = ", ".join(str(row[kind.name]) for row in rows[:SHOWN_MAX])
    return f"{shown} and {len(rows) - SHOWN_MAX} more" if len(rows) > SHOWN_MAX else shown
