"""Assigning jobs to companies over HTTP."""

from __future__ import annotations

from starlette.responses import Response

from tandem.actions import assign_job as assign
from tandem.api.call import Call
from tandem.api.envelope import empty
from tandem.api.query_values import read_uid, required


def assign_job(call: Call) -> Response:
    """Assign a job to a company, in place of any other."""
    company_uid = required(read_uid(call, assign.PARAMETER), assign.PARAMETER)
    assign.assign_job(call.act, call.uid("jobUid"), company_uid)
    return empty()


def unassign_job(call: Call) -> Response:
    """Take a job back from the company that it is assigned to."""
    assign.unassign_job(call.act, call.uid("jobUid"))
    return empty()
