"""The files of a remote repository, where restic has no command for what we need: names, sizes, deleting exactly one.

SFTP is spoken through our ssh, S3 by rclone; both get their accounts by memory files as restic does. A REST server is
asked by HTTP.
"""

import base64
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial

import msgspec

from tandem.decoding import decode
from tandem.domain.repository_locations import RemoteLocation, RepositoryKind
from tandem.restic import exit_codes, ids, sftp
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
FRONT_FOLDERS = ("keys", "locks", "snapshots")

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


class Front(msgspec.Struct, frozen=True):
    """What the names of a repository's files say of it before it is worked on; whole ids, sorted.

    Attributes:
        key_ids: of what its passwords open; none if its config file is missing, as nothing opens it then.
        lock_ids: of its locks.
        snapshot_ids: of its points.
    """

    key_ids: tuple[str, ...]
    lock_ids: tuple[str, ...]
    snapshot_ids: tuple[str, ...]


def names(access: RepositoryAccess, folder: str, *, control: Control = BACKGROUND) -> list[str]:
    """List what is in a folder of a repository; "" is its top, of which a REST server tells nothing.

    Raises:
        Unreachable: the server does not answer.
        ResticError: the server cannot be asked.
    """
    place = _place(access)
    if place.kind is RepositoryKind.REST:
        return [file.name for file in _list(access, place, folder, control)] if folder else []
    found: list[str] = []
    if place.kind is RepositoryKind.SFTP:
        with _conversation(access, place, control) as conversation:
            conversation.list(_path(place, folder), lambda entry: found.append(entry.name))
    else:
        lines = LineSplitter(lambda line: found.append(line.rstrip("/")))
        _rclone(access, ["lsf"], folder, lines.feed, control=control)
        lines.close()
    return found


def survey(access: RepositoryAccess, *, control: Control = BACKGROUND) -> Stock:
    """Look over all files of a repository.

    Raises:
        Unreachable: the server does not answer.
        ResticError: the server cannot be asked.
    """
    place = _place(access)
    if place.kind is RepositoryKind.REST:
        return _survey_over_http(access, place, control)
    if place.kind is RepositoryKind.SFTP:
        return _survey_over_ssh(access, place, control)
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


def look(access: RepositoryAccess, *, control: Control = BACKGROUND) -> Front:
    """Look at whose a repository is, whether somebody works on it and which points it holds; its data are not listed.

    Raises:
        RepositoryAway: an SSH or REST server does not answer, is another one, or refuses the account.
        ResticError: the server cannot be asked.
    """
    place = _place(access)
    found: list[str] = []
    if place.kind is RepositoryKind.SFTP:
        with _conversation(access, place, control) as conversation:
            for folder in ("", *FRONT_FOLDERS):
                conversation.list(_path(place, folder), partial(_take, found, folder))
    elif place.kind is RepositoryKind.REST:
        if _ask(access, place, "config", control, method="HEAD") is not None:
            found.append("config")
        for folder in FRONT_FOLDERS:
            found.extend(f"{folder}/{file.name}" for file in _list(access, place, folder, control))
    else:
        # These make rclone list folder by folder, and the data not at all.
        filters = [f"--include=/{name}" for name in ("config", *(f"{folder}/*" for folder in FRONT_FOLDERS))]
        lines = LineSplitter(found.append)
        _rclone(access, ["lsf", "--recursive", "--files-only", *filters], "", lines.feed, control=control)
        lines.close()
    return Front(
        _ids_in("keys", found) if "config" in found else (), _ids_in("locks", found), _ids_in("snapshots", found)
    )


def _take(found: list[str], folder: str, entry: sftp.Entry) -> None:
    if not entry.is_folder:
        found.append(f"{folder}/{entry.name}".lstrip("/"))


def _ids_in(folder: str, found: list[str]) -> tuple[str, ...]:
    parts = (path.partition("/") for path in sorted(found))
    return tuple(name for parent, _, name in parts if parent == folder and ids.is_full(name))


def delete(access: RepositoryAccess, name: str, *, control: Control = BACKGROUND) -> None:
    """Delete one file of a repository, for instance "locks/1f…"; one that is gone is no error.

    Raises:
        ResticError: the server cannot be asked.
    """
    place = _place(access)
    if place.kind is RepositoryKind.REST:
        _ask(access, place, name, control, method="DELETE")
    elif place.kind is RepositoryKind.SFTP:
        with _conversation(access, place, control) as conversation:
            conversation.delete(_path(place, name))
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
    if access.account is None:
        raise ResticError("An S3 repository needs credentials.")
    with ExitStack() as stack:
        opening = Opening(stack)
        opening.environment["RCLONE_CONFIG"] = opening.file(s3_remote("place", place, access.account))
        path = f"{place.path.lstrip('/')}/{name}".rstrip("/")
        done = run_program(
            [find_rclone(), *command, *_RCLONE_FLAGS, "--", f"place:{path}"],
            shown=["rclone", *command, name],
            opening=opening,
            on_bytes=take,
            control=_alone(control),
        )
    if done.exit_code not in _RCLONE_NOTHING_THERE and done.exit_code != 0:
        raise _untold(access, done.stderr)


@contextmanager
def _conversation(access: RepositoryAccess, place: RemoteLocation, control: Control) -> Generator[sftp.Conversation]:
    """Yield what is to be asked of an SSH server, then ask it."""
    conversation = sftp.Conversation()
    yield conversation
    with ExitStack() as stack:
        opening = Opening(stack)
        done = run_program(
            [str(ssh_program(access.cache_directory)), opening.ssh_account(access, place), "-s", "sftp"],
            shown=["ssh", "-s", "sftp"],
            opening=opening,
            talk=conversation.take,
            control=_alone(control),
        )
        said = opening.ssh_said() + done.stderr
    if not conversation.is_over:
        exit_codes.raise_if_away(said, program="ssh")
        raise _untold(access, said)


def _path(place: RemoteLocation, name: str) -> str:
    """Give the path of a repository's file or folder at an SSH server."""
    return f"{place.path.removeprefix('~/')}/{name}".rstrip("/")


def _alone(control: Control) -> Control:
    """Give how a program is watched that is no restic: it leaves no lock, and measures what a stopped run has done."""
    return replace(control, on_start=None, stop=None)


def _untold(access: RepositoryAccess, said: str) -> ResticError:
    lines = [line for line in said.splitlines() if line.strip()]
    return ResticError(f"The files of {access.location} cannot be told: {lines[-1] if lines else 'no reason given'}")


def _survey_over_ssh(access: RepositoryAccess, place: RemoteLocation, control: Control) -> Stock:
    total = 0
    points: list[str] = []
    with _conversation(access, place, control) as conversation:

        def look_into(folder: str) -> None:
            def take(entry: sftp.Entry) -> None:
                nonlocal total
                if not entry.is_folder:
                    total += entry.size
                    if folder == "snapshots" and ids.is_full(entry.name):
                        points.append(entry.name)
                elif folder:
                    look_into(f"{folder}/{entry.name}")

            conversation.list(_path(place, folder), take)

        # By name: where a disk was full, somebody may have put a link to another one in place of a folder.
        for folder in ("", *FOLDERS):
            look_into(folder)
    return Stock(total, tuple(sorted(points)))


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
        return decode(content, list[_File])
    return [_File(name) for name in decode(content, list[str])]


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
        return _send(request, patience)
    except urllib.error.HTTPError as error:
        if error.code == _NOT_FOUND:
            return None
        exit_codes.raise_if_away(f"HTTP response ({error.code})", program=place.url)
        raise ResticError(f"{place.url} answers {error.code} when asked for its files.") from error
    except (OSError, http.client.HTTPException) as error:
        exit_codes.raise_if_away(f"{error}", program=place.url)
        raise Unreachable(f"{place.url} cannot be asked for its files: {error}") from error


def _send(request: urllib.request.Request, patience: float) -> tuple[str, bytes]:
    """Send a request; once more if the line breaks: a line that loses some is no reason for a run to fail."""
    try:
        return _send_once(request, patience)
    except urllib.error.HTTPError:
        raise
    except (OSError, http.client.HTTPException):
        return _send_once(request, patience)


def _send_once(request: urllib.request.Request, patience: float) -> tuple[str, bytes]:
    with urllib.request.urlopen(request, timeout=patience) as answer:  # noqa: S310
        return answer.headers.get_content_type(), answer.read()


def _ignore(_: bytes) -> None:
    """Take what rclone says and drop it."""
