"""The files of a remote repository, where restic has no command for what we need: names, sizes, deleting exactly one.

SFTP and S3 are reached with rclone, which gets its accounts by memory files as restic does, a REST server by HTTP.
"""

import base64
import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace

import msgspec

from tandem.domain.repository_locations import RemoteLocation, RepositoryKind
from tandem.restic import ids
from tandem.restic.access import RepositoryAccess
from tandem.restic.errors import ResticError, Unreachable
from tandem.restic.opening import (
    ALIVE_COUNT_MAX,
    ALIVE_INTERVAL_SECONDS,
    CONNECT_SECONDS_MAX,
    Opening,
    find_rclone,
    s3_remote,
    ssh_program,
)
from tandem.restic.output import LineSplitter
from tandem.restic.process import BACKGROUND, Control, run_program

FOLDERS = ("data", "index", "keys", "locks", "snapshots")

_SILENCE_SECONDS = ALIVE_INTERVAL_SECONDS * ALIVE_COUNT_MAX
_RCLONE_FLAGS = (
    "--contimeout",
    f"{CONNECT_SECONDS_MAX}s",
    "--timeout",
    f"{_SILENCE_SECONDS}s",
    "--retries",
    "1",
    "--low-level-retries",
    "2",
    # Each is a connection of its own to an SSH server, which takes longer to open than to use.
    "--checkers",
    "4",
)
_RCLONE_NOTHING_THERE = {3, 4}
_NOT_FOUND = 404
_WITH_SIZES = "application/vnd.x.restic.rest.v2"


class _File(msgspec.Struct, frozen=True):
    """A file at a REST server; those of the protocol's first version do not tell sizes."""

    name: str
    size: int | None = None


class Stock(msgspec.Struct, frozen=True):
    """What a repository holds, as the names and sizes of its files say.

    Attributes:
        bytes_used: the sum of the sizes of all files; None if its server does not tell sizes.
        snapshot_ids: the whole ids of its points, sorted.
    """

    bytes_used: int | None
    snapshot_ids: tuple[str, ...]


def names(access: RepositoryAccess, folder: str, *, control: Control = BACKGROUND) -> list[str]:
    """List what is in a folder of a repository; "" is its top, of which a REST server tells nothing.

    Raises:
        Unreachable: the server does not answer.
        ResticError: the server cannot be asked.
    """
    place = _place(access)
    if place.kind is not RepositoryKind.REST:
        found: list[str] = []
        lines = LineSplitter(lambda line: found.append(line.rstrip("/")))
        _rclone(access, ["lsf"], folder, lines.feed, control=control)
        lines.close()
        return found
    return [file.name for file in _list(access, place, folder, control)] if folder else []


def survey(access: RepositoryAccess, *, control: Control = BACKGROUND) -> Stock:
    """Look over all files of a repository.

    Raises:
        Unreachable: the server does not answer.
        ResticError: the server cannot be asked.
    """
    place = _place(access)
    if place.kind is RepositoryKind.REST:
        return _survey_over_http(access, place, control)
    total = 0
    points: list[str] = []

    def take(line: str) -> None:
        nonlocal total
        size, _, name = line.partition(";")
        total += int(size) if size.isdecimal() else 0
        folder, _, name = name.partition("/")
        if folder == "snapshots" and ids.is_full(name):
            points.append(name)

    flags = ["--recursive", "--files-only", "--fast-list", "--format", "sp", "--separator", ";"]
    lines = LineSplitter(take)
    _rclone(access, ["lsf", *flags], "", lines.feed, control=control)
    lines.close()
    return Stock(total, tuple(sorted(points)))


def config_fingerprint(access: RepositoryAccess, *, control: Control = BACKGROUND) -> str | None:
    """Give the SHA-256 of a repository's config file, in hexadecimal, as `listing.fingerprint` does; None without one.

    Raises:
        Unreachable: the server does not answer.
        ResticError: the server cannot be asked.
    """
    place = _place(access)
    if place.kind is RepositoryKind.REST:
        answer = _ask(access, place, "config", control)
        content = answer[1] if answer else b""
    else:
        pieces: list[bytes] = []
        _rclone(access, ["cat"], "config", pieces.append, control=control)
        content = b"".join(pieces)
    return hashlib.sha256(content).hexdigest() if content else None


def delete(access: RepositoryAccess, name: str, *, control: Control = BACKGROUND) -> None:
    """Delete one file of a repository, for instance "locks/1f…"; one that is gone is no error.

    Raises:
        ResticError: the server cannot be asked.
    """
    place = _place(access)
    if place.kind is RepositoryKind.REST:
        _ask(access, place, name, control, method="DELETE")
    else:
        _rclone(access, ["deletefile"], name, _ignore, control=control)


def _place(access: RepositoryAccess) -> RemoteLocation:
    place = access.remote
    if place is None:
        raise ResticError("The repository is at a place of which restic alone can list the files.")
    return place


def _rclone(
    access: RepositoryAccess, command: list[str], name: str, take: Callable[[bytes], None], *, control: Control
) -> None:
    """Have rclone do something with a file or folder, and take what it says; a place where nothing is says nothing."""
    place = _place(access)
    with ExitStack() as stack:
        opening = Opening(stack)
        if place.kind is RepositoryKind.SFTP:
            ssh = f"{ssh_program(access.cache_directory)} {opening.ssh_account(access, place)}"
            # Our ssh checks the host's key; rclone has nothing to add.
            settings = f"[place]\ntype = sftp\nssh = {ssh}\nshell_type = none\nknown_hosts_file = none\n"
        elif access.account is None:
            raise ResticError("An S3 repository needs credentials.")
        else:
            settings = s3_remote("place", place, access.account)
        opening.environment["RCLONE_CONFIG"] = opening.file(settings)
        root = place.path.removeprefix("~/") if place.kind is RepositoryKind.SFTP else place.path.lstrip("/")
        arguments = [*command, *_RCLONE_FLAGS, "--", f"place:{root}/{name}".rstrip("/")]
        # It is no restic that could leave a lock; and what a stopped run has done is measured all the same.
        alone = replace(control, on_start=None, stop=None)
        done = run_program(
            [find_rclone(), *arguments], shown=["rclone", *command, name], opening=opening, on_bytes=take, control=alone
        )
    if done.exit_code not in _RCLONE_NOTHING_THERE and done.exit_code != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise ResticError(f"The files of {access.location} cannot be told: {lines[-1] if lines else 'no reason given'}")


def _survey_over_http(access: RepositoryAccess, place: RemoteLocation, control: Control) -> Stock:
    listed = {folder: _list(access, place, folder, control) for folder in FOLDERS}
    config = _ask(access, place, "config", control)
    sizes = [file.size for files in listed.values() for file in files]
    points = sorted(file.name for file in listed["snapshots"] if ids.is_full(file.name))
    known = [size for size in sizes if size is not None]
    total = sum(known) + len(config[1] if config else b"")
    return Stock(total if len(known) == len(sizes) else None, tuple(points))


def _list(access: RepositoryAccess, place: RemoteLocation, folder: str, control: Control) -> list[_File]:
    """List a folder at a REST server."""
    answer = _ask(access, place, f"{folder}/", control)
    if answer is None:
        return []
    kind, content = answer
    if kind == _WITH_SIZES:
        return msgspec.json.decode(content, type=list[_File])
    return [_File(name) for name in msgspec.json.decode(content, type=list[str])]


def _ask(
    access: RepositoryAccess, place: RemoteLocation, name: str, control: Control, *, method: str = "GET"
) -> tuple[str, bytes] | None:
    """Send a request about a file or folder to a REST server; None if it is not there."""
    # The address is one of ours: it was checked to begin with http.
    request = urllib.request.Request(f"{place.url}/{name}", method=method)  # noqa: S310
    request.add_header("Accept", _WITH_SIZES)
    if access.account is not None:
        login = f"{access.account.username}:{access.account.password or ''}"
        request.add_header("Authorization", f"Basic {base64.b64encode(login.encode()).decode()}")
    patience = min(_SILENCE_SECONDS, control.stall_seconds)
    try:
        with urllib.request.urlopen(request, timeout=patience) as answer:  # noqa: S310
            return answer.headers.get_content_type(), answer.read()
    except urllib.error.HTTPError as error:
        if error.code == _NOT_FOUND:
            return None
        raise ResticError(f"{place.url} answers {error.code} when asked for its files.") from error
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"{place.url} cannot be asked for its files: {error}") from error


def _ignore(_: bytes) -> None:
    """Take what rclone says and drop it."""
