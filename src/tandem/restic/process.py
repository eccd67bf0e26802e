"""Where this package starts programs: restic, rclone and ssh beside it; handed their secrets, followed and stopped."""

import contextlib
import math
import os
import re
import selectors
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from tandem.restic import listing
from tandem.restic.access import RepositoryAccess
from tandem.restic.engine import Engine
from tandem.restic.errors import ResticError, Stopped, Unreachable
from tandem.restic.opening import SEARCH_PATH, Opening, opened
from tandem.restic.output import LineSplitter, Tail
from tandem.restic.process_times import start_ticks
from tandem.restic.stalls import STALL_SECONDS, StallWatch

STDERR_BYTES_MAX = 64 * 1024
STDOUT_BYTES_MAX = 256 * 1024 * 1024
STDOUT_TAIL_BYTES_MAX = 64 * 1024
STOP_GRACE_SECONDS = 5.0

_POLL_SECONDS = 0.1
_READ_BYTES = 64 * 1024
_SHOWN_LENGTH_MAX = 300
_BAR = re.compile(r"^\[\d+:\d+")
_PROGRESS_PER_SECOND = "2"


@dataclass(frozen=True, slots=True)
class Control:
    """How a run is watched and held back. The default is a quiet run in the background.

    Attributes:
        on_start: called with the process id right after the start; it stays that of restic itself.
        stop: when set, restic is interrupted, and killed `STOP_GRACE_SECONDS` later if it has not ended.
        low_priority: give way to other programs, where `nice` and `ionice` are installed.
        upload_limit: KiB per second at most to a repository.
        download_limit: KiB per second at most from a repository.
        tell: called with each step, for a log: what is started, what restic says, how it ends; never with a secret.
        stall_seconds: how long restic may do nothing at all, while a repository is remote, until it is ended.
    """

    on_start: Callable[[int], None] | None = None
    stop: threading.Event | None = None
    low_priority: bool = True
    upload_limit: int | None = None
    download_limit: int | None = None
    tell: Callable[[str], None] | None = None
    stall_seconds: float = STALL_SECONDS


BACKGROUND = Control()


@dataclass(frozen=True, slots=True)
class Output:
    """How restic ended and what it wrote.

    Attributes:
        exit_code: of restic; negative for a signal.
        stdout: the last `STDOUT_BYTES_MAX` bytes, or `STDOUT_TAIL_BYTES_MAX` if the lines were handed on as they came.
        stderr: the last `STDERR_BYTES_MAX` bytes.
    """

    exit_code: int
    stdout: str
    stderr: str


def run(
    engine: Engine,
    arguments: Sequence[str],
    *,
    repository: RepositoryAccess | None = None,
    from_repository: RepositoryAccess | None = None,
    on_output: Callable[[str], None] | None = None,
    on_error: Callable[[str], None] | None = None,
    on_bytes: Callable[[bytes], None] | None = None,
    control: Control = BACKGROUND,
) -> Output:
    """Run restic to its end and return what it wrote, whatever its exit code.

    The process gets a small environment of its own, never ours; secrets go through memory files, never through
    arguments or environment. It has a session of its own, so neither a terminal's Ctrl-C nor a password prompt
    reaches it. It is killed when the calling thread ends, where `setpriv` is installed.

    Args:
        engine: the program.
        arguments: the command and its flags, without those for repository, password and cache.
        repository: the repository, or the target of a copy.
        from_repository: the source of a copy, or the family member of a new repository.
        on_output: called with each line of standard output as it comes, in the calling thread.
        on_error: the same of standard error; what it raises ends the run.
        on_bytes: called with the bytes of standard output instead; while it takes its time, restic waits.
        control: how the run is watched and held back.

    Returns:
        Exit code and output, not judged yet.

    Raises:
        Stopped: `control.stop` was set before or while restic ran.
        ResticError: the program could not be started.
    """
    if control.stop is not None and control.stop.is_set():
        raise Stopped("Stopped before restic was started.")

    # Open until restic has ended: what it starts later, for another connection, reads its secrets then.
    with opened(repository, from_repository) as opening:
        is_remote = any(each and listing.local_path(each.location) is None for each in (repository, from_repository))
        result = run_program(
            [engine.path, *opening.flags, *_limits(control), *arguments],
            shown=["restic", *_limits(control), *arguments],
            opening=opening,
            on_output=on_output,
            on_error=on_error,
            on_bytes=on_bytes,
            control=control if is_remote else replace(control, stall_seconds=math.inf),
        )
        return replace(result, stderr=opening.ssh_said() + result.stderr)


def run_program(
    command: Sequence[str],
    *,
    shown: Sequence[str],
    opening: Opening,
    on_output: Callable[[str], None] | None = None,
    on_error: Callable[[str], None] | None = None,
    on_bytes: Callable[[bytes], None] | None = None,
    talk: Callable[[bytes], bytes | None] | None = None,
    control: Control = BACKGROUND,
) -> Output:
    """Run a program to its end; see `run`, which says what all of it means.

    Args:
        command: the program's path and its arguments.
        shown: the same as a log may have it.
        opening: what opens the repositories that it is to reach; stays open until the program has ended.
        on_output: called with each line of standard output.
        on_error: called with each line of standard error.
        on_bytes: called with the bytes of standard output instead.
        talk: called, once with none and then with those of standard output, for those of standard input, or None to
            end that.
        control: how it is watched.

    Raises:
        Stopped: `control.stop` was set while it ran.
        Unreachable: nothing moved for `control.stall_seconds`.
        ResticError: it could not be started.
    """
    try:
        process = subprocess.Popen(
            [*_wrapping(low_priority=control.low_priority), *command],
            stdin=subprocess.DEVNULL if talk is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment() | opening.environment,
            pass_fds=opening.descriptors,
            start_new_session=True,
        )
    except OSError as error:
        raise ResticError(f"{command[0]} cannot be started: {error.strerror}. Check that it is installed.") from error
    watch = StallWatch(process.pid, control.stall_seconds)
    with _told(control, process, shown), process:
        listener = _Listener(control, on_output, on_bytes if talk is None else _talking(process, talk))
        return _attend(process, listener, on_error, control, watch)


def _talking(process: subprocess.Popen[bytes], talk: Callable[[bytes], bytes | None]) -> Callable[[bytes], None]:
    """Begin a conversation with a program; gives what takes its bytes and sends the answers."""

    def take(chunk: bytes) -> None:
        if process.stdin is None or process.stdin.closed:
            return
        answer = talk(chunk)
        # If it has ended, its exit code says why.
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close() if answer is None else os.write(process.stdin.fileno(), answer)

    take(b"")
    return take


@contextlib.contextmanager
def _told(control: Control, process: subprocess.Popen[bytes], shown: Sequence[str]) -> Generator[None, None, None]:
    """Tell what was started, and how it has ended."""
    tell = control.tell if control.tell is not None else _ignore
    tell(f"process {process.pid}: {' '.join(shown)[:_SHOWN_LENGTH_MAX]}")
    started = time.monotonic()
    try:
        yield
    finally:
        tell(f"process {process.pid}: exit code {process.returncode} after {time.monotonic() - started:.1f} s")


class _Listener:
    """Standard output on its way to whoever wants it: as lines, as bytes, or kept to its end."""

    def __init__(
        self, control: Control, on_output: Callable[[str], None] | None, on_bytes: Callable[[bytes], None] | None
    ) -> None:
        is_kept = on_output is None and on_bytes is None
        self._tail = Tail(STDOUT_BYTES_MAX if is_kept else STDOUT_TAIL_BYTES_MAX)
        self._lines = LineSplitter(_telling(control, on_output if on_output is not None else _ignore))
        self._is_heard = on_output is not None
        self._on_bytes = on_bytes

    def take(self, chunk: bytes) -> None:
        if self._on_bytes is not None:
            self._on_bytes(chunk)
            return
        self._tail.feed(chunk)
        if self._is_heard:
            self._lines.feed(chunk)

    def close(self) -> None:
        self._lines.close()

    def text(self) -> str:
        return self._tail.text()


def _attend(
    process: subprocess.Popen[bytes],
    stdout: _Listener,
    on_error: Callable[[str], None] | None,
    control: Control,
    watch: StallWatch,
) -> Output:
    """Follow the process to its end; when a callback raises, interrupt it first, so that it leaves no lock."""
    if process.stdout is None or process.stderr is None:  # pragma: no cover - both are pipes
        raise AssertionError
    stderr = Tail(STDERR_BYTES_MAX)
    complaints = LineSplitter(_telling(control, on_error if on_error is not None else _ignore))
    stop = control.stop if control.stop is not None else threading.Event()

    def take(chunk: bytes) -> None:
        stdout.take(chunk)
        # Noted last: whoever takes it may have kept restic waiting.
        watch.note_output(len(chunk))

    def take_error(chunk: bytes) -> None:
        stderr.feed(chunk)
        complaints.feed(chunk)
        watch.note_output(len(chunk))

    try:
        if control.on_start is not None:
            control.on_start(process.pid)
        was_stopped = _follow(process, {process.stdout: take, process.stderr: take_error}, stop, watch)
        stdout.close()
        complaints.close()
    except BaseException:
        stop = threading.Event()
        stop.set()
        _follow(process, {process.stdout: _ignore, process.stderr: _ignore}, stop, watch)
        raise

    if watch.is_stalled:
        raise Unreachable(
            f"No data has moved for {watch.seconds:g} s: the repository's server does not answer, or the way to it "
            "is broken. Check both; the next run goes on from what was done.",
            exit_code=process.returncode,
            stderr=stderr.text(),
        )
    if was_stopped:
        raise Stopped("Restic was stopped on request.", exit_code=process.returncode, stderr=stderr.text())
    return Output(process.returncode, stdout.text(), stderr.text())


def _telling(control: Control, on_line: Callable[[str], None]) -> Callable[[str], None]:
    """Give what tells each line for the log, then hands it on."""

    def take(line: str) -> None:
        # Messages to programs and bars that move are no news to a reader.
        if control.tell is not None and not line.startswith("{") and not _BAR.match(line):
            control.tell(f"restic: {line}")
        on_line(line)

    return take


def _follow(
    process: subprocess.Popen[bytes],
    sinks: dict[IO[bytes], Callable[[bytes], None]],
    stop: threading.Event,
    watch: StallWatch,
) -> bool:
    """Read both pipes until the process has ended. Return whether it was told to stop, or ended as it was stalled."""
    kill_at = math.inf
    is_told = False
    children: dict[int, int | None] = {}
    with selectors.DefaultSelector() as selector:
        for pipe, sink in sinks.items():
            selector.register(pipe, selectors.EVENT_READ, sink)
        while selector.get_map() or process.poll() is None:
            is_to_end = stop.is_set() or watch.look()
            if is_to_end:
                children |= _children(process.pid)
            if is_to_end and not is_told and process.poll() is None:
                # Version 0.14 removes its locks on an interrupt only, not when it is terminated.
                process.send_signal(signal.SIGINT)
                is_told = True
                kill_at = time.monotonic() + STOP_GRACE_SECONDS
            elif time.monotonic() >= kill_at and process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                kill_at = math.inf

            if not _read_some(process, selector):
                break
    process.wait()
    _end(children)
    return is_told


def _children(pid: int) -> dict[int, int | None]:
    """Give the programs that a process has started, each with when it began: an ssh may be in a session of its own."""
    found: dict[int, int | None] = {}
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text(encoding="ascii").split():
                found[int(child)] = start_ticks(int(child))
    return found


def _end(children: dict[int, int | None]) -> None:
    """End those that have outlived who started them: an ssh whose server never answers would wait for ever."""
    for pid, began in children.items():
        if began is not None and start_ticks(pid) == began:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _read_some(process: subprocess.Popen[bytes], selector: selectors.BaseSelector) -> bool:
    """Wait a moment for output. Return False once the process is gone and only a child of its own holds the pipes."""
    if not selector.get_map():
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_POLL_SECONDS)
        return True

    # Asked first: what it writes between a look that finds nothing and its end would be lost otherwise.
    was_alive = process.poll() is None
    ready = selector.select(_POLL_SECONDS)
    for key, _ in ready:
        chunk = os.read(key.fd, _READ_BYTES)
        if chunk:
            key.data(chunk)
        else:
            selector.unregister(key.fileobj)
    return bool(ready) or was_alive


def _ignore(_: object) -> None:
    """Take something and drop it."""


def _limits(control: Control) -> list[str]:
    flags: list[str] = []
    if control.upload_limit is not None:
        flags.extend(["--limit-upload", str(control.upload_limit)])
    if control.download_limit is not None:
        flags.extend(["--limit-download", str(control.download_limit)])
    return flags


def _wrapping(*, low_priority: bool) -> list[str]:
    """Return the programs to start restic through; each becomes the next one, so the process id stays."""
    wrappers = [["setpriv", "--pdeathsig", "KILL"]]
    if low_priority:
        wrappers.extend([["nice", "-n", "10"], ["ionice", "-t", "-c", "2", "-n", "7"]])
    command: list[str] = []
    for name, *options in wrappers:
        path = shutil.which(name, path=SEARCH_PATH)
        if path is not None:
            command.extend([path, *options])
    return command


def _environment() -> dict[str, str]:
    """Return all that restic gets to see of the environment."""
    return {
        "PATH": SEARCH_PATH,
        "TMPDIR": tempfile.gettempdir(),
        "RESTIC_PROGRESS_FPS": _PROGRESS_PER_SECOND,
        # Shares and repositories may be on CIFS, where Go's preemption signals break reads (restic manual, 030).
        "GODEBUG": "asyncpreemptoff=1",
    }
