"""Passwords: kept so that nobody can read them, checked so that time tells nothing."""

import re

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from tandem.actions import passwords
from tandem.domain.errors import Invalid


def test_a_hash_is_as_strong_as_current_advice_and_never_the_same_twice() -> None:
    # The tests' own hashes are weak: this is what a console makes. (OWASP: argon2id with 19 MiB and two rounds.)
    made = PasswordHasher().hash("correct horse")
    found = re.match(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$", made)
    assert found
    assert int(found[1]) >= 19 * 1024
    assert int(found[2]) >= 2
    assert passwords.hash_password("correct horse", "x") != passwords.hash_password("correct horse", "x")


def test_a_password_is_right_or_wrong() -> None:
    kept = passwords.hash_password("correct horse ä", "x")
    assert passwords.is_password_right("correct horse ä", kept)
    for wrong in ("", "correct horse", "Correct horse ä", "correct horse ä ", kept):
        assert not passwords.is_password_right(wrong, kept)


@pytest.mark.parametrize("kept", [None, "", "x", "$argon2id$v=19$m=8,t=1,p=1$x$y"])
def test_no_password_is_right_for_nobody(kept: str | None) -> None:
    for attempt in ("", "nobody has this password", "x"):
        assert not passwords.is_password_right(attempt, kept)


def test_an_attempt_for_nobody_is_computed_as_any_other_so_that_time_does_not_tell_who_exists() -> None:
    hasher = PasswordHasher()
    nothing = passwords.hash_of_nothing(hasher)
    assert not hasher.check_needs_rehash(nothing)
    # Not that it is no hash, which would be known without computing.
    with pytest.raises(VerifyMismatchError):
        hasher.verify(nothing, "x")
    assert len(nothing) == len(hasher.hash("x"))


@pytest.mark.parametrize("password", ["", "x" * 7, "x" * 1025])
def test_a_password_that_is_too_short_or_too_long_is_told_without_showing_it(password: str) -> None:
    with pytest.raises(Invalid) as refused:
        passwords.hash_password(password, "credentials.password")
    assert refused.value.field == "credentials.password"
    assert str(len(password)) in refused.value.message
    assert not password or password not in refused.value.message
