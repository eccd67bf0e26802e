"""Where a repository may lie: never in a share, never around one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.domain.errors import Invalid
from tandem.domain.repository_locations import check_host_key, kind_of, overlaps, parse_location

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


def test_places_overlap_at_one_server_only() -> None:
    away = "s3:https://nas.example/bucket/office"
    assert overlaps(away, away)
    assert overlaps(away, f"{away}/inside")
    assert not overlaps(away, f"{away}2")
    assert not overlaps(away, "/bucket/office")
    assert not overlaps(away, "s3:https://nas.example:9000/bucket/office")
    assert not overlaps(away, "rest:https://nas.example/bucket/office/")
    assert not overlaps("sftp://a@nas.example/x", "sftp://b@nas.example/x")
    assert not overlaps("sftp://a@nas.example/x", "sftp://a@nas.example//x")


hosts = st.sampled_from(["nas", "NAS.example", "10.0.0.1", "[::1]", "s3.eu-central-1.amazonaws.com"])
ports = st.sampled_from(["", ":22", ":443", ":8000"])
folders = st.lists(st.sampled_from(["bucket", "a b", "ä", "x.y"]), max_size=3).map("/".join)
schemes = st.sampled_from(["sftp://", "sftp://me@", "s3:https://", "rest:https://", "rest:http://"])


@given(schemes, hosts, ports, st.sampled_from(["/bucket/", "//bucket//"]), folders)
def test_a_location_has_one_plain_form(scheme: str, host: str, port: str, root: str, folder: str) -> None:
    place = parse_location(f"{scheme}{host}{port}{root}{folder}")
    assert parse_location(str(place)) == place
    assert str(parse_location(str(place))) == str(place)
    assert kind_of(str(place)) is place.kind


def test_of_a_host_key_only_type_and_key_are_kept() -> None:
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGE1NmE1NmE1NmE1NmE1NmE1NmE1NmE1NmE1NmE1"
    assert check_host_key(f" {key} root@nas\n") == key
    for wrong in ("", "nas " + key, "ssh-dss AAAA", "ssh-ed25519 ?"):
        with pytest.raises(Invalid, match="hostKey"):
            check_host_key(wrong)
