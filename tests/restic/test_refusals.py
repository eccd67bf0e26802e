"""Repositories that let nobody delete: said to be such at once, and nothing else is wrong with them."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from socket import create_connection, create_server

import pytest

from tandem.restic import copy, forget, prune, snapshots
from tandem.restic.errors import DeletionRefused
from tandem.restic.process import RepositoryAccess
from tests.restic.conftest import Pair

RCLONE = Path(sys.executable).with_name("rclone")
SECONDS_MAX = 30


@pytest.fixture
def append_only(pair: Pair) -> Iterator[RepositoryAccess]:
    """The target of the pair, behind a real server that only adds."""
    with create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    command = [RCLONE, "--config", "/dev/null", "serve", "restic", "--append-only", "--addr", address]
    with subprocess.Popen([*command, pair.target.location], stderr=subprocess.DEVNULL) as server:
        try:
            _await(port)
            yield replace(pair.target, location=f"rest:http://{address}/")
        finally:
            server.terminate()


def test_a_server_that_only_adds_refuses_at_once_and_keeps_every_point(
    pair: Pair, append_only: RepositoryAccess
) -> None:
    points = [pair.save("one.bin"), pair.save("two.bin")]
    copies = [copied.target_id for copied in copy.run(pair.engine, pair.source, append_only, points).copied]
    begun = time.monotonic()
    with pytest.raises(DeletionRefused) as refusal:
        forget.run(pair.engine, append_only, copies)
    # Restic itself would try for most of a minute.
    assert time.monotonic() - begun < SECONDS_MAX
    assert refusal.value.remaining == frozenset(copies)
    assert "403" in str(refusal.value)
    assert snapshots.read_ids(pair.engine, append_only) == sorted(copies)
    # No lock is left that would keep others out.
    prune.run(pair.engine, append_only)
    assert not list((pair.target_folder / "locks").iterdir())


def _await(port: int) -> None:
    end = time.monotonic() + SECONDS_MAX
    while True:
        try:
            create_connection(("127.0.0.1", port)).close()
        except ConnectionError:
            assert time.monotonic() < end
            time.sleep(0.02)
        else:
            return
