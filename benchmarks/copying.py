"""A second copy made by Tandem, the same made by hand with bare restic, and the files of it by rclone, in turns."""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import servers
from tree import make_tree, warm

from tandem.client import Client
from tandem.domain.repositories import Account

ADMIN, ADMIN_PASSWORD = "admin", "administrator-of-the-benchmark"
REPOSITORY_PASSWORD = "repository-of-the-benchmark"
SERVERS = "/infrastructure/backupServers"
FINAL = {"Success", "Warning", "Failed", "Skipped"}
LOOK_EVERY_SECONDS = 0.02
LOW_PRIORITY = ["nice", "-n", "10"] + (["ionice", "-t", "-c", "2", "-n", "7"] if shutil.which("ionice") else [])
# The one that comes with the Python packages; where there is none, the system's.
RCLONE = shutil.which("rclone", path=str(Path(sys.executable).parent)) or "rclone"
RUN_SECONDS_MAX = 900
CONNECT_SECONDS_MAX = 60
# Two copies of the same points differ by what restic packs together, and when.
SIZES_DIFFER_MAX = 0.02


class Size(msgspec.Struct, frozen=True):
    """How large the share is, and how often it is copied."""

    files: int
    total_bytes: int
    rounds: int
    idle_rounds: int
    is_read_back: bool


class Bare(msgspec.Struct):
    """A run of bare restic or of rclone: seconds, those of the processors, and the most memory in bytes."""

    seconds: float
    cpu_seconds: float
    memory: int
    restic_processes: int = 1


class Run(msgspec.Struct):
    """A session of Tandem: seconds by the agent's start and end, and from the request to the final state.

    Processor seconds and the most memory, in bytes, are those of restic; `own_cpu_seconds` are the agent's and the
    console's, `agent_memory` is the most that the agent has held meanwhile.
    """

    seconds: float
    wall_seconds: float
    cpu_seconds: float
    own_cpu_seconds: float
    memory: int
    agent_memory: int
    restic_processes: int


class Results(msgspec.Struct):
    """What came of it; memory in bytes."""

    restic: str
    source_bytes: int
    bare: list[Bare] = []
    tandem: list[Run] = []
    rclone: list[Bare] = []
    bare_idle: list[Bare] = []
    tandem_idle: list[Run] = []
    console_memory: int = 0


def median(runs: Sequence[Bare] | Sequence[Run], what: str) -> float:
    """Give the median of one number of some runs."""
    return statistics.median(getattr(run, what) for run in runs)


def measure(folder: Path, size: Size, say: Callable[[str], None]) -> Results:
    """Make a share, back it up through Tandem, then copy the backup in turns: bare, Tandem, bare, Tandem."""
    started = time.monotonic()
    make_tree(folder / "share", files=size.files, total_bytes=size.total_bytes)
    with running_tandem(folder / "tandem") as bench:
        source = bench.back_up(folder / "share", folder / "source")
        restic = Restic(folder, source)
        # Both begin with what is cached of the source after its backup.
        shutil.copytree(bench.restic_cache(), restic.cache)
        results = Results(restic.version(), _bytes_of(source))
        say(f"backed up {size.files:,} files, {size.total_bytes / 1e6:,.0f} MB, in {time.monotonic() - started:.0f} s")
        for number in range(1, size.rounds + 1):
            by_hand, by_tandem = folder / f"by-hand-{number}", folder / f"by-tandem-{number}"
            restic.make(by_hand)
            job = bench.make_copy_job(by_tandem)
            warm(source)
            results.bare.append(restic.copy(by_hand))
            warm(source)
            results.tandem.append(bench.run(job))
            warm(source)
            results.rclone.append(restic.sync(folder / f"by-rclone-{number}"))
            shutil.rmtree(folder / f"by-rclone-{number}")
            say(f"copy {number}: bare {results.bare[-1].seconds:.2f} s, Tandem {results.tandem[-1].seconds:.2f} s")
            restic.compare(by_hand, by_tandem, is_read_back=size.is_read_back)
            if number == size.rounds:
                for _ in range(size.idle_rounds):
                    results.bare_idle.append(restic.copy(by_hand))
                    results.tandem_idle.append(bench.run(job))
            shutil.rmtree(by_hand)
            shutil.rmtree(by_tandem)
        results.console_memory = bench.console.peak_memory()
        return results


class Restic:
    """Bare restic, with its own cache, as somebody would use it by hand."""

    def __init__(self, folder: Path, source: Path) -> None:
        self.cache = folder / "bare-cache"
        self._source = source
        self._log = folder / "bare.log"
        self._password_file = folder / "password"
        self._password_file.write_text(REPOSITORY_PASSWORD)

    def version(self) -> str:
        return self._read("version").split()[1]

    def make(self, target: Path) -> None:
        """Make a repository of the source's family."""
        self.make_at(str(target))

    def make_at(
        self, location: str, *, options: Sequence[str] = (), environment: Mapping[str, str] | None = None
    ) -> None:
        """Make a repository of the source's family, here or elsewhere."""
        flags = ["--from-repo", str(self._source), "--from-password-file", str(self._password_file)]
        command = [*self._command(location), *options, "init", "--copy-chunker-params", *flags]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env={**os.environ, **(environment or {})}
        )
        if done.returncode:
            raise RuntimeError(f"restic init failed: {done.stderr}")

    def copy(self, target: Path, points: Sequence[str] | None = None) -> Bare:
        """Copy some of the source's points, named one by one; by default all of them."""
        named = [point["id"] for point in self._points(self._source)] if points is None else points
        return self._copy(target, *named)

    def copy_whatever_is_missing(self, target: Path) -> Bare:
        """Copy all, and leave it to restic to find out which points are there."""
        return self._copy(target)

    def copy_and_keep_the_newest(self, target: Path) -> Bare:
        """Copy whatever is missing, then forget all but the newest point of it."""
        one, other = self._copy(target), self._timed([*self._command(str(target)), "forget", "--keep-last", "1"], {})
        memory = max(one.memory, other.memory)
        return Bare(one.seconds + other.seconds, one.cpu_seconds + other.cpu_seconds, memory, 2)

    def sync(self, target: Path) -> Bare:
        """Copy the source's files as they are, with rclone."""
        return self.sync_to(str(target), {})

    def sync_to(self, place: str, environment: Mapping[str, str]) -> Bare:
        """Copy the source's files as they are to a place that rclone knows from its environment."""
        return self._timed([RCLONE, "sync", "--config", os.devnull, str(self._source), place], environment)

    def copy_to(self, location: str, *, options: Sequence[str], environment: Mapping[str, str]) -> Bare:
        """Copy the source's points to a repository elsewhere."""
        points = [point["id"] for point in self._points(self._source)]
        flags = ["--from-repo", str(self._source), "--from-password-file", str(self._password_file)]
        return self._timed([*self._command(location), *options, "copy", *flags, *points], environment)

    def _copy(self, target: Path, *points: str) -> Bare:
        flags = ["--from-repo", str(self._source), "--from-password-file", str(self._password_file)]
        return self._timed([*self._command(str(target)), "copy", *flags, *points], {})

    def _timed(self, command: list[str], environment: Mapping[str, str]) -> Bare:
        # At the priority of the agent's own: on a machine that others use too, another one would decide the race.
        with self._log.open("ab") as log:
            started, cpu = time.monotonic(), _cpu_seconds_of_children()
            process = subprocess.Popen(
                [*LOW_PRIORITY, *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **environment},
            )
            memory = 0
            while True:
                try:
                    exit_code = process.wait(LOOK_EVERY_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    memory = max(memory, servers.peak_memory(process.pid))
            seconds, cpu = time.monotonic() - started, _cpu_seconds_of_children() - cpu
        if exit_code:
            raise RuntimeError(f"{command} failed:\n{self._log.read_text()[-2000:]}")
        return Bare(seconds, cpu, memory)

    def compare(self, by_hand: Path, by_tandem: Path, *, is_read_back: bool) -> None:
        """Raise RuntimeError unless both copies hold what the source holds."""
        trees = self.trees(self._source)
        for target in (by_hand, by_tandem):
            if self.trees(target) != trees:
                raise RuntimeError(f"{target.name} does not hold the points of the source")
            if is_read_back:
                self._read("check", "--read-data", repository=target)
        one, other = _bytes_of(by_hand), _bytes_of(by_tandem)
        if abs(one - other) > SIZES_DIFFER_MAX * one:
            raise RuntimeError(f"the copies differ in size: {one:,} bytes by hand, {other:,} by Tandem")

    def trees(self, repository: Path) -> set[str]:
        """Give the content of all points of a repository, by its ids."""
        return {point["tree"] for point in self._points(repository)}

    def _points(self, repository: Path) -> list[dict[str, Any]]:
        return msgspec.json.decode(self._read("snapshots", "--json", "--no-lock", repository=repository))

    def _read(self, *arguments: str, repository: Path | None = None) -> str:
        command = ["restic", *arguments] if repository is None else [*self._command(str(repository)), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
        return done.stdout

    def _command(self, location: str) -> list[str]:
        flags = ["--repo", location, "--password-file", str(self._password_file)]
        return ["restic", *flags, "--cache-dir", str(self.cache)]


class Bench:
    """A console and an agent, both real, and what is asked of them over the API."""

    def __init__(self, data: Path, console: servers.Running, client: Client, server_uid: str, agent_id: int) -> None:
        self.console = console
        self.agent_id = agent_id
        self._data = data
        self._client = client
        self._server = f"{SERVERS}/{server_uid}"
        self._source_job = ""

    def back_up(self, share: Path, repository: Path) -> Path:
        """Protect a folder once; gives the repository."""
        self._source_job = self.make_backup_job(self.make_share({"name": "Share", "path": str(share)}), repository)
        self.run(self._source_job)
        return repository

    def make_share(self, asked: dict[str, str]) -> str:
        """Tell the console of a share; gives it."""
        return self._client.post(f"{self._server}/fileShares", json=asked)["fileShareUid"]

    def make_backup_job(self, share: str, repository: Path) -> str:
        """Make a repository and a job that backs a share up into it."""
        job = {
            "name": f"Backup to {repository.name}",
            "fileShareUid": share,
            "targetRepositoryUid": self._make_repository({"name": repository.name, "path": str(repository)}),
        }
        return self._client.post(f"{self._server}/jobs/fileShareJobs", json=job)["instanceUid"]

    def back_up_again(self) -> Run:
        """Back the protected folder up once more."""
        return self.run(self._source_job)

    def restic_cache(self) -> Path:
        """Give the cache that the agent's restic has of the only company's repositories."""
        return next((self._data / "agent" / "cache").iterdir())

    def make_copy_job(self, repository: Path, **settings: int | str) -> str:
        """Make a repository and a job that copies the backups into it when told to; gives the job."""
        return self.make_copy_job_to(repository.name, {"name": repository.name, "path": str(repository)}, **settings)

    def make_copy_job_to(self, name: str, repository: dict[str, str], **settings: int | str) -> str:
        """Make a repository, here or elsewhere, and a job that copies the backups into it when told to."""
        job = {
            "name": f"Copy {name}",
            "sourceFileShareJobUid": self._source_job,
            "targetRepositoryUid": self._make_repository(repository),
            "scheduleType": "NotScheduled",
            **settings,
        }
        return self._client.post(f"{self._server}/jobs/fileShareCopyJobs", json=job)["instanceUid"]

    def make_credentials(self, account: Account) -> str:
        """Tell the console what opens repositories elsewhere."""
        kind, secret = ("standard", {"password": account.password})
        if account.private_key is not None:
            kind, secret = "linux", {"privateKey": account.private_key}
        body = {"username": account.username, **secret}
        return self._client.post(f"{self._server}/credentials/{kind}", json=body)["instanceUid"]

    def take_in(self) -> None:
        """Back up after points were added by hand, and release what that puts on hold."""
        self.run(self._source_job, ends="Warning")
        self._client.post(f"{SERVERS}/jobs/{self._source_job}/release")
        self.run(self._source_job)

    def run(self, job: str, *, ends: str = "Success") -> Run:
        """Run a job to its end; raises RuntimeError unless that is as expected."""
        sessions = f"{SERVERS}/jobs/{job}/sessions"
        before = {session["instanceUid"] for session in self._client.get(sessions)}
        servers.forget_peak_memory(self.agent_id)
        started, (own_cpu, restic_cpu) = time.monotonic(), self._cpu_seconds()
        self._client.post(f"{SERVERS}/jobs/{job}/start")
        memory, running = 0, list[int]()
        while time.monotonic() - started < RUN_SECONDS_MAX:
            time.sleep(LOOK_EVERY_SECONDS)
            # Looked for anew only when the last one has ended: restic by hand is not searched for either.
            running = [each for each in running if servers.peak_memory(each)] or _restic_of(self.agent_id)
            memory = max([memory, *map(servers.peak_memory, running)])
            if running:
                continue  # The console is not asked in vain: that would take processor time from restic.
            new = [session for session in self._client.get(sessions) if session["instanceUid"] not in before]
            if new and new[0]["status"] in FINAL:
                wall_seconds, (own, restic) = time.monotonic() - started, self._cpu_seconds()
                began, ended = (datetime.fromisoformat(new[0][name]) for name in ("startTime", "endTime"))
                return Run(
                    seconds=(ended - began).total_seconds(),
                    wall_seconds=wall_seconds,
                    cpu_seconds=restic - restic_cpu,
                    own_cpu_seconds=own - own_cpu,
                    memory=memory,
                    agent_memory=servers.peak_memory(self.agent_id),
                    restic_processes=_processes_of(new[0], ends),
                )
        raise RuntimeError(f"the run took more than {RUN_SECONDS_MAX} s")

    def _cpu_seconds(self) -> tuple[float, float]:
        own, of_restic = servers.cpu_seconds(self.agent_id)
        return own + self.console.cpu_seconds(), of_restic

    def _make_repository(self, asked: dict[str, str]) -> str:
        body = {**asked, "password": REPOSITORY_PASSWORD}
        return self._client.post(f"{self._server}/repositories", json=body)["instanceUid"]


@contextmanager
def running_tandem(data: Path) -> Generator[Bench]:
    data.mkdir()
    with (
        servers.console(data, admin_password=ADMIN_PASSWORD) as console,
        Client(console.url, (data / "console" / "certificate.pem").read_text()) as client,
    ):
        client.sign_in(ADMIN, ADMIN_PASSWORD)
        asked = {"name": "The machine", "lifetimeMinutes": 10}
        token = client.post(f"{SERVERS}/enrolmentTokens", json=asked)["token"]
        tandem = [sys.executable, "-m", "tandem", "agent"]
        enrol = [*tandem, "enroll", "--console", console.url, "--token", token, "--data", str(data)]
        subprocess.run(enrol, env=servers.environment(), capture_output=True, check=True)
        with servers.running([*tandem, "run", "--data", str(data)], data / "agent.log") as agent:
            yield Bench(data, console, client, _wait_for_agent(client), agent.pid)


def _wait_for_agent(client: Client) -> str:
    end = time.monotonic() + CONNECT_SECONDS_MAX
    while time.monotonic() < end:
        connected = [server for server in client.get(SERVERS) if server["status"] == "Healthy"]
        if connected:
            return connected[0]["instanceUid"]
        time.sleep(LOOK_EVERY_SECONDS)
    raise RuntimeError(f"the agent did not connect within {CONNECT_SECONDS_MAX} s")


def _processes_of(session: dict[str, Any], ends: str) -> int:
    if session["status"] != ends:
        raise RuntimeError(f"the session ended as {session['status']}: {session['messages']}")
    return session["statistics"]["resticProcesses"]


def _cpu_seconds_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _restic_of(process_id: int) -> list[int]:
    """Give the restic processes among a process's children."""
    found: list[int] = []
    for thread in Path(f"/proc/{process_id}/task").iterdir():
        try:
            children = (thread / "children").read_text().split()
            found += [int(child) for child in children if Path(f"/proc/{child}/comm").read_text() == "restic\n"]
        except (FileNotFoundError, ProcessLookupError):
            continue  # A thread or a child that has just ended.
    return found


def _bytes_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
