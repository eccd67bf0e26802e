"""Organizations and companies, stored."""

from __future__ import annotations

from typing import Any

from sqlalchemy import exists, insert, select, update

from tandem.domain.identity import Company, Organization, Scope
from tandem.domain.listing import Query
from tandem.domain.locations import DEFAULT_NAME, LocationType
from tandem.domain.paging import Page
from tandem.store.database import Connection
from tandem.store.listing.collection import Collection
from tandem.store.query import columns_of, fetch_one, records, visible
from tandem.store.schema.tables import companies, locations, organizations

_ORGANIZATION = columns_of(organizations.c, Organization)
_COMPANY = columns_of(companies.c, Company)
ORGANIZATIONS = Collection(organizations, Organization)
COMPANIES = Collection(companies, Company, columns={"owner_credentials_user_name": companies.c.owner_user_name})


def list_organizations(connection: Connection, scope: Scope, query: Query) -> Page[Organization]:
    """List the organizations that the caller sees."""
    return ORGANIZATIONS.page(connection, scope, query)


def get_organization(connection: Connection, scope: Scope, uid: str) -> Organization:
    """Get one organization; raises NotFound."""
    statement = select(*_ORGANIZATION).where(visible(organizations, scope), organizations.c.instance_uid == uid)
    return fetch_one(connection, statement, Organization, noun="organization", uid=uid)


def location_of(connection: Connection, scope: Scope, uid: str) -> str:
    """Get the uid of an organization's default location; raises NotFound."""
    get_organization(connection, scope, uid)
    is_default = (locations.c.organization_uid == uid) & (locations.c.type == LocationType.DEFAULT)
    return str(connection.scalar(select(locations.c.instance_uid).where(is_default)))


def lock_organization(connection: Connection, scope: Scope, uid: str) -> Organization:
    """Get one organization and keep every other change of it waiting until the commit; raises NotFound."""
    statement = select(*_ORGANIZATION).where(visible(organizations, scope), organizations.c.instance_uid == uid)
    statement = statement.with_for_update(of=organizations)
    return fetch_one(connection, statement, Organization, noun="organization", uid=uid)


def update_organization(connection: Connection, scope: Scope, uid: str, changes: dict[str, Any]) -> None:
    """Change columns of an organization; a company's name is its organization's."""
    if "name" in changes:
        changes = {**changes, "name_key": changes["name"].casefold()}
        of_company = update(companies).where(visible(companies, scope), companies.c.instance_uid == uid)
        connection.execute(of_company.values(name=changes["name"]))
    statement = update(organizations).where(visible(organizations, scope), organizations.c.instance_uid == uid)
    connection.execute(statement.values(changes))


def list_companies(connection: Connection, scope: Scope, query: Query) -> Page[Company]:
    """List the companies that the caller sees."""
    return COMPANIES.page(connection, scope, query)


def get_company(connection: Connection, scope: Scope, uid: str) -> Company:
    """Get one company; raises NotFound."""
    statement = select(*_COMPANY).where(visible(companies, scope), companies.c.instance_uid == uid)
    return fetch_one(connection, statement, Company, noun="company", uid=uid)


def lock_company(connection: Connection, scope: Scope, uid: str) -> Company:
    """Get one company and keep every other change of it waiting until the commit; raises NotFound."""
    statement = select(*_COMPANY).where(visible(companies, scope), companies.c.instance_uid == uid)
    return fetch_one(connection, statement.with_for_update(of=companies), Company, noun="company", uid=uid)


def update_company(connection: Connection, scope: Scope, uid: str, changes: dict[str, Any]) -> None:
    """Change columns of a company, its name aside."""
    statement = update(companies).where(visible(companies, scope), companies.c.instance_uid == uid)
    connection.execute(statement.values(changes))


def rename_owner(connection: Connection, uid: str, user_name: str) -> None:
    """Note at a company the user name of its owner; nothing happens if the organization is no company."""
    statement = update(companies).where(companies.c.instance_uid == uid)
    connection.execute(statement.values(owner_user_name=user_name))


def organizations_by_uid(connection: Connection, scope: Scope, uids: list[str]) -> dict[str, Organization]:
    """Get several organizations at once, those that the caller sees."""
    statement = select(*_ORGANIZATION).where(visible(organizations, scope), organizations.c.instance_uid.in_(uids))
    return {found.instance_uid: found for found in records(connection, statement, Organization)}


def is_name_taken(connection: Connection, name: str) -> bool:
    """Say whether any organization has this name, whatever its case."""
    return bool(connection.scalar(select(exists().where(organizations.c.name_key == name.casefold()))))


def insert_organization(connection: Connection, organization: Organization, location_uid: str) -> None:
    """Store a new organization with its default location."""
    values = {name: getattr(organization, name) for name in Organization.__struct_fields__}
    connection.execute(insert(organizations).values(**values, name_key=organization.name.casefold()))
    location = {"instance_uid": location_uid, "organization_uid": organization.instance_uid, "name": DEFAULT_NAME}
    connection.execute(insert(locations).values(**location, type=LocationType.DEFAULT, quota_gb=0))


def insert_company(connection: Connection, company: Company) -> None:
    """Store a new company; its organization is stored first."""
    connection.execute(insert(companies).values({n: getattr(company, n) for n in Company.__struct_fields__}))
