"""Moving what was restored to where it belongs: never outside of the folder, whatever is there already.

Every step goes from an open folder to an entry of it, and no link is followed: neither one that was there, nor one that
somebody puts there meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Generator
from pathlib import Path

from tandem.domain.point_files import OverwriteRule
from tandem.restic.errors import ResticError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_COMPARED_BYTES = 256 * 1024


class Placing:
    """Moves the content of one folder into another.

    Attributes:
        kept: how many files were there already and stayed.
    """

    def __init__(self, rule: OverwriteRule) -> None:
        """Begin.

        Args:
            rule: what happens to files that are there. `EmptyOnly` replaces none either: none should be there.
        """
        self._rule = rule
        self._keeps_all = rule in {OverwriteRule.NEVER, OverwriteRule.EMPTY_ONLY}
        self.kept = 0

    def place(self, content: Path, target: Path) -> None:
        """Move what a folder holds into another, folder by folder.

        Raises:
            ResticError: a file should replace a folder, which is never deleted, or the system refuses something.
        """
        try:
            with _open(content) as source, _open(target) as destination:
                if not self._keeps_all:
                    _refuse_obstacles(source, destination, target)
                self._merge(source, destination)
        except OSError as error:
            name = os.fsencode(error.filename or str(target)).decode(errors="replace")
            raise ResticError(
                f"{name} cannot be put into {target}: {error.strerror}. Restore into an empty folder, or move it away."
            ) from error

    def _merge(self, source: int, destination: int) -> None:
        for name in sorted(os.listdir(source)):
            new, old = _look(name, source), _look(name, destination)
            if new is None:
                continue
            if stat.S_ISDIR(new.st_mode):
                self._place_folder(name, source, destination, new, old)
            elif old is None or self._replaces(name, source, destination, new, old):
                os.rename(name, name, src_dir_fd=source, dst_dir_fd=destination)
            else:
                self.kept += 1

    def _place_folder(
        self, name: str, source: int, destination: int, new: os.stat_result, old: os.stat_result | None
    ) -> None:
        if old is not None and not stat.S_ISDIR(old.st_mode):
            if not self._wins(new, old):
                self.kept += 1
                return
            os.unlink(name, dir_fd=destination)
            old = None
        # Nobody else gets at the source: what its owner may not enter or write to cannot be moved.
        os.chmod(name, stat.S_IMODE(new.st_mode) | stat.S_IRWXU, dir_fd=source)
        with _open(name, source) as inner:
            if old is None:
                os.rename(name, name, src_dir_fd=source, dst_dir_fd=destination)
                os.fchmod(inner, stat.S_IMODE(new.st_mode))
                os.utime(inner, ns=(new.st_atime_ns, new.st_mtime_ns))
                return
            with _open(name, destination) as there:
                self._merge(inner, there)
                if self._rule is OverwriteRule.ALWAYS:
                    _make_alike(inner, there, new)

    def _replaces(self, name: str, source: int, destination: int, new: os.stat_result, old: os.stat_result) -> bool:
        if not self._wins(new, old):
            return False
        is_asked = self._rule is OverwriteRule.IF_DIFFERENT and stat.S_IFMT(new.st_mode) == stat.S_IFMT(old.st_mode)
        return not (is_asked and _is_same(name, source, destination, new, old))

    def _wins(self, new: os.stat_result, old: os.stat_result) -> bool:
        if self._rule is OverwriteRule.IF_NEWER:
            return new.st_mtime_ns > old.st_mtime_ns
        return not self._keeps_all


def _refuse_obstacles(source: int, destination: int, shown: Path) -> None:
    """Look before anything is moved: a folder that is in a file's way is never deleted."""
    for name in sorted(os.listdir(source)):
        new, old = _look(name, source), _look(name, destination)
        if new is None or old is None or not stat.S_ISDIR(old.st_mode):
            continue
        if not stat.S_ISDIR(new.st_mode):
            path = os.fsencode(shown / name).decode(errors="replace")
            raise ResticError(
                f"{path} is a folder, and a file in the restore point. Restore into an empty folder, or move it away."
            )
        os.chmod(name, stat.S_IMODE(new.st_mode) | stat.S_IRWXU, dir_fd=source)
        with _open(name, source) as inner, _open(name, destination) as there:
            _refuse_obstacles(inner, there, shown / name)
            os.fchmod(inner, stat.S_IMODE(new.st_mode))


@contextlib.contextmanager
def _open(path: str | Path, folder: int | None = None) -> Generator[int]:
    descriptor = os.open(path, _FOLDER, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _look(name: str, folder: int) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _is_same(name: str, source: int, destination: int, new: os.stat_result, old: os.stat_result) -> bool:
    """Compare two entries of one kind by their content."""
    if stat.S_ISLNK(new.st_mode):
        return os.readlink(name, dir_fd=source) == os.readlink(name, dir_fd=destination)
    if not stat.S_ISREG(new.st_mode) or new.st_size != old.st_size:
        return False
    with (
        os.fdopen(os.open(name, _FILE, dir_fd=source), "rb") as one,
        os.fdopen(os.open(name, _FILE, dir_fd=destination), "rb") as other,
    ):
        while piece := one.read(_COMPARED_BYTES):
            if other.read(_COMPARED_BYTES) != piece:
                return False
        return not other.read(1)


def _make_alike(source: int, destination: int, before: os.stat_result) -> None:
    """Give a folder that was there already the owner, rights, times and attributes of the one in the point."""
    for attribute in os.listxattr(source):
        with contextlib.suppress(OSError):  # not every file system has them, and some are root's
            os.setxattr(destination, attribute, os.getxattr(source, attribute))
    with contextlib.suppress(PermissionError):  # only root may give files away
        os.fchown(destination, before.st_uid, before.st_gid)
    os.fchmod(destination, stat.S_IMODE(before.st_mode))
    os.utime(destination, ns=(before.st_atime_ns, before.st_mtime_ns))
