"""Server processes for measuring: each pinned to one processor, with what the machine's settings say left out."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import msgspec

START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 15
LOOK_EVERY_SECONDS = 0.05
CPUCLOCK_SCHED = 2
PEERS = Path(__file__).parent / "peers"


class Running(msgspec.Struct, frozen=True):
    """A server that answers."""

    url: str
    process_id: int

    def cpu_seconds(self) -> float:
        """Give the processor time that the process and those that it started have taken so far."""
        return sum(map(exact_cpu_seconds, _with_children(self.process_id)))

    def peak_memory(self) -> int:
        """Give the most memory that the process has held so far, in bytes."""
        return peak_memory(self.process_id)


def cpu_seconds(process_id: int) -> tuple[float, float]:
    """Give the processor time that a process has taken so far, and that of its children that have ended."""
    # proc(5): the 14th to 17th fields, counted behind the program's name, which may hold anything.
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    return sum(map(int, fields[11:13])) / ticks, sum(map(int, fields[13:15])) / ticks


def exact_cpu_seconds(process_id: int) -> float:
    """Give the processor time that a process has taken so far, to the nanosecond; 0.0 if it is gone.

    The ticks of `cpu_seconds` are a hundredth of a second: too long for a few requests. Ended threads count too.
    """
    # clock_getcpuclockid(3): how Linux numbers the clock of a process.
    clock = (~process_id << 3) | CPUCLOCK_SCHED
    try:
        return time.clock_gettime_ns(clock) / 1e9
    except OSError:
        return 0.0


def _with_children(process_id: int) -> list[int]:
    found = [process_id]
    for process in found:  # which grows meanwhile
        for thread in Path(f"/proc/{process}/task").glob("*/children"):
            with suppress(FileNotFoundError, ProcessLookupError):
                found += map(int, thread.read_text().split())
    return found


def peak_memory(process_id: int) -> int:
    """Give the most memory that a process has held so far, in bytes; 0 if it is gone."""
    return _memory(process_id, "VmHWM")


def forget_peak_memory(process_id: int) -> None:
    """Have the most memory of a process counted from now on."""
    Path(f"/proc/{process_id}/clear_refs").write_text("5")


def memory(process_id: int) -> int:
    """Give the memory that a process holds now, in bytes; 0 if it is gone."""
    return _memory(process_id, "VmRSS")


def _memory(process_id: int, name: str) -> int:
    try:
        status = Path(f"/proc/{process_id}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    found = [line.split()[1] for line in status.splitlines() if line.startswith(f"{name}:")]
    return int(found[0]) * 1024 if found else 0


def processes_of_database(name: str) -> list[int]:
    """Give the ids of PostgreSQL's processes that serve one database."""
    found: list[int] = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            words = command.read_bytes().replace(b"\0", b" ").split()
            if words[:1] == [b"postgres:"] and name.encode() in words:
                found.append(int(command.parent.name))
    return found


def processors() -> tuple[int, int] | None:
    """Give one processor for the server and another for the load; None if there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return (usable[0], usable[1]) if len(usable) > 1 and shutil.which("taskset") else None


def pinned(processor: int | None) -> list[str]:
    """Give the words that start a program on one processor."""
    return [] if processor is None else ["taskset", "--cpu-list", str(processor)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(**added: str) -> dict[str, str]:
    """Give the environment without the settings of a Tandem that is used here."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TANDEM_")} | added


@contextmanager
def running(
    command: list[str], log: Path, added: Mapping[str, str] | None = None
) -> Generator[subprocess.Popen[bytes]]:
    """Run a process, its output in a file, until the block is left."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment(**(added or {}))
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def console(
    data: Path,
    *,
    database: str | None = None,
    admin_password: str,
    processor: int | None = None,
    port: int | None = None,
) -> Generator[Running]:
    """Run Tandem's console, at a port of its own unless told."""
    port = port or free_port()
    command = [*pinned(processor), sys.executable, "-m", "tandem", "console", "--data", str(data), "--port", str(port)]
    if database is not None:
        command += ["--database", database]
    log = data / "console.log"
    # Requests are counted as ever, against limits that nobody reaches.
    limits = dict.fromkeys(("TANDEM_REQUESTS_PER_MINUTE_USER", "TANDEM_REQUESTS_PER_MINUTE_ADDRESS"), "1000000000")
    with running(command, log, {"TANDEM_ADMIN_PASSWORD": admin_password, **limits}) as process:
        url = f"https://127.0.0.1:{port}"
        wait_until_it_answers(process, log, f"{url}/health/ready")
        yield Running(url, process.pid)


def wait_until_it_answers(process: subprocess.Popen[bytes], log: Path, url: str, *, is_any_good: bool = False) -> None:
    """Wait for the first good answer, or any; raises RuntimeError with the end of the log if there is none."""
    end = time.monotonic() + START_SECONDS_MAX
    with httpx.Client(verify=any_certificate(), trust_env=False) as client:
        while process.poll() is None and time.monotonic() < end:
            try:
                if client.get(url).is_success or is_any_good:
                    return
            except httpx.HTTPError:
                pass  # Not listening yet.
            time.sleep(LOOK_EVERY_SECONDS)
    raise RuntimeError(f"{url} does not answer. The end of {log.name}:\n{log.read_text()[-2000:]}")


def any_certificate() -> ssl.SSLContext:
    """Make a TLS context for servers that this program started itself a moment ago."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
