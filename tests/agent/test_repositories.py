"""Making and opening repositories: only where asked, only once, and never on top of anything."""

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Timer

import msgspec
import pytest

from tandem.agent.processes import Processes
from tandem.agent.repositories import Repositories
from tandem.agent.state import State
from tandem.domain.repositories import RepositoryState
from tandem.domain.sessions import SessionState
from tandem.protocol.messages import (
    Configuration,
    FileShareConfiguration,
    RepositoryConfiguration,
    RepositoryReport,
)
from tandem.restic import config, listing
from tandem.restic.engine import Engine
from tandem.restic.process import Control
from tests.agent.backup_server import BackupServer, Clock, nothing, open_state, repository_configuration
from tests.agent.lock_files import write_lock
from tests.restic import quick_repository
from tests.restic.trees import describe
from tests.rounds import LONG, rounds


class Keeper:
    """What makes repositories, over the agent's memory."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.folder = folder
        self.engine = engine
        self.data = folder / "agent"
        self.state: State = open_state(self.data)
        self.processes = Processes(self.state, Clock())
        self.repositories = Repositories(engine, self.state, self.processes, self.data)
        (folder / "share").mkdir()
        self.others: list[RepositoryConfiguration] = []

    def make(self, wanted: RepositoryConfiguration, control: Control | None = None) -> RepositoryReport:
        """Make what the console asks for."""
        share = FileShareConfiguration(uid="share", name="Documents", path=str(self.folder / "share"))
        asked = Configuration(revision=1, repositories=[*self.others, wanted], file_shares=[share], jobs=[])
        return self.repositories.make(wanted, asked, control or self.processes.control(Event(), nothing))

    def ready(self, wanted: RepositoryConfiguration) -> RepositoryConfiguration:
        """Make what the console asks for; gives it as the console then knows it."""
        report = self.make(wanted)
        assert report.state is RepositoryState.READY, report.failure
        made = msgspec.structs.replace(wanted, state=RepositoryState.READY, restic_id=report.restic_id)
        self.others.append(made)
        return made

    def polynomial(self, made: RepositoryConfiguration) -> str:
        """Give where a repository cuts files."""
        return config.read(self.engine, self.repositories.access(made)).chunker_polynomial


@pytest.fixture
def keeper(engine: Engine, tmp_path: Path) -> Iterator[Keeper]:
    made = Keeper(tmp_path, engine)
    yield made
    made.state.close()


@pytest.fixture
def existing(tmp_path: Path) -> RepositoryConfiguration:
    """A repository that is there already, to be registered."""
    quick_repository.create(tmp_path / "existing", "its password")
    return repository_configuration("existing", tmp_path / "existing", password="its password", is_existing=True)


def test_a_new_repository_is_of_its_family_and_a_second_asking_finds_it(
    keeper: Keeper, existing: RepositoryConfiguration, tmp_path: Path
) -> None:
    relative = keeper.ready(existing)
    # Somebody is at work there; a new repository need not wait for him.
    lock = write_lock(keeper.engine, keeper.repositories.access(relative), host="elsewhere", pid=1)
    wanted = repository_configuration("new", tmp_path / "new", password="another secret", family_uid="existing")
    made = keeper.ready(wanted)
    assert listing.lock_ids(tmp_path / "existing") == [lock]
    assert keeper.polynomial(made) == quick_repository.CHUNKER_POLYNOMIAL
    assert made.restic_id != relative.restic_id

    before = describe(tmp_path / "new")
    again = keeper.make(wanted)
    assert (again.state, again.restic_id) == (RepositoryState.READY, made.restic_id)
    assert describe(tmp_path / "new") == before
    assert again.used_space == listing.bytes_used(tmp_path / "new")
    assert again.capacity is not None
    assert again.free_space is not None
    assert again.capacity >= again.free_space > 0


def test_an_existing_repository_is_registered_by_its_password_and_not_changed(
    keeper: Keeper, existing: RepositoryConfiguration
) -> None:
    before = describe(Path(existing.path))
    wrong = keeper.make(msgspec.structs.replace(existing, password="wrong"))
    assert wrong.state is RepositoryState.FAILED
    assert wrong.restic_id is None
    assert "does not open with its password" in str(wrong.failure)
    assert keeper.ready(existing).restic_id is not None
    assert describe(Path(existing.path)) == before


@pytest.mark.parametrize("secret", [" begins with space", "ends with space ", "tab\t", ""])
def test_a_password_that_restic_would_misread_is_refused(keeper: Keeper, tmp_path: Path, secret: str) -> None:
    report = keeper.make(repository_configuration("new", tmp_path / "new", password=secret))
    assert report.state is RepositoryState.FAILED
    assert "white space" in str(report.failure)
    assert secret == "" or secret not in str(report.failure)


def test_a_folder_that_holds_no_repository_is_not_registered(keeper: Keeper, tmp_path: Path) -> None:
    for name in ("empty", "missing"):
        wanted = repository_configuration(name, tmp_path / name, password="secret", is_existing=True)
        if name == "empty":
            (tmp_path / name).mkdir()
        report = keeper.make(wanted)
        assert report.state is RepositoryState.FAILED
        assert "There is no repository there" in str(report.failure)
    assert not (tmp_path / "missing").exists()
    assert list((tmp_path / "empty").iterdir()) == []


def test_a_folder_with_anything_in_it_is_never_made_a_repository(
    keeper: Keeper, existing: RepositoryConfiguration, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("Dear Sir")
    for path in (tmp_path / "full", Path(existing.path)):
        before = describe(path)
        report = keeper.make(repository_configuration("new", path, password="its password"))
        assert report.state is RepositoryState.FAILED
        assert "the folder is not empty" in str(report.failure)
        assert describe(path) == before


def test_a_repository_is_not_made_below_a_folder_that_is_not_there(keeper: Keeper, tmp_path: Path) -> None:
    report = keeper.make(repository_configuration("new", tmp_path / "mnt" / "disk" / "new", password="secret"))
    assert report.state is RepositoryState.FAILED
    assert "does not exist; is its disk mounted?" in str(report.failure)
    assert not (tmp_path / "mnt").exists()


@pytest.mark.parametrize("place", ["share/inside", "existing/inside", "agent/inside", "link/inside", "existing"])
def test_a_repository_never_lies_in_a_share_another_repository_or_the_agents_data(
    keeper: Keeper, existing: RepositoryConfiguration, tmp_path: Path, place: str
) -> None:
    keeper.ready(existing)
    (tmp_path / "link").symlink_to(tmp_path / "share")
    before = describe(tmp_path / "share"), describe(Path(existing.path))
    report = keeper.make(repository_configuration("new", tmp_path / place, password="secret"))
    assert report.state is RepositoryState.FAILED
    assert "it leads to the same place as" in str(report.failure)
    assert (describe(tmp_path / "share"), describe(Path(existing.path))) == before
    assert not (tmp_path / "agent" / "inside").exists()


def test_a_repository_cannot_be_registered_twice_through_a_link(
    keeper: Keeper, existing: RepositoryConfiguration, tmp_path: Path
) -> None:
    keeper.ready(existing)
    (tmp_path / "alias").symlink_to(existing.path)
    alias = msgspec.structs.replace(existing, uid="alias", path=str(tmp_path / "alias"))
    assert "it leads to the same place as the repository" in str(keeper.make(alias).failure)


def test_a_making_that_a_crash_cut_short_is_completed(keeper: Keeper, tmp_path: Path) -> None:
    path = tmp_path / "new"
    keeper.state.put_repository("new", msgspec.structs.replace(keeper.state.repository("new"), is_begun=True))
    (path / "data").mkdir(parents=True)
    # It was to be the only key, but there is no config yet that it would open.
    (path / "keys").mkdir()
    (path / "keys" / ("0" * 64)).write_text("{}")
    (path / "config-tmp-17").write_text("half of a con")
    made = keeper.ready(repository_configuration("new", path, password="secret"))
    assert config.read(keeper.engine, keeper.repositories.access(made)).id == made.restic_id
    assert len(list((path / "keys").iterdir())) == 1
    assert not list(path.glob("config-*"))


@LONG
def test_a_making_that_is_killed_at_any_moment_is_completed(keeper: Keeper, tmp_path: Path) -> None:
    for number, chance in enumerate(rounds(1)):
        path = tmp_path / f"new-{number}"
        wanted = repository_configuration(path.name, path, password="secret")
        keeper.state.put_repository(
            path.name, msgspec.structs.replace(keeper.state.repository(path.name), is_begun=True)
        )
        for folder in chance.sample(["data", "index", "locks", "snapshots", "keys"], chance.randrange(6)):
            (path / folder).mkdir(parents=True, exist_ok=True)
        keeper.make(wanted, control_that_kills(keeper, chance))
        made = keeper.ready(wanted)
        assert config.read(keeper.engine, keeper.repositories.access(made)).id == made.restic_id
        assert len(list((path / "keys").iterdir())) == 1


def test_a_making_does_not_go_on_in_a_folder_that_others_use_now(keeper: Keeper, tmp_path: Path) -> None:
    keeper.state.put_repository("new", msgspec.structs.replace(keeper.state.repository("new"), is_begun=True))
    (tmp_path / "new" / "keys").mkdir(parents=True)
    (tmp_path / "new" / "letter.txt").write_text("Dear Sir")
    before = describe(tmp_path / "new")
    report = keeper.make(repository_configuration("new", tmp_path / "new", password="secret"))
    assert report.state is RepositoryState.FAILED
    assert "changed by someone else" in str(report.failure)
    assert describe(tmp_path / "new") == before


def control_that_kills(keeper: Keeper, chance: random.Random) -> Control:
    """Watch restic as the agent does, and kill it at some moment."""
    watching = keeper.processes.control(Event(), nothing)

    def on_start(pid: int) -> None:
        assert watching.on_start is not None
        watching.on_start(pid)
        Timer(chance.uniform(0, 2), kill, [pid]).start()

    return Control(on_start=on_start)


def kill(pid: int) -> None:
    """End a process, if it has not ended by itself."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def collected(server: BackupServer, uid: str) -> RepositoryState:
    """Give what a collection says of a repository."""
    (repository,) = [each for each in server.configuration.repositories if each.uid == uid]
    report = server.repositories.collect(repository, server.processes.control(Event(), nothing))
    assert report is not None
    return report.state


def test_a_disk_that_is_gone_is_seen_at_the_first_run_that_misses_it_and_its_return_at_the_next(
    copied: BackupServer,
) -> None:
    before = len(copied.told_of("first"))
    away = copied.first.rename(copied.folder / "away")
    for run in (1, 2):
        assert copied.copy().state is SessionState.FAILED
        assert len(copied.told_of("first")) == before + run
    state, failure = copied.told_of("first")[-1]
    assert state is RepositoryState.FAILED
    assert "Check that its disk is mounted" in (failure or "")
    away.rename(copied.first)
    copied.restart()
    for _ in range(2):
        # A copy tells nothing else of its source.
        assert copied.copy().state is SessionState.SUCCESS
        assert copied.told_of("first")[before + 2 :] == [(RepositoryState.READY, None)]


def test_a_password_that_opens_nothing_any_more_is_seen_in_the_one_repository_whose_it_is(saved: BackupServer) -> None:
    first, second = saved.configuration.repositories
    saved.configure(repositories=[first, msgspec.structs.replace(second, password="not the one")])
    assert saved.copy().state is SessionState.FAILED
    assert saved.told_of("first")[-1][0] is RepositoryState.READY
    ((state, failure),) = saved.told_of("second")
    assert state is RepositoryState.FAILED
    assert "does not open with the password of repository second" in (failure or "")
    # Not taken back by whoever looks at nothing but its folder.
    assert collected(saved, "second") is RepositoryState.FAILED
    saved.configure(repositories=[first, second])
    assert saved.copy().state is SessionState.SUCCESS
    assert saved.told_of("second")[1] == (RepositoryState.READY, None)
    assert collected(saved, "second") is RepositoryState.READY


def test_a_lock_or_a_share_that_is_missing_is_no_trouble_of_the_repository(copied: BackupServer) -> None:
    lock = write_lock(copied.engine, copied.access(copied.second), host="elsewhere", pid=1, is_exclusive=True)
    assert "is locked" in copied.copy().messages[0]
    (copied.second / "locks" / lock).unlink()
    copied.share.rename(copied.folder / "away")
    assert copied.back_up().state is SessionState.FAILED
    assert {state for uid in ("first", "second") for state, _failure in copied.told_of(uid)} == {RepositoryState.READY}
