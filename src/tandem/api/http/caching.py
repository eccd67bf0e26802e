"""What caches and clients may keep of an answer, and 304 for those who have it (RFC 9110 §8.8.3, §13.1.2)."""

from __future__ import annotations

from starlette.responses import Response

from tandem.sealing import Fingerprints

OK, NOT_MODIFIED = 200, 304

# Their answers hold a secret: nobody keeps them, and they are not compressed, since the length would tell of it.
SECRET_ANSWERS = frozenset(
    {
        "OAuth2IssueToken",
        "AddApiKeyLogin",
        "CreateBackupServerEnrolmentToken",
        "DecryptPkcs12Container",
        "DownloadBackupRepositoryRecoveryKit",
        "DownloadRemovedRepositoryRecoveryKit",
        "GenerateNewPkcs12KeyPair",
        "GenerateNewRsaKeyPair",
        "GenerateTotpSecret",
    }
)
# The secrets by which one signs in as their user: nobody who acts as him is given one.
SIGN_IN_SECRETS = frozenset({"AddApiKeyLogin", "GenerateTotpSecret"})
# Not even this console keeps these, to answer a request that is sent again: it makes another.
UNKEPT_ANSWERS = frozenset({"DownloadBackupRepositoryRecoveryKit", "DownloadRemovedRepositoryRecoveryKit"})
_NO_STORE = (b"cache-control", b"no-store")
_ASK_AGAIN = (b"cache-control", b"private, no-cache")


def forbid_storing(response: Response) -> None:
    """Say that nobody may keep an answer, unless it says so already."""
    if not is_secret(response):
        response.raw_headers.append(_NO_STORE)


def is_secret(response: Response) -> bool:
    """Say whether an answer is one that nobody may keep."""
    return any(name == b"cache-control" and b"no-store" in value for name, value in response.raw_headers)


def label(fingerprints: Fingerprints, response: Response, if_none_match: str | None) -> Response:
    """Give a successful answer its tag, or, if the client has just this one, give 304 in its place.

    The tag is weak: one for all encodings of the same bytes. It is a fingerprint of them and tells nothing else.
    """
    tag = f'W/"{fingerprints.of(bytes(response.body))}"'
    is_known = if_none_match is not None and _names(if_none_match, tag)
    labelled = Response(status_code=NOT_MODIFIED) if is_known else response
    labelled.raw_headers.append((b"etag", tag.encode()))
    labelled.raw_headers.append(_ASK_AGAIN)
    return labelled


def _names(if_none_match: str, tag: str) -> bool:
    given = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return given == ["*"] or tag.removeprefix("W/") in given
