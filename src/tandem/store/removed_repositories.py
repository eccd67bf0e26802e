"""The repositories of companies that were deleted, as long as somebody may need what is in them."""

from __future__ import annotations

from tandem.domain.identity import Scope
from tandem.domain.listing import Query
from tandem.domain.paging import Page
from tandem.domain.repositories import RemovedRepository
from tandem.store.database import Connection
from tandem.store.listing.collection import Collection
from tandem.store.schema.tables import removed_repositories

REMOVED_REPOSITORIES = Collection(
    removed_repositories,
    RemovedRepository,
    columns={"removal_time": removed_repositories.c.removed_at},
    order=[(removed_repositories.c.removed_at, True), (removed_repositories.c.instance_uid, False)],
)


def list_removed_repositories(connection: Connection, scope: Scope, query: Query) -> Page[RemovedRepository]:
    """List them, those removed last first."""
    return REMOVED_REPOSITORIES.page(connection, scope, query)
