"""The files of a remote repository, where restic has no command for what we need: names, sizes, deleting exactly one.

SFTP and S3 are reached with rclone, which gets its accounts by memory files as restic does, a REST server by HTTP.
"""

import base64
import contextlib
import http.client
import subprocess
import urllib.error
import urllib.request

import msgspec

from tandem.domain.repository_locations import RemoteLocation, RepositoryKind
from tandem.restic.access import RepositoryAccess
from tandem.restic.errors import ResticError, Unreachable
from tandem.restic.opening import (
    ALIVE_COUNT_MAX,
    ALIVE_INTERVAL_SECONDS,
    CONNECT_SECONDS_MAX,
    SEARCH_PATH,
    Opening,
    find_rclone,
    s3_remote,
    ssh_program,
)

SECONDS_MAX = 600
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
)
_RCLONE_NOTHING_THERE = {3, 4}
_NOT_FOUND = 404
_WITH_SIZES = "application/vnd.x.restic.rest.v2"


class _Size(msgspec.Struct, frozen=True):
    bytes: int


class _File(msgspec.Struct, frozen=True):
    name: str
    size: int


def names(access: RepositoryAccess, folder: str) -> list[str]:
    """List what is in a folder of a repository; "" is its top, of which a REST server tells nothing.

    Raises:
        ResticError: the server cannot be asked.
    """
    place = _place(access)
    if place.kind is not RepositoryKind.REST:
        return [line.rstrip("/") for line in _rclone(access, place, "lsf", folder).splitlines()]
    return [file.name for file in _list(access, place, folder) or []] if folder else []


def delete(access: RepositoryAccess, name: str) -> None:
    """Delete one file of a repository, for instance "locks/1f…"; one that is gone is no error.

    Raises:
        ResticError: the server cannot be asked.
    """
    place = _place(access)
    if place.kind is RepositoryKind.REST:
        _ask(access, place, name, method="DELETE")
    else:
        _rclone(access, place, "deletefile", name)


def bytes_used(access: RepositoryAccess) -> int | None:
    """Add up the sizes of all files of a repository; None if its server does not tell sizes.

    Raises:
        ResticError: the server cannot be asked.
    """
    place = _place(access)
    if place.kind is not RepositoryKind.REST:
        text = _rclone(access, place, "size", "", "--json", "--fast-list")
        return msgspec.json.decode(text or '{"bytes": 0}', type=_Size).bytes
    listed = [_list(access, place, folder) for folder in FOLDERS]
    if None in listed:
        return None
    config = _ask(access, place, "config")
    return sum(file.size for files in listed for file in files or []) + len(config[1] if config else b"")


def _place(access: RepositoryAccess) -> RemoteLocation:
    place = access.remote
    if place is None:
        raise ResticError("The repository is at a place of which restic alone can list the files.")
    return place


def _rclone(access: RepositoryAccess, place: RemoteLocation, command: str, name: str, *flags: str) -> str:
    with contextlib.ExitStack() as stack:
        opening = Opening(stack)
        if place.kind is RepositoryKind.SFTP:
            ssh = f"{ssh_program(access.cache_directory)} {opening.ssh_account(access, place)}"
            # Our ssh checks the host's key; rclone has nothing to add.
            settings = f"[place]\ntype = sftp\nssh = {ssh}\nshell_type = none\nknown_hosts_file = none\n"
        elif access.account is None:
            raise ResticError("An S3 repository needs credentials.")
        else:
            settings = s3_remote("place", place, access.account)
        root = place.path.removeprefix("~/") if place.kind is RepositoryKind.SFTP else place.path.lstrip("/")
        arguments = [command, *flags, *_RCLONE_FLAGS, "--", f"place:{root}/{name}".rstrip("/")]
        try:
            done = subprocess.run(
                [find_rclone(), *arguments],
                env={"PATH": SEARCH_PATH, **opening.environment, "RCLONE_CONFIG": opening.file(settings)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=SECONDS_MAX,
                start_new_session=True,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Unreachable(f"{access.location} did not tell its files within {SECONDS_MAX} s.") from error
    if done.returncode in _RCLONE_NOTHING_THERE:
        return ""
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise ResticError(f"The files of {access.location} cannot be told: {lines[-1] if lines else 'no reason given'}")
    return done.stdout


def _list(access: RepositoryAccess, place: RemoteLocation, folder: str) -> list[_File] | None:
    """List a folder at a REST server; None if it does not tell sizes."""
    answer = _ask(access, place, f"{folder}/")
    if answer is None:
        return []
    kind, content = answer
    return msgspec.json.decode(content, type=list[_File]) if kind == _WITH_SIZES else None


def _ask(
    access: RepositoryAccess, place: RemoteLocation, name: str, *, method: str = "GET"
) -> tuple[str, bytes] | None:
    """Send a request about a file or folder to a REST server; None if it is not there."""
    # The address is one of ours: it was checked to begin with http.
    request = urllib.request.Request(f"{place.url}/{name}", method=method)  # noqa: S310
    request.add_header("Accept", _WITH_SIZES)
    if access.account is not None:
        login = f"{access.account.username}:{access.account.password or ''}"
        request.add_header("Authorization", f"Basic {base64.b64encode(login.encode()).decode()}")
    try:
        with urllib.request.urlopen(request, timeout=_SILENCE_SECONDS) as answer:  # noqa: S310
            return answer.headers.get_content_type(), answer.read()
    except urllib.error.HTTPError as error:
        if error.code == _NOT_FOUND:
            return None
        raise ResticError(f"{place.url} answers {error.code} when asked for its files.") from error
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"{place.url} cannot be asked for its files: {error}") from error
