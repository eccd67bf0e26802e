"""Where a repository may be, and what opens it there: checked by the console before the agent is asked."""

from __future__ import annotations

import msgspec

from tandem.actions.context import Act, named_in
from tandem.actions.paths import check_path
from tandem.domain.credentials import Credentials, CredentialsType
from tandem.domain.errors import Invalid
from tandem.domain.repository_locations import (
    SSH_PORT,
    RemoteLocation,
    RepositoryKind,
    check_host_key,
    parse_location,
)
from tandem.store import credentials
from tandem.store.database import Connection

_NEEDED = {
    RepositoryKind.S3: "an S3 repository needs credentials: access key and secret key as user name and password",
    RepositoryKind.SFTP: "an SFTP repository needs credentials: a password, or of the type Linux a private key",
}


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a repository is asked for: a folder of the backup server, or a location elsewhere and what opens it."""

    path: str
    credentials_uid: str | None = None
    host_key: str | None = None
    is_plain_allowed: bool = False


def check_place(connection: Connection, act: Act, backup_server_uid: str, place: Place) -> Place:
    """Give a place in its plain form.

    Raises:
        NotFound: if the credentials are not there for the caller.
        Invalid: naming the field.
    """
    if place.path.startswith("/") or ":" not in place.path:
        for field, value in (("credentialsUid", place.credentials_uid), ("hostKey", place.host_key)):
            if value is not None:
                raise Invalid(f"{field}: a folder of the backup server needs none; leave it out.", field=field)
        return msgspec.structs.replace(place, path=check_path(place.path, "path"))
    location = parse_location(place.path)
    if location.is_plain and not (place.is_plain_allowed or location.is_loopback):
        text = "without encryption, everybody on the way can read the account; use https, or set isPlainAllowed"
        raise Invalid(f"path: {text}.", field="path")
    found = _check_credentials(connection, act, backup_server_uid, place.credentials_uid, location.kind)
    if location.kind is RepositoryKind.SFTP and found is not None:
        location = _with_user(location, found)
    elif place.host_key is not None:
        raise Invalid("hostKey: only SFTP has host keys; leave it out.", field="hostKey")
    host_key = None if place.host_key is None else check_host_key(place.host_key)
    return msgspec.structs.replace(place, path=str(location), host_key=host_key)


def check_new_credentials(connection: Connection, act: Act, backup_server_uid: str, place: Place) -> Place:
    """Check that what is said can open a repository that exists; gives it in its plain form.

    Raises:
        NotFound: if the credentials are not there for the caller.
        Invalid: naming the field.
    """
    checked = check_place(connection, act, backup_server_uid, msgspec.structs.replace(place, is_plain_allowed=True))
    if checked.path != place.path:
        raise Invalid("credentialsUid: these lead to another place than the repository's.", field="credentialsUid")
    return checked


def _check_credentials(
    connection: Connection, act: Act, backup_server_uid: str, uid: str | None, kind: RepositoryKind
) -> Credentials | None:
    if uid is None:
        if kind in _NEEDED:
            raise Invalid(f"credentialsUid: {_NEEDED[kind]}.", field="credentialsUid")
        return None
    with named_in("credentialsUid"):
        found = credentials.get_credentials(connection, act.caller.scope, uid, backup_server_uid)
    allowed = [CredentialsType.STANDARD, *([CredentialsType.LINUX] if kind is RepositoryKind.SFTP else [])]
    if found.type not in allowed:
        text = f"credentialsUid: {found.username} is of the type {found.type}; {kind} takes the type"
        raise Invalid(f"{text} {' or '.join(allowed)}.", field="credentialsUid")
    if any(ord(character) < ord(" ") for character in found.username):
        raise Invalid("credentialsUid: the user name holds characters that no server takes.", field="credentialsUid")
    return found


def _with_user(location: RemoteLocation, found: Credentials) -> RemoteLocation:
    if location.user is not None and location.user != found.username:
        text = f"the location says {location.user}, the credentials say {found.username}; leave the user out"
        raise Invalid(f"path: {text}.", field="path")
    port = location.port
    if port is None and found.linux is not None and found.linux.ssh_port != SSH_PORT:
        port = found.linux.ssh_port
    # Read once more: not every user name of credentials can stand in a location.
    return parse_location(str(msgspec.structs.replace(location, user=found.username, port=port)), "credentialsUid")
