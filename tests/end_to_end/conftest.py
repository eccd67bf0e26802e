"""Sites for the end-to-end tests: gone with their processes in the end."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.end_to_end.site import Site

SHARE_BYTES = 24_000_000


@pytest.fixture
def site(tmp_path: Path) -> Generator[Site]:
    """A site whose jobs take long enough to be killed in the middle."""
    made = Site(tmp_path)
    try:
        made.set_up(SHARE_BYTES)
        yield made
    finally:
        made.end()
