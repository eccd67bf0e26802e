"""`tandem up`: console and agent on one machine, as two processes that speak HTTPS with each other, and the main job.

Nothing here has a shortcut: it enrols the agent with a token and asks the console over its API, like anybody else.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Annotated, Any, Self, TypeVar

import msgspec
import typer
from rich.console import Console as Terminal
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from tandem.agent.identity import FILE as IDENTITY_FILE
from tandem.client import Client, StoredSession, store_session
from tandem.client.errors import ApiError
from tandem.config import Settings, load
from tandem.decoding import decode
from tandem.domain.errors import ConsoleError, Unavailable
from tandem.sealing import write_private
from tandem.server.folders import PASSWORD_FILE, agent_folder, console_folder
from tandem.server.logs import configure_logs
from tandem.server.options import Data
from tandem.server.samples import make_samples

START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 10
CHAINED_SECONDS_MAX = 60
LOOK_EVERY_SECONDS = 0.3
SERVERS = "/infrastructure/backupServers"
COPY_JOBS = f"{SERVERS}/jobs/fileShareCopyJobs"
FINAL = {"Success", "Warning", "Failed", "Skipped"}
FIRST, SECOND, SHARE, BACKUP_JOB, COPY_JOB = (
    "First repository",
    "Second repository",
    "Documents",
    "Documents backup",
    "Documents copy",
)

Found = TypeVar("Found")


def up(
    *,
    data: Data = None,
    port: Annotated[int | None, typer.Option(help="HTTPS port; 1280 by default.")] = None,
    share: Annotated[Path | None, typer.Option(help="Folder to protect; sample documents by default.")] = None,
    once: Annotated[bool | None, typer.Option("--once", help="End after the first backup and copy.")] = None,
) -> None:
    """Run console and agent on this machine, protect a folder twice, and show the list of copy jobs."""
    settings = load({"data": data, "port": port, "share": share, "once": once})
    configure_logs(settings.log_format)
    raise typer.Exit(run_up(settings))


def run_up(settings: Settings) -> int:
    """Start both, protect a folder, copy the backup, show the list; then serve until Ctrl-C, unless `once` is set.

    Returns:
        the exit code: 0 only if both jobs ended in Success and the list shows the copy job.
    """
    terminal = Terminal(highlight=False)
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopping.set())
    with Processes(settings.data, stopping) as processes:
        try:
            is_well = _Tour(settings, terminal, processes).run()
        except _Stopped:
            return 0
        except ConsoleError as error:
            terminal.print(f"[red]It did not work:[/] {error}")
            is_well = False
        if settings.once or not is_well:
            return 0 if is_well else 1
        terminal.print("\nConsole and agent go on. [bold]Ctrl-C[/] stops both.")
        return processes.wait(terminal)


class _Stopped(Exception):
    """The user wants to end."""


class Processes:
    """The console's process and the agent's; both end when this one does."""

    def __init__(self, data: Path, stopping: Event) -> None:
        self._data = data
        self._stopping = stopping
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        # The agent first: it still reports how its sessions ended.
        for process in reversed(self._running.values()):
            process.terminate()
            try:
                process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()

    def start(self, name: str, *arguments: str) -> None:
        """Start a `tandem` process whose log goes to a file, and which ends if this one dies."""
        log_file = self._data / f"{name}.log"
        log_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        tether = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
        with log_file.open("ab") as log:
            self._running[name] = subprocess.Popen(
                [*tether, sys.executable, "-m", "tandem", *arguments],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def run(self, *arguments: str) -> None:
        """Run a `tandem` command to its end; raises Unavailable with what it said if it fails."""
        done = subprocess.run([sys.executable, "-m", "tandem", *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unavailable(done.stderr.strip() or f"tandem {arguments[0]} failed.")

    def until(self, what: str, look: Callable[[], Found | None], seconds: float) -> Found:
        """Look again and again until something is found; raises Unavailable when it takes too long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.check()
            found = look()
            if found is not None:
                return found
            self._stopping.wait(LOOK_EVERY_SECONDS)
        raise Unavailable(f"{what} took more than {seconds:.0f} s; see the log files in {self._data}.")

    def check(self) -> None:
        """Raise if the user wants to end or one of the processes has ended."""
        if self._stopping.is_set():
            raise _Stopped
        for name, process in self._running.items():
            if process.poll() is not None:
                log_file = self._data / f"{name}.log"
                last = log_file.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
                raise Unavailable(f"The {name} ended by itself: {''.join(last)} (its log: {log_file})")

    def wait(self, terminal: Terminal) -> int:
        """Wait until the user wants to end, or a process ends, which is said; gives the exit code."""
        while not self._stopping.wait(1):
            try:
                self.check()
            except Unavailable as error:
                terminal.print(f"[red]Both stop:[/] {error} Start them again with the same command.", soft_wrap=True)
                return 1
            except _Stopped:
                break
        return 0


class _Tour:
    """The main job, step by step, over the API."""

    def __init__(self, settings: Settings, terminal: Terminal, processes: Processes) -> None:
        self._settings = settings
        self._terminal = terminal
        self._processes = processes
        self._console = f"https://localhost:{settings.port}"
        self._client = Client(self._console, None)

    def run(self) -> bool:
        data = self._settings.data
        self._step("console", f"starting at {self._console}")
        self._processes.start("console", "console", "--data", str(data), "--port", str(self._settings.port))
        password = self._sign_in()
        self._step("signed in", f"as {self._settings.admin_user}; {password}")
        server = self._agent()
        self._step("agent", f"enrolled as backup server {server['name']}, connected")
        share_path = self._share_path()
        backup, copy = self._jobs(server["instanceUid"], share_path)
        self._step("protects", f"{share_path}, twice: {FIRST} and {SECOND} in {data / 'repositories'}")
        results = self._run_jobs(backup, copy)
        is_listed = self._show_list(copy)
        self._suggest_restore(share_path)
        return results == ["Success", "Success"] and is_listed

    def _step(self, what: str, text: str) -> None:
        self._terminal.print(f"[bold green]{what:>10}[/]  {text}", soft_wrap=True)

    def _sign_in(self) -> str:
        folder = console_folder(self._settings.data)
        password_file = folder / PASSWORD_FILE
        certificate = self._settings.certificate or folder / "certificate.pem"

        def try_it() -> str | None:
            if not certificate.exists():
                return None
            client = Client(self._console, certificate.read_text(), on_tokens=store)
            try:
                client.sign_in(self._settings.admin_user, self._password(password_file))
            except (ApiError, FileNotFoundError) as error:
                if isinstance(error, ApiError) and error.status:
                    raise
                return None
            self._client = client
            given = self._settings.admin_password is not None
            return "password as given" if given else f"password in {password_file}"

        def store(access_token: str, refresh_token: str) -> None:
            session = StoredSession(
                console=self._console,
                certificate_pem=certificate.read_text(),
                user_name=self._settings.admin_user,
                access_token=access_token,
                refresh_token=refresh_token,
            )
            store_session(self._settings.data, session)

        return self._processes.until("Starting the console", try_it, START_SECONDS_MAX)

    def _password(self, file: Path) -> str:
        return self._settings.admin_password or file.read_text().strip()

    def _agent(self) -> dict[str, Any]:
        data = self._settings.data
        identity = agent_folder(data) / IDENTITY_FILE
        if not identity.exists():
            asked = {"name": "This machine", "lifetimeMinutes": 10}
            token = self._client.post(f"{SERVERS}/enrolmentTokens", json=asked)["token"]
            self._processes.run("agent", "enroll", "--console", self._console, "--token", token, "--data", str(data))
        uid = decode(identity.read_bytes())["backup_server_uid"]
        arguments = ("--data", str(data), "--restic", self._settings.restic, "--console", self._console)
        self._processes.start("agent", "agent", "run", *arguments)

        def look() -> dict[str, Any] | None:
            server = self._client.get(f"{SERVERS}/{uid}")
            return server if server["status"] == "Healthy" else None

        return self._processes.until("Connecting the agent", look, START_SECONDS_MAX)

    def _share_path(self) -> Path:
        return self._settings.share or make_samples(self._settings.data / "sample-documents")

    def _jobs(self, server_uid: str, share_path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
        server = f"{SERVERS}/{server_uid}"
        repositories = self._settings.data / "repositories"
        repositories.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = SHARE if self._settings.share is None else share_path.name or SHARE
        first = self._ensure(f"{server}/repositories", FIRST, path=str(repositories / "first"))
        second = self._ensure(f"{server}/repositories", SECOND, path=str(repositories / "second"))
        share = self._ensure_share(server, name, share_path)
        suffix = "" if share["name"] == SHARE else f" ({share['name']})"
        daily = {"dailyScheduleOptions": {"time": "22:00"}, "timeZone": "UTC"}
        backup = self._ensure_job(
            f"{server}/jobs/fileShareJobs",
            BACKUP_JOB + suffix,
            fileShareUid=share["fileShareUid"],
            targetRepositoryUid=first["instanceUid"],
            retention=7,
            scheduleType="Daily",
            schedule=daily,
        )
        copy = self._ensure_job(
            f"{server}/jobs/fileShareCopyJobs",
            COPY_JOB + suffix,
            sourceFileShareJobUid=backup["instanceUid"],
            targetRepositoryUid=second["instanceUid"],
            retention=28,
        )
        self._keep_kits(first, second)
        return backup, copy

    def _ensure(self, collection: str, name: str, **body: Any) -> dict[str, Any]:
        found = [row for row in self._client.pages(collection) if row["name"] == name]
        return found[0] if found else self._client.post(collection, json={"name": name, **body})

    def _keep_kits(self, *repositories: dict[str, Any]) -> None:
        """Write the recovery kits that nobody has yet."""
        folder = self._settings.data / "recovery-kits"
        for row in repositories:
            if row["recoveryKitDownloadTime"] is None:
                path = f"{SERVERS}/{row['backupServerUid']}/repositories/{row['instanceUid']}/recoveryKit"
                kit = self._client.post(path)
                write_private(folder / kit["fileName"], kit["text"])
        self._step("kits", f"in {folder}: keep them elsewhere; with them, restic alone restores everything")

    def _ensure_share(self, server: str, name: str, path: Path) -> dict[str, Any]:
        found = [row for row in self._client.pages(f"{server}/fileShares") if row["path"] == str(path)]
        return found[0] if found else self._client.post(f"{server}/fileShares", json={"name": name, "path": str(path)})

    def _ensure_job(self, collection: str, name: str, **body: Any) -> dict[str, Any]:
        jobs = collection.rpartition("/")[0]
        found = [row for row in self._client.pages(jobs) if row["name"] == name]
        return found[0] if found else self._client.post(collection, json={"name": name, **body})

    def _run_jobs(self, backup: dict[str, Any], copy: dict[str, Any]) -> list[str]:
        seen = {session["instanceUid"] for session in self._sessions(copy)}
        before = {session["instanceUid"] for session in self._sessions(backup)}
        self._client.post(f"{SERVERS}/jobs/{backup['instanceUid']}/start")
        with _bars(self._terminal) as bars:
            results = [self._follow(bars, "backup", backup, before)]
            if results[0] in {"Success", "Warning"}:
                results.append(self._follow(bars, "second copy", copy, seen))
        return results

    def _sessions(self, job: dict[str, Any]) -> list[dict[str, Any]]:
        return self._client.get(f"{SERVERS}/jobs/{job['instanceUid']}/sessions", limit=20)

    def _follow(self, bars: Progress, what: str, job: dict[str, Any], before: set[str]) -> str:
        bar = bars.add_task(what, total=100)

        def begun() -> str | None:
            new = [session for session in self._sessions(job) if session["instanceUid"] not in before]
            return new[-1]["instanceUid"] if new else None

        uid = self._processes.until(f"Starting the {what}", begun, CHAINED_SECONDS_MAX)

        while True:
            self._processes.check()
            session = self._client.get(f"/infrastructure/sessions/{uid}")
            bars.update(bar, completed=session["progress"]["percent"], description=f"{what}: {session['status']}")
            if session["status"] in FINAL:
                for message in session["messages"]:
                    bars.print(f"            {message}", soft_wrap=True)
                return session["status"]
            time.sleep(LOOK_EVERY_SECONDS)

    def _show_list(self, copy: dict[str, Any]) -> bool:
        response = self._client.request("GET", COPY_JOBS, version=None)
        body = msgspec.json.format(response.content, indent=2).decode()
        self._terminal.print(f"\n[bold]GET {self._console}/api/v3{COPY_JOBS}[/]", soft_wrap=True)
        self._terminal.print("Authorization: Bearer <access token>\n", markup=False)
        self._terminal.print(f"{response.status_code} {response.headers['Content-Type']}", markup=False)
        self._terminal.print(body, markup=False, soft_wrap=True)
        return any(row["instanceUid"] == copy["instanceUid"] for row in response.json()["data"])

    def _suggest_restore(self, share_path: Path) -> None:
        shares = [row for row in self._client.pages("/protectedWorkloads/fileShares") if row["path"] == str(share_path)]
        points = self._client.get(f"/protectedWorkloads/fileShares/{shares[0]['fileShareUid']}/restorePoints", limit=1)
        if points:
            data = self._settings.data
            command = f"{Path(sys.executable).parent / 'tandem'} restore {points[0]['instanceUid']} --from copy"
            when = "start this again without ONCE and then, " if self._settings.once else ""
            self._terminal.print(f"\nTo restore it from the second copy, {when}in another terminal:")
            target = data / f"restored-{points[0]['instanceUid'][:8]}"
            self._terminal.print(f"  {command} --to {target} --data {data}", markup=False, soft_wrap=True)


@contextmanager
def _bars(terminal: Terminal) -> Generator[Progress]:
    columns = (
        TextColumn("{task.description:>22}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=terminal) as bars:
        yield bars
