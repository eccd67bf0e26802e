"""The proof of copies over HTTP: reading back, healing, restore drills, and the signed report; extensions of ours."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from tandem.actions import protection_report, prove_copies
from tandem.api.http.answers import One
from tandem.api.http.call import Call
from tandem.api.http.texts import Instant, Int32, Uid, instant_or_none
from tandem.api.sessions import SessionView, view_session
from tandem.domain import drills, verification
from tandem.domain.drills import DrillResult
from tandem.domain.proof import CopyProof, RepositoryVerification
from tandem.store import file_share_copy_jobs, proof


# The rules refuse what is outside, and name both ends; the description names them too.
def _within(low: int, high: int) -> msgspec.Meta:
    return msgspec.Meta(extra_json_schema={"format": "int32", "minimum": low, "maximum": high})


VerifyEvery = Annotated[int, _within(verification.EVERY_MIN_DAYS, verification.EVERY_MAX_DAYS)]
DrillEvery = Annotated[int, _within(drills.EVERY_MIN_DAYS, drills.EVERY_MAX_DAYS)]
DrillFiles = Annotated[int, _within(1, drills.FILES_MAX)]


class VerificationView(msgspec.Struct, rename="camel", kw_only=True):
    """How far the reading back of a repository is: since `lastVerificationTime` every pack has been read."""

    repository_uid: Uid
    verify_every_days: Int32
    last_verification_time: Instant | None
    verification_overdue: bool
    problem: str | None


class VerificationInput(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """In how many days every pack is to be read back."""

    verify_every_days: VerifyEvery


class VerifyInput(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """How much is read: the next part or everything."""

    is_everything: bool = False


class CopyProofView(msgspec.Struct, rename="camel", kw_only=True):
    """What is known of the copies of a copy job: when they were read back and restored."""

    unique_job_uid: Uid
    verify_every_days: Int32
    last_verification_time: Instant | None
    verification_overdue: bool
    is_damaged: bool
    drill_every_days: Int32
    last_drill_time: Instant | None
    last_drill_result: DrillResult | None


class CopyProofInput(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """How often the newest copy is restored for a drill."""

    drill_every_days: DrillEvery


class DrillInput(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """How many files are restored; null means all."""

    files: DrillFiles | None = drills.FILES_DEFAULT


class SignedReportView(msgspec.Struct, rename="camel", kw_only=True):
    """A report, and the same report as a JSON Web Signature (compact, Ed25519)."""

    report: dict[str, Any]
    signature: str


class PublicKeyView(msgspec.Struct, kw_only=True):
    """A public key as a JSON Web Key."""

    kty: str
    crv: str
    kid: str
    x: str
    alg: str
    use: str


class PublicKeysView(msgspec.Struct, kw_only=True):
    """A JSON Web Key Set."""

    keys: list[PublicKeyView]


def get_verification(call: Call) -> One[VerificationView]:
    """Get how far the reading back of a repository is."""
    with call.reading() as connection:
        server_uid, uid = call.uid("backupServerUid"), call.uid("repositoryUid")
        found = proof.get_verification(connection, call.scope, uid, server_uid)
    return One(_view_verification(call, found))


def set_verification(call: Call, body: VerificationInput) -> One[VerificationView]:
    """Change in how many days every pack of a repository is to be read."""
    server_uid, uid = call.uid("backupServerUid"), call.uid("repositoryUid")
    return One(
        _view_verification(call, prove_copies.set_verification(call.act, server_uid, uid, body.verify_every_days))
    )


def verify_repository(call: Call, body: VerifyInput) -> One[SessionView]:
    """Queue the reading back of a repository; the answer is the session to follow."""
    server_uid, uid = call.uid("backupServerUid"), call.uid("repositoryUid")
    session = prove_copies.verify_repository(call.act, server_uid, uid, is_everything=body.is_everything)
    return One(view_session(session, call.context.clock()))


def heal_repository(call: Call) -> One[SessionView]:
    """Queue the healing of a repository from copies; the answer is the session to follow."""
    server_uid, uid = call.uid("backupServerUid"), call.uid("repositoryUid")
    session = prove_copies.verify_repository(call.act, server_uid, uid, is_healing=True)
    return One(view_session(session, call.context.clock()))


def get_copy_proof(call: Call) -> One[CopyProofView]:
    """Get what is known of the copies of a copy job."""
    with call.reading() as connection:
        job = file_share_copy_jobs.get_file_share_copy_job(connection, call.scope, call.uid("jobUid"))
        found = proof.get_copy_proof(connection, call.scope, job.unique_uid)
    return One(_view_copy_proof(call, found))


def set_copy_proof(call: Call, body: CopyProofInput) -> One[CopyProofView]:
    """Change how often the newest copy of a copy job is restored."""
    return One(_view_copy_proof(call, prove_copies.set_drills(call.act, call.uid("jobUid"), body.drill_every_days)))


def drill_copy(call: Call, body: DrillInput) -> One[SessionView]:
    """Queue a restore drill; the answer is the session to follow."""
    session = prove_copies.drill_copy(call.act, call.uid("jobUid"), body.files)
    return One(view_session(session, call.context.clock()))


def get_protection_report(call: Call) -> One[SignedReportView]:
    """Get the signed protection report of a company."""
    signed = protection_report.report_protection(call.act, call.uid("companyUid"))
    return One(SignedReportView(report=signed.report, signature=signed.signature))


def get_report_keys(call: Call) -> One[PublicKeysView]:
    """Get the public keys of protection reports."""
    keys = protection_report.public_keys(call.context)
    return One(PublicKeysView(keys=[PublicKeyView(**msgspec.to_builtins(key)) for key in keys]))


def _view_verification(call: Call, found: RepositoryVerification) -> VerificationView:
    return VerificationView(
        repository_uid=found.instance_uid,
        verify_every_days=found.verify_every_days,
        last_verification_time=instant_or_none(found.verified_at),
        verification_overdue=found.is_overdue(call.context.clock()),
        problem=found.verification_problem,
    )


def _view_copy_proof(call: Call, found: CopyProof) -> CopyProofView:
    return CopyProofView(
        unique_job_uid=found.unique_uid,
        verify_every_days=found.verify_every_days,
        last_verification_time=instant_or_none(found.verified_at),
        verification_overdue=found.is_verification_overdue(call.context.clock()),
        is_damaged=found.verification_problem is not None,
        drill_every_days=found.drill_every_days,
        last_drill_time=instant_or_none(found.last_drill_at),
        last_drill_result=found.last_drill_result,
    )
