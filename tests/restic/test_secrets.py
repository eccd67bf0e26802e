"""Passwords and credentials stay out of what other users of the machine, and our own logs, can see."""

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tandem.restic import backup, config, copy, listing
from tandem.restic.engine import Engine
from tandem.restic.errors import ResticError
from tandem.restic.process import Control, RepositoryAccess
from tests.restic.conftest import PASSWORD, Pair


class Onlooker:
    """Reads, as long as a process holds no lock yet, all that the system shows of it."""

    def __init__(self, locked: Path) -> None:
        self.seen = b""
        self._locked = locked

    def look(self, pid: int) -> None:
        """Look from the start until the repository is locked, when restic has long read its secrets."""
        while not listing.lock_ids(self._locked):
            for name in ("cmdline", "environ", "comm"):
                self.seen += Path(f"/proc/{pid}/{name}").read_bytes() + b"\n"


def test_nobody_sees_the_passwords_of_a_running_backup_or_copy(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNRELATED", "canary of our own environment")
    onlooker = Onlooker(pair.source_folder)
    control = Control(on_start=onlooker.look)
    point = backup.run(pair.engine, pair.source, str(pair.share), host="nas1", control=control).snapshot_id
    assert b"backup\0--json" in onlooker.seen
    assert b"RESTIC_PROGRESS_FPS" in onlooker.seen

    onlooker_of_copy = Onlooker(pair.target_folder)
    copy.run(pair.engine, pair.source, pair.target, [point], control=Control(on_start=onlooker_of_copy.look))
    assert b"copy\0--verbose" in onlooker_of_copy.seen
    assert b"canary" not in onlooker.seen + onlooker_of_copy.seen
    assert pair.source.location.encode() + b"\0" not in onlooker.seen


def test_credentials_in_a_location_are_not_arguments(program: Callable[[str], Engine], tmp_path: Path) -> None:
    engine = program("tr '\\0' ' ' < /proc/$$/cmdline >&2; env >&2; cat \"$2\" \"$4\" >&2; exit 1")
    access = RepositoryAccess("rest:https://acme:canary-1@nas1/", "canary-2", tmp_path / "cache")
    with pytest.raises(ResticError) as caught:
        config.read(engine, access)
    shown = caught.value.stderr
    assert "--repository-file /dev/fd/" in shown
    assert shown.count("canary-1") == shown.count("canary-2") == 1
    assert shown.endswith("rest:https://acme:canary-1@nas1/canary-2")


def test_an_error_does_not_tell_the_password(pair: Pair, tmp_path: Path) -> None:
    wrong = RepositoryAccess(pair.source.location, f"{PASSWORD}-2", tmp_path / "cache")
    with pytest.raises(ResticError) as caught:
        config.read(pair.engine, wrong)
    assert PASSWORD not in f"{caught.value!r} {caught.value} {caught.value.stderr} {wrong!r}"


@pytest.mark.parametrize("password", ["päss wörd", "$(id) `id` \"'\\", "a" * 4000, "two\nlines", "-p"])
def test_any_password_opens_what_it_closed(program: Callable[[str], Engine], tmp_path: Path, password: str) -> None:
    kept = tmp_path / "kept"
    engine = program(f'cat "$4" > {shlex.quote(str(kept))}; exit 1')
    with pytest.raises(ResticError):
        config.read(engine, RepositoryAccess("/srv", password, tmp_path / "cache"))
    assert kept.read_text() == password
