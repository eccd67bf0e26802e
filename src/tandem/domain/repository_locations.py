"""Where a repository is: a folder of the backup server, or a place at a server elsewhere; never with secrets in it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
import re
from enum import StrEnum
from pathlib import PurePosixPath

import msgspec

from tandem.domain.errors import Invalid

LOCATION_LENGTH_MAX = 4_096
SSH_PORT = 22
EXAMPLES = {
    "sftp": "sftp://user@host:22//srv/restic",
    "s3": "s3:https://host/bucket/folder",
    "rest": "rest:https://host:8000/name/",
}

_HOST = r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
_PATH = r"(?P<path>/[^\x00-\x1f\x7f?#%\\]*)?"
_SFTP = re.compile(rf"sftp://(?:(?P<user>[\w.+-]{{1,64}})@)?{_HOST}{_PATH}", re.ASCII)
_HTTP = re.compile(rf"(?:s3|rest):(?P<scheme>https?)://{_HOST}{_PATH}", re.ASCII)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_AMAZON = re.compile(r"(?:^|\.)s3[.-]([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com$")
_HOST_KEY = re.compile(r"(?P<type>ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) (?P<key>[A-Za-z0-9+/]+=*)")
_PORT_MAX = 65_535


class RepositoryKind(StrEnum):
    """How a repository is reached."""

    LOCAL = "Local"
    SFTP = "SFTP"
    S3 = "S3"
    REST = "REST"


class RemoteLocation(msgspec.Struct, frozen=True, kw_only=True):
    """A place at a server.

    Attributes:
        kind: how it is reached.
        host: a name or an address, IPv6 in brackets.
        port: None for the usual one.
        path: from the root, of SFTP also "~/" and a path below the user's own folder; of S3 bucket and folder.
        user: of SFTP; None if the credentials say.
        is_plain: reached without encryption on the way.
    """

    kind: RepositoryKind
    host: str
    port: int | None
    path: str
    user: str | None = None
    is_plain: bool = False

    def __str__(self) -> str:
        """Give it as restic takes it, in its one plain form."""
        place = self.host if self.port is None else f"{self.host}:{self.port}"
        if self.kind is RepositoryKind.SFTP:
            user = "" if self.user is None else f"{self.user}@"
            return f"sftp://{user}{place}/{self.path.removeprefix('~/')}"
        end = "/" if self.kind is RepositoryKind.REST and self.path != "/" else ""
        return f"{self.kind.lower()}:{self.url}{end}"

    @property
    def url(self) -> str:
        """The address, of S3 and REST."""
        return f"{self.server_url}{self.path}"

    @property
    def server_url(self) -> str:
        """The server's address, of S3 and REST."""
        place = self.host if self.port is None else f"{self.host}:{self.port}"
        return f"{'http' if self.is_plain else 'https'}://{place}"

    @property
    def is_loopback(self) -> bool:
        """Whether it is a server on the same machine."""
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def is_amazon(self) -> bool:
        """Whether it is Amazon's own S3."""
        return self.host.endswith(".amazonaws.com")

    @property
    def region(self) -> str | None:
        """The region that Amazon's host name says."""
        found = _AMAZON.search(self.host)
        return None if found is None else found[1]


def is_remote(location: str) -> bool:
    """Say whether a location, as it is kept, is not a folder of the backup server."""
    return not location.startswith("/")


def kind_of(location: str) -> RepositoryKind:
    """Give the kind of a location, as it is kept."""
    return parse_location(location).kind if is_remote(location) else RepositoryKind.LOCAL


def parse_location(text: str, field: str = "path") -> RemoteLocation:
    """Read a remote location.

    Raises:
        Invalid: naming the field, and what is allowed.
    """
    scheme = text.partition(":")[0]
    if scheme not in EXAMPLES or len(text) > LOCATION_LENGTH_MAX:
        allowed = ", ".join(EXAMPLES.values())
        raise _wrong(field, text, f"give an absolute path, or one of these: {allowed}")
    found = (_SFTP if scheme == "sftp" else _HTTP).fullmatch(text)
    if found is None:
        if re.match(r"\w+:(?://|https?://)[^/@]*:[^/@]*@", text):
            advice = "a location holds no password; name the credentials in credentialsUid"
            raise Invalid(f"{field}: {advice}.", field=field)
        raise _wrong(field, text, f"it must look like {EXAMPLES[scheme]}, without ?, #, % and \\")
    port = int(found["port"]) if found["port"] else None
    if port is not None and not 1 <= port <= _PORT_MAX:
        raise _wrong(field, text, f"a port is a number from 1 to {_PORT_MAX}")
    path = _plain_path(found["path"] or "", field, text, is_home_allowed=scheme == "sftp")
    if scheme == "sftp":
        usual, user, is_plain = SSH_PORT, found["user"], False
    else:
        is_plain, user = found["scheme"] == "http", None
        usual = 80 if is_plain else 443
    made = RemoteLocation(
        kind=RepositoryKind(scheme.upper()),
        host=found["host"].lower(),
        port=None if port == usual else port,
        path=path,
        user=user,
        is_plain=is_plain,
    )
    _check_place(made, field, text)
    return made


def overlaps(one: str, other: str) -> bool:
    """Say whether one of two locations, as they are kept, is the other or lies inside it."""
    if is_remote(one) != is_remote(other):
        return False
    if not is_remote(one):
        return _contain(one, other)
    first, second = parse_location(one), parse_location(other)
    servers = [(each.kind, each.host, each.port, each.user) for each in (first, second)]
    return servers[0] == servers[1] and _contain(first.path, second.path)


def check_host_key(text: str) -> str:
    """Give an SSH server's public key in its plain form, type and key; raises Invalid."""
    found = _HOST_KEY.match(text.strip())
    try:
        if found is not None and base64.b64decode(found["key"], validate=True):
            return f"{found['type']} {found['key']}"
    except binascii.Error:
        pass
    advice = (
        "give a line of the server's, such as ssh-ed25519 AAAAC3Nz…; it is in /etc/ssh/ssh_host_ed25519_key.pub there"
    )
    raise Invalid(f"hostKey: this is no public key of an SSH server; {advice}.", field="hostKey")


def host_key_fingerprint(host_key: str) -> str:
    """Give the fingerprint of an SSH server's key, as ssh shows it."""
    digest = hashlib.sha256(base64.b64decode(host_key.split()[1])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def _plain_path(path: str, field: str, text: str, *, is_home_allowed: bool) -> str:
    parts = [part for part in path.split("/") if part]
    if ".." in parts or "." in parts:
        raise _wrong(field, text, "give a path without . and ..")
    if is_home_allowed and not path.startswith("//"):
        return "~/" + "/".join(parts)
    return "/" + "/".join(parts)


def _check_place(made: RemoteLocation, field: str, text: str) -> None:
    if made.kind is RepositoryKind.S3 and not _BUCKET.fullmatch(made.path.split("/")[1]):
        raise _wrong(field, text, "name a bucket after the host, in lower case letters, digits, dots and hyphens")
    if made.kind is RepositoryKind.SFTP and made.path in {"/", "~/"}:
        raise _wrong(field, text, "name a folder: after // from the root, after / from the user's own folder")


def _contain(one: str, other: str) -> bool:
    first, second = PurePosixPath(one), PurePosixPath(other)
    return first == second or first in second.parents or second in first.parents


def _wrong(field: str, text: str, advice: str) -> Invalid:
    shown = re.sub(r"[^\x20-\x7e]", "?", re.sub(r"//[^/@]*@", "//…@", text[:100]))
    return Invalid(f'{field}: "{shown}" is not a location that can be used; {advice}.', field=field)
