"""File shares: what is protected. A folder of the backup server, a share of an SMB server, or an export of NFS."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum

import msgspec

from tandem.domain.errors import Invalid

PATH_LENGTH_MAX = 4096
SMB_PORT = 445
NFS_PORT = 2049
PORT_MAX = 65535

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\]"
_SMB_HOST = re.compile(rf"({_NAME})(?::([0-9]{{1,5}}))?")
_NFS = re.compile(rf"({_NAME}):(/.*)", re.DOTALL)
_NOT_IN_SMB_NAMES = re.compile(r'[\x00-\x1f:*?"<>|]')


class ShareKind(StrEnum):
    """Where a share is."""

    FOLDER = "Folder"
    SMB = "Smb"
    NFS = "Nfs"


class ShareLocation(msgspec.Struct, frozen=True, kw_only=True):
    """A share's path, taken apart: `share` is the name of an SMB share, `folder` what is read in it."""

    kind: ShareKind
    host: str = ""
    port: int = 0
    share: str = ""
    folder: str = ""

    @property
    def path(self) -> str:
        r"""The path in its plain form: `/srv/docs`, `\\host\share\folder` or `host:/export`."""
        match self.kind:
            case ShareKind.FOLDER:
                return self.folder
            case ShareKind.NFS:
                return f"{self.host}:{self.folder}"
            case ShareKind.SMB:
                host = self.host if self.port == SMB_PORT else f"{self.host}:{self.port}"
                return "\\\\" + "\\".join([host, self.share, *filter(None, self.folder.split("/"))])

    @property
    def identity(self) -> str:
        """What two paths of one and the same share have in common: names at an SMB server have no case."""
        return self.path.casefold() if self.kind is ShareKind.SMB else self.path


class FileShare(msgspec.Struct, frozen=True, kw_only=True):
    """A protected share and what is held of it."""

    instance_uid: str
    backup_server_uid: str
    organization_uid: str
    name: str
    path: str
    inclusion_masks: list[str] = []
    exclusion_masks: list[str] = []
    latest_restore_point_date: datetime | None
    restore_points: int
    short_term_backup_size: int


def kind_of(path: str) -> ShareKind:
    """Say what a path is, whether or not it can be used."""
    if path.startswith(("\\\\", "//")):
        return ShareKind.SMB
    return ShareKind.NFS if _NFS.fullmatch(path) else ShareKind.FOLDER


def locate(path: str) -> ShareLocation:
    """Take a path apart; raises Invalid, naming `path`, for a remote one that cannot be.

    A folder's path is checked where folders are known; here it stays as it is.
    """
    if len(path) > PATH_LENGTH_MAX or "\0" in path:
        raise Invalid(f"path: longer than {PATH_LENGTH_MAX} characters, or with a NUL character.", field="path")
    match kind_of(path):
        case ShareKind.FOLDER:
            return ShareLocation(kind=ShareKind.FOLDER, folder=path)
        case ShareKind.NFS:
            return _locate_nfs(path)
        case ShareKind.SMB:
            return _locate_smb(path)


def _locate_smb(path: str) -> ShareLocation:
    host, *names = [part for part in path.replace("\\", "/").split("/") if part not in {"", "."}] or [""]
    named = _SMB_HOST.fullmatch(host)
    port = int(named[2] or SMB_PORT) if named else 0
    is_usable = all(name != ".." and name.strip() == name and not _NOT_IN_SMB_NAMES.search(name) for name in names)
    if named is None or not names or not is_usable or not 1 <= port <= PORT_MAX:
        shown = path[:100]
        text = rf'path: "{shown}" is not a share of an SMB server; use \\host\share or \\host\share\folder.'
        raise Invalid(text, field="path")
    folder = "/".join(names[1:])
    return ShareLocation(kind=ShareKind.SMB, host=named[1].lower(), port=port, share=names[0], folder=folder)


def _locate_nfs(path: str) -> ShareLocation:
    named = _NFS.fullmatch(path)
    names = [part for part in named[2].split("/") if part not in {"", "."}] if named else []
    if named is None or ".." in names or any(ord(letter) < ord(" ") for letter in path):
        text = f'path: "{path[:100]}" is not an export of an NFS server; use host:/export.'
        raise Invalid(text, field="path")
    folder = "/" + "/".join(names)
    return ShareLocation(kind=ShareKind.NFS, host=named[1].lower(), port=NFS_PORT, folder=folder)
