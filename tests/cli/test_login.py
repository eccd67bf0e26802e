"""Signing in: what a man in the middle gets, and where the sign-in is kept."""

import json
import os
import pty
import stat
import subprocess
from pathlib import Path

import pytest

from tandem.client import StoredSession, load_session, store_session
from tandem.client.certificates import fingerprint
from tests.cli.certificates import listening, make
from tests.cli.command_line import PASSWORD, TANDEM, Cli, RunningConsole


def test_the_sign_in_is_kept_and_used(cli: Cli) -> None:
    cli.log_in()
    assert cli.json("users", "me")["userName"] == "admin"


def test_only_its_owner_can_read_the_sign_in(cli: Cli) -> None:
    cli.log_in()
    assert stat.S_IMODE(cli.session_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(cli.session_file.parent.stat().st_mode) == 0o700
    assert PASSWORD not in cli.session_file.read_text()


def test_a_wrong_password_is_told_and_not_kept(cli: Cli) -> None:
    arguments = ("login", "--console", cli.console.url, "--user", "admin", "--fingerprint", cli.console.fingerprint)
    assert "user name or the password is wrong" in cli.fails(*arguments, text="not it\n")
    assert not cli.session_file.exists()


def test_the_password_may_be_in_a_file(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    arguments = ("login", "--console", cli.console.url, "--user", "admin", "--fingerprint", cli.console.fingerprint)
    assert "as admin" in cli.succeeds(*arguments, "--password-file", str(file))


def test_a_password_file_that_is_missing_is_named(cli: Cli, tmp_path: Path) -> None:
    arguments = ("login", "--console", cli.console.url, "--user", "admin", "--fingerprint", cli.console.fingerprint)
    assert str(tmp_path / "none") in cli.fails(*arguments, "--password-file", str(tmp_path / "none"))


def test_an_unknown_certificate_is_not_trusted_unasked(cli: Cli) -> None:
    told = cli.fails("login", "--console", cli.console.url, "--user", "admin", text=f"{PASSWORD}\n")
    assert cli.console.fingerprint in told
    assert "--fingerprint" in told


def test_a_certificate_trusted_before_is_not_asked_about_again(cli: Cli) -> None:
    cli.log_in()
    cli.succeeds("login", "--console", cli.console.url, "--user", "admin", text=f"{PASSWORD}\n")


def test_a_certificate_file_is_trusted(cli: Cli) -> None:
    file = cli.console.data / "console" / "certificate.pem"
    arguments = ("login", "--console", cli.console.url, "--user", "admin", "--certificate", str(file))
    cli.succeeds(*arguments, text=f"{PASSWORD}\n")
    assert load_session(cli.data).certificate_pem == cli.console.certificate


def test_a_man_in_the_middle_gets_no_password_where_a_file_names_the_certificate(cli: Cli, tmp_path: Path) -> None:
    file = cli.console.data / "console" / "certificate.pem"
    with listening(make("impostor", host="localhost"), tmp_path) as impostor:
        arguments = ("login", "--console", impostor.url, "--user", "admin", "--certificate", str(file))
        assert "Nothing was sent" in cli.fails(*arguments, text=f"{PASSWORD}\n")
        assert impostor.heard == []


def test_a_man_in_the_middle_gets_no_password_where_a_fingerprint_names_the_certificate(
    cli: Cli, tmp_path: Path
) -> None:
    made = make("impostor", host="localhost")
    with listening(made, tmp_path) as impostor:
        arguments = ("login", "--console", impostor.url, "--user", "admin")
        told = cli.fails(*arguments, "--fingerprint", cli.console.fingerprint, text=f"{PASSWORD}\n")
        assert fingerprint(made.certificate) in told
        assert impostor.heard == []


def test_a_man_in_the_middle_gets_no_token(cli: Cli, tmp_path: Path) -> None:
    cli.log_in()
    kept = json.loads(cli.session_file.read_text())
    with listening(make("impostor", host="localhost"), tmp_path) as impostor:
        store_session(cli.data, StoredSession(**{**kept, "console": impostor.url}))
        assert "Nothing was sent" in cli.fails("users", "me")
        assert impostor.heard == []


def test_the_listener_of_these_tests_does_hear(cli: Cli, tmp_path: Path) -> None:
    made = make("impostor", host="localhost")
    with listening(made, tmp_path) as impostor:
        arguments = ("login", "--console", impostor.url, "--user", "admin")
        cli.fails(*arguments, "--fingerprint", fingerprint(made.certificate), text=f"{PASSWORD}\n")
        assert b"POST /api/v3/token" in b"".join(impostor.heard)


def test_a_person_is_asked_to_compare_the_fingerprint(cli: Cli, running_console: RunningConsole) -> None:
    ours, theirs = pty.openpty()
    arguments = ["login", "--console", running_console.url, "--user", "admin", "--data", str(cli.data)]
    process = subprocess.Popen(
        [TANDEM, *arguments], stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    os.close(theirs)
    with process, os.fdopen(ours, "wb", buffering=0) as terminal:
        told = read_until(process, b"Is it the same? [y/N]:")
        assert running_console.fingerprint.encode() in told
        terminal.write(b"y\n")
        read_until(process, b"Password of admin: ")
        terminal.write(f"{PASSWORD}\n".encode())
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert b"Signed in" in out
    assert PASSWORD.encode() not in out + err
    assert load_session(cli.data).certificate_pem is not None


def test_no_command_takes_a_password_as_an_argument(cli: Cli) -> None:
    assert "No such option" in cli.is_misused("login", "--password", PASSWORD)


def test_without_anybody_to_ask_the_user_must_be_named(cli: Cli) -> None:
    arguments = ("login", "--console", cli.console.url, "--fingerprint", cli.console.fingerprint)
    assert "--user" in cli.is_misused(*arguments)


def test_logging_out_forgets_the_sign_in(cli: Cli) -> None:
    cli.log_in()
    assert "Signed out" in cli.succeeds("logout")
    assert not cli.session_file.exists()
    assert "tandem login" in cli.fails("users", "me")


def test_logging_out_twice_is_no_error(cli: Cli) -> None:
    assert "Nobody was signed in" in cli.succeeds("logout")


def test_a_console_that_does_not_run_is_told_with_what_to_do(cli: Cli) -> None:
    told = cli.fails("login", "--console", "https://localhost:1", "--user", "admin", "--fingerprint", "00")
    assert "https://localhost:1" in told
    assert "tandem console" in told


@pytest.mark.parametrize(
    "address", ["http://localhost:1280", "localhost:1280", "https://", "https://a/path", "https://a:b"]
)
def test_an_address_that_is_none_is_told(cli: Cli, address: str) -> None:
    assert address in cli.fails("login", "--console", address, "--user", "admin")


def test_a_sign_in_that_cannot_be_read_is_told_with_what_to_do(cli: Cli) -> None:
    cli.log_in()
    cli.session_file.write_text("{")
    assert "Sign in again: tandem login" in cli.fails("users", "me")


def read_until(process: subprocess.Popen[bytes], end: bytes) -> bytes:
    """Read what a process says on stderr up to some words."""
    assert process.stderr is not None
    said = b""
    while not said.endswith(end):
        byte = os.read(process.stderr.fileno(), 1)
        assert byte, said
        said += byte
    return said
