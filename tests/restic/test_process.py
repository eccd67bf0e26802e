"""Starting, following and stopping a program, whatever it does. Shell scripts stand in for restic."""

import math
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tandem.restic import exit_codes, process
from tandem.restic.engine import Engine
from tandem.restic.errors import ResticError, Stopped
from tandem.restic.process import Control
from tandem.restic.stalls import StallWatch

Program = Callable[[str], Engine]

SOON_SECONDS = 10.0


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something holds that is about to."""
    end = time.monotonic() + SOON_SECONDS
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def is_running(pid: int) -> bool:
    """Return whether the process is there and not merely waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_output_arrives_line_by_line_and_progress_too(program: Program) -> None:
    lines: list[str] = []
    engine = program(r"printf 'one\n'; printf ' 1%%\r 2%%\r\n'; printf 'last'; printf 'oops' >&2; exit 3")
    result = process.run(engine, [], on_output=lines.append)
    assert lines == ["one", " 1%", " 2%", "last"]
    assert (result.exit_code, result.stderr) == (3, "oops")


def test_endless_output_does_not_fill_the_memory(program: Program) -> None:
    engine = program("head -c 1000000 /dev/zero | tr '\\0' x; head -c 1000000 /dev/zero | tr '\\0' y >&2; printf z >&2")
    pieces: list[str] = []
    result = process.run(engine, [], on_output=pieces.append)
    assert sum(map(len, pieces)) == 1_000_000
    assert len(result.stdout) == process.STDOUT_TAIL_BYTES_MAX
    assert len(result.stderr) == process.STDERR_BYTES_MAX
    assert result.stderr.endswith("yz")
    assert len(process.run(engine, []).stdout) == 1_000_000


def test_arguments_are_never_read_by_a_shell(program: Program) -> None:
    result = process.run(program('printf "%s|" "$@"'), ["$(id)", "a b", ";", "ü", "\udcff"])
    assert result.stdout.startswith("$(id)|a b|;|ü|")


def test_the_environment_is_restics_own(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TANDEM_SECRET", "canary")
    monkeypatch.setenv("RESTIC_PASSWORD", "canary")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    shown = process.run(program("exec env"), []).stdout
    assert "canary" not in shown
    names = {line.partition("=")[0] for line in shown.splitlines()} - {"PWD", "SHLVL", "_", "OLDPWD"}
    assert names == {"PATH", "TMPDIR", "RESTIC_PROGRESS_FPS", "GODEBUG"}


def test_a_stop_lets_restic_clean_up(program: Program) -> None:
    stop = threading.Event()
    engine = program("trap 'echo cleaned >&2; exit 130' INT; echo ready; while :; do sleep 0.02; done")
    with pytest.raises(Stopped) as caught:
        process.run(engine, [], on_output=lambda _: stop.set(), control=Control(stop=stop))
    assert caught.value.stderr == "cleaned\n"
    assert caught.value.exit_code == 130


def test_a_stop_ends_what_does_not_listen(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "STOP_GRACE_SECONDS", 0.1)
    stop = threading.Event()
    started: list[int] = []
    engine = program("trap '' INT TERM; sleep 60 & echo ready; wait")
    control = Control(stop=stop, on_start=started.append)
    with pytest.raises(Stopped) as caught:
        process.run(engine, [], on_output=lambda _: stop.set(), control=control)
    assert caught.value.exit_code == -signal.SIGKILL
    assert not is_running(started[0])


def test_nothing_starts_after_a_stop(program: Program, tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        process.run(program(f"touch {tmp_path}/started"), [], control=Control(stop=stop))
    assert not (tmp_path / "started").exists()


def test_a_stop_after_the_end_changes_nothing(program: Program) -> None:
    stop = threading.Event()
    result = process.run(program("echo done"), [], control=Control(stop=stop))
    stop.set()
    assert result.stdout == "done\n"


def test_an_error_of_ours_ends_restic_first(program: Program, tmp_path: Path) -> None:
    engine = program(f"trap 'touch {tmp_path}/cleaned; exit 130' INT; echo ready; while :; do sleep 0.02; done")

    def fail(_: str) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        process.run(engine, [], on_output=fail)
    assert (tmp_path / "cleaned").exists()


def test_what_restic_started_does_not_hold_us_back(program: Program) -> None:
    begin = time.monotonic()
    assert process.run(program("echo started; sleep 5 & exit 0"), []).stdout == "started\n"
    assert time.monotonic() - begin < 4


def test_a_terminal_cannot_interrupt_restic_nor_be_asked(program: Program) -> None:
    seen: list[tuple[int, int]] = []
    control = Control(on_start=lambda pid: seen.append((os.getsid(pid), os.getpgid(pid))))
    result = process.run(program("cat; exec sleep 0.05"), [], control=control)
    assert result.exit_code == 0
    ((session, group),) = seen
    assert session != os.getsid(0)
    assert group != os.getpgid(0)


def test_the_process_id_is_restics_own(program: Program) -> None:
    started: list[int] = []
    result = process.run(program("echo $$"), [], control=Control(on_start=started.append))
    assert [int(result.stdout)] == started


def test_restic_gives_way_to_other_programs(program: Program) -> None:
    engine = program("nice")
    usual = int(process.run(engine, [], control=Control(low_priority=False)).stdout)
    assert int(process.run(engine, []).stdout) == min(usual + 10, 19)


def test_limits_are_passed_on(program: Program) -> None:
    result = process.run(program('echo "$@"'), ["prune"], control=Control(upload_limit=10, download_limit=20))
    assert result.stdout == "--limit-upload 10 --limit-download 20 prune\n"


def test_restic_dies_with_us(program: Program) -> None:
    engine = program("echo $$; exec sleep 60")
    code = (
        "from tandem.restic import process; from tandem.restic.engine import Engine; "
        f"process.run(Engine({engine.path!r}, (0, 14, 0)), [], on_output=lambda line: print(line, flush=True))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as agent:
        assert agent.stdout is not None
        pid = int(agent.stdout.readline())
        assert is_running(pid)
        agent.kill()
        wait_for(lambda: not is_running(pid))


def test_a_program_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    engine = Engine(str(tmp_path / "nowhere"), (0, 14, 0))
    with pytest.raises(ResticError, match=re.escape(engine.path)):
        exit_codes.check(engine, process.run(engine, []))


def test_no_descriptor_is_left_open(program: Program) -> None:
    engine = program("echo")
    access = process.RepositoryAccess("/nowhere", "secret", Path("/nowhere"))
    process.run(engine, [], repository=access)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the number is all
    for _ in range(3):
        process.run(engine, [], repository=access, from_repository=access)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


class LateWriter:
    """A process that says what it has to say in the moment after a look at its pipe that found nothing, and ends."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._has_ended = False

    def poll(self) -> int:
        if not self._has_ended:
            os.write(self._pipe, b"the last line\n")
            os.close(self._pipe)
            self._has_ended = True
        return 0

    def wait(self) -> int:
        return 0


def test_what_is_written_just_before_the_end_is_not_lost() -> None:
    reading, writing = os.pipe()
    heard: list[bytes] = []
    late: Any = LateWriter(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert not process._follow(late, {pipe: heard.append}, threading.Event(), StallWatch(os.getpid(), math.inf))  # pyright: ignore[reportPrivateUsage]
    assert heard == [b"the last line\n"]
