"""Mapping what a backup server has to a company."""

from __future__ import annotations

from tandem.actions.context import named_in
from tandem.domain.backup_servers import BackupServer
from tandem.domain.errors import Invalid
from tandem.domain.identity import Company, OrganizationType, Scope
from tandem.store import organizations
from tandem.store.database import Connection

FIELD = "mappedOrganizationUid"


def find_mapped(connection: Connection, scope: Scope, server: BackupServer, uid: str | None) -> Company | None:
    """Find the company that something of a backup server is to be mapped to; None for None.

    Whoever sees the backup server then sees that company's name: it must be the server's own, or one that the
    server's organization serves.

    Raises:
        NotFound: if it is no company, or not there for the caller.
        Invalid: if the backup server is another company's, or that of a reseller who does not serve the company.
    """
    if uid is None:
        return None
    with named_in(FIELD):
        company = organizations.get_company(connection, scope, uid)
    if server.organization_uid in {company.instance_uid, company.reseller_uid}:
        return company
    owner = organizations.get_organization(connection, scope, server.organization_uid)
    if owner.type is not OrganizationType.PROVIDER:
        text = f"{FIELD}: the backup server {server.name} is not one of {company.name}, nor of who serves that company."
        raise Invalid(text, field=FIELD)
    return company
