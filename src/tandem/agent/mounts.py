"""Shares while a run reads them: mounted where they are remote, at the same place each time, and watched.

A mount point lies below the agent's own folder, which nobody else may enter, and is named by its share: restic finds
the point before by the path that it reads.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
import uuid
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Protocol, TypeVar

import msgspec
import structlog

from tandem.agent.folders import real_path
from tandem.agent.mount_programs import (
    Account,
    KernelMount,
    MountError,
    RcloneMount,
    detach,
    explain,
    is_mounted,
    kernel_can,
    mount_by_kernel,
    mount_by_rclone,
    mount_points,
)
from tandem.domain.errors import Invalid
from tandem.domain.file_shares import ShareKind, ShareLocation, kind_of, locate
from tandem.protocol.messages import FileShareConfiguration, ShareCredentials
from tandem.restic.errors import ResticError
from tandem.restic.process import Control

LOOK_SECONDS = 0.02

Answer = TypeVar("Answer")

log = structlog.get_logger()


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long a share may be silent: seconds for each look and between looks, and how many in a row may fail."""

    mount: float = 10.0
    connect: float = 3.0
    look: float = 10.0
    between: float = 2.0
    failures: int = 3


class ShareLost(MountError):
    """A share is not there, or went away while it was read. What is missing was not deleted."""


class Source(Protocol):
    """A share that can be read at a path."""

    path: str
    is_remote: bool

    def trouble(self) -> str:
        """Say whether the share is away; empty while it is there."""
        ...

    def is_over(self) -> bool:
        """Say whether it cannot come back in this run."""
        ...

    def last_look(self) -> str:
        """Say whether it is away, after all that is remembered of it was forgotten."""
        ...

    def give_up(self) -> None:
        """Let nobody wait for it any longer."""
        ...


class Folder:
    """A folder of this machine."""

    is_remote = False

    def __init__(self, share: FileShareConfiguration, patience: Patience) -> None:
        """Look at it; raises ShareLost if it is not there."""
        # Of a symbolic link restic saves the link itself, and none of the files behind it.
        self.path = real_path(share.path)
        self._patience = patience
        if not Path(self.path).is_dir():
            raise ShareLost(f"The folder {share.path} of the share {share.name} is not there; is its disk mounted?")
        self._identity = self._look()

    def trouble(self) -> str:
        """Say whether another folder is at the path, or none."""
        try:
            found = _within(self._patience.look, self._look)
        except (OSError, TimeoutError) as error:
            return f"the folder {self.path} cannot be read any more: {error}"
        # A disk that is taken away leaves the folder where it was mounted, which is empty.
        return "" if found == self._identity else f"another folder is at {self.path} now; was its disk taken away?"

    def is_over(self) -> bool:
        """Say that it may come back."""
        return False

    def last_look(self) -> str:
        """Look once more."""
        return self.trouble()

    def give_up(self) -> None:
        """Do nothing: a disk answers, if only by an error."""

    def _look(self) -> tuple[int, int]:
        _list(Path(self.path))
        found = Path(self.path).stat()
        return found.st_dev, found.st_ino


class MountedShare:
    """A share of another machine, mounted."""

    is_remote = True

    def __init__(
        self, location: ShareLocation, mount: KernelMount | RcloneMount, point: Path, patience: Patience
    ) -> None:
        """Take a mount that was just made."""
        self.path = str(point)
        self._location = location
        self._mount = mount
        self._point = point
        self._patience = patience

    def trouble(self) -> str:
        """Say whether the mount is gone or the server does not answer; listings may come from what was kept of them."""
        if self.is_over():
            return f"{self._location.path} is not mounted any more"
        return self._unreachable()

    def is_over(self) -> bool:
        """Say whether the mount is gone."""
        return not self._mount.is_alive or not is_mounted(self._point)

    def last_look(self) -> str:
        """List the share anew."""
        if trouble := self.trouble():
            return trouble
        try:
            self._mount.ask()
        except ResticError as error:
            return str(error)
        return self.list()

    def list(self) -> str:
        """List the share's root; gives what is wrong, empty when nothing is."""
        try:
            _within(self._patience.look, lambda: _list(self._point))
        except TimeoutError:
            return f"{self._location.path}: the server {self._location.host} takes too long to list the share."
        except OSError as error:
            return explain(self._location, self._mount.said() or f"{error.strerror}")
        return ""

    def give_up(self) -> None:
        """End the mount."""
        self._mount.end()

    def _unreachable(self) -> str:
        return unreachable(self._location, self._patience.connect)


class Mounts:
    """Where shares are read."""

    def __init__(self, data: Path, patience: Patience | None = None) -> None:
        """Keep mount points below the agent's folder."""
        self._folder = Path(os.path.realpath(data)) / "mounts"
        self._patience = patience or Patience()

    def clean_up(self) -> None:
        """End what an agent that died has left: mounts, the processes that serve them, files with credentials."""
        for point in mount_points():
            if point.parent == self._folder:
                log.warning("mount left over", point=str(point))
                self._end_servers(point)
                detach(point)
        if self._folder.is_dir():
            for file in self._folder.glob("*.credentials"):
                file.unlink()
            for folder in self._folder.iterdir():
                self._remove(folder)

    def path_of(self, share: FileShareConfiguration) -> str:
        """Give the path at which a share is read, the same at each run."""
        is_folder = kind_of(share.path) is ShareKind.FOLDER
        return real_path(share.path) if is_folder else str(self._folder / share.uid)

    @contextmanager
    def open(self, share: FileShareConfiguration) -> Generator[Source]:
        """Give a share to be read, mounted for as long if it is remote.

        Raises:
            MountError: if it is not there or cannot be mounted, with what is wrong in words.
        """
        location = locate(share.path)
        if location.kind is ShareKind.FOLDER:
            yield Folder(share, self._patience)
            return
        with self._mounted(location, share.credentials, self._folder / share.uid) as source:
            yield source

    def check(self, path: str, credentials: ShareCredentials | None) -> str:
        """Say what is wrong with a remote share, by mounting and listing it; empty when nothing is."""
        try:
            with self._mounted(locate(path), credentials, self._folder / f"check-{uuid.uuid4()}"):
                return ""
        except (ResticError, OSError) as error:
            return str(error)
        except Invalid as error:
            return error.message

    @contextmanager
    def watch(self, source: Source, control: Control) -> Generator[Control]:
        """Watch a share while restic reads it: give the control under which restic is stopped when it goes away.

        Raises:
            ShareLost: in place of what it failed with, if the share went away.
        """
        watch = _Watch(source, control.stop or Event(), self._patience)
        watch.start()
        try:
            yield replace(control, stop=watch.stop_restic)
        except Exception as error:
            watch.end()
            if watch.lost:
                raise ShareLost(_sentence(watch.lost)) from error
            raise
        finally:
            watch.end()

    @contextmanager
    def _mounted(
        self, location: ShareLocation, credentials: ShareCredentials | None, point: Path
    ) -> Generator[MountedShare]:
        account = Account.of(credentials)
        if wrong := unreachable(location, self._patience.connect):
            raise ShareLost(wrong)
        with ExitStack() as stack:
            self._make_room(point)
            stack.callback(self._remove, point)
            mount = self._mount(location, account, point)
            stack.callback(mount.end)
            self._await(mount, point, location)
            source = MountedShare(location, mount, point, self._patience)
            if wrong := source.list():
                raise ShareLost(wrong)
            yield source

    def _mount(self, location: ShareLocation, account: Account, point: Path) -> KernelMount | RcloneMount:
        if kernel_can(location.kind):
            return mount_by_kernel(location, account, point)
        if location.kind is ShareKind.SMB:
            return mount_by_rclone(location, account, point)
        text = "This backup server can mount no NFS export: its kernel has no NFS client, or nfs-common is not"
        raise MountError(f"{text} installed, or the agent does not run as root.")

    def _make_room(self, point: Path) -> None:
        if is_mounted(point):
            self._end_servers(point)
            detach(point)
        point.mkdir(parents=True, exist_ok=True, mode=0o700)

    def _await(self, mount: KernelMount | RcloneMount, point: Path, location: ShareLocation) -> None:
        end = time.monotonic() + self._patience.mount
        while not is_mounted(point):
            if not mount.is_alive or time.monotonic() > end:
                raise ShareLost(explain(location, mount.said()))
            time.sleep(LOOK_SECONDS)

    def _remove(self, folder: Path) -> None:
        with contextlib.suppress(OSError):  # one that is still mounted, or holds something, is left as it is
            folder.rmdir()

    def _end_servers(self, point: Path) -> None:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                arguments = (process / "cmdline").read_bytes().split(b"\0")
                if os.fsencode(point) in arguments and arguments[0].endswith(b"rclone"):
                    os.kill(int(process.name), signal.SIGKILL)
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue  # ended meanwhile, or somebody else's


class _Watch:
    """Looks at a share again and again in a thread of its own."""

    def __init__(self, source: Source, stop: Event, patience: Patience) -> None:
        self._source = source
        self._stop = stop
        self._patience = patience
        self._done = Event()
        self.stop_restic = Event()
        self.lost = ""
        self._threads = [
            Thread(target=self._forward, name="stop share", daemon=True),
            Thread(target=self._look, name="watch share", daemon=True),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._done.set()

    def _forward(self) -> None:
        while not self._done.wait(LOOK_SECONDS):
            if self._stop.is_set():
                self.stop_restic.set()
                return

    def _look(self) -> None:
        failures = 0
        while not self._done.wait(self._patience.between):
            trouble = self._source.trouble()
            failures = failures + 1 if trouble else 0
            if trouble and (failures >= self._patience.failures or self._source.is_over()) and not self._done.is_set():
                self.lost = trouble
                self.stop_restic.set()
                self._source.give_up()
                return


def unreachable(location: ShareLocation, seconds: float) -> str:
    """Say that a server does not answer; empty if it does."""
    try:
        socket.create_connection((location.host.strip("[]"), location.port), timeout=seconds).close()
    except OSError as error:
        return f"{location.path}: the server {location.host} does not answer on port {location.port}: {error}."
    return ""


def _list(folder: Path) -> None:
    with os.scandir(folder) as entries:
        next(entries, None)


def _sentence(trouble: str) -> str:
    return f"The share went away while it was read: {trouble.rstrip('.')}. No restore point was made of it."


def _within(seconds: float, look: Callable[[], Answer]) -> Answer:
    """Do something that may hang, for a bounded time; raises TimeoutError."""
    answers: list[Answer] = []
    errors: list[OSError] = []

    def work() -> None:
        try:
            answers.append(look())
        except OSError as error:
            errors.append(error)

    thread = Thread(target=work, name="look at share", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not answers:
        raise TimeoutError(f"no answer in {seconds:.0f} s")
    return answers[0]
