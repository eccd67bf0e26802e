"""Credentials and encryption passwords: asked for or read from a file, used by name, shown never."""

from pathlib import Path

import pytest

from tests.cli.command_line import Cli
from tests.cli.standin_agent import StandInAgent

CANARY = "canary of the command line"


@pytest.fixture(autouse=True)
def _working(agent: StandInAgent) -> None:
    del agent


def test_a_share_is_made_with_credentials_by_their_user_name(admin: Cli) -> None:
    arguments = ("credentials", "create", "FILER\\reader", "--server", "filer", "--description", "of the filer")
    said = admin.run(*arguments, text=f"{CANARY}\n")
    assert said.exit_code == 0
    assert "Added the credentials FILER\\reader to filer" in said.stdout
    share = ("shares", "create", "of the filer", "--path", "/srv/filer", "--server", "filer")
    admin.succeeds(*share, "--credentials", "filer\\READER")
    told = admin.fails("credentials", "delete", "FILER\\reader", "--server", "filer", "--yes")
    assert "in use by the file share of the filer" in told
    listed = admin.succeeds("credentials", "list", "--server", "filer")
    assert "FILER\\reader" in listed
    assert CANARY not in said.output + told + listed + str(admin.json("credentials", "list"))


def test_linux_credentials_take_a_key_from_a_file_and_ask_for_no_password(admin: Cli, tmp_path: Path) -> None:
    key, passphrase = tmp_path / "key", tmp_path / "passphrase"
    key.write_text(f"-----BEGIN KEY-----\n{CANARY}\n")
    passphrase.write_text(f"{CANARY}\n")
    arguments = ("credentials", "create", "root", "--server", "filer", "--ssh-port", "2222")
    made = admin.json(*arguments, "--private-key-file", str(key), "--passphrase-file", str(passphrase))
    assert (made["sshPort"], made["privateKey"], made["passphrase"]) == (2222, None, None)
    assert "needed where nobody can be asked" in admin.is_misused("credentials", "delete", "root", "--server", "filer")
    assert admin.json("credentials", "delete", "root", "--server", "filer", "--yes") == {}
    missing = admin.fails(*arguments, "--private-key-file", str(tmp_path / "missing"))
    assert "private key cannot be read" in missing


def test_a_repository_is_encrypted_with_a_password_by_its_hint(admin: Cli) -> None:
    said = admin.succeeds("passwords", "create", "of 2026", "--server", "filer", text=f"{CANARY}\n")
    assert "Keep a copy" in said
    repository = ("repositories", "create", "encrypted", "--path", "/backup/encrypted", "--server", "filer")
    admin.succeeds(*repository, "--encrypted-with", "of 2026")
    told = admin.fails("passwords", "delete", "of 2026", "--server", "filer", "--yes")
    assert "the repository encrypted" in told
    admin.succeeds("passwords", "create", "of 2025", "--server", "filer", text="another\n")
    assert "Deleted" in admin.succeeds("passwords", "delete", "of 2025", "--server", "filer", "--yes")
    listed = admin.succeeds("passwords", "list")
    assert "of 2026" in listed
    assert "of 2025" not in listed
    assert CANARY not in said + told + listed
    assert 'No encryption password is called "of 2025"' in admin.fails(
        "passwords", "delete", "of 2025", "--server", "filer", "--yes"
    )


def test_a_server_is_asked_for_what_it_has(admin: Cli) -> None:
    assert "filer was asked" in admin.succeeds("servers", "collect", "filer")
    assert admin.json("servers", "collect", "filer") == {}
