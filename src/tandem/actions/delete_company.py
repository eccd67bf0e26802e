"""Deleting a company: it is gone from the console at once; what it backed up stays in its repositories on disk."""

from __future__ import annotations

from tandem.actions.context import Act
from tandem.domain.errors import Conflict
from tandem.store import activity_log, company_removal, organizations


def delete_company(act: Act, uid: str, *, remove_all_agents: bool) -> None:
    """Delete a company with its users, backup servers, jobs and all that is known of them.

    Its agents are not let in any more. The repositories' passwords stay in the console's database, sealed.

    Raises:
        NotFound: if the company is not there for the caller.
        Conflict: if its backup servers have jobs and the agents are not to be removed.
    """
    with act.context.database.writing() as connection:
        company = organizations.lock_company(connection, act.caller.scope, uid)
        if company_removal.has_jobs(connection, uid) and not remove_all_agents:
            text = f"The company {company.name} has backup servers with jobs; delete them first, or set removeAllAgents"
            raise Conflict(f"{text} to true.", parameter="removeAllAgents")
        company_removal.keep_repositories(connection, uid, act.now)
        company_removal.delete_company(connection, act.caller.scope, uid)
        activity_log.record_activity(
            connection,
            act.caller,
            "DeleteCompany",
            object_uid=uid,
            detail=company.name,
            now=act.now,
            object_organization_uid=uid,
        )
