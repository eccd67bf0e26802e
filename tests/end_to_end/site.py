"""A console and an agent as real processes, a share and two repositories, on this machine; to be killed at will."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from tandem.client import Client
from tandem.client.errors import ApiError
from tandem.restic import check, listing, version
from tandem.restic.process import RepositoryAccess
from tests.restic import quick_repository

TANDEM = [sys.executable, "-m", "tandem"]
PASSWORD = "password of the administrator"
# Nobody would guess it, and it must never be seen anywhere but in the sealed places.
CANARY = "canary-7c1f03d2e9"
SERVERS = "/infrastructure/backupServers"
SHARES = "/protectedWorkloads/fileShares"
FINAL = {"Success", "Warning", "Failed", "Skipped"}
PATIENCE_SECONDS = 60
STOP_SECONDS_MAX = 10

Found = TypeVar("Found")


def until(look: Callable[[], Found], seconds: float = PATIENCE_SECONDS) -> Found:
    """Look until there is something; what it is."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"Nothing in {seconds} s: {look}")


def tandem(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a `tandem` command to its end."""
    command = [*TANDEM, *map(str, arguments)]
    merged = {**os.environ, "TANDEM_ADMIN_PASSWORD": PASSWORD, **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=merged, timeout=PATIENCE_SECONDS)


def content_of(folder: Path) -> dict[str, str]:
    """Give the hash of every file below a folder, locks left out: they come and go."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.parent.name != "locks"
    }


class Site:
    """One backup server with its console."""

    def __init__(self, folder: Path, database: str | None = None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.share, self.first, self.second = folder / "share", folder / "first", folder / "second"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.url = f"https://localhost:{self.port}"
        self._database = [] if database is None else ["--database", database]
        self._processes: list[subprocess.Popen[bytes]] = []
        self.client = Client(self.url, None)

    # Processes

    def start_console(self) -> subprocess.Popen[bytes]:
        """Start the console and wait until it answers."""
        arguments = ["console", "--data", str(self.data), "--port", str(self.port), *self._database]
        process = self.console = self._start("console", *arguments)
        certificate = self.data / "console" / "certificate.pem"

        def sign_in() -> bool:
            assert process.poll() is None, (self.folder / "console.log").read_text()
            if not certificate.exists():
                return False
            self.client.close()
            self.client = Client(self.url, certificate.read_text())
            try:
                self.client.sign_in("admin", PASSWORD)
            except ApiError:
                return False
            return True

        until(sign_in)
        return process

    def start_agent(self, data: Path | None = None) -> subprocess.Popen[bytes]:
        """Start the agent; it may not have reached the console yet."""
        self.agent = self._start("agent", "agent", "run", "--data", str(data or self.data))
        return self.agent

    def end(self) -> None:
        """Kill whatever runs."""
        for process in self._processes:
            process.kill()
            process.wait()
        self.client.close()

    def set_up(self, size: int) -> None:
        """Start both, and protect a share of so many random bytes by a backup and a copy that is chained to it."""
        self.share.mkdir()
        for number in range(8):
            self.write(f"file {number}.bin", size // 8)
        self.start_console()
        token = self.client.post(f"{SERVERS}/enrolmentTokens", {"name": "Here"})["token"]
        done = tandem("agent", "enroll", "--console", self.url, "--token", token, "--data", self.data)
        assert done.returncode == 0, done.stderr
        self.start_agent()
        self.server = until(lambda: [row for row in self.client.pages(SERVERS) if row["status"] == "Healthy"])[0]
        server = f"{SERVERS}/{self.server['instanceUid']}"
        self.repositories = [self._register(server, folder) for folder in (self.first, self.second)]
        self.file_share = self.client.post(f"{server}/fileShares", {"name": "Share", "path": str(self.share)})
        first, second = (repository["instanceUid"] for repository in self.repositories)
        backup = {"name": "backup", "fileShareUid": self.file_share["fileShareUid"], "targetRepositoryUid": first}
        self.backup = self.client.post(f"{server}/jobs/fileShareJobs", backup)["instanceUid"]
        copy = {"name": "copy", "sourceFileShareJobUid": self.backup, "targetRepositoryUid": second}
        manual = {"scheduleType": "NotScheduled"}
        self.copy = self.client.post(f"{server}/jobs/fileShareCopyJobs", {**copy, **manual})["instanceUid"]

    def write(self, name: str, size: int) -> None:
        """Write a file of random bytes into the share."""
        (self.share / name).write_bytes(os.urandom(size))

    # What the console says

    def start_job(self, job: str) -> None:
        """Order a run as soon as the console takes it: an agent that was away is waited for."""

        def order() -> bool:
            try:
                self.client.post(f"{SERVERS}/jobs/{job}/start")
            except ApiError as error:
                if "not connected" not in error.message:
                    raise
                return False
            return True

        until(order)

    def run_job(self, job: str) -> dict[str, Any]:
        """Run a job to its end; its session."""
        before = {session["instanceUid"] for session in self.sessions(job)}
        self.start_job(job)
        return until(lambda: [s for s in self.sessions(job) if s["instanceUid"] not in before and s["endTime"]])[0]

    def sessions(self, job: str) -> list[dict[str, Any]]:
        """Give a job's sessions, newest first; none while the console is away."""
        try:
            return list(self.client.pages(f"{SERVERS}/jobs/{job}/sessions"))
        except ApiError as error:
            if error.status:
                raise
            return []

    def status(self, job: str) -> str:
        """Give a job's status."""
        return self.client.get(f"{SERVERS}/jobs/{job}")["status"]

    def points(self) -> list[dict[str, Any]]:
        """Give the share's restore points, newest first."""
        return list(self.client.pages(f"{SHARES}/{self.file_share['fileShareUid']}/restorePoints"))

    def restore(self, point: dict[str, Any], repository: dict[str, Any], target: Path) -> dict[str, Any]:
        """Restore a point; the session when it has ended."""
        body = {"targetPath": str(target), "repositoryUid": repository["instanceUid"]}
        session = self.client.post(f"{SHARES}/restorePoints/{point['instanceUid']}/restore", body)
        path = f"/infrastructure/sessions/{session['instanceUid']}"
        return until(lambda: [found for found in [self.client.get(path)] if found["status"] in FINAL])[0]

    # What must hold after whatever happened

    def is_sound(self) -> None:
        """Both repositories are whole, hold what the console lists and nothing twice, are unlocked; a copy restores."""
        points = self.points()
        copies = [copy for point in points for copy in point["copies"] if copy["state"] == "Copied"]
        assert len(listing.snapshot_ids(self.first)) == len(points)
        assert len(listing.snapshot_ids(self.second)) == len(copies) == len(points)
        for folder in (self.first, self.second):
            assert listing.lock_ids(folder) == []
            access = RepositoryAccess(str(folder), CANARY, self.folder / "cache")
            report = check.run(version.detect(), access, read_all=True)
            assert report.is_clean, report.errors
        target = self.folder / f"restored {os.urandom(4).hex()}"
        session = self.restore(points[0], self.repositories[1], target)
        assert session["status"] == "Success", session["messages"]
        assert content_of(target) == content_of(self.share)
        for job in (self.backup, self.copy):
            assert self.status(job) == "Success"
            assert {session["status"] for session in self.sessions(job)} <= FINAL

    def _start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            environment = {**os.environ, "TANDEM_ADMIN_PASSWORD": PASSWORD}
            process = subprocess.Popen([*TANDEM, *arguments], stdout=log, stderr=log, env=environment)
        self._processes.append(process)
        return process

    def _register(self, server: str, folder: Path) -> dict[str, Any]:
        quick_repository.create(folder, CANARY)
        body = {"name": folder.name, "path": str(folder), "password": CANARY, "isExisting": True}
        return self.client.post(f"{server}/repositories", body)


def stop(process: subprocess.Popen[bytes]) -> int:
    """Tell a process to end, as a service manager does; its exit code."""
    process.send_signal(signal.SIGTERM)
    return process.wait(STOP_SECONDS_MAX)
