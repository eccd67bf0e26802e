"""Consoles as a service: what docs/operations.md tells an administrator to do is done here, word for word."""

import contextlib
import os
import re
import signal
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest

from tandem.client import Client
from tandem.client.errors import ApiError
from tests.end_to_end.typed_commands import blocks, type_commands
from tests.quick_tandem import quick_tandem
from tests.running import PASSWORD, free_port, until

PAGE = Path(__file__).parent.parent.parent / "docs" / "operations.md"
TOKENS = "/infrastructure/backupServers/enrolmentTokens"


class Administrator:
    """Somebody who types what the page says, on hosts that are folders here."""

    def __init__(self, folder: Path, commands: Path, server: str) -> None:
        self.folder = folder
        self.pids = folder / "pids"
        (folder / "safe").mkdir()
        self.variables = {
            "SAFE": str(folder / "safe"),
            "ADMIN": server.replace("+psycopg", ""),
            "DATABASE": server.replace("+psycopg", "").replace("postgres@/postgres", "tandem:PASSWORD@/tandem"),
            "PATH": f"{commands}:{os.environ['PATH']}",
        }

    def types(self, block: str, host: str, port: int = 1) -> str:
        """Run commands on a host up to the first that fails; gives what they print."""
        more = {"DATA": str(self.folder / host), "TANDEM_PORT": str(port)}
        return type_commands(block, self.folder, **self.variables, **more)

    def client(self, host: str, port: int) -> Client:
        """Sign in at the console of a host, as soon as it answers."""
        certificate = self.folder / host / "console" / "certificate.pem"
        until(certificate.exists)
        client = Client(f"https://localhost:{port}", certificate.read_text())

        def answers() -> bool:
            with contextlib.suppress(ApiError):
                client.sign_in("admin", PASSWORD)
                return True
            return False

        until(answers)
        return client

    def kills(self) -> None:
        """End all consoles, as a power cut would."""
        for pid in map(int, self.pids.read_text().split() if self.pids.exists() else []):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.pids.unlink(missing_ok=True)


@pytest.fixture
def administrator(tmp_path: Path, postgres_url: str) -> Generator[Administrator]:
    with quick_tandem(tmp_path / "commands") as commands:
        made = Administrator(tmp_path, commands, postgres_url)
        try:
            yield made
        finally:
            made.kills()
            with psycopg.connect(made.variables["ADMIN"], autocommit=True) as connection:
                connection.execute("drop database if exists tandem with (force)")
                connection.execute("drop role if exists tandem")


def test_consoles_over_postgresql_are_set_up_upgraded_and_restored_as_the_page_says(
    administrator: Administrator,
) -> None:
    types, page = administrator.types, blocks(PAGE)
    variables, first, keys, others = page["Several consoles"]
    assert set(re.findall(r"^(\w+)=", variables, re.MULTILINE)) == {"DATA", "SAFE", "ADMIN", "DATABASE"}
    one, two = free_port(), free_port()
    types(first, "one", one)
    client = administrator.client("one", one)
    types(keys, "one")
    assert (administrator.folder / "safe" / "keys.tar").stat().st_mode & 0o077 == 0
    types(others, "two", two)
    with administrator.client("two", two) as other:
        assert other.get("/users/me") == client.get("/users/me")
    settings, backup, restored = page["PostgreSQL"]
    types(settings, "database")

    before, after = page["Upgrade without downtime"]
    assert "missing after the older have ended (tandem database finish): none" in types(before, "two")
    assert "Finished" in types(after, "two")

    client.post(TOKENS, {"name": "before the backup"})
    types(backup, "one")
    client.post(TOKENS, {"name": "after the backup"})
    administrator.kills()
    types(restored, "three", one)
    until(lambda: _answers(client))  # by the token of before
    said = str(list(client.pages("/eventLogs/activityLogs")))
    assert "before the backup" in said
    assert "after the backup" not in said
    client.close()


def test_a_console_on_sqlite_is_restored_as_the_page_says(administrator: Administrator) -> None:
    backup, restored = blocks(PAGE)["SQLite"]
    port = free_port()
    administrator.types('tandem console --data "$DATA"\n', "one", port)
    client = administrator.client("one", port)
    client.post(TOKENS, {"name": "before the backup"})
    administrator.types(backup, "one")
    assert {each.stat().st_mode & 0o077 for each in (administrator.folder / "safe").iterdir()} == {0}
    client.post(TOKENS, {"name": "after the backup"})
    administrator.kills()
    administrator.types(restored, "two", port)
    until(lambda: _answers(client))
    said = str(list(client.pages("/eventLogs/activityLogs")))
    assert "before the backup" in said
    assert "after the backup" not in said
    client.close()


def _answers(client: Client) -> bool:
    try:
        return bool(client.get("/users/me"))
    except ApiError:
        return False
