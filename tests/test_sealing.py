"""Secrets at rest: readable with the key file only, and only by the row that they belong to."""

import base64
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.sealing import Fingerprints, Seal, SealBroken, generate_password, open_seal, write_private

SEAL = Seal(b"k" * 32)
CONSOLES = 8


@given(st.text(), st.text())
def test_what_was_sealed_opens_for_its_owner(secret: str, owner: str) -> None:
    sealed = SEAL.close(secret, owner)
    assert SEAL.open(sealed, owner) == secret
    assert len(secret) < 4 or secret not in sealed


def test_one_secret_sealed_twice_looks_different() -> None:
    assert SEAL.close("secret", "owner") != SEAL.close("secret", "owner")


def test_a_sealed_secret_does_not_open_with_another_key_or_for_another_owner() -> None:
    sealed = SEAL.close("secret", "owner")
    for seal, owner in ((Seal(b"x" * 32), "owner"), (SEAL, "another"), (SEAL, "")):
        with pytest.raises(SealBroken, match="does not open"):
            seal.open(sealed, owner)


def test_a_sealed_secret_that_was_changed_anywhere_does_not_open() -> None:
    form, _, text = SEAL.close("secret", "owner").partition(":")
    raw = base64.b64decode(text)
    for place in range(len(raw)):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        with pytest.raises(SealBroken):
            SEAL.open(f"{form}:{base64.b64encode(changed).decode()}", "owner")


@pytest.mark.parametrize("sealed", ["", "v1:", "v1", "v2:AAAA", "secret", "v1:AAAA", "v1:not base64!", "v1:äöü"])
def test_what_was_never_sealed_does_not_open(sealed: str) -> None:
    with pytest.raises(SealBroken):
        SEAL.open(sealed, "owner")


def test_no_complaint_about_a_secret_shows_it() -> None:
    with pytest.raises(SealBroken) as broken:
        SEAL.open("swordfish-is-the-password", "owner")
    assert "swordfish-is" not in str(broken.value)


def test_a_key_file_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "new folder" / "seal.key"
    sealed = open_seal(file).close("secret", "owner")
    assert file.stat().st_mode & 0o077 == 0
    assert file.parent.stat().st_mode & 0o077 == 0
    kept = file.read_bytes()
    assert open_seal(file).open(sealed, "owner") == "secret"
    assert file.read_bytes() == kept
    assert [path.name for path in file.parent.iterdir()] == ["seal.key"]


def test_consoles_that_make_the_key_file_at_once_agree_on_one_key(tmp_path: Path) -> None:
    barrier = Barrier(CONSOLES)

    def begin(folder: Path) -> str:
        barrier.wait()
        return open_seal(folder / "seal.key").derive("one")

    with ThreadPoolExecutor(CONSOLES) as pool:
        for number in range(20):
            folder = tmp_path / str(number)
            derived = set(pool.map(begin, [folder] * CONSOLES))
            assert derived == {open_seal(folder / "seal.key").derive("one")}
            assert [path.name for path in folder.iterdir()] == ["seal.key"]


def test_derived_keys_are_the_same_everywhere_and_differ_by_purpose() -> None:
    assert SEAL.derive("one") == Seal(b"k" * 32).derive("one")
    assert len({SEAL.derive("one"), SEAL.derive("two"), Seal(b"x" * 32).derive("one")}) == 3
    assert len(bytes.fromhex(SEAL.derive("one"))) == 32


def test_a_private_file_is_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("old")
    file.chmod(0o644)
    write_private(file, "new\n")
    assert file.read_text() == "new\n"
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_password_that_was_made_is_long_and_of_plain_characters() -> None:
    made = {generate_password() for _ in range(50)}
    assert len(made) == 50
    for password in made:
        assert len(password) == 32
        assert set(password) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_a_fingerprint_tells_contents_apart_and_is_the_same_at_all_consoles(one: bytes, other: bytes) -> None:
    here, there = (Fingerprints(Seal(b"k" * 32).derive("a purpose")) for _ in range(2))
    assert here.of(one) == there.of(one)
    assert (here.of(one) == here.of(other)) == (one == other)
    assert here.of(one) != Fingerprints(SEAL.derive("another purpose")).of(one)
