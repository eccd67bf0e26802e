"""Assigning jobs to companies over HTTP."""

from __future__ import annotations

from uuid import UUID

import msgspec

from tandem.actions import assign_job as assign
from tandem.api.http.answers import Done
from tandem.api.http.call import Call


class AssignParameters(msgspec.Struct, rename="camel", kw_only=True):
    """Which company a job is assigned to."""

    company_uid: UUID


def assign_job(call: Call, query: AssignParameters) -> Done:
    """Assign a job to a company, in place of any other."""
    assign.assign_job(call.act, call.uid("jobUid"), str(query.company_uid))
    return Done()


def unassign_job(call: Call) -> Done:
    """Take a job back from the company that it is assigned to."""
    assign.unassign_job(call.act, call.uid("jobUid"))
    return Done()
