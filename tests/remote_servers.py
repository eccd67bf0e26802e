"""Servers for repositories elsewhere, real ones, each on the loopback interface for the time of a test."""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tandem.domain.repositories import Account
from tandem.domain.repository_locations import check_host_key, parse_location
from tandem.restic.opening import s3_remote

STARTS_WITHIN_SECONDS = 30.0
BUCKET = "backups"
# In every secret of these servers, so that it can be looked for.
CANARY = "canary"
_SSHD = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PidFile none
Subsystem sftp {sftp}
LogLevel ERROR
"""


@dataclass(frozen=True)
class Server:
    """A running server: where it is, what opens it, and the folder of this machine that it serves.

    Attributes:
        location: the beginning of the locations at it, to which a repository's name is added.
        account: that it lets in.
        folder: where a repository of that name is on this machine.
        host_key: of an SSH server.
        process: that serves.
    """

    location: str
    account: Account
    folder: Path
    process: "subprocess.Popen[bytes]"
    host_key: str | None = None

    def refusing(self) -> Account:
        """Give an account that the server does not let in."""
        if self.account.private_key is None:
            return replace_account(self.account, password=f"{CANARY} wrong")
        return replace_account(self.account, private_key=(self.folder.parent / "other").read_text())

    def take(self, folder: Path, name: str) -> None:
        """Put a repository of this machine under a name at the server."""
        if not self.location.startswith("s3:"):
            shutil.move(folder, self.folder / name)
            return
        # This server sees only what comes to it as to any other.
        place = parse_location(self.location)
        settings = folder.parent / "rclone.conf"
        settings.write_text(s3_remote("place", place, self.account))
        command = [_program("rclone"), "--config", settings, "copy", folder, f"place:{BUCKET}/{name}"]
        subprocess.run(command, check=True)
        shutil.rmtree(folder)

    def stop(self) -> None:
        """Let the server vanish."""
        self.process.kill()
        self.process.wait()


def replace_account(account: Account, *, password: str | None = None, private_key: str | None = None) -> Account:
    """Give the same user another secret."""
    return Account(username=account.username, password=password, private_key=private_key)


@contextlib.contextmanager
def sftp_server(folder: Path, *, sftp: str = "internal-sftp") -> Generator[Server]:
    """Run OpenSSH's server, with a host key and a user's key of its own; the user is the one of this test.

    Args:
        folder: where its keys and what it serves are.
        sftp: the command that speaks SFTP.
    """
    (folder / "served").mkdir(parents=True)
    for name in ("host", "user", "other"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    port = free_port()
    (folder / "sshd_config").write_text(_SSHD.format(port=port, folder=folder, sftp=sftp))
    user = getpass.getuser()
    key = (folder / "user").read_text()
    with _running([_program("sshd"), "-D", "-e", "-f", folder / "sshd_config"], port, folder / "log") as process:
        yield Server(
            f"sftp://{user}@127.0.0.1:{port}/{folder}/served/",
            Account(username=user, private_key=key),
            folder / "served",
            process,
            host_key=check_host_key((folder / "host.pub").read_text()),
        )


@contextlib.contextmanager
def sftp_server_with_password(folder: Path) -> Generator[Server]:
    """Run an SSH server that asks for a password."""
    (folder / "served").mkdir(parents=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "host"], check=True)
    account = Account(username="acme", password=f'{CANARY} "$(pass)" \\ word')
    port = free_port()
    program = Path(__file__).with_name("password_sftp_server.py")
    command = [sys.executable, program, str(port), folder / "host", folder / "served", account.username]
    with _running([*command, account.password or ""], port, folder / "log") as process:
        host_key = check_host_key((folder / "host.pub").read_text())
        yield Server(f"sftp://acme@127.0.0.1:{port}//", account, folder / "served", process, host_key=host_key)


@contextlib.contextmanager
def s3_server(folder: Path, *, name: str) -> Generator[Server]:
    """Run an S3 server with one account and a bucket."""
    (folder / BUCKET).mkdir(parents=True)
    account = Account(username=f"AKID{name}", password=f"{CANARY}/{name}+secret")
    # As an object store does, it lists without reading all that it holds for hashes.
    options = ["--auth-key", f"{account.username},{account.password}", "--etag-hash", ""]
    with _serving("s3", folder, options) as (port, process):
        yield Server(f"s3:http://127.0.0.1:{port}/{BUCKET}/", account, folder / BUCKET, process)


@contextlib.contextmanager
def rest_server(folder: Path, *, port: int | None = None) -> Generator[Server]:
    """Run a REST server with one account."""
    folder.mkdir(parents=True, exist_ok=True)
    account = Account(username="acme", password=f"{CANARY}@p/ss:word")
    options = ["--user", account.username, "--pass", account.password or ""]
    with _serving("restic", folder, options, port) as (at_port, process):
        yield Server(f"rest:http://127.0.0.1:{at_port}/", account, folder, process)


def at(server: Server, account: Account) -> Server:
    """Give the same server with another account to try."""
    return replace(server, account=account)


def free_port() -> int:
    """Give a port of the loopback interface that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextlib.contextmanager
def _serving(
    kind: str, folder: Path, options: Sequence[str], port: int | None = None
) -> Generator[tuple[int, "subprocess.Popen[bytes]"], None, None]:
    port = port or free_port()
    command = [_program("rclone"), "serve", kind, "--addr", f"127.0.0.1:{port}", *options, folder]
    with _running(command, port, folder.parent / f"{folder.name}.log") as process:
        yield port, process


@contextlib.contextmanager
def _running(command: Sequence[str | Path], port: int, log: Path) -> Generator["subprocess.Popen[bytes]"]:
    with log.open("wb") as written, subprocess.Popen(command, stdout=written, stderr=written) as process:
        try:
            end = time.monotonic() + STARTS_WITHIN_SECONDS
            while not _answers(port):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.01)
            yield process
        finally:
            process.kill()


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{Path(sys.executable).parent}:/usr/sbin:/usr/local/bin:/usr/bin:/bin")
    assert found is not None, f"{name} is not installed"
    return found
