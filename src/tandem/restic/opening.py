"""What restic needs to open repositories: flags, and an environment; every secret in a memory file of this process.

A remote repository is opened with an account of its own, two of one kind in one process too:

- SFTP: restic starts `ssh`, which is a script of ours, found first. Instead of a host it is told which memory files of
  this process hold the settings and the password; ssh reads the private key and the host's key there as well.
- S3: restic reads the keys of one account from a file. The second account's repository is reached through rclone.
- REST: name and password are part of the location, which restic reads from a file too.

Memory files are reached through this process's entry in /proc, so that they can be opened as often as it takes, by
restic and by what it starts; they are gone when this process is.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import stat
import sys
from collections.abc import Generator
from pathlib import Path
from urllib.parse import quote

from tandem.domain.repositories import Account
from tandem.domain.repository_locations import RemoteLocation, RepositoryKind
from tandem.restic.access import RepositoryAccess
from tandem.restic.errors import ResticError

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# How soon a dead peer is noticed: 15 s of silence, asked four times.
ALIVE_INTERVAL_SECONDS = 15
ALIVE_COUNT_MAX = 4
CONNECT_SECONDS_MAX = 20

_PROGRAMS = "programs"
_SSH = """#!/bin/sh
# Started by restic: instead of a host it names the memory files of the settings and of the password.
TANDEM_PASSWORD="$TANDEM_SECRETS/${1#*-}"
export TANDEM_PASSWORD
exec %s -E "$TANDEM_SSH_LOG" -F "$TANDEM_SECRETS/${1%%-*}" "$@"
"""
_ASKPASS = """#!/bin/sh
# Started by ssh when it needs a password.
exec cat "$TANDEM_PASSWORD"
"""


class Opening:
    """The memory files, flags and environment for programs that are to reach some repositories, while it is open."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        """Begin; `stack` closes the memory files."""
        self.flags: list[str] = []
        self.descriptors: list[int] = []
        self.environment: dict[str, str] = {}
        self._stack = stack
        self._folder = f"/proc/{os.getpid()}/fd"
        self._s3_account: Account | None = None
        self._ssh_log: int | None = None

    def secret(self, text: str) -> int:
        """Put a text into a memory file; gives its number in this process."""
        descriptor = os.memfd_create("tandem")
        self._stack.callback(os.close, descriptor)
        # Ssh refuses a private key that others may read.
        os.fchmod(descriptor, stat.S_IRUSR | stat.S_IWUSR)
        with open(descriptor, "wb", closefd=False) as file:
            file.write(text.encode())
        return descriptor

    def file(self, text: str) -> str:
        """Put a text into a memory file; gives its path."""
        return f"{self._folder}/{self.secret(text)}"

    def hand_over(self, flag: str, text: str) -> None:
        """Have restic inherit a text as a file, and tell it by a flag."""
        descriptor = self.secret(text)
        self.descriptors.append(descriptor)
        self.flags += [flag, f"/dev/fd/{descriptor}"]

    def location(self, access: RepositoryAccess, *, name: str) -> str:
        """Give a repository's location for restic, and make ready what opens it.

        Args:
            access: which.
            name: of rclone's remote, should it be needed.
        """
        place = access.remote
        if place is None:
            return access.location
        if place.kind is RepositoryKind.SFTP:
            path = place.path.removeprefix("~/")
            return f"sftp://{self.ssh_account(access, place)}/{path}"
        account = access.account
        if account is None:
            return access.location
        if place.kind is RepositoryKind.REST:
            login = f"{quote(account.username, safe='')}:{quote(account.password or '', safe='')}"
            return access.location.replace("://", f"://{login}@", 1)
        if self._s3_account is not None and self._s3_account != account:
            return self._through_rclone(place, account, name)
        self._s3_account = account
        self.environment["AWS_SHARED_CREDENTIALS_FILE"] = self.file(
            f"[default]\naws_access_key_id={account.username}\naws_secret_access_key={account.password}\n"
        )
        return access.location

    def ssh_account(self, access: RepositoryAccess, place: RemoteLocation) -> str:
        """Make an SSH account ready; gives the name that our ssh takes instead of a host."""
        account = access.account or Account(username="")
        if self._ssh_log is None:
            self._ssh_log = self.secret("")
        known = self.file(f"tandem {access.host_key}\n")
        settings = [
            f"HostName {place.host.strip('[]')}",
            f"Port {place.port or 22}",
            f"User {place.user or account.username}",
            "HostKeyAlias tandem",
            f"UserKnownHostsFile {known}",
            *_SSH_SETTINGS,
        ]
        if account.private_key is None:
            settings += ["PubkeyAuthentication no", "PreferredAuthentications password,keyboard-interactive"]
            secret = account.password
        else:
            # Without its last line end, ssh takes a key for damaged.
            key = self.file(account.private_key.strip().replace("\r\n", "\n") + "\n")
            settings += [f"IdentityFile {key}", "PreferredAuthentications publickey"]
            secret = account.passphrase
        programs = _programs(access.cache_directory)
        self.environment |= {
            "PATH": f"{programs}:{SEARCH_PATH}",
            "TANDEM_SECRETS": self._folder,
            "TANDEM_SSH_LOG": f"{self._folder}/{self._ssh_log}",
            "SSH_ASKPASS": str(programs / "askpass"),
            "SSH_ASKPASS_REQUIRE": "force",
        }
        text = "\n".join([*settings, ""])
        return f"{self.secret(text)}-{self.secret(secret or '')}"

    def ssh_said(self) -> str:
        """Give what ssh had to say; restic may end before it has passed that on."""
        if self._ssh_log is None:
            return ""
        text = Path(f"{self._folder}/{self._ssh_log}").read_text(encoding="utf-8", errors="replace")
        return "".join(f"subprocess ssh: {line}\n" for line in text.splitlines())

    def _through_rclone(self, place: RemoteLocation, account: Account, name: str) -> str:
        self.environment["RCLONE_CONFIG"] = self.file(s3_remote(name, place, account))
        self.flags += ["-o", f"rclone.program={shlex.quote(find_rclone())}", "-o", f"rclone.args={RCLONE_ARGUMENTS}"]
        return f"rclone:{name}:{place.path.lstrip('/')}"


RCLONE_ARGUMENTS = (
    f"serve restic --stdio --contimeout {CONNECT_SECONDS_MAX}s "
    f"--timeout {ALIVE_INTERVAL_SECONDS * ALIVE_COUNT_MAX}s --low-level-retries 3"
)
_SSH_SETTINGS = (
    "GlobalKnownHostsFile /dev/null",
    "StrictHostKeyChecking yes",
    "UpdateHostKeys no",
    "CheckHostIP no",
    "IdentitiesOnly yes",
    "IdentityAgent none",
    "NumberOfPasswordPrompts 1",
    f"ConnectTimeout {CONNECT_SECONDS_MAX}",
    f"ServerAliveInterval {ALIVE_INTERVAL_SECONDS}",
    f"ServerAliveCountMax {ALIVE_COUNT_MAX}",
    "LogLevel ERROR",
)


@contextlib.contextmanager
def opened(
    repository: RepositoryAccess | None, from_repository: RepositoryAccess | None = None
) -> Generator[Opening, None, None]:
    """Yield what opens the repositories of one restic process, until that process has ended."""
    with contextlib.ExitStack() as stack:
        opening = Opening(stack)
        if repository is not None:
            opening.hand_over("--repository-file", opening.location(repository, name="target"))
            opening.hand_over("--password-file", repository.password)
            opening.flags += ["--cache-dir", str(repository.cache_directory)]
        if from_repository is not None:
            opening.hand_over("--from-repository-file", opening.location(from_repository, name="source"))
            opening.hand_over("--from-password-file", from_repository.password)
        yield opening


def s3_remote(name: str, place: RemoteLocation, account: Account) -> str:
    """Give rclone's settings of an S3 account, as its configuration file has them."""
    lines = [
        f"[{name}]",
        "type = s3",
        f"provider = {'AWS' if place.is_amazon else 'Other'}",
        f"access_key_id = {account.username}",
        f"secret_access_key = {account.password}",
        f"endpoint = {place.server_url}",
        "no_check_bucket = true",
    ]
    if place.region is not None:
        lines.append(f"region = {place.region}")
    return "\n".join([*lines, ""])


def find_rclone() -> str:
    """Find rclone: the one that came with this program, or the system's.

    Raises:
        ResticError: there is none.
    """
    beside = str(Path(sys.executable).parent)
    found = shutil.which("rclone", path=f"{beside}:{SEARCH_PATH}")
    if found is None:
        raise ResticError("There is no program rclone. Install it; S3 repositories need it now and then.")
    return found


def ssh_program(cache_directory: Path) -> Path:
    """Give the path of our ssh."""
    return _programs(cache_directory) / "ssh"


def _programs(cache_directory: Path) -> Path:
    """Put the scripts for ssh where restic finds them; they hold no secrets."""
    ssh = shutil.which("ssh", path=SEARCH_PATH)
    if ssh is None:
        raise ResticError("There is no program ssh. Install OpenSSH's client; SFTP repositories need it.")
    folder = cache_directory / _PROGRAMS
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, content in (("ssh", _SSH % shlex.quote(ssh)), ("askpass", _ASKPASS)):
        _write(folder / name, content)
    return folder


def _write(path: Path, content: str) -> None:
    if path.exists() and path.read_text(encoding="utf-8") == content:
        return
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(content, encoding="utf-8")
    draft.chmod(stat.S_IRWXU)
    # In one step: a program that is being written to cannot be started.
    draft.replace(path)
