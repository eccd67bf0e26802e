"""Assigning a provider's job to a company, which from then on sees it, its sessions and its restore points."""

from __future__ import annotations

import msgspec

from tandem.actions.change_job import log_job
from tandem.actions.context import Act
from tandem.domain.errors import Conflict, Invalid, NotFound
from tandem.domain.identity import OrganizationType, Scope
from tandem.domain.jobs import Job
from tandem.store import jobs, organizations
from tandem.store.database import Connection

PARAMETER = "companyUid"


def assign_job(act: Act, uid: str, company_uid: str) -> None:
    """Assign a job to a company, in place of any that it was assigned to before.

    Args:
        act: who asks.
        uid: the job, by either of its ids; its copy jobs are jobs of their own, and not assigned with it.
        company_uid: whom to.

    Raises:
        NotFound: if the job or the company is not there for the caller.
        Invalid: if the organization is no company, or the job's owner neither the provider nor the company's reseller.
    """
    scope = act.caller.scope
    with act.context.database.writing() as connection:
        job = jobs.get_job(connection, scope, uid)
        _check_company(connection, scope, job, company_uid)
        jobs.map_job(connection, scope, job.unique_uid, company_uid)
        assigned = msgspec.structs.replace(job, mapped_organization_uid=company_uid)
        company = organizations.get_organization(connection, scope, company_uid)
        log_job(connection, act, assigned, "AssignBackupServerJob", more=f"to {company.name}")


def unassign_job(act: Act, uid: str) -> None:
    """Take a job back from the company that it is assigned to.

    Raises:
        NotFound: if the job is not there for the caller.
        Conflict: if it is not assigned.
    """
    with act.context.database.writing() as connection:
        job = jobs.get_job(connection, act.caller.scope, uid)
        if job.mapped_organization_uid is None:
            raise Conflict(f"The job {job.name} is not assigned to a company.")
        jobs.map_job(connection, act.caller.scope, job.unique_uid, None)
        log_job(connection, act, job, "UnassignBackupServerJob")


def _check_company(connection: Connection, scope: Scope, job: Job, uid: str) -> None:
    try:
        organization = organizations.get_organization(connection, scope, uid)
    except NotFound as error:
        raise NotFound(f"{PARAMETER}: no company with the id {uid} was found.", parameter=PARAMETER) from error
    if uid == job.organization_uid:
        text = f"{PARAMETER}: the job {job.name} is {organization.name}'s own; choose another company."
        raise Invalid(text, parameter=PARAMETER)
    if organization.type is not OrganizationType.COMPANY:
        text = f"{PARAMETER}: {organization.name} is a {organization.type.lower()}; a job is assigned to a company."
        raise Invalid(text, parameter=PARAMETER)
    owner = organizations.get_organization(connection, scope, job.organization_uid)
    reseller_uid = organizations.get_company(connection, scope, uid).reseller_uid
    if owner.type is not OrganizationType.PROVIDER and owner.instance_uid != reseller_uid:
        # A customer's data would be shown to another customer.
        text = f"{PARAMETER}: the job {job.name} belongs to {owner.name}; only jobs of the provider, or of the"
        raise Invalid(f"{text} company's own reseller, can be assigned.", parameter=PARAMETER)
