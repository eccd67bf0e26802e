"""A host without the key of the others does not start, and does not make secrets that nobody else can open."""

from pathlib import Path

import pytest

from tandem.actions.first_start import prepare
from tandem.actions.shared_keys import check_seal, open_shared_seal
from tandem.domain.errors import Conflict
from tandem.sealing import open_seal
from tandem.store.database import Database
from tests.people import START


def start(database: Database, key_file: Path) -> None:
    seal = open_shared_seal(database, key_file)
    prepare(database, seal, admin_user="root", admin_password=lambda: "of the first administrator", now=START)
    check_seal(database, seal, key_file)


def test_the_first_host_makes_the_key_and_one_that_was_given_it_starts(database: Database, tmp_path: Path) -> None:
    first, second = tmp_path / "first" / "seal.key", tmp_path / "second" / "seal.key"
    start(database, first)
    second.parent.mkdir()
    second.write_bytes(first.read_bytes())
    start(database, second)


def test_a_host_that_lacks_it_is_told_what_to_copy_and_makes_none(database: Database, tmp_path: Path) -> None:
    start(database, tmp_path / "first" / "seal.key")
    missing = tmp_path / "second" / "seal.key"
    with pytest.raises(Conflict, match=r"is not on this host\. Copy seal.key, certificate.pem and certificate-key.pem"):
        open_shared_seal(database, missing)
    assert not missing.exists()


def test_a_host_with_another_key_is_told_what_to_copy(database: Database, tmp_path: Path) -> None:
    start(database, tmp_path / "first" / "seal.key")
    other = tmp_path / "second" / "seal.key"
    open_seal(other)
    with pytest.raises(Conflict, match=rf"{other} is another key than .* Copy seal.key"):
        open_shared_seal(database, other)


def test_of_hosts_that_start_first_at_once_the_one_whose_key_was_not_taken_is_told(
    database: Database, tmp_path: Path
) -> None:
    first, late = tmp_path / "first" / "seal.key", tmp_path / "second" / "seal.key"
    seal = open_shared_seal(database, late)  # nobody has used the database yet
    start(database, first)
    with pytest.raises(Conflict, match="is another key than"):
        check_seal(database, seal, late)
