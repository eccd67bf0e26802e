"""The seed operation as FastAPI's and SQLAlchemy's own pages teach it: async functions, sessions and dependencies."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
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
from sqlalchemy import func, make_url, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

engine = create_async_engine(make_url(os.environ["PEER_DATABASE"]).set(drivername="sqlite+aiosqlite"), pool_size=20)
SessionLocal = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI(title="File share copy jobs")


async def get_session() -> AsyncIterator[AsyncSession]:
    async with SessionLocal() as session:
        yield session


SessionDependency = Annotated[AsyncSession, Depends(get_session)]


async def get_current_user(
    session: SessionDependency, credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]
) -> User:
    return admitted(await session.get(User, subject_of(credentials.credentials)))


@app.get(PATH)
async def list_file_share_copy_jobs(
    session: SessionDependency,
    user: Annotated[User, Depends(get_current_user)],
    is_oldest: Annotated[bool, Depends(is_oldest_form)],
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> Page[OldestCopyJob] | Page[CurrentCopyJob]:
    conditions = visible_to(user)
    total = await session.scalar(select(func.count()).select_from(FileShareCopyJob).where(*conditions)) or 0
    ordered = select(FileShareCopyJob).where(*conditions).order_by(FileShareCopyJob.position)
    rows = (await session.scalars(ordered.limit(limit).offset(offset))).all()
    return page_of(rows, total=total, offset=offset, is_oldest=is_oldest)
