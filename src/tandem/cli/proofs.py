"""Proof that copies are whole: reading back, healing, restore drills."""

from __future__ import annotations

from typing import Annotated

import typer

from tandem.cli.following import follow, tell_end
from tandem.cli.lookup import JOBS, find, find_repository, path_of_repository
from tandem.cli.options import AsJson, Data, Server, signed_in
from tandem.cli.output import Row, moment, say, show_fields, show_json
from tandem.client import Client
from tandem.domain import drills
from tandem.domain.jobs import JobType

Repository = Annotated[str, typer.Argument(metavar="REPOSITORY", help="Name or uid.")]
CopyJob = Annotated[str, typer.Argument(metavar="JOB", help="A copy job: name or uid.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Follow it to its end; exit code 0 only on success.")]


def verify(
    repository: Repository,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Read all packs, not just the next part.")] = False,
    every: Annotated[
        int | None,
        typer.Option(metavar="DAYS", help="From now on, read every pack within so many days; read none now."),
    ] = None,
    server: Server = None,
    wait: Wait = True,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Read back the next part of a repository, or set how often every pack is read."""
    with signed_in(data) as client:
        path = path_of_repository(find_repository(client, repository, server))
        if every is not None:
            _show_verification(client.put(f"{path}/verification", {"verifyEveryDays": every}), as_json=as_json)
            return
        _follow(client, client.post(f"{path}/verify", {"isEverything": everything}), wait=wait, as_json=as_json)


def verification(repository: Repository, *, server: Server = None, as_json: AsJson = False, data: Data = None) -> None:
    """Show since when every pack of a repository has been read back, and what is wrong."""
    with signed_in(data) as client:
        row = client.get(f"{path_of_repository(find_repository(client, repository, server))}/verification")
    _show_verification(row, as_json=as_json)


def heal(
    repository: Repository,
    *,
    server: Server = None,
    wait: Wait = True,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Read all of a repository, and bring back from copies what is lost or damaged."""
    with signed_in(data) as client:
        path = path_of_repository(find_repository(client, repository, server))
        _follow(client, client.post(f"{path}/heal"), wait=wait, as_json=as_json)


def drill(
    job: CopyJob,
    *,
    files: Annotated[int, typer.Option(metavar="N", help="How many files to restore.")] = drills.FILES_DEFAULT,
    everything: Annotated[bool, typer.Option("--all", help="Restore all of the newest copy.")] = False,
    every: Annotated[
        int | None, typer.Option(metavar="DAYS", help="From now on, do so every so many days; restore nothing now.")
    ] = None,
    wait: Wait = True,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Restore files of the newest copy and compare them with the first backup."""
    with signed_in(data) as client:
        path = _copy_job_path(client, job)
        if every is not None:
            row = client.put(f"{path}/proof", {"drillEveryDays": every})
            _show_proof(row, as_json=as_json)
            return
        body = {"files": None if everything else files}
        _follow(client, client.post(f"{path}/drill", body), wait=wait, as_json=as_json)


def proof(job: CopyJob, *, as_json: AsJson = False, data: Data = None) -> None:
    """Show when the copies of a copy job were read back and restored."""
    with signed_in(data) as client:
        row = client.get(f"{_copy_job_path(client, job)}/proof")
    _show_proof(row, as_json=as_json)


def _copy_job_path(client: Client, job: str) -> str:
    row = find(client, JOBS, job)
    if row["type"] != JobType.BACKUP_FILE_COPY:
        raise typer.BadParameter(
            f"{row['name']} is no copy job; see which are with: tandem jobs list", param_hint="JOB"
        )
    return f"{JOBS.path}/fileShareCopyJobs/{row['instanceUid']}"


def _follow(client: Client, session: Row, *, wait: bool, as_json: bool) -> None:
    if wait:
        tell_end(follow(client, session["instanceUid"]), as_json=as_json)
    elif as_json:
        show_json(session)
    else:
        say(f"It is queued. See how it goes with: tandem sessions show {session['instanceUid']}")


def _show_verification(row: Row, *, as_json: bool) -> None:
    if as_json:
        show_json(row)
        return
    show_fields(
        [
            ("Every pack within", f"{row['verifyEveryDays']} days"),
            ("All read since", moment(row["lastVerificationTime"])),
            ("Overdue", _yes(row["verificationOverdue"])),
            ("Problem", row["problem"] or "none"),
        ]
    )


def _show_proof(row: Row, *, as_json: bool) -> None:
    if as_json:
        show_json(row)
        return
    show_fields(
        [
            ("Every pack within", f"{row['verifyEveryDays']} days"),
            ("All read since", moment(row["lastVerificationTime"])),
            ("Overdue", _yes(row["verificationOverdue"])),
            ("Damaged", _yes(row["isDamaged"])),
            ("Drill every", f"{row['drillEveryDays']} days"),
            ("Last drill", moment(row["lastDrillTime"])),
            ("It showed", row["lastDrillResult"] or "nothing yet"),
        ]
    )


def _yes(is_so: object) -> str:
    return "yes" if is_so else "no"
