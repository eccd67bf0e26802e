"""Adoption over HTTP: what repositories hold, and which points that others have made are a job's own."""

from __future__ import annotations

from typing import Annotated

import msgspec

from tandem.actions import adopt_points as adopt
from tandem.api.http.answers import One
from tandem.api.http.call import Call
from tandem.api.http.texts import Instant, Int32, Text, instant, instant_or_none
from tandem.api.sessions import SessionView, view_session
from tandem.domain.adoption import Origin, RepositorySnapshots
from tandem.store import adoption, jobs, repositories

Paths = Annotated[list[Text], msgspec.Meta(min_length=1, max_length=100)]


class SnapshotGroupView(msgspec.Struct, rename="camel", kw_only=True):
    """The points of one host and the same paths in a repository.

    `knownCount` of them are restore points or copies of jobs; `copiedCount` were copied from another repository.
    """

    host_name: str
    paths: list[str]
    count: Int32
    known_count: Int32
    copied_count: Int32
    first_date: Instant
    last_date: Instant


class RepositorySnapshotsView(msgspec.Struct, rename="camel", kw_only=True):
    """What a repository was found to hold; without a time, nobody has looked yet."""

    collection_time: Instant | None
    groups: list[SnapshotGroupView]


class OriginInput(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """Whose points are adopted: the host that made them, and its paths, just as the repository has them."""

    host_name: Text
    paths: Paths


class AdoptionInput(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """What a job adopts; its retention may forget what it adopts only with `confirmDeletion`."""

    origins: Annotated[list[OriginInput], msgspec.Meta(max_length=100)] = []
    confirm_deletion: bool = False


class OriginView(msgspec.Struct, rename="camel", kw_only=True):
    """A host and the paths that it backed up together."""

    host_name: str
    paths: list[str]


class AdoptionView(msgspec.Struct, rename="camel", kw_only=True):
    """What a job has adopted, and whether its retention may forget that."""

    origins: list[OriginView]
    is_deletion_confirmed: bool


def get_repository_snapshots(call: Call) -> One[RepositorySnapshotsView]:
    """Tell what a repository held when somebody looked last."""
    uid = call.uid("repositoryUid")
    with call.reading() as connection:
        repositories.get_repository(connection, call.scope, uid, call.uid("backupServerUid"))
        found = adoption.find_snapshots(connection, call.scope, uid)
    return One(_view(found))


def collect_repository_snapshots(call: Call) -> One[RepositorySnapshotsView]:
    """Look into a repository, and tell what it holds."""
    return One(_view(adopt.collect_snapshots(call.act, call.uid("repositoryUid"), call.uid("backupServerUid"))))


def get_adoption(call: Call) -> One[AdoptionView]:
    """Tell what a job has adopted."""
    with call.reading() as connection:
        job = jobs.get_job(connection, call.scope, call.uid("jobUid"))
        found = adoption.find_adoption(connection, call.scope, job.unique_uid)
    origins = [OriginView(host_name=origin.host_name, paths=list(origin.paths)) for origin in found.origins]
    return One(AdoptionView(origins=origins, is_deletion_confirmed=found.may_forget))


def adopt_points(call: Call, body: AdoptionInput) -> One[SessionView]:
    """Queue an adoption; the answer is the session to follow."""
    origins = [Origin(given.host_name, tuple(given.paths)) for given in body.origins]
    session = adopt.adopt_points(call.act, call.uid("jobUid"), origins, may_forget=body.confirm_deletion)
    return One(view_session(session, call.context.clock()))


def _view(found: RepositorySnapshots | None) -> RepositorySnapshotsView:
    groups = [] if found is None else found.groups
    return RepositorySnapshotsView(
        collection_time=instant_or_none(found.collected_at if found else None),
        groups=[
            SnapshotGroupView(
                host_name=group.origin.host_name,
                paths=list(group.origin.paths),
                count=group.count,
                known_count=group.known,
                copied_count=group.copied,
                first_date=instant(group.first_at),
                last_date=instant(group.last_at),
            )
            for group in groups
        ],
    )
