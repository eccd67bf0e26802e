"""The programs that mount shares: the kernel's, or rclone where the kernel knows no SMB; all of them only to read.

Secrets go through memory files, or through a private file where a program takes no other; it is gone once the program
has read it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from tandem.decoding import decode
from tandem.domain.file_shares import SMB_PORT, ShareKind, ShareLocation
from tandem.protocol.messages import ShareCredentials
from tandem.restic.errors import ResticError
from tandem.restic.opening import find_rclone
from tandem.restic.process import SEARCH_PATH

MOUNT_SECONDS_MAX = 12.0
END_SECONDS_MAX = 3.0
SAID_BYTES_MAX = 16_384
# As measured: fewer requests for the same bytes, and what was listed once is not asked for again in a run.
RCLONE_FLAGS = ("--low-level-retries=2", "--contimeout=5s", "--timeout=30s")
MOUNT_FLAGS = (
    "--read-only",
    "--poll-interval=0",
    "--dir-cache-time=1000h",
    "--attr-timeout=1000h",
    "--vfs-cache-mode=off",
    "--vfs-read-chunk-streams=4",
    "--buffer-size=0",
)
KERNEL_FLAGS = "ro,nosuid,nodev,noexec,soft"
NO_MOUNTS = "This backup server can mount no SMB share: install cifs-utils, or rclone and fuse3."
FILE_SYSTEMS = {ShareKind.SMB: "cifs", ShareKind.NFS: "nfs"}


class MountError(ResticError):
    """A share could not be mounted or listed."""


class Account(msgspec.Struct, frozen=True):
    """Who signs in at an SMB server; without a name it is a guest."""

    user: str
    password: str
    domain: str

    @classmethod
    def of(cls, credentials: ShareCredentials | None) -> Account:
        r"""Take credentials apart: a user may be written `DOMAIN\\user`."""
        if credentials is None:
            return cls("", "", "")
        domain, _, user = credentials.username.rpartition("\\")
        if any(ord(letter) < ord(" ") for letter in credentials.username + credentials.password):
            raise MountError("The user name or the password of the share holds a control character.")
        return cls(user, credentials.password, domain)

    def __repr__(self) -> str:
        """Show nothing of the password."""
        return f"Account({self.user!r}, …)"


class KernelMount:
    """A mount that the kernel looks after."""

    def __init__(self, point: Path) -> None:
        """Note where it is."""
        self._point = point

    @property
    def is_alive(self) -> bool:
        """Whether somebody serves the mount: the kernel does."""
        return True

    def ask(self) -> None:
        """Ask the server for the share: the kernel does at each look."""

    def said(self) -> str:
        """Give what the program last said."""
        return ""

    def end(self) -> None:
        """End the mount."""
        detach(self._point)


class RcloneMount:
    """A mount that a process of rclone serves."""

    def __init__(
        self, process: subprocess.Popen[bytes], point: Path, log: IO[bytes], check: Callable[[], None]
    ) -> None:
        """Take a process that was just started, what it writes, and what asks the server anew."""
        self._process = process
        self._point = point
        self._log = log
        self._check = check

    @property
    def is_alive(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def ask(self) -> None:
        """Ask the server for the share, past what is remembered of it; raises MountError if it is not there."""
        self._check()

    def said(self) -> str:
        """Give what the program last said."""
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), SAID_BYTES_MAX, max(0, size - SAID_BYTES_MAX)).decode(errors="replace")

    def end(self) -> None:
        """End the process; whoever still reads through it gets an error."""
        if self.is_alive:
            self._process.terminate()
            try:
                self._process.wait(END_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()
        detach(self._point)
        self._log.close()


def kernel_can(kind: ShareKind, *, filesystems: Path = Path("/proc/filesystems"), search_path: str = "") -> bool:
    """Say whether this kernel mounts a kind of share: it knows how, its helper is installed, and we are root."""
    name = FILE_SYSTEMS[kind]
    helper = shutil.which(f"mount.{name}", path=search_path or SEARCH_PATH)
    return helper is not None and os.geteuid() == 0 and (_is_loaded(name, filesystems) or _is_loadable(name))


def kernel_command(location: ShareLocation, point: Path, credentials_file: Path | None) -> list[str]:
    """Return the command that mounts a share by the kernel."""
    options = [KERNEL_FLAGS]
    if location.kind is ShareKind.NFS:
        options.append("timeo=100,retrans=3")
        return ["mount", "-t", "nfs", "-o", ",".join(options), f"{location.host}:{location.folder}", str(point)]
    if location.port != SMB_PORT:
        options.append(f"port={location.port}")
    options.append("guest" if credentials_file is None else f"credentials={credentials_file}")
    source = "/".join(["/", location.host.strip("[]"), location.share, *filter(None, [location.folder])])
    return ["mount", "-t", "cifs", "-o", ",".join(options), source, str(point)]


def mount_by_kernel(location: ShareLocation, account: Account, point: Path) -> KernelMount:
    """Mount a share by the kernel; raises MountError."""
    file = point.with_suffix(".credentials") if account.user else None
    try:
        if file is not None:
            lines = {"username": account.user, "password": account.password, "domain": account.domain}
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as writer:
                writer.writelines(f"{name}={value}\n" for name, value in lines.items() if value)
        result = _run(kernel_command(location, point, file), MOUNT_SECONDS_MAX)
    finally:
        if file is not None:
            file.unlink(missing_ok=True)
    if result is None or result.returncode != 0:
        detach(point)
        why = "it took too long" if result is None else result.stderr.decode(errors="replace").strip()
        raise MountError(explain(location, why))
    return KernelMount(point)


def mount_by_rclone(location: ShareLocation, account: Account, point: Path) -> RcloneMount:
    """Have rclone serve an SMB share at a folder; raises MountError if it cannot, or if the share does not open."""
    try:
        program = find_rclone()
    except ResticError as error:
        raise MountError(NO_MOUNTS) from error
    if not Path("/dev/fuse").exists():
        raise MountError(NO_MOUNTS)
    remote = _Remote(program, location, account)
    # A mount of what is not there would be empty, and look like a share whose files were all deleted.
    remote.check()
    flags = [*RCLONE_FLAGS, *MOUNT_FLAGS, f"--cache-dir={point.parent}"]
    with tempfile.TemporaryFile() as log, remote.configured() as config:
        process = subprocess.Popen(  # noqa: S603  (our own flags)
            [*_dying_with_us(), program, "mount", f"--config=/dev/fd/{config}", *flags, remote.name, str(point)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=remote.environment(),
            pass_fds=[config],
            start_new_session=True,
        )
        return RcloneMount(process, point, os.fdopen(os.dup(log.fileno()), "rb"), remote.check)


class _Remote:
    """A share as rclone knows it: where it is in the environment, the password in a memory file."""

    def __init__(self, program: str, location: ShareLocation, account: Account) -> None:
        self._program = program
        self._location = location
        self._account = account
        self._settings = f"[share]\ntype = smb\n{_password_line(program, account)}".encode()
        self.name = f"share:{'/'.join(filter(None, [location.share, location.folder]))}"

    @contextmanager
    def configured(self) -> Generator[int]:
        """Give the descriptor of a file with the settings."""
        with os.fdopen(os.memfd_create("rclone"), "wb") as config:
            config.write(self._settings)
            config.flush()
            yield config.fileno()

    def environment(self) -> dict[str, str]:
        """Give all that rclone gets to see of the environment."""
        host, account = self._location.host.strip("[]"), self._account
        named = {"HOST": host, "PORT": str(self._location.port), "USER": account.user or "guest"}
        named["DOMAIN"] = account.domain
        settings = {f"RCLONE_CONFIG_SHARE_{name}": value for name, value in named.items() if value}
        return {"PATH": SEARCH_PATH, "TMPDIR": tempfile.gettempdir(), **settings}

    def check(self) -> None:
        """Ask the server for the share's root; raises MountError if it is not there."""
        with self.configured() as config:
            command = [self._program, "lsjson", "--stat", f"--config=/dev/fd/{config}", *RCLONE_FLAGS, self.name]
            result = _run(command, MOUNT_SECONDS_MAX, environment=self.environment(), descriptors=[config])
        if result is None:
            raise MountError(explain(self._location, "timeout"))
        if result.returncode != 0:
            raise MountError(explain(self._location, result.stderr.decode(errors="replace")))
        if not decode(result.stdout, _Stat).is_dir:
            raise MountError(f"{self._location.path} is a file; a share is a folder.")


class _Stat(msgspec.Struct, frozen=True):
    is_dir: bool = msgspec.field(name="IsDir", default=False)


def detach(point: Path) -> None:
    """Unmount a folder, even if it is stuck or in use; no error if nothing is mounted there."""
    for command in (["umount", "--lazy"], ["fusermount3", "-u", "-z"]):
        if not is_mounted(point):
            return
        if shutil.which(command[0], path=SEARCH_PATH) is not None:
            _run([*command, str(point)], END_SECONDS_MAX)


def is_mounted(point: Path) -> bool:
    """Say whether something is mounted at a folder, without touching it."""
    return point in mount_points()


def mount_points() -> list[Path]:
    """Give where anything is mounted, the newest mount first."""
    lines = Path("/proc/self/mountinfo").read_bytes().splitlines()
    return [Path(os.fsdecode(_unescaped(line.split()[4]))) for line in reversed(lines)]


def explain(location: ShareLocation, why: str) -> str:
    """Give a sentence for what a program said."""
    said = why.lower()
    place = location.path
    if any(words in said for words in ("logon", "permission denied", "access denied", "error(13)", "access_denied")):
        return f"{place}: access is denied; check the user name, its domain and the password of the credentials."
    if any(words in said for words in ("name not found", "bad_network_name", "error(2)", "no such file", "not found")):
        return f"{place}: the server {location.host} has no such share or folder."
    if any(words in said for words in ("refused", "no route", "unreachable", "timeout", "timed out", "no such host")):
        return f"{place}: the server {location.host} does not answer."
    last = next((line for line in reversed(why.splitlines()) if line.strip()), "")
    return f"{place} cannot be mounted: {last.strip() or 'the program said nothing'}"


def _password_line(program: str, account: Account) -> str:
    if not account.password:
        return ""
    result = _run([program, "obscure", "-"], MOUNT_SECONDS_MAX, given=account.password.encode())
    if result is None or result.returncode != 0:
        raise MountError("rclone did not take the password of the share.")
    return f"pass = {result.stdout.decode().strip()}\n"


def _dying_with_us() -> list[str]:
    path = shutil.which("setpriv", path=SEARCH_PATH)
    return [path, "--pdeathsig", "KILL"] if path else []


def _run(
    command: Sequence[str],
    seconds: float,
    *,
    given: bytes = b"",
    environment: dict[str, str] | None = None,
    descriptors: Sequence[int] = (),
) -> subprocess.CompletedProcess[bytes] | None:
    """Run a program to its end; None if it took too long."""
    try:
        return subprocess.run(  # noqa: S603  (the same)
            command,
            check=False,
            input=given,
            capture_output=True,
            timeout=seconds,
            env=environment or {"PATH": SEARCH_PATH, "LC_ALL": "C"},
            pass_fds=descriptors,
        )
    except subprocess.TimeoutExpired:
        return None
    except OSError as error:
        raise MountError(f"{command[0]} cannot be started: {error.strerror}.") from error


def _is_loaded(name: str, filesystems: Path) -> bool:
    return any(line.split()[-1:] == [name] for line in filesystems.read_text(encoding="ascii").splitlines())


def _is_loadable(name: str) -> bool:
    modules = Path("/lib/modules") / os.uname().release / "modules.dep"
    return modules.exists() and f"/{name}.ko" in modules.read_text(encoding="utf-8", errors="replace")


def _unescaped(path: bytes) -> bytes:
    # proc(5): blanks, tabs, newlines and backslashes are octal.
    for code in (b"\\040", b"\\011", b"\\012", b"\\134"):
        path = path.replace(code, bytes([int(code[1:], 8)]))
    return path
