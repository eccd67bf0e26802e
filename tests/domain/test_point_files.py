"""What may be asked of the files within restore points."""

import pytest

from tandem.domain.errors import Invalid
from tandem.domain.point_files import check_pattern


@pytest.mark.parametrize("pattern", ["*.txt", "a]b", r"\[1\].doc", "[a-z]?", "[^0-9]*", r"[\]\-]", "[äö]", " x "])
def test_a_pattern_that_restic_takes_is_taken(pattern: str) -> None:
    assert check_pattern(pattern) == pattern


@pytest.mark.parametrize("pattern", ["[", "a[bc", "[]", "[]a]", "[a-]", "[-a]", "[^]", "a\\", "[\\", " ", "a/b"])
def test_a_pattern_that_restic_would_refuse_is_refused_with_how_to_write_it(pattern: str) -> None:
    with pytest.raises(Invalid, match=r"\[a-z\] for one of several letters"):
        check_pattern(pattern)
