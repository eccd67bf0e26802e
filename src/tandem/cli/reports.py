"""Protection reports: signed, so that whoever gets the file can tell whether it was changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from tandem.cli.lookup import COMPANIES, find
from tandem.cli.options import AsJson, Data, read_text, signed_in
from tandem.cli.output import Column, Row, moment, note, say, show_json, show_table
from tandem.decoding import decode
from tandem.domain.errors import Invalid
from tandem.domain.protection_report import PublicKey
from tandem.domain.protection_report import verify as verify_report

app = typer.Typer(help="Protection reports: what is copied, read back and restored, signed.", no_args_is_help=True)


@app.command("show")
def show_report(
    company: Annotated[str, typer.Argument(metavar="COMPANY", help="Name or uid.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the signed file.")] = False,
    data: Data = None,
) -> None:
    """Show the protection report of a company; with --json, the signed file to keep or send."""
    with signed_in(data) as client:
        found = find(client, COMPANIES, company)
        signed = client.get(f"{COMPANIES.path}/{found['instanceUid']}/protectionReport")
    if as_json:
        show_json(signed)
    else:
        _show(signed["report"])


@app.command("keys")
def show_keys(*, as_json: AsJson = False, data: Data = None) -> None:
    """Print the public keys of this console, for `tandem reports verify --keys` elsewhere; as JSON in any case."""
    del as_json
    with signed_in(data) as client:
        show_json(client.get("/protectionReports/keys"))


@app.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="From `tandem reports show COMPANY --json`.")],
    *,
    keys: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Public keys, from `tandem reports keys`; else the console's.")
    ] = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Check that a report is as the console signed it; exit code 0 only if it is."""
    text = read_text(file, "report")
    if keys is not None:
        known = _keys_in(read_text(keys, "public keys"))
    else:
        with signed_in(data) as client:
            known = _keys_in(msgspec.json.encode(client.get("/protectionReports/keys")))
    report = verify_report(text, known)
    if as_json:
        show_json(report)
        return
    say(f"The report of {report['companyName']} is as it was signed at {report['createdAt']}.")


def _keys_in(text: str | bytes) -> list[PublicKey]:
    try:
        return decode(text, dict[str, list[PublicKey]])["keys"]
    except (msgspec.DecodeError, KeyError) as error:
        raise Invalid(f"These are no public keys of a console: {error}.") from error


def _show(report: Row) -> None:
    columns = [Column("Share"), Column("Job"), Column("Newest point"), Column("Newest copy"), Column("Newest verified")]
    rows: list[tuple[Row, Row]] = [(job, job["copy"] or {}) for job in report["jobs"]]
    show_table(
        [*columns, Column("Last drill"), Column("Problems")],
        (
            (
                job["fileShareName"],
                job["jobName"],
                moment(job["newestRestorePoint"]),
                moment(copy.get("newestCopied")),
                moment(copy.get("newestVerified")),
                copy.get("lastDrillResult") or "",
                "\n".join([*job["problems"], *copy.get("problems", [])]) or "none",
            )
            for job, copy in rows
        ),
        empty="The company has no job yet.",
    )
    note(f"As of {report['createdAt']}. For the signed file: --json")
