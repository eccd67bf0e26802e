"""Files of points through real processes: two consoles over one database, an agent that dies, a client that leaves."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tandem.client import Client
from tandem.client.errors import ApiError
from tests import postgres
from tests.running import SHARES, Console, Site, running_site, until

BIG = 48_000_000
PIECE = 64 * 1024


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[Site]:
    """A site on PostgreSQL with one point, which holds a large file."""
    folder = tmp_path_factory.mktemp("downloads")
    with postgres.empty_database(postgres_url) as url, running_site(folder, share_bytes=4_000, database=url) as made:
        (made.share / "big.bin").write_bytes(os.urandom(BIG))
        assert made.run_job(made.backup)["status"] == "Success"
        yield made


@pytest.fixture(scope="module")
def client(site: Site) -> Iterator[Client]:
    """Somebody at a second console over the same database, which the agent does not know."""
    folder = site.folder / "other"
    shutil.copytree(site.console.data, folder / "console")
    console = Console(folder, database=site.database)
    try:
        console.start()
        yield console.client
    finally:
        console.end()


@pytest.fixture
def path(site: Site) -> str:
    """Where the point's content is."""
    (point,) = until(site.points)
    return f"{SHARES}/restorePoints/{point['instanceUid']}/files/content"


def test_a_file_comes_through_another_console_than_the_agents(site: Site, client: Client, path: str) -> None:
    with client.download(path, path="big.bin") as response:
        assert int(response.headers["Content-Length"]) == BIG
        assert b"".join(response.iter_raw(PIECE)) == (site.share / "big.bin").read_bytes()
    until(lambda: not site.agent.children())


def test_who_leaves_ends_what_he_has_begun(site: Site, client: Client, path: str) -> None:
    with client.download(path, path="big.bin") as response:
        next(response.iter_raw(PIECE))
        # It waits for him: nothing runs ahead into memory or database.
        assert site.agent.children()
    until(lambda: not site.agent.children())


@pytest.mark.parametrize("archive", [None, "tar"])
def test_an_agent_that_dies_leaves_no_download_that_looks_whole(
    site: Site, client: Client, path: str, archive: str | None, tmp_path: Path
) -> None:
    received = tmp_path / "received"
    query = {"path": "big.bin"} if archive is None else {"archive": archive}
    with pytest.raises(ApiError, match="broke off"):
        _fetch_while_the_agent_dies(site, client, path, query, received)
    assert received.stat().st_size < BIG


def _fetch_while_the_agent_dies(site: Site, client: Client, path: str, query: dict[str, str], received: Path) -> None:
    with received.open("wb") as file, client.download(path, **query) as response:
        for piece in response.iter_raw(PIECE):
            if not file.tell():
                site.agent.kill()
                site.agent.start()
            file.write(piece)
