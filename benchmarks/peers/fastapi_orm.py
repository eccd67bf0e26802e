"""The seed operation with FastAPI and SQLAlchemy's ORM in plain functions: faster here than the idiomatic form."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, FastAPI, Query
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi_models import (
    PATH,
    CurrentCopyJob,
    FileShareCopyJob,
    OldestCopyJob,
    Page,
    User,
    admitted,
    is_oldest_form,
    page_of,
    subject_of,
    visible_to,
)
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import Session, sessionmaker

engine = create_engine(os.environ["PEER_DATABASE"], connect_args={"check_same_thread": False}, pool_size=20)
SessionLocal = sessionmaker(engine)
app = FastAPI(title="File share copy jobs")


def get_session() -> Iterator[Session]:
    with SessionLocal() as session:
        yield session


SessionDependency = Annotated[Session, Depends(get_session)]


def get_current_user(
    session: SessionDependency, credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]
) -> User:
    return admitted(session.get(User, subject_of(credentials.credentials)))


@app.get(PATH)
def list_file_share_copy_jobs(
    session: SessionDependency,
    user: Annotated[User, Depends(get_current_user)],
    is_oldest: Annotated[bool, Depends(is_oldest_form)],
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> Page[OldestCopyJob] | Page[CurrentCopyJob]:
    conditions = visible_to(user)
    total = session.scalar(select(func.count()).select_from(FileShareCopyJob).where(*conditions)) or 0
    ordered = select(FileShareCopyJob).where(*conditions).order_by(FileShareCopyJob.position)
    rows = session.scalars(ordered.limit(limit).offset(offset)).all()
    return page_of(rows, total=total, offset=offset, is_oldest=is_oldest)
