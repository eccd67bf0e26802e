"""Options that many commands share, and what they lead to."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tandem.cli.output import is_for_a_person, plain
from tandem.client import Client, open_client
from tandem.config import Settings, load
from tandem.domain.errors import Invalid

STDIN = Path("-")

Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="FOLDER", help="Where the sign-in is kept, below cli/; else TANDEM_DATA."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Server = Annotated[str | None, typer.Option("--server", metavar="NAME", help="The backup server, by name or uid.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=500, help="How many, newest first.")]
PasswordFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The password's file, - for standard input. Without it, you are asked."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def settings(data: Path | None, **flags: object) -> Settings:
    """Give the settings, given what the command line says."""
    return load({"data": data, **flags})


def signed_in(data: Path | None) -> Client:
    """Open a client with the sign-in that is kept; raises NotSignedIn."""
    return open_client(settings(data).data)


def confirm(question: str, *, is_certain: bool) -> None:
    """Ask whether something is really to be done, unless somebody has said so; ends the command if it is not."""
    if is_certain:
        return
    if not is_for_a_person():
        raise typer.BadParameter("needed where nobody can be asked", param_hint="--yes")
    typer.confirm(plain(question), abort=True, err=True)


def read_text(file: Path, what: str) -> str:
    """Read a whole file of text; raises Invalid, naming what should be in it."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"The file {file} of the {what} cannot be read: {error}.") from error


def read_password(file: Path | None, prompt: str, *, is_new: bool) -> str:
    """Get a password from a file or, without one, by asking; standard input that is no terminal counts as a file.

    Args:
        file: its first line is the password.
        prompt: what to ask for.
        is_new: whether it is to be typed twice.
    """
    if file is None and is_for_a_person():
        return str(typer.prompt(prompt, hide_input=True, confirmation_prompt=is_new, err=True))
    try:
        text = sys.stdin.readline() if file is None or file == STDIN else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"The password file {file} cannot be read: {error}.") from error
    password = text.partition("\n")[0].removesuffix("\r")
    if not password:
        where = "standard input" if file in {None, STDIN} else str(file)
        raise Invalid(f"{prompt}: {where} begins with an empty line; give it there, or by --password-file FILE.")
    return password
