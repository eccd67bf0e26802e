"""What goes wrong with disks and programs, brought about on purpose."""

import errno
import shutil
import subprocess
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from textwrap import dedent

from tandem.restic.engine import Engine
from tests.agent.backup_server import BackupServer

DISK_BYTES = 6_000_000


def packs(repository: Path) -> set[Path]:
    """Give a repository's packs."""
    return {path for path in (repository / "data").rglob("*") if path.is_file()}


def damage(pack: Path) -> bytes:
    """Write over some of a pack, as a failing disk may; gives what it held."""
    whole = pack.read_bytes()
    pack.chmod(0o600)
    pack.write_bytes(bytes(byte ^ 1 for byte in whole[:500]) + whole[500:])
    return whole


def faulty(engine: Engine, folder: Path, *, words: str, when: str) -> tuple[Engine, Path]:
    """Make a restic that fails as the real one does on bad hardware, as long as a file is there; gives both.

    Args:
        engine: the real one, which does everything else.
        folder: where the program and the file go.
        words: what restic says.
        when: the arguments that it fails with, as a pattern of the shell's `case`.
    """
    program, fault = folder / "faulty-restic", folder / "fault"
    (folder / "words").write_text(words)
    script = f"""#!/bin/sh
    case " $* " in {when}) if [ -e {fault} ]; then cat {folder}/words >&2; exit 1; fi;; esac
    exec {engine.path} "$@"
    """
    program.write_text(dedent(script))
    program.chmod(0o755)
    fault.touch()
    return Engine(str(program), engine.version), fault


@contextmanager
def small_disk(folder: Path, *, size: int) -> Generator[None]:
    """Mount a disk of a size in bytes at a folder; raises OSError where nothing may be mounted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        folder.rmdir()
        raise OSError(errno.EPERM, "mount")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


class SmallDisk:
    """A repository's disk, which can be full: a real one, or where nothing may be mounted, a restic that says so."""

    def __init__(self, server: BackupServer, repository: Path, command: str) -> None:
        self._server = server
        self._repository = repository
        self._command = command
        self._filler = repository / "data" / "filler"
        self._fault: Path | None = None
        self._stack = ExitStack()
        aside = repository.with_name("aside")
        repository.rename(aside)
        try:
            self._stack.enter_context(small_disk(repository, size=DISK_BYTES))
            shutil.copytree(aside, repository, dirs_exist_ok=True)
        except OSError:
            aside.rename(repository)
            words = f"Fatal: write {repository}/data/00/0000-tmp-1: no space left on device\n"
            when = f'*" {command} "*'
            engine, self._fault = faulty(server.engine, server.folder, words=words, when=when)
            self._fault.unlink()
            server.restart(engine)

    def fill(self, *, left: int) -> None:
        """Let others take all but some bytes."""
        if self._fault is not None:
            self._fault.touch()
            return
        free = shutil.disk_usage(self._repository).free
        self._filler.write_bytes(bytes(max(0, free - left)))

    def free(self) -> None:
        """Let others give back what they took."""
        (self._fault or self._filler).unlink()

    def is_freed(self) -> None:
        """Say that retention has freed what was needed, to a restic that only pretends."""
        if self._fault is not None:
            self._fault.unlink()

    def close(self) -> None:
        """Take the disk away."""
        self._stack.close()
