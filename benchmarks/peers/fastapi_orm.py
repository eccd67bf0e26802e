"""The same operation as a competent FastAPI developer writes it: SQLAlchemy's ORM, pydantic models, dependencies.

It reads the tables that Tandem fills, and asks of a caller what Tandem asks: a token that is signed and not expired,
a user who is enabled now, a company that may use the REST API, one of the roles that the operation admits.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, FastAPI, Header, HTTPException, Query, status
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from pydantic import AliasGenerator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel
from sqlalchemy import ColumnElement, ForeignKey, create_engine, func, or_, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, sessionmaker

ROLES = {
    "PortalAdministrator",
    "ResellerOwner",
    "ResellerAdministrator",
    "CompanyOwner",
    "CompanyAdministrator",
}
PROVIDER_ROLE = "PortalAdministrator"

engine = create_engine(os.environ["PEER_DATABASE"], connect_args={"check_same_thread": False}, pool_size=20)
SessionLocal = sessionmaker(engine)
key = OctKey.import_key(os.environ["PEER_SECRET"])
claims_registry = jwt.JWTClaimsRegistry(sub={"essential": True}, exp={"essential": True})
app = FastAPI(title="File share copy jobs")


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


def get_session() -> Iterator[Session]:
    with SessionLocal() as session:
        yield session


SessionDependency = Annotated[Session, Depends(get_session)]


def get_current_user(
    session: SessionDependency, credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]
) -> User:
    try:
        token = jwt.decode(credentials.credentials, key, algorithms=["HS256"])
        claims_registry.validate(token.claims)
    except (JoseError, ValueError) as error:
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "The token is not valid.") from error
    user = session.get(User, token.claims["sub"])
    if user is None or not user.is_active:
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "The user is not active.")
    if user.role not in ROLES:
        raise HTTPException(status.HTTP_403_FORBIDDEN, "Your role does not permit this.")
    return user


def is_oldest_form(x_client_version: Annotated[str | None, Header()] = None) -> bool:
    return x_client_version is None or tuple(map(int, x_client_version.split(".")[:2])) < (3, 1)


@app.get("/api/v3/infrastructure/backupServers/jobs/fileShareCopyJobs")
def list_file_share_copy_jobs(
    session: SessionDependency,
    user: Annotated[User, Depends(get_current_user)],
    is_oldest: Annotated[bool, Depends(is_oldest_form)],
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> Page[OldestCopyJob] | Page[CurrentCopyJob]:
    conditions: list[ColumnElement[bool]] = []
    if user.role != PROVIDER_ROLE:
        own = user.organization_uid
        conditions.append(
            or_(FileShareCopyJob.organization_uid == own, FileShareCopyJob.mapped_organization_uid == own)
        )
    total = session.scalar(select(func.count()).select_from(FileShareCopyJob).where(*conditions)) or 0
    ordered = select(FileShareCopyJob).where(*conditions).order_by(FileShareCopyJob.position)
    rows = session.scalars(ordered.limit(limit).offset(offset)).all()
    meta = Meta(paging_info=PagingInfo(total=total, count=len(rows), offset=offset))
    if is_oldest:
        return Page[OldestCopyJob](meta=meta, data=[OldestCopyJob.model_validate(row) for row in rows])
    return Page[CurrentCopyJob](meta=meta, data=[CurrentCopyJob.model_validate(row) for row in rows])
