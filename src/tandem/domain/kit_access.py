"""How plain restic opens a repository of each kind: the part of a recovery kit that differs between them."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from tandem.domain.repositories import Account
from tandem.domain.repository_locations import SSH_PORT, RemoteLocation, RepositoryKind, is_remote, parse_location


class KitAccess(msgspec.Struct, frozen=True, kw_only=True):
    """How restic opens a repository.

    Attributes:
        kind: how it is reached.
        location: what restic takes as its repository; holds no secret.
        password: of the repository.
        variables: what restic wants in its environment, by name.
        files: what it reads from files, such as a key, by the name that `options` call them by.
        options: arguments that each of its commands needs, as a shell reads them.
    """

    kind: RepositoryKind
    location: str
    password: str
    variables: dict[str, str] = {}
    files: dict[str, str] = {}
    options: str = ""

    def __repr__(self) -> str:
        """Show nothing of what is secret."""
        return f"KitAccess({self.kind!r}, …)"


def access_to(location: str, password: str, account: Account | None, host_key: str | None) -> KitAccess:
    """Tell how a repository is opened.

    Args:
        location: as the console keeps it: a folder, or a place elsewhere.
        password: of the repository.
        account: with what one signs in there.
        host_key: the public key that an SSH server must show.
    """
    if not is_remote(location):
        return KitAccess(kind=RepositoryKind.LOCAL, location=location, password=password)
    place = parse_location(location)
    access = KitAccess(kind=place.kind, location=location, password=password)
    if place.kind is RepositoryKind.SFTP:
        files = _ssh_files(place, account or Account(username=place.user or ""), host_key or "")
        # Started by ssh when it needs a password; with a key that has none, it never is.
        variables = {"SSH_ASKPASS": "./ssh-askpass", "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0"}
        options = "-o sftp.command='ssh -F ssh-config repository -s sftp'"
        return msgspec.structs.replace(access, files=files, variables=variables, options=options)
    if account is None:
        return access
    if place.kind is RepositoryKind.S3:
        variables = {"AWS_ACCESS_KEY_ID": account.username, "AWS_SECRET_ACCESS_KEY": account.password or ""}
    else:
        login = f"{quote(account.username, safe='')}:{quote(account.password or '', safe='')}"
        variables = {"RESTIC_REPOSITORY": location.replace("://", f"://{login}@", 1)}
    return msgspec.structs.replace(access, variables=variables)


def _ssh_files(place: RemoteLocation, account: Account, host_key: str) -> dict[str, str]:
    settings = [
        "Host repository",
        f"HostName {place.host.strip('[]')}",
        f"Port {place.port or SSH_PORT}",
        f"User {place.user or account.username}",
        "HostKeyAlias repository",
        "UserKnownHostsFile ssh-known-hosts",
        "GlobalKnownHostsFile /dev/null",
        "StrictHostKeyChecking yes",
        "NumberOfPasswordPrompts 1",
    ]
    files: dict[str, str] = {}
    secret = account.password
    if account.private_key is not None:
        secret = account.passphrase
        settings += ["IdentityFile ./ssh-key", "IdentitiesOnly yes", "PreferredAuthentications publickey"]
        files["ssh-key"] = account.private_key.strip().replace("\r\n", "\n")
    else:
        settings += ["PubkeyAuthentication no", "PreferredAuthentications password,keyboard-interactive"]
    return {
        "ssh-config": "\n".join(settings),
        "ssh-known-hosts": f"repository {host_key}",
        **files,
        "ssh-secret": secret or "",
        "ssh-askpass": "#!/bin/sh\nexec cat ssh-secret",
    }
