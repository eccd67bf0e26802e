"""Which restic there is, and what it can do."""

from collections.abc import Callable

import pytest

from tandem.restic import version
from tandem.restic.engine import Engine
from tandem.restic.errors import ResticError


def test_the_installed_restic_is_found(engine: Engine) -> None:
    assert engine.path.startswith("/")
    assert engine.version >= (0, 14, 0)
    assert version.detect(engine.path) == engine


def test_no_restic_says_what_to_install() -> None:
    with pytest.raises(ResticError, match=r"Install restic 0\.14\.0"):
        version.detect("restic-that-nobody-has")


@pytest.mark.parametrize("says", ["restic 0.13.1 compiled with go1.19 on linux/amd64", "restic 0.9.6"])
def test_a_restic_that_is_too_old_is_refused(program: Callable[[str], Engine], says: str) -> None:
    with pytest.raises(ResticError, match="or newer"):
        version.detect(program(f"echo '{says}'").path)


def test_another_program_is_not_taken_for_restic(program: Callable[[str], Engine]) -> None:
    for script in ("echo rustic 0.9.0", "exit 1", "echo restic 0.18.0; exit 1"):
        with pytest.raises(ResticError, match="does not answer as restic does"):
            version.detect(program(script).path)


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        ("restic 0.14.0 compiled with go1.19.8 on linux/amd64", (0, 14, 0)),
        ("restic 0.18.0 (v0.18.0-1-gabc) compiled with go1.24 on linux/amd64", (0, 18, 0)),
        ("restic 0.19.1-dev (compiled manually) compiled with go1.25", (0, 19, 1)),
        ("restic 1.2.34", (1, 2, 34)),
    ],
)
def test_versions_are_read(program: Callable[[str], Engine], says: str, expected: tuple[int, int, int]) -> None:
    assert version.detect(program(f"echo '{says}'").path).version == expected


def test_features_come_with_versions() -> None:
    assert not Engine("restic", (0, 17, 0)).knows_exit_codes
    assert Engine("restic", (0, 17, 1)).knows_exit_codes
    assert not Engine("restic", (0, 15, 2)).has_restore_progress
    assert Engine("restic", (1, 0, 0)).has_restore_progress
