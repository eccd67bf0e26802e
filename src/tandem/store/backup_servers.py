"""Backup servers and their agents' sessions, stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import BigInteger, bindparam, case, delete, exists, func, insert, select, type_coerce, update

from tandem.domain.backup_servers import CLIENT, HOSTED, SILENCE_MAX, BackupServer
from tandem.domain.identity import Scope
from tandem.domain.listing import Query
from tandem.domain.paging import Page
from tandem.store import agent_news
from tandem.store.database import Connection
from tandem.store.listing.collection import Collection
from tandem.store.query import columns_of, fetch_one, records, visible
from tandem.store.schema.columns import microseconds
from tandem.store.schema.tables import backup_servers, companies, enrolment_tokens

# Heard since then, an agent counts as connected; in microseconds, as instants are kept.
_SILENT_SINCE = bindparam("silent_since", type_=BigInteger)
IS_CONNECTED = type_coerce(backup_servers.c.last_seen_at, BigInteger) >= _SILENT_SINCE
_IS_COMPANYS = exists().where(companies.c.instance_uid == backup_servers.c.organization_uid)
BACKUP_SERVERS = Collection(
    backup_servers,
    BackupServer,
    columns={
        "display_version": (
            backup_servers.c.version
            + " (restic "
            + func.coalesce(func.nullif(backup_servers.c.restic_version, ""), "unknown")
            + ")"
        ),
        "status": case((IS_CONNECTED, "Healthy"), else_="Inaccessible"),
        "backup_server_role_type": case((_IS_COMPANYS, CLIENT), else_=HOSTED),
    },
)
_BACKUP_SERVER = [BACKUP_SERVERS.columns[name] for name in BackupServer.__struct_fields__]


class EnrolmentToken(msgspec.Struct, frozen=True, kw_only=True):
    """A permission to enrol one agent, once, for a while; stored by its hash."""

    token_hash: str
    organization_uid: str
    backup_server_uid: str | None
    location_uid: str | None = None
    name: str
    expires_at: datetime
    used_at: datetime | None = None


class AgentState(msgspec.Struct, frozen=True, kw_only=True):
    """What the console keeps of an agent to talk with it."""

    instance_uid: str
    organization_uid: str
    public_key: str | None
    generation: int
    session_hash: str | None
    revision: int
    spool_uid: str | None
    last_report: int
    last_seen_at: datetime | None = None


_AGENTS = select(*columns_of(backup_servers.c, AgentState)).where(
    backup_servers.c.instance_uid.in_(bindparam("uids", expanding=True))
)
_IN_ORDER = _AGENTS.order_by(backup_servers.c.instance_uid)
# By whether those are left out that somebody has locked.
_LOCKED = {leave: _IN_ORDER.with_for_update(key_share=True, skip_locked=leave) for leave in (False, True)}


def list_backup_servers(connection: Connection, scope: Scope, query: Query, now: datetime) -> Page[BackupServer]:
    """List the backup servers that the caller sees; `now`, aware, decides which agents count as connected."""
    return BACKUP_SERVERS.page(connection, scope, query, values=silent_since(now))


def silent_since(now: datetime) -> dict[str, int]:
    """Give the parameter by which columns tell, at an instant, whether an agent is connected."""
    return {"silent_since": microseconds(now - SILENCE_MAX)}


def get_backup_server(connection: Connection, scope: Scope, uid: str) -> BackupServer:
    """Get one backup server; raises NotFound."""
    statement = select(*_BACKUP_SERVER).where(visible(backup_servers, scope), backup_servers.c.instance_uid == uid)
    return fetch_one(connection, statement, BackupServer, noun="backup server", uid=uid)


def get_server_of_job(connection: Connection, uid: str) -> BackupServer:
    """Get the backup server of a job that the caller sees, whether or not he sees the server."""
    statement = select(*_BACKUP_SERVER).where(backup_servers.c.instance_uid == uid)
    return fetch_one(connection, statement, BackupServer, noun="backup server", uid=uid)


def insert_backup_server(connection: Connection, server: BackupServer, public_key: str) -> None:
    """Store a backup server whose agent has just enrolled."""
    names = set(BackupServer.__struct_fields__) - {"backup_server_role_type"}
    values = {name: getattr(server, name) for name in names}
    values |= {"public_key": public_key, "generation": 0, "revision": 1, "last_report": 0}
    connection.execute(insert(backup_servers).values(values))


def renew_agent(connection: Connection, uid: str, *, public_key: str, installation_uid: str, host_name: str) -> None:
    """Give a backup server a new agent: another key, a new spool; the old agent is shut out at once."""
    connection.execute(
        update(backup_servers)
        .where(backup_servers.c.instance_uid == uid)
        .values(
            public_key=public_key,
            installation_uid=installation_uid,
            host_name=host_name,
            session_hash=None,
            generation=backup_servers.c.generation + 1,
            revision=backup_servers.c.revision + 1,
            last_report=0,
        )
    )
    agent_news.note_news(connection, uid)


def insert_enrolment_token(connection: Connection, token: EnrolmentToken) -> None:
    """Store a permission to enrol."""
    values = {name: getattr(token, name) for name in EnrolmentToken.__struct_fields__}
    connection.execute(insert(enrolment_tokens).values(values))


def use_enrolment_token(connection: Connection, token_hash: str, now: datetime) -> EnrolmentToken | None:
    """Take a permission to enrol; None if it is unknown, expired or was taken before."""
    is_open = (enrolment_tokens.c.token_hash == token_hash) & enrolment_tokens.c.used_at.is_(None)
    taken = update(enrolment_tokens).where(is_open, enrolment_tokens.c.expires_at > now).values(used_at=now)
    if connection.execute(taken).rowcount != 1:
        return None
    statement = select(*columns_of(enrolment_tokens.c, EnrolmentToken))
    return records(connection, statement.where(enrolment_tokens.c.token_hash == token_hash), EnrolmentToken)[0]


def delete_expired_enrolment_tokens(connection: Connection, before: datetime) -> None:
    """Forget the permissions to enrol that ended before an instant."""
    connection.execute(delete(enrolment_tokens).where(enrolment_tokens.c.expires_at < before))


def find_agent(connection: Connection, uid: str) -> AgentState | None:
    """Find an agent by its backup server."""
    return find_agents(connection, [uid]).get(uid)


def find_agents(connection: Connection, uids: list[str]) -> dict[str, AgentState]:
    """Find agents by their backup servers."""
    return {agent.instance_uid: agent for agent in records(connection, _AGENTS, AgentState, uids=uids)}


def lock_agents(connection: Connection, uids: list[str], *, leave_busy: bool = False) -> dict[str, AgentState]:
    """Find agents, and keep whoever else speaks for them waiting until the commit.

    Args:
        connection: a transaction.
        uids: of the backup servers; all consoles lock in the same order, so that none waits for another in a circle.
        leave_busy: leave out those that somebody has locked, in place of waiting.
    """
    return {agent.instance_uid: agent for agent in records(connection, _LOCKED[leave_busy], AgentState, uids=uids)}


class OpenedSession(msgspec.Struct, frozen=True, kw_only=True):
    """The session of an agent's next generation, and the spool that its reports come from."""

    uid: str
    generation: int
    spool_uid: str
    last_report: int
    session_hash: str
    version: str
    restic_version: str


_OPENED_NAMES = [name for name in OpenedSession.__struct_fields__ if name != "uid"]
_OF_AGENT = update(backup_servers).where(backup_servers.c.instance_uid == bindparam("uid"))
_OPENED = _OF_AGENT.values({name: bindparam(f"new_{name}") for name in _OPENED_NAMES})
_TOUCHED = _OF_AGENT.values(last_seen_at=bindparam("now"), last_report=bindparam("last"))


def open_agent_sessions(connection: Connection, sessions: Sequence[OpenedSession]) -> None:
    """Open sessions of agents, which are locked, and end those before: who listens with one is told; one at least."""
    agent_news.note_news(connection, *(each.uid for each in sessions))
    rows = [{"uid": each.uid} | {f"new_{name}": getattr(each, name) for name in _OPENED_NAMES} for each in sessions]
    connection.execute(_OPENED, rows)


def touch_agents(connection: Connection, last_reports: dict[str, int], now: datetime) -> None:
    """Note that agents, which are locked, were heard, and the last report of each that was applied."""
    rows = [{"uid": uid, "now": now, "last": last} for uid, last in sorted(last_reports.items())]
    if rows:
        connection.execute(_TOUCHED, rows)


def count_agents(connection: Connection) -> int:
    """Count the backup servers whose agents may connect."""
    return connection.scalar(select(func.count()).where(backup_servers.c.public_key.is_not(None))) or 0


def bump_revision(connection: Connection, uid: str) -> None:
    """Note that a backup server's configuration changes, so that its agent fetches it.

    Whatever is checked before such a change is checked after this call: it keeps all other changes of the same backup
    server waiting until the commit.
    """
    statement = update(backup_servers).where(backup_servers.c.instance_uid == uid)
    connection.execute(statement.values(revision=backup_servers.c.revision + 1))
    agent_news.note_news(connection, uid)
