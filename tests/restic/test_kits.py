"""Recovery kits of repositories elsewhere: their commands alone, with restic alone, get everything back."""

import os
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tandem.domain.kit_access import access_to
from tandem.domain.recovery_kits import RecoveryKit, text_of
from tandem.domain.repository_locations import parse_location
from tests.remote_servers import (
    CANARY,
    Server,
    rest_server,
    s3_server,
    sftp_server,
    sftp_server_with_password,
)
from tests.restic import quick_repository

PASSWORD = f"{CANARY} of the repository"
SERVERS: dict[str, Callable[[Path], AbstractContextManager[Server]]] = {
    "sftp, by key": sftp_server,
    "sftp, by password": sftp_server_with_password,
    "s3": lambda folder: s3_server(folder, name="s3"),
    "rest": rest_server,
}


@pytest.mark.parametrize("kind", SERVERS)
def test_the_commands_of_a_kit_restore_from_elsewhere(kind: str, tmp_path: Path) -> None:
    share = tmp_path / "share"
    share.mkdir()
    (share / "notes.txt").write_text("kept")
    quick_repository.create(tmp_path / "made", PASSWORD)
    command = ["restic", "--repo", tmp_path / "made", "--no-cache", "backup", share]
    subprocess.run(command, env={**os.environ, "RESTIC_PASSWORD": PASSWORD}, check=True, capture_output=True)
    (tmp_path / "server").mkdir()
    with SERVERS[kind](tmp_path / "server") as server:
        server.take(tmp_path / "made", "kept")
        location = str(parse_location(f"{server.location}kept"))
        kit = RecoveryKit(
            repository_uid="12345678",
            repository="Far",
            restic_id="",
            organization="Acme",
            backup_server="Site A",
            host_name="fileserver",
            restic_version="0.14.0",
            made_at=datetime(2026, 3, 2, tzinfo=UTC),
            access=access_to(location, PASSWORD, server.account, server.host_key),
            contents=[],
        )
        folder = tmp_path / "administrator"
        folder.mkdir(mode=0o700)
        (folder / kit.file_name).write_text(text_of(kit))
        commands = [line[4:] for line in text_of(kit).splitlines() if line.startswith("    ")]
        assert CANARY not in "".join(commands), "no secret is typed"
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        done = subprocess.run(
            ["sh", "-euc", "\n".join(commands)],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert "no errors were found" in done.stdout
    assert (folder / "restored" / str(share).lstrip("/") / "notes.txt").read_text() == "kept"
    left = {path.name for path in folder.iterdir()}
    assert left == {kit.file_name, "restored"}
