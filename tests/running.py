"""Real consoles and agents, as processes on free ports of this machine, to be stopped and killed at will."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tandem.client import Client
from tandem.client.errors import ApiError
from tandem.restic import check, listing, version
from tandem.restic.process import RepositoryAccess
from tests.restic import quick_repository

SOON_SECONDS = 60.0
# What operators are promised of SIGTERM.
STOP_SECONDS_MAX = 10.0
PASSWORD = "canary-of-the-administrator"
# Nobody else's: who looks for it in all processes of a machine finds only what this one gave away.
REPOSITORY_PASSWORD = f"canary-of-the-repositories-{secrets.token_hex(8)}"
SERVERS = "/infrastructure/backupServers"
SHARES = "/protectedWorkloads/fileShares"
FINAL = frozenset({"Success", "Warning", "Failed", "Skipped"})

Json = dict[str, Any]
Found = TypeVar("Found")


def until(look: Callable[[], Found], seconds_max: float = SOON_SECONDS) -> Found:
    """Look again and again until there is something; gives it."""
    end = time.monotonic() + seconds_max
    while not (found := look()):
        assert time.monotonic() < end, f"nothing after {seconds_max:.0f} s"
        time.sleep(0.02)
    return found


def environment(**more: str) -> dict[str, str]:
    """Give an environment in which no setting of the tests' own machine counts."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("TANDEM_")}
    return plain | {"TANDEM_ADMIN_PASSWORD": PASSWORD} | more


def tandem(*arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command of Tandem's to its end."""
    command = [sys.executable, "-m", "tandem", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment(**more), timeout=2 * SOON_SECONDS
    )


def free_port() -> int:
    """Give a port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Program:
    """A long-running command of Tandem's; its log is a file."""

    def __init__(self, log: Path, arguments: list[object], settings: Mapping[str, str]) -> None:
        self.log = log
        self._arguments = [sys.executable, "-m", "tandem", *map(str, arguments)]
        self._environment = environment(**settings)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process that was started last."""
        assert self._process is not None
        return self._process

    def start(self) -> None:
        """Start a process."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._arguments, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self._environment
            )

    def stop(self) -> int:
        """Ask the process to end, as a service manager does; gives its exit code if it does so in time."""
        self.process.terminate()
        return self.process.wait(STOP_SECONDS_MAX)

    def kill(self) -> None:
        """End the process as a power cut would."""
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Leave nothing behind."""
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def logged(self) -> str:
        """Give what it has logged so far, and the starts before this one."""
        return self.log.read_text()


class Console(Program):
    """A console."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        database: str | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.data = folder / "console"
        self.port = port or free_port()
        self.url = f"https://localhost:{self.port}"
        given = ["--database", database] if database else []
        arguments: list[object] = ["console", "--data", self.data, "--port", self.port, *given]
        self.client = Client(self.url, None)
        super().__init__(folder / "console.log", arguments, settings or {})

    def start(self) -> None:
        """Start it, and sign in as soon as it answers."""
        super().start()
        until(self._sign_in)

    def end(self) -> None:
        """Leave nothing behind."""
        super().end()
        self.client.close()

    def _sign_in(self) -> bool:
        assert self.process.poll() is None, self.logged()
        certificate = self.data / "console" / "certificate.pem"
        if not certificate.exists():
            return False
        self.client.close()
        self.client = Client(self.url, certificate.read_text())
        try:
            self.client.sign_in("admin", PASSWORD)
        except ApiError:
            return False
        return True


class Agent(Program):
    """An agent, enrolled at a console."""

    def __init__(self, folder: Path, console: Console, *, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.data = folder / "backup-server"
        self.console = console
        super().__init__(folder / "agent.log", ["agent", "run", "--data", self.data], settings or {})

    def enrol(self) -> None:
        """Become a backup server of the console's."""
        client = self.console.client
        token = client.post(f"{SERVERS}/enrolmentTokens", {"name": self.folder.name})["token"]
        done = tandem("agent", "enroll", "--console", self.console.url, "--token", token, "--data", self.data)
        assert done.returncode == 0, done.stderr

    def children(self) -> list[int]:
        """Give the restic processes at work for this agent."""
        marks = os.fsencode(self.data / "agent" / "cache")
        return [pid for pid, line in command_lines() if marks in line and pid != os.getpid()]


class Site:
    """A console, one backup server with its agent, a share, two repositories, a backup and a copy of it."""

    def __init__(self, folder: Path, *, database: str | None = None, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.database = database
        self.console = Console(folder, database=database, settings=settings)
        self.agent = Agent(folder, self.console, settings=settings)
        self.share, self.first, self.second = folder / "share", folder / "first", folder / "second"
        self.server = self.file_share = self.backup = self.copy = ""
        self.repositories: dict[str, str] = {}

    def set_up(self, *, share_bytes: int) -> None:
        """Start both, and protect a share of random bytes."""
        self.share.mkdir()
        for number in range(4):
            (self.share / f"{number}.bin").write_bytes(os.urandom(share_bytes // 4))
        self.console.start()
        self.agent.enrol()
        self.agent.start()
        (server,) = until(lambda: [row for row in self.client.pages(SERVERS) if row["status"] == "Healthy"])
        self.server = f"{SERVERS}/{server['instanceUid']}"
        for name in ("first", "second"):
            quick_repository.create(self.folder / name, REPOSITORY_PASSWORD)
            body = {"name": name, "path": str(self.folder / name), "password": REPOSITORY_PASSWORD, "isExisting": True}
            self.repositories[name] = self.client.post(f"{self.server}/repositories", body)["instanceUid"]
        made = self.client.post(f"{self.server}/fileShares", {"name": "share", "path": str(self.share)})
        self.file_share = made["fileShareUid"]
        self.backup = self.make_job("backup")
        self.copy = self.make_copy_job("copy", scheduleType="NotScheduled")

    def make_job(self, name: str, **members: Any) -> str:
        """Make a file share job."""
        body = {"name": name, "fileShareUid": self.file_share, "targetRepositoryUid": self.repositories["first"]}
        return self.client.post(f"{self.server}/jobs/fileShareJobs", body | members)["instanceUid"]

    def make_copy_job(self, name: str, **members: Any) -> str:
        """Make a copy job."""
        body = {
            "name": name,
            "sourceFileShareJobUid": self.backup,
            "targetRepositoryUid": self.repositories["second"],
        }
        return self.client.post(f"{self.server}/jobs/fileShareCopyJobs", body | members)["instanceUid"]

    @property
    def client(self) -> Client:
        """The administrator's connection."""
        return self.console.client

    def start_job(self, job: str) -> None:
        """Order a run, as soon as the agent is there to take the order."""

        def order() -> bool:
            try:
                self.client.post(f"{SERVERS}/jobs/{job}/start")
            except ApiError as error:
                if "is not connected" not in error.message:
                    raise
                return False
            return True

        until(order)

    def run_job(self, job: str) -> Json:
        """Run a job to its end; gives its session."""
        before = {session["instanceUid"] for session in self.sessions(job)}
        self.start_job(job)
        return until(lambda: self.ended_since(job, before))[0]

    def ended_since(self, job: str, before: set[str]) -> list[Json]:
        """Give the sessions of a job that have ended and are not among those of before."""
        return [each for each in self.sessions(job) if each["instanceUid"] not in before and each["status"] in FINAL]

    def sessions(self, job: str) -> list[Json]:
        """Give a job's sessions, newest first."""
        return list(self.client.pages(f"{SERVERS}/jobs/{job}/sessions"))

    def status(self, job: str) -> str:
        """Give a job's status."""
        return self.client.get(f"{SERVERS}/jobs/{job}")["status"]

    def points(self) -> list[Json]:
        """Give the share's restore points, newest first."""
        return list(self.client.pages(f"{SHARES}/{self.file_share}/restorePoints"))

    def restore(self, point: Json, repository: str, target: Path) -> Json:
        """Restore a point from a repository; gives the session when it has ended."""
        body = {"targetPath": str(target), "repositoryUid": self.repositories[repository]}
        uid = self.client.post(f"{SHARES}/restorePoints/{point['instanceUid']}/restore", body)["instanceUid"]

        def ended() -> Json | None:
            session = self.client.get(f"/infrastructure/sessions/{uid}")
            return session if session["status"] in FINAL else None

        return until(ended) or {}

    def is_sound(self) -> None:
        """Check that both repositories are whole, unlocked, and hold what the console lists, each point once."""
        points = self.points()
        held = [point for point in points if point["isInFirstRepository"]]
        copies = [copy for point in points for copy in point["copies"] if copy["state"] == "Copied"]
        for folder, listed in ((self.first, held), (self.second, copies)):
            assert len(listing.snapshot_ids(folder)) == len(listed)
            assert listing.lock_ids(folder) == []
            access = RepositoryAccess(str(folder), REPOSITORY_PASSWORD, self.folder / "cache")
            report = check.run(version.detect(), access, read_all=True)
            assert report.is_clean, report.errors
        for job in (self.backup, self.copy):
            assert {session["status"] for session in self.sessions(job)} <= FINAL

    def end(self) -> None:
        """Leave nothing behind."""
        self.agent.end()
        self.console.end()


@contextmanager
def running_site(
    folder: Path, *, share_bytes: int = 400_000, database: str | None = None, settings: Mapping[str, str] | None = None
) -> Generator[Site]:
    """Give a site with everything set up; gone with its processes in the end."""
    site = Site(folder, database=database, settings=settings)
    try:
        site.set_up(share_bytes=share_bytes)
        yield site
    finally:
        site.end()


def command_lines() -> Generator[tuple[int, bytes]]:
    """Give every process there is, by its id and how it was called."""
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                yield int(process.name), (process / "cmdline").read_bytes()
            except OSError:
                continue


def is_alive(pid: int) -> bool:
    """Say whether a process has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def interrupt(process: subprocess.Popen[Any]) -> None:
    """Do what Ctrl-C does."""
    process.send_signal(signal.SIGINT)
