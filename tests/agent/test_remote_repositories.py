"""Repositories elsewhere: any kind copied to any kind, two accounts at once, and no server's failure taken for less."""

import contextlib
import dataclasses
import os
import shutil
import socket
import time
from collections.abc import Callable, Generator, Iterator
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

import msgspec
import pytest

from tandem.agent import proof_memory
from tandem.agent.run_verification import run_verification
from tandem.domain.repositories import RepositoryState
from tandem.domain.repository_locations import parse_location
from tandem.domain.restore_points import CopyState
from tandem.domain.sessions import Session, SessionState
from tandem.domain.verification import Part
from tandem.protocol.messages import RepositoryConfiguration, RepositoryReport
from tandem.restic import config, copy, listing, process, remote_files
from tandem.restic.access import RepositoryAccess
from tandem.restic.errors import Unreachable
from tandem.restic.process import Control
from tests.agent.backup_server import BackupServer, nothing, random_bytes, repository_configuration, until
from tests.agent.lock_files import master_key, write_lock
from tests.agent.test_locks import kill_when_locked
from tests.agent.test_proof import pack_files
from tests.faults.line import Line, line_to
from tests.remote_servers import (
    BUCKET,
    CANARY,
    Server,
    at,
    rest_server,
    s3_server,
    sftp_server,
    sftp_server_with_password,
)
from tests.restic import quick_repository
from tests.restic.quick_repository import CHUNKER_POLYNOMIAL
from tests.restic.trees import describe

REMOTE_KINDS = ("sftp", "s3", "rest")
KINDS = ("local", *REMOTE_KINDS)


class Remotes:
    """The servers, and backup servers whose repositories are at them."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self.folder = folder
        self._numbers = count()
        self.servers = {
            "sftp": stack.enter_context(sftp_server(folder / "ssh")),
            "password": stack.enter_context(sftp_server_with_password(folder / "ssh2")),
            "s3": stack.enter_context(s3_server(folder / "s3", name="ONE")),
            "other s3": stack.enter_context(s3_server(folder / "s3-2", name="TWO")),
            "rest": stack.enter_context(rest_server(folder / "rest")),
        }

    def move(self, backup_server: BackupServer, **kinds: str) -> None:
        """Put repositories of a backup server elsewhere, with all that they hold; its jobs go on with them there."""
        moved = [
            self._moved(backup_server, repository, kinds.get(repository.uid, "local"))
            for repository in backup_server.configuration.repositories
        ]
        backup_server.configure(repositories=moved)

    def _moved(
        self, backup_server: BackupServer, repository: RepositoryConfiguration, kind: str
    ) -> RepositoryConfiguration:
        if kind == "local":
            return repository
        server = self.servers[kind]
        # A new name each time: servers remember what they have seen.
        place = server.folder / f"{repository.uid}{next(self._numbers)}"
        folder = backup_server.folder / repository.uid
        server.take(folder, place.name)
        # So that the tests look into it as if it were here.
        folder.symlink_to(place)
        return elsewhere(repository, server, place.name)


def elsewhere(repository: RepositoryConfiguration, server: Server, name: str) -> RepositoryConfiguration:
    """Give a repository at a server."""
    return msgspec.structs.replace(
        repository,
        path=f"{server.location}{name}" + ("/" if server.location.startswith("rest") else ""),
        account=server.account,
        host_key=server.host_key,
    )


@pytest.fixture(scope="module")
def remotes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remotes]:
    """The servers."""
    with contextlib.ExitStack() as stack:
        yield Remotes(tmp_path_factory.mktemp("remotes"), stack)


@pytest.mark.parametrize("target", KINDS)
@pytest.mark.parametrize("source", KINDS)
def test_every_kind_is_copied_to_every_kind(saved: BackupServer, remotes: Remotes, source: str, target: str) -> None:
    remotes.move(saved, first=source, second="other s3" if source == target == "s3" else target)
    session = saved.copy()
    assert session.state is SessionState.SUCCESS, session.messages
    assert session.statistics.points_copied == 2
    assert session.statistics.transferred > 40_000
    assert set(saved.copies()) == set(saved.ids())
    for folder in (saved.first, saved.second):
        # An S3 server forgets a folder with its last file.
        (folder / "locks").mkdir(exist_ok=True)
    saved.is_sound()


def test_a_run_with_nothing_to_do_starts_no_process_and_measures_nothing(
    saved: BackupServer, remotes: Remotes, monkeypatch: pytest.MonkeyPatch
) -> None:
    remotes.move(saved, first="rest", second="s3")
    assert saved.copy().state is SessionState.SUCCESS
    monkeypatch.setattr(remote_files, "survey", unexpected)
    session = saved.copy()
    assert (session.state, session.statistics.restic_processes) == (SessionState.SUCCESS, 0)
    (report,) = [each for each in saved.reports() if isinstance(each, RepositoryReport)][-1:]
    assert report.used_space == listing.bytes_used(saved.second)
    assert report.capacity is report.free_space is None


@pytest.mark.parametrize("kind", REMOTE_KINDS)
def test_a_look_at_a_server_finds_every_key_lock_and_point(saved: BackupServer, remotes: Remotes, kind: str) -> None:
    write_lock(saved.engine, saved.access(saved.first), host="elsewhere", pid=1)
    here = {
        name: tuple(sorted(entry.name for entry in (saved.first / name).iterdir()))
        for name in remote_files.FRONT_FOLDERS
    }
    assert all(here.values())
    remotes.move(saved, first=kind)
    front = remote_files.look(saved.repositories.access(saved.configuration.repositories[0]))
    assert front == remote_files.Front(here["keys"], here["locks"], here["snapshots"])


@pytest.mark.parametrize("kind", REMOTE_KINDS)
def test_a_wrong_password_is_refused_before_anything_is_copied_even_if_there_is_nothing_to_copy(
    saved: BackupServer, remotes: Remotes, kind: str
) -> None:
    remotes.move(saved, second=kind)
    assert saved.copy().state is SessionState.SUCCESS
    first, second = saved.configuration.repositories
    before = describe(saved.second)
    saved.configure(repositories=[first, msgspec.structs.replace(second, password="not the one")])
    for _ in range(2):
        refused(saved, "does not open with the password of repository second")
        saved.save()
    assert describe(saved.second) == before
    saved.configure(repositories=[first, second])
    assert saved.copy().state is SessionState.SUCCESS
    assert set(saved.copies()) == set(saved.ids())


@pytest.mark.parametrize("kind", ["sftp", "rest"])
def test_a_password_that_was_changed_at_the_server_is_noticed_even_by_a_run_with_nothing_to_copy(
    saved: BackupServer, remotes: Remotes, kind: str
) -> None:
    remotes.move(saved, second=kind)
    assert saved.copy().state is SessionState.SUCCESS
    (key,) = (saved.second / "keys").iterdir()
    quick_repository.add_key(saved.second, master_key(saved.engine, saved.access(saved.second)), "another one")
    key.unlink()
    refused(saved, "does not open with the password of repository second")
    first, second = saved.configuration.repositories
    saved.configure(repositories=[first, msgspec.structs.replace(second, password="another one")])
    assert saved.copy().state is SessionState.SUCCESS


@pytest.mark.parametrize("kind", ["sftp", "rest"])
def test_another_repository_in_the_place_of_a_target_is_neither_written_to_nor_rid_of_its_points(
    saved: BackupServer, remotes: Remotes, kind: str
) -> None:
    remotes.move(saved, second=kind)
    assert saved.copy().state is SessionState.SUCCESS
    saved.save()
    place = saved.second.resolve()
    away = place.rename(place.with_name(f"{place.name} away"))
    quick_repository.create(place, "password of second")
    before = describe(place)
    refused(saved, "holds another repository")
    assert describe(place) == before
    shutil.rmtree(place)
    away.rename(place)
    assert saved.copy().state is SessionState.SUCCESS
    assert set(saved.copies()) == set(saved.ids())


@pytest.mark.parametrize("kind", REMOTE_KINDS)
def test_a_target_that_lost_its_config_is_missed_even_by_a_run_with_nothing_to_copy(
    saved: BackupServer, remotes: Remotes, kind: str
) -> None:
    remotes.move(saved, second=kind)
    assert saved.copy().state is SessionState.SUCCESS
    second = saved.configuration.repositories[1]
    remote_files.delete(saved.repositories.access(second), "config")
    session = refused(saved, "There is no repository there.")
    assert session.messages[0].startswith(f"repository second ({second.path}): ")
    assert set(saved.states().values()) == {CopyState.COPIED}


@pytest.mark.parametrize("lost", ["keys", "."])
def test_a_target_that_is_away_is_missed_by_a_run_with_nothing_to_copy_and_found_again_as_it_was(
    saved: BackupServer, remotes: Remotes, lost: str
) -> None:
    remotes.move(saved, second="sftp")
    assert saved.copy().state is SessionState.SUCCESS
    place = saved.second.resolve() / lost
    away = place.rename(saved.second.resolve().with_name("away"))
    assert saved.copy().state is SessionState.FAILED
    assert set(saved.states().values()) == {CopyState.COPIED}
    away.rename(place)
    assert saved.copy().state is SessionState.SUCCESS
    assert set(saved.copies()) == set(saved.ids())


def test_after_its_restart_an_agent_has_restic_open_each_repository_once_more(
    saved: BackupServer, remotes: Remotes
) -> None:
    remotes.move(saved, first="rest", second="sftp")
    assert saved.copy().state is SessionState.SUCCESS
    saved.restart()
    assert [saved.copy().statistics.restic_processes for _ in range(2)] == [2, 0]


@pytest.mark.parametrize("kind", ["sftp", "password", "rest"])
def test_an_account_is_refused_once_in_a_run_so_that_it_is_not_locked_sooner(
    saved: BackupServer, remotes: Remotes, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    remotes.move(saved, second=kind)
    assert saved.copy().state is SessionState.SUCCESS
    first, second = saved.configuration.repositories
    saved.configure(repositories=[first, msgspec.structs.replace(second, account=remotes.servers[kind].refusing())])
    asked: list[str] = []
    for module, name in ((remote_files, "look"), (config, "read")):
        monkeypatch.setattr(module, name, noting(asked, getattr(module, name)))
    refused(saved, "refuses the account")
    assert asked.count(second.path) == 1


def noting(asked: list[str], function: Callable[..., Any]) -> Callable[..., Any]:
    """Note of which repositories a function is asked."""

    def ask(*given: Any, **named: Any) -> Any:
        asked.extend(each.location for each in given if isinstance(each, RepositoryAccess))
        return function(*given, **named)

    return ask


@pytest.mark.parametrize("kind", ["sftp", "password", "s3", "rest"])
def test_a_refused_account_is_said_to_be_that_and_creates_nothing(
    saved: BackupServer, remotes: Remotes, kind: str
) -> None:
    server = remotes.servers[kind]
    wrong = at(server, server.refusing())
    asked = elsewhere(new_repository(), wrong, f"refused-{kind}")
    report = make(saved, asked)
    assert report.state is RepositoryState.FAILED
    assert "refuses the account" in (report.failure or "")
    assert not (server.folder / f"refused-{kind}").exists()

    remotes.move(saved, second=kind)
    first, second = saved.configuration.repositories
    saved.configure(repositories=[first, msgspec.structs.replace(second, account=wrong.account)])
    session = saved.copy()
    assert session.state is SessionState.FAILED
    assert session.messages[0].startswith(f"repository second ({second.path}): The server refuses the account.")
    assert CANARY not in "".join(session.messages)
    saved.configure(repositories=[first, second])
    assert saved.copy().state is SessionState.SUCCESS


def test_another_host_key_than_the_confirmed_one_ends_it(saved: BackupServer, remotes: Remotes) -> None:
    remotes.move(saved, second="sftp")
    first, second = saved.configuration.repositories
    other = remotes.servers["password"].host_key
    saved.configure(repositories=[first, msgspec.structs.replace(second, host_key=other)])
    assert "shows another host key" in saved.copy().messages[0]


def test_a_host_key_is_shown_to_be_confirmed_never_taken_for_granted(saved: BackupServer, remotes: Remotes) -> None:
    server = remotes.servers["sftp"]
    asked = elsewhere(new_repository(), server, "confirmed")
    report = make(saved, msgspec.structs.replace(asked, host_key=None))
    assert report.failure
    assert report.failure.startswith("hostKey: ")
    assert f"It shows {server.host_key} (SHA256:" in report.failure
    assert not (server.folder / "confirmed").exists()


@pytest.mark.parametrize("kind", ["sftp", "s3", "rest"])
def test_a_repository_is_made_only_where_nothing_is_and_has_its_familys_parameters(
    saved: BackupServer, remotes: Remotes, kind: str
) -> None:
    server = remotes.servers[kind]
    asked = msgspec.structs.replace(elsewhere(new_repository(), server, f"made-{kind}"), family_uid="first")
    made = make(saved, asked)
    assert made.state is RepositoryState.READY, made.failure
    assert made.used_space == listing.bytes_used(server.folder / f"made-{kind}")
    access = saved.repositories.access(asked)
    assert config.read(saved.engine, access).chunker_polynomial == CHUNKER_POLYNOMIAL
    # After a crash between making and telling, the same order finds what was made.
    assert make(saved, asked).restic_id == made.restic_id

    for other in (asked, msgspec.structs.replace(asked, password="another one")):
        refused = make(saved, msgspec.structs.replace(other, uid="third"))
        assert refused.state is RepositoryState.FAILED
        assert "there is a restic repository already" in (refused.failure or "")


def test_a_missing_bucket_is_not_made(saved: BackupServer, remotes: Remotes) -> None:
    server = remotes.servers["s3"]
    asked = elsewhere(new_repository(), server, "x")
    nowhere = msgspec.structs.replace(asked, path=asked.path.replace(f"/{BUCKET}/", "/elsewhere/"))
    report = make(saved, nowhere)
    assert "The bucket does not exist" in (report.failure or "")
    assert not (server.folder.parent / "elsewhere").exists()


@pytest.mark.parametrize("kind", REMOTE_KINDS)
def test_a_server_that_is_away_fails_the_run_and_the_next_one_goes_on(
    saved: BackupServer, remotes: Remotes, kind: str
) -> None:
    remotes.move(saved, second=kind)
    with by_line(saved, remotes, kind) as line:
        line.cut()
        session = refused(saved, "cannot be reached")
        assert session.messages[0].startswith("repository second (")
        assert set(saved.states().values()) <= {CopyState.PENDING}
        assert [state for state, _failure in saved.told_of("second")] == [RepositoryState.FAILED]
        line.mend()
        assert saved.copy().state is SessionState.SUCCESS
        assert set(saved.copies()) == set(saved.ids())
        assert set(saved.told_of("second")[1:]) == {(RepositoryState.READY, None)}
        # Known by now, and away again.
        saved.save()
        line.cut()
        refused(saved, "cannot be reached")
        line.mend()
        assert saved.copy().state is SessionState.SUCCESS
    assert set(saved.copies()) == set(saved.ids())


@contextlib.contextmanager
def by_line(saved: BackupServer, remotes: Remotes, kind: str) -> Generator[Line]:
    """Have the second repository reached over a line that can be cut."""
    port = parse_location(remotes.servers[kind].location + "x").port
    assert port is not None
    first, second = saved.configuration.repositories
    with line_to(port) as line:
        path = second.path.replace(f":{port}/", f":{line.port}/", 1)
        saved.configure(repositories=[first, msgspec.structs.replace(second, path=path)])
        yield line


def test_a_refused_account_is_seen_at_the_repository_until_it_is_let_in_again(
    saved: BackupServer, remotes: Remotes
) -> None:
    remotes.move(saved, second="rest")
    first, second = saved.configuration.repositories
    refused = msgspec.structs.replace(second, account=remotes.servers["rest"].refusing())
    saved.configure(repositories=[first, refused])
    assert saved.copy().state is SessionState.FAILED
    assert [state for state, _failure in saved.told_of("second")] == [RepositoryState.FAILED]
    saved.configure(repositories=[first, second])
    assert saved.copy().state is SessionState.SUCCESS
    assert set(saved.told_of("second")[1:]) == {(RepositoryState.READY, None)}


def test_a_server_that_goes_silent_is_noticed_in_bounded_time(saved: BackupServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        second = saved.configuration.repositories[1]
        port = silent.getsockname()[1]
        location = msgspec.structs.replace(second, path=f"rest:http://127.0.0.1:{port}/second/")
        with pytest.raises(Unreachable, match=r"No data has moved for 0\.5 s"):
            config.read(saved.engine, saved.repositories.access(location), control=Control(stall_seconds=0.5))


def test_an_ssh_server_that_lets_in_and_never_answers_is_noticed_in_bounded_time(
    saved: BackupServer, tmp_path: Path
) -> None:
    with sftp_server(tmp_path / "ssh", sftp="/bin/cat >/dev/null") as server:
        access = saved.repositories.access(elsewhere(new_repository(), server, "x"))
        control = Control(stall_seconds=1.0)
        with pytest.raises(Unreachable, match=r"No data has moved for 1 s.* Check both"):
            config.read(saved.engine, access, control=control)
        with pytest.raises(Unreachable, match=r"No data has moved for 1 s.* Check both"):
            remote_files.survey(access, control=control)
    # What was started to ask it has ended too.
    until(lambda: not any(is_our_ssh(each) for each in Path("/proc").glob("[0-9]*")), 5)


def is_our_ssh(process_folder: Path) -> bool:
    """Say whether a process is an ssh that reads its settings from this one."""
    try:
        command = (process_folder / "cmdline").read_bytes()
    except OSError:
        return False
    return f"/proc/{os.getpid()}/fd/".encode() in command


@pytest.mark.parametrize("kind", ["sftp", "rest"])
def test_a_line_that_is_cut_in_the_middle_of_a_copy_costs_nothing_but_the_run(
    saved: BackupServer, remotes: Remotes, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    saved.save("big.bin", random_bytes("big", size=4_000_000))
    remotes.move(saved, second=kind)
    with by_line(saved, remotes, kind) as line:
        ran = copy.run

        def cut_when_a_point_is_there(*given: Any, on_saved: Callable[[copy.Copied], None], **named: Any) -> Any:
            def cut(copied: copy.Copied) -> None:
                on_saved(copied)
                line.cut()

            named["control"] = dataclasses.replace(named["control"], stall_seconds=1.0)
            return ran(*given, on_saved=cut, **named)

        with monkeypatch.context() as patch:
            patch.setattr(copy, "run", cut_when_a_point_is_there)
            session = saved.copy()
        assert session.state is SessionState.FAILED, session.messages
        assert CopyState.QUARANTINED not in saved.states().values()
        line.mend()
        assert saved.copy().state is SessionState.SUCCESS
    assert set(saved.copies()) == set(saved.ids())
    saved.is_sound()


@pytest.mark.parametrize("kind", ["s3", "rest"])
def test_a_pack_that_a_server_lost_is_missed_and_copied_again(saved: BackupServer, remotes: Remotes, kind: str) -> None:
    remotes.move(saved, second=kind)
    saved.copy()
    pack = pack_files(saved.second)[0].name
    access = saved.repositories.access(saved.configuration.repositories[1])
    remote_files.delete(access, f"data/{pack}" if kind == "rest" else f"data/{pack[:2]}/{pack}")
    # Restic asks for a lost pack again and again before it gives up: here another part is read.
    skipped = Part(int(pack[:2], 16) + 1, 256)
    rotation = proof_memory.rotation(saved.state, "second", saved.clock.now)
    saved.clock.forward(hours=1)
    proof_memory.put_rotation(saved.state, "second", rotation.after(skipped, saved.clock.now))
    run = saved.run()
    run_verification(run, "second")
    assert any(pack[:10] in message for message in run.messages), run.messages
    assert CopyState.PENDING in saved.states().values()
    assert saved.copy().state is SessionState.SUCCESS
    assert set(saved.states().values()) == {CopyState.COPIED}
    run = saved.run()
    run_verification(run, "second", is_everything=True)
    assert set(saved.states().values()) == {CopyState.VERIFIED}, run.messages


@pytest.mark.parametrize("kind", ["sftp", "s3", "rest"])
def test_after_a_crash_of_a_copy_the_next_run_unlocks_both_servers(
    saved: BackupServer, remotes: Remotes, kind: str
) -> None:
    remotes.move(saved, first="rest", second=kind)
    opened = [saved.repositories.open(each, saved.run().control) for each in saved.configuration.repositories]
    (saved.second / "locks").mkdir(exist_ok=True)
    process.run(
        saved.engine,
        copy.flags(saved.ids()),
        repository=opened[1].access,
        from_repository=opened[0].access,
        control=kill_when_locked(saved, saved.first, saved.second),
    )
    assert listing.lock_ids(saved.first)
    assert listing.lock_ids(saved.second)
    saved.restart()
    # The S3 server does not see what is put into its folder.
    if kind != "s3":
        foreign = write_lock(saved.engine, saved.access(saved.second), host="elsewhere", pid=1)
        session = saved.copy()
        assert session.state is SessionState.FAILED
        assert "locked by process 1 of somebody on elsewhere" in session.messages[0]
        assert listing.lock_ids(saved.second) == [foreign]
        (saved.second / "locks" / foreign).unlink()
    assert saved.copy().state is SessionState.SUCCESS
    assert set(saved.copies()) == set(saved.ids())
    assert not any((folder / "locks").is_dir() and listing.lock_ids(folder) for folder in (saved.first, saved.second))


def test_nobody_sees_the_accounts_of_a_running_copy(saved: BackupServer, remotes: Remotes) -> None:
    remotes.move(saved, first="password", second="s3")
    seen = Seen()
    saved.processes.control = seen.around(saved.processes.control)  # type: ignore[method-assign]
    session = saved.copy()
    assert session.state is SessionState.SUCCESS, session.messages
    assert b"restic" in seen.text
    assert b"sftp\0" in seen.text
    told = "".join(str(each) for each in saved.reports())
    assert CANARY not in told
    assert CANARY.encode() not in seen.text
    for path in saved.data.rglob("*"):
        assert not path.is_file() or CANARY.encode() not in path.read_bytes(), path


class Seen:
    """What the system shows of restic and of all that it starts."""

    def __init__(self) -> None:
        self.text = b""

    def around(self, make_control: Callable[..., Control]) -> Callable[..., Control]:
        """Look from the start of each restic on, until it has long read its secrets."""

        def make(*arguments: object) -> Control:
            control = make_control(*arguments)

            def on_start(pid: int) -> None:
                assert control.on_start is not None
                control.on_start(pid)
                for _ in range(40):
                    self._look(pid)
                    time.sleep(0.005)

            return dataclasses.replace(control, on_start=on_start)

        return make

    def _look(self, pid: int) -> None:
        family = [pid]
        for each in family:
            with contextlib.suppress(OSError):
                family.extend(int(child) for child in Path(f"/proc/{each}/task/{each}/children").read_text().split())
                self.text += b"".join(Path(f"/proc/{each}/{name}").read_bytes() for name in ("cmdline", "environ"))


def refused(server: BackupServer, why: str) -> Session:
    """Run the copy job, which fails and says why; gives the session."""
    session = server.copy()
    assert session.state is SessionState.FAILED
    assert why in session.messages[0], session.messages
    return session


def new_repository() -> RepositoryConfiguration:
    """Give a repository that the console wants made."""
    return repository_configuration("new", Path("/nowhere"), password="password of new")


def make(server: BackupServer, wanted: RepositoryConfiguration) -> RepositoryReport:
    """Make what the console asks for."""
    others = [each for each in server.configuration.repositories if each.uid != wanted.uid]
    asked = msgspec.structs.replace(server.configuration, repositories=[*others, wanted])
    return server.repositories.make(wanted, asked, server.processes.control(Event(), nothing))


def unexpected(*_given: object, **_named: object) -> None:
    """Fail."""
    raise AssertionError
