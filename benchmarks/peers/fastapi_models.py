"""What both forms of the FastAPI peer have in common: the tables as SQLAlchemy's ORM maps them, the answers, the token.

It reads the tables that Tandem fills, and asks of a caller what Tandem asks: a token that is signed and not expired,
a user who is enabled now, a company that may use the REST API, one of the roles that the operation admits.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Header, HTTPException, status
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from pydantic import AliasGenerator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel
from sqlalchemy import ColumnElement, ForeignKey, or_
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

ROLES = {
    "PortalAdministrator",
    "ResellerOwner",
    "ResellerAdministrator",
    "CompanyOwner",
    "CompanyAdministrator",
}
PROVIDER_ROLE = "PortalAdministrator"
PATH = "/api/v3/infrastructure/backupServers/jobs/fileShareCopyJobs"

key = OctKey.import_key(os.environ["PEER_SECRET"])
claims_registry = jwt.JWTClaimsRegistry(sub={"essential": True}, exp={"essential": True})


class Base(DeclarativeBase):
    pass


class Company(Base):
    __tablename__ = "companies"

    instance_uid: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str]
    is_rest_access_enabled: Mapped[bool]


class User(Base):
    __tablename__ = "users"

    instance_uid: Mapped[str] = mapped_column(primary_key=True)
    organization_uid: Mapped[str] = mapped_column(ForeignKey("companies.instance_uid"))
    role: Mapped[str]
    user_name: Mapped[str]
    status: Mapped[str]
    company: Mapped[Company | None] = relationship(lazy="joined")

    @property
    def is_active(self) -> bool:
        if self.status != "Enabled":
            return False
        return self.company is None or (self.company.is_rest_access_enabled and self.company.status == "Active")


class FileShareCopyJob(Base):
    __tablename__ = "file_share_copy_jobs"

    position: Mapped[int] = mapped_column(primary_key=True)
    instance_uid: Mapped[str]
    unique_uid: Mapped[str]
    source_file_share_job_uid: Mapped[str] = mapped_column("source_job_instance_uid")
    source_file_share_job_unique_uid: Mapped[str] = mapped_column("source_job_unique_uid")
    target_repository_uid: Mapped[str]
    retention: Mapped[int]
    retention_unit: Mapped[str]
    source_size: Mapped[int | None]
    gfs_daily: Mapped[int]
    gfs_weekly: Mapped[int]
    gfs_monthly: Mapped[int]
    gfs_yearly: Mapped[int]
    organization_uid: Mapped[str]
    mapped_organization_uid: Mapped[str | None]


class Schema(BaseModel):
    model_config = ConfigDict(from_attributes=True, alias_generator=AliasGenerator(serialization_alias=to_camel))


class OldestCopyJob(Schema):
    instance_uid: str
    source_file_share_job_uid: str
    target_repository_uid: str
    retention: int
    retention_unit: Annotated[str, StringConstraints(to_lower=True)]


class CurrentCopyJob(Schema):
    instance_uid: str
    unique_uid: str
    source_file_share_job_uid: str
    source_file_share_job_unique_uid: str
    target_repository_uid: str
    retention: int
    retention_unit: str
    source_size: int | None
    gfs_daily: int
    gfs_weekly: int
    gfs_monthly: int
    gfs_yearly: int
    embedded: None = Field(default=None, serialization_alias="_embedded")


class PagingInfo(Schema):
    total: int
    count: int
    offset: int


class Meta(Schema):
    paging_info: PagingInfo


Row = TypeVar("Row")


class Page(Schema, Generic[Row]):
    meta: Meta
    data: list[Row]


def subject_of(token: str) -> str:
    """Give whose token it is."""
    try:
        decoded = jwt.decode(token, key, algorithms=["HS256"])
        claims_registry.validate(decoded.claims)
    except (JoseError, ValueError) as error:
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "The token is not valid.") from error
    return decoded.claims["sub"]


def admitted(user: User | None) -> User:
    """Let a user in who may see file share copy jobs."""
    if user is None or not user.is_active:
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "The user is not active.")
    if user.role not in ROLES:
        raise HTTPException(status.HTTP_403_FORBIDDEN, "Your role does not permit this.")
    return user


def is_oldest_form(x_client_version: Annotated[str | None, Header()] = None) -> bool:
    """Say which representation the client asks for."""
    return x_client_version is None or tuple(map(int, x_client_version.split(".")[:2])) < (3, 1)


def visible_to(user: User) -> list[ColumnElement[bool]]:
    """Give the conditions that hold for what a user sees."""
    if user.role == PROVIDER_ROLE:
        return []
    own = user.organization_uid
    return [or_(FileShareCopyJob.organization_uid == own, FileShareCopyJob.mapped_organization_uid == own)]


def page_of(
    rows: Sequence[Any], *, total: int, offset: int, is_oldest: bool
) -> Page[OldestCopyJob] | Page[CurrentCopyJob]:
    """Make the answer."""
    meta = Meta(paging_info=PagingInfo(total=total, count=len(rows), offset=offset))
    if is_oldest:
        return Page[OldestCopyJob](meta=meta, data=[OldestCopyJob.model_validate(row) for row in rows])
    return Page[CurrentCopyJob](meta=meta, data=[CurrentCopyJob.model_validate(row) for row in rows])
