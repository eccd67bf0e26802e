"""What every test may ask for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgres


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server; each of pytest's processes that asks has its own."""
    with postgres.running_server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh, empty database, of either kind: a test that asks runs on both."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/tandem.db"
    else:
        with postgres.empty_database(request.getfixturevalue("postgres_url")) as url:
            yield url
