"""Signing in and out: which certificate is trusted is settled before the password is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tandem.cli.options import Data, PasswordFile, read_password, settings
from tandem.cli.output import is_for_a_person, note, say
from tandem.client import Client, StoredSession, forget_session, load_session, store_session
from tandem.client.certificates import fetch_certificate, fingerprint, has_fingerprint, is_vouched_for
from tandem.client.errors import NotSignedIn
from tandem.domain.errors import Invalid


def login(
    *,
    console: Annotated[
        str | None, typer.Option(metavar="URL", help="The console's https address; else TANDEM_CONSOLE.")
    ] = None,
    user: Annotated[str | None, typer.Option(metavar="NAME", help="Your user name; without it, you are asked.")] = None,
    password_file: PasswordFile = None,
    certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The console's certificate, or its authority's (PEM).")
    ] = None,
    expected: Annotated[
        str | None,
        typer.Option("--fingerprint", metavar="SHA256", help="The fingerprint of the certificate to trust."),
    ] = None,
    data: Data = None,
) -> None:
    """Sign in at a console; later commands use it until you log out.

    A certificate that no authority known here has signed is shown by its fingerprint, for you to compare with the one
    in the console's log.
    """
    if certificate is not None and expected is not None:
        raise typer.BadParameter("name either the file or the fingerprint", param_hint="--certificate, --fingerprint")
    chosen = settings(data, console=console)
    trusted = _trusted_certificate(chosen.console, chosen.data, certificate, expected)
    user_name = user or _ask_user_name()
    password = read_password(password_file, f"Password of {user_name}", is_new=False)

    def keep(access_token: str, refresh_token: str) -> None:
        session = StoredSession(
            console=client.console,
            certificate_pem=trusted,
            user_name=user_name,
            access_token=access_token,
            refresh_token=refresh_token,
        )
        store_session(chosen.data, session)

    with Client(chosen.console, trusted, on_tokens=keep) as client:
        client.sign_in(user_name, password, _ask_code)
    say(f"Signed in at {client.console} as {user_name}.")


def logout(*, data: Data = None) -> None:
    """Forget the sign-in that is kept here."""
    is_forgotten = forget_session(settings(data).data)
    say("Signed out." if is_forgotten else "Nobody was signed in.")


def _trusted_certificate(console: str, data: Path, file: Path | None, expected: str | None) -> str | None:
    """Settle which certificate is trusted; None means those that this system's authorities vouch for."""
    if file is not None:
        try:
            return file.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise Invalid(f"The certificate file {file} cannot be read: {error}.") from error
    if expected is None and is_vouched_for(console):
        return None
    shown = fetch_certificate(console)
    if expected is not None:
        if has_fingerprint(shown, expected):
            return shown
        text = f"{console} shows a certificate with the fingerprint {fingerprint(shown)}, not the expected {expected}."
        raise Invalid(f"{text} Somebody may be in between; nothing was sent.")
    known = _known_certificate(console, data)
    if known is not None and fingerprint(known) == fingerprint(shown):
        return shown
    _ask_to_trust(console, shown, was_other=known is not None)
    return shown


def _known_certificate(console: str, data: Path) -> str | None:
    try:
        session = load_session(data)
    except NotSignedIn:
        return None
    return session.certificate_pem if session.console == console.rstrip("/") else None


def _ask_to_trust(console: str, shown: str, *, was_other: bool) -> None:
    text = f"No authority known here has signed the certificate of {console}. Its fingerprint (SHA-256) is"
    if not is_for_a_person():
        next_step = "Compare it with the one in the console's log, and add: --fingerprint SHA256"
        raise Invalid(f"{text} {fingerprint(shown)}. {next_step}")
    if was_other:
        note("The console shows another certificate than at the last sign-in.")
    note(f"{text}\n  {fingerprint(shown)}\nCompare it with the one in the console's log.")
    typer.confirm("Is it the same?", abort=True, err=True)


def _ask_user_name() -> str:
    if not is_for_a_person():
        raise typer.BadParameter("needed where nobody can be asked", param_hint="--user")
    return str(typer.prompt("User name", err=True))


def _ask_code() -> str:
    if not is_for_a_person():
        raise Invalid("A code of the second factor is needed; where nobody can be asked, use an API key instead.")
    return str(typer.prompt("Code of your authenticator", err=True))
