"""Making the protection report of a company, and the keys that sign it."""

from __future__ import annotations

from typing import Any

import msgspec
from joserfc.jwk import OKPKey

from tandem.actions.context import Act, Context, new_uid
from tandem.decoding import decode
from tandem.domain.proof import CopyProof, CopyStand, ProtectedJob
from tandem.domain.protection_report import PublicKey, SignedReport, sign
from tandem.domain.restore_points import CopyState
from tandem.store import organizations, proof

VERSION = 1


def report_protection(act: Act, company_uid: str) -> SignedReport:
    """Say for each share of a company where its points are, what was proven of them and what is wrong; signed.

    Raises NotFound if the company is not there for the caller. It holds what the caller sees, and nothing else.
    """
    scope, now = act.caller.scope, act.now
    with act.context.database.reading() as connection:
        company = organizations.get_company(connection, scope, company_uid)
        rows = proof.protected_jobs(connection, scope, company_uid)
        uids = [row.copy_job_unique_uid for row in rows if row.copy_job_unique_uid is not None]
        proofs = proof.copy_proofs(connection, scope, uids)
        stands = proof.copy_stands(connection, scope, uids)
    report: dict[str, Any] = {
        "version": VERSION,
        "installationUid": act.context.installation_uid,
        "companyUid": company_uid,
        "companyName": company.name,
        "createdAt": now.isoformat(),
        "jobs": [_job(act, row, proofs, stands) for row in rows],
    }
    return sign(report, _signing_key(act.context))


def public_keys(context: Context) -> list[PublicKey]:
    """Give the public keys of the reports that this installation has signed, newest first."""
    with context.database.reading() as connection:
        stored = proof.report_keys_newest_first(connection)
    return [PublicKey(kid=uid, x=public) for uid, _sealed, public in stored]


def _job(act: Act, row: ProtectedJob, proofs: dict[str, CopyProof], stands: list[CopyStand]) -> dict[str, Any]:
    problems: list[str] = []
    if row.points == 0:
        problems.append("There is no restore point in the first repository.")
    if row.damaged_points:
        problems.append(f"{row.damaged_points} restore points are damaged in the first repository.")
    found = proofs.get(row.copy_job_unique_uid or "")
    if found is None:
        problems.append("There is no copy.")
    copy = (
        None
        if found is None
        else _copy(act, row, found, [one for one in stands if one.job_unique_uid == found.unique_uid])
    )
    return {
        "fileShareUid": row.file_share_uid,
        "fileShareName": row.file_share_name,
        "jobUid": row.job_uid,
        "jobName": row.job_name,
        "restorePoints": row.points,
        "newestRestorePoint": _text(row.newest_point),
        "copy": copy,
        "problems": problems,
    }


def _copy(act: Act, row: ProtectedJob, found: CopyProof, stands: list[CopyStand]) -> dict[str, Any]:
    now = act.now
    held = [one for one in stands if one.state.is_held]
    verified = [one for one in stands if one.state is CopyState.VERIFIED]
    problems: list[str] = []
    if not held:
        problems.append("The copy holds no restore point.")
    if found.is_verification_overdue(now):
        problems.append(f"Not every pack was read back within {found.verify_every_days} days.")
    if found.verification_problem:
        problems.append("The last verification found damage.")
    damaged = sum(one.damaged for one in stands)
    if damaged:
        problems.append(f"{damaged} copies are damaged.")
    if found.last_drill_result is not None and found.last_drill_result != "Same":
        problems.append(f"The last restore drill ended as {found.last_drill_result}.")
    return {
        "jobUid": found.unique_uid,
        "jobName": row.copy_job_name,
        "states": {one.state: one.count for one in stands},
        "newestCopied": _newest(held),
        "newestVerified": _newest(verified),
        "verifyEveryDays": found.verify_every_days,
        "allReadSince": _text(found.verified_at),
        "isVerificationOverdue": found.is_verification_overdue(now),
        "lastDrillTime": _text(found.last_drill_at),
        "lastDrillResult": found.last_drill_result,
        "problems": problems,
    }


def _newest(stands: list[CopyStand]) -> str | None:
    return _text(max((one.newest for one in stands if one.newest is not None), default=None))


def _text(instant: Any) -> str | None:
    return None if instant is None else instant.isoformat()


def _signing_key(context: Context) -> OKPKey:
    """Give the newest key, making the first one when it is needed."""
    with context.database.reading() as connection:
        stored = proof.report_keys_newest_first(connection)
    if not stored:
        _make_key(context)
        with context.database.reading() as connection:
            stored = proof.report_keys_newest_first(connection)
    uid, sealed, _public = stored[0]
    return OKPKey.import_key(decode(context.seal.open(sealed, uid)), {"kid": uid})


def _make_key(context: Context) -> None:
    key = OKPKey.generate_key("Ed25519")
    private = key.as_dict(private=True)
    uid = new_uid()
    sealed = context.seal.close(
        msgspec.json.encode({name: private[name] for name in ("kty", "crv", "x", "d")}).decode(), uid
    )
    with context.database.writing() as connection:
        # Several consoles may come here at once: a key too many does no harm, all are published.
        proof.insert_report_key(connection, uid, sealed_key=sealed, public_key=str(private["x"]), now=context.clock())
