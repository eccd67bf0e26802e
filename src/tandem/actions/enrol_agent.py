"""Agents: letting them in once, opening their sessions, and recognizing them."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey, OKPKey

from tandem.actions.context import Act, Context, hash_secret, named_in, new_uid
from tandem.domain.backup_servers import BackupServer
from tandem.domain.errors import Conflict, Invalid, NotFound, Unauthorized
from tandem.domain.identity import Caller, Role, Scope, ScopeKind
from tandem.protocol.messages import Challenge, EnrolAnswer, EnrolRequest, SessionAnswer, SessionRequest
from tandem.store import activity_log, backup_servers, locations, organizations, recovery_kits, transfers
from tandem.store.backup_servers import AgentState, EnrolmentToken, OpenedSession
from tandem.store.database import Connection

LIFETIME_DEFAULT = timedelta(hours=1)
LIFETIME_MAX = timedelta(days=7)
CHALLENGE_SECONDS = 60
GENERATION_DIGITS_MAX = 18
_EVERYTHING = Scope(kind=ScopeKind.EVERYTHING, organization_uid="")


class Fenced(Conflict):
    """Another agent with this identity opened a session later; this one must stop."""


def create_enrolment_token(
    act: Act,
    *,
    name: str,
    organization_uid: str,
    backup_server_uid: str | None,
    location_uid: str | None = None,
    lifetime: timedelta,
) -> tuple[str, datetime]:
    """Make a single-use token that lets one agent enrol.

    Args:
        act: who asks.
        name: the name that the backup server will have.
        organization_uid: whose the server will be.
        backup_server_uid: an existing server whose agent is to be replaced, else None.
        location_uid: where the server will be, else None for where it is, or for the default location.
        lifetime: how long the token is good for.

    Returns:
        the token, shown only now, and when it expires.
    """
    token = secrets.token_urlsafe(24)
    expires_at = act.now + lifetime
    with act.context.database.writing() as connection:
        if backup_server_uid is not None:
            with named_in("backupServerUid"):
                server = backup_servers.get_backup_server(connection, act.caller.scope, backup_server_uid)
            organization_uid, name = server.organization_uid, server.name
        with named_in("organizationUid"):
            organizations.get_organization(connection, act.caller.scope, organization_uid)
        if location_uid is not None:
            _check_location(connection, act, location_uid, organization_uid)
        stored = EnrolmentToken(
            token_hash=hash_secret(token),
            organization_uid=organization_uid,
            backup_server_uid=backup_server_uid,
            location_uid=location_uid,
            name=name,
            expires_at=expires_at,
        )
        backup_servers.insert_enrolment_token(connection, stored)
        activity_log.record_activity(
            connection,
            act.caller,
            "CreateBackupServerEnrolmentToken",
            object_uid=backup_server_uid or organization_uid,
            object_organization_uid=organization_uid,
            detail=name,
            now=act.now,
        )
    return token, expires_at


def enrol(context: Context, request: EnrolRequest) -> EnrolAnswer:
    """Let an agent in by its token, which is then used up; raises Unauthorized, or Invalid for a key that is none."""
    _check_key(request.public_key)
    now = context.clock()
    with context.database.writing() as connection:
        token = backup_servers.use_enrolment_token(connection, hash_secret(request.token), now)
        if token is None:
            raise Unauthorized("The enrolment token is unknown, expired or was used before; ask for a new one.")
        uid = token.backup_server_uid or new_uid()
        location_uid = _location_of(connection, token)
        if token.backup_server_uid is not None:
            # On another machine, the kits of its repositories would send people to the wrong one.
            recovery_kits.forget_downloads(connection, uid, request.host_name)
            backup_servers.renew_agent(
                connection,
                uid,
                public_key=request.public_key,
                installation_uid=request.installation_uid,
                host_name=request.host_name,
            )
            if token.location_uid == location_uid:
                locations.move_backup_server(connection, uid, location_uid)
        else:
            server = BackupServer(
                instance_uid=uid,
                name=token.name,
                organization_uid=token.organization_uid,
                location_uid=location_uid,
                management_agent_uid=new_uid(),
                installation_uid=request.installation_uid,
                version=request.version,
                restic_version="",
                host_name=request.host_name,
                last_seen_at=None,
            )
            backup_servers.insert_backup_server(connection, server, request.public_key)
        agent = Caller("", f"agent on {request.host_name}"[:255], token.organization_uid, Role.COMPANY_SUBTENANT)
        activity_log.record_activity(connection, agent, "EnrolAgent", object_uid=uid, detail=token.name, now=now)
    return EnrolAnswer(backup_server_uid=uid, audience=context.installation_uid)


def _check_location(connection: Connection, act: Act, location_uid: str, organization_uid: str) -> None:
    with named_in("locationUid"):
        location = locations.lock_location(connection, act.caller.scope, location_uid)
    if location.organization_uid != organization_uid:
        raise Invalid("locationUid: this is a location of another organization.", field="locationUid")


def _location_of(connection: Connection, token: EnrolmentToken) -> str:
    if token.location_uid is not None:
        try:
            return locations.lock_location(connection, _EVERYTHING, token.location_uid).instance_uid
        except NotFound:
            pass  # It was deleted since: the server has to be somewhere.
    return organizations.location_of(connection, _EVERYTHING, token.organization_uid)


def _check_key(public_key: str) -> None:
    try:
        key = load_pem_public_key(public_key.encode())
    except ValueError:
        key = None  # Told below, as for a key of another kind.
    if not isinstance(key, Ed25519PublicKey):
        raise Invalid("The agent's public key is not an Ed25519 key in PEM form; the token was not used up.")


def recognize(agent: AgentState | None, token: str) -> AgentState:
    """Give the agent, found by the backup server that a session token names, if the session is open.

    Raises:
        Fenced: if a newer session exists.
        Unauthorized: if there is no such session.
    """
    generation = token.partition(".")[2].partition(".")[0]
    if agent is None or agent.public_key is None:
        raise Unauthorized("This agent is not known here, or was revoked; enrol it again.")
    if not hmac.compare_digest(agent.session_hash or "", hash_secret(token)):
        is_number = generation.isascii() and generation.isdigit() and len(generation) <= GENERATION_DIGITS_MAX
        if is_number and int(generation) < agent.generation:
            raise Fenced
        raise Unauthorized
    return agent


class AgentDoor:
    """Opens agents' sessions: a signed challenge for a bearer token of the newest generation."""

    def __init__(self, context: Context) -> None:
        """Make the door; the challenges' key is derived, so any console process takes any challenge."""
        self._context = context
        self._key = OctKey.import_key(context.seal.derive("agent challenges"))

    def challenge(self) -> Challenge:
        """Make a nonce for an agent to sign."""
        now = int(self._context.clock().timestamp())
        claims = {"jti": secrets.token_urlsafe(16), "exp": now + CHALLENGE_SECONDS}
        return Challenge(nonce=jwt.encode({"alg": "HS256"}, claims, self._key))

    def open_sessions(self, requests: list[SessionRequest]) -> list[SessionAnswer | Unauthorized]:
        """Open the sessions of agents that prove their keys, all in one transaction; every older one is fenced.

        Args:
            requests: of each agent once.

        Returns:
            What came of each, in their order: Unauthorized if the agent is unknown, revoked or does not hold the key.
        """
        uids = [request.backup_server_uid for request in requests]
        with self._context.database.writing() as connection:
            agents = backup_servers.lock_agents(connection, uids)
            opened = [self._open(agents.get(request.backup_server_uid), request) for request in requests]
            if sessions := [each[0] for each in opened if each is not None]:
                backup_servers.open_agent_sessions(connection, sessions)
                # Whoever sent them is fenced, or was killed and remembers nothing.
                fenced = [session.uid for session in sessions]
                transfers.break_transfers(connection, fenced, "The agent was started anew; try again.")
        return [
            Unauthorized("This agent is not known here, or was revoked; enrol it again.")
            if each is None
            else SessionAnswer(token=each[1], last_report=each[0].last_report)
            for each in opened
        ]

    def _open(self, agent: AgentState | None, request: SessionRequest) -> tuple[OpenedSession, str] | None:
        """Make an agent's next session, and the token that only the agent is given; None if it proves nothing."""
        if agent is None or agent.public_key is None or not self._is_proven(agent, request.proof):
            return None
        generation = agent.generation + 1
        token = f"{agent.instance_uid}.{generation}.{secrets.token_urlsafe(32)}"
        session = OpenedSession(
            uid=agent.instance_uid,
            generation=generation,
            spool_uid=request.spool_uid[:36],
            # An agent that has lost its memory numbers its reports anew.
            last_report=agent.last_report if agent.spool_uid == request.spool_uid else 0,
            session_hash=hash_secret(token),
            version=request.version[:100],
            restic_version=request.restic_version[:100],
        )
        return session, token

    def agent_of(self, token: str) -> AgentState:
        """Give the agent that a session token stands for.

        Raises:
            Fenced: if a newer session exists.
            Unauthorized: if there is no such session.
        """
        with self._context.database.reading() as connection:
            return recognize(backup_servers.find_agent(connection, token.partition(".")[0]), token)

    def _is_proven(self, agent: AgentState, proof: str) -> bool:
        now = self._context.clock().timestamp()
        try:
            key = OKPKey.import_key(agent.public_key or "")
            claims = jwt.decode(proof, key, algorithms=["Ed25519", "EdDSA"]).claims
            nonce = jwt.decode(str(claims["nonce"]), self._key, algorithms=["HS256"]).claims
            is_for_us = claims["aud"] == self._context.installation_uid and claims["sub"] == agent.instance_uid
            return is_for_us and float(nonce["exp"]) > now
        except (JoseError, KeyError, ValueError, TypeError):
            return False
