"""Where a repository may lie: never in a share, never around one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.domain.repository_locations import overlaps

paths = st.lists(st.sampled_from(["srv", "srv2", "data", "a b"]), min_size=1, max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)


@pytest.mark.parametrize(
    ("one", "other", "do_overlap"),
    [
        ("/srv/share", "/srv/share", True),
        ("/srv/share", "/srv/share/", True),
        ("/srv/share", "/srv/share/inside", True),
        ("/srv", "/srv/share/inside", True),
        ("/srv/share", "/srv/share2", False),
        ("/srv/share", "/srv/other", False),
        ("/srv/share", "/backup/srv/share", False),
    ],
)
def test_a_folder_overlaps_with_itself_and_what_is_inside_it(*, one: str, other: str, do_overlap: bool) -> None:
    assert overlaps(one, other) is overlaps(other, one) is do_overlap


@given(paths, paths)
def test_overlap_is_one_path_beginning_with_the_other_name_by_name(one: str, other: str) -> None:
    names, others = one.split("/"), other.split("/")
    shorter = min(len(names), len(others))
    assert overlaps(one, other) is (names[:shorter] == others[:shorter])
