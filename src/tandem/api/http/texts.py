"""Types that many resources share: ids, instants as the contract writes them, numbers of a width, bounded texts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from tandem.actions.passwords import LENGTH_MAX, LENGTH_MIN
from tandem.domain.backup_servers import NAME_LENGTH_MAX
from tandem.domain.masks import MASK_LENGTH_MAX, MASKS_MAX
from tandem.domain.retention import GFS_MAX, IMMUTABLE_DAYS_MAX, RETENTION_MAX, RETENTION_MIN

# Databases differ in whether they keep a NUL character: no text may hold one.
_NO_NUL = r"^[^\x00]*\Z"
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_LENGTH_MAX, pattern=r"^[^\x00]*[^\x00\s][^\x00]*\Z")]
Text = Annotated[str, msgspec.Meta(max_length=2000, pattern=_NO_NUL)]
# Empty, or with one @: clients clear an address by an empty text, and only its server knows whether an address is one.
Email = Annotated[str, msgspec.Meta(max_length=320, pattern=r"^([^@\s\x00]+@[^@\s\x00]+)?\Z")]
Secret = Annotated[str, msgspec.Meta(max_length=1024, pattern=_NO_NUL)]
PrivateKey = Annotated[str, msgspec.Meta(max_length=20_000, pattern=_NO_NUL)]
# As clients are told to write it; `actions.paths` says what is wrong with one that is not.
_ABSOLUTE_PATH = (
    r"^/+(\./+)*(\.[^./\x00]|\.\.[^/\x00]|[^./\x00])[^/\x00]*(/+(\.?|(\.[^./\x00]|\.\.[^/\x00]|[^./\x00])[^/\x00]*))*$"
)
Path = Annotated[str, msgspec.Meta(min_length=1, max_length=4096, extra_json_schema={"pattern": _ABSOLUTE_PATH})]
# One slash before a folder; two slashes or backslashes before a host and a share; a host, a colon and an export.
_PLAIN = r"(\.[^./\x00]|\.\.[^/\x00]|[^./\x00])[^/\x00]*"
_HOST = r"[A-Za-z0-9]([A-Za-z0-9-]{0,60}[A-Za-z0-9])?"
_WORD = r"[A-Za-z0-9_$-]+"
_SHARE_PATH = rf"^(/{_PLAIN}(/+(\.?|{_PLAIN}))*|(//|\\\\){_HOST}([/\\]{_WORD})+|{_HOST}:(/{_WORD})+)$"
SharePath = Annotated[str, msgspec.Meta(min_length=1, max_length=4096, extra_json_schema={"pattern": _SHARE_PATH})]
# As clients are told to write them; `domain.masks` says what is wrong with one that is not.
_MASK = r"[A-Za-z0-9_]*[?*]?[A-Za-z0-9_.$~ -]*[A-Za-z0-9_]"
_Inclusion = Annotated[
    str, msgspec.Meta(extra_json_schema={"pattern": rf"^(/{_MASK})+$", "maxLength": MASK_LENGTH_MAX})
]
_Exclusion = Annotated[
    str, msgspec.Meta(extra_json_schema={"pattern": rf"^(/{_MASK})+$|^{_MASK}$", "maxLength": MASK_LENGTH_MAX})
]
InclusionMasks = Annotated[list[_Inclusion], msgspec.Meta(max_length=MASKS_MAX)]
ExclusionMasks = Annotated[list[_Exclusion], msgspec.Meta(max_length=MASKS_MAX)]
# Of a folder, as above, or of a place elsewhere: `domain.repository_locations` says what is wrong with one.
_LOCATION = r"sftp://[A-Za-z0-9][A-Za-z0-9.-]*/.+|(s3|rest):https://[A-Za-z0-9][A-Za-z0-9.-]*/.+"
RepositoryPath = Annotated[
    str, msgspec.Meta(min_length=1, max_length=4096, extra_json_schema={"pattern": f"{_ABSOLUTE_PATH}|^({_LOCATION})$"})
]
HostKey = Annotated[str, msgspec.Meta(max_length=4096, pattern=_NO_NUL)]
# A new password of a user's; `actions.passwords` tells how long one is that does not fit.
NewPassword = Annotated[str, msgspec.Meta(extra_json_schema={"minLength": LENGTH_MIN, "maxLength": LENGTH_MAX})]
RetentionCount = Annotated[int, msgspec.Meta(ge=RETENTION_MIN, le=RETENTION_MAX)]
# Of how many days, weeks, months or years one point is kept; 0 is none.
GfsCount = Annotated[int, msgspec.Meta(ge=0, le=GFS_MAX)]
# In days; 0 is none.
ImmutabilityInterval = Annotated[int, msgspec.Meta(ge=0, le=IMMUTABLE_DAYS_MAX)]

Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1, extra_json_schema={"format": "int32"})]
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1, extra_json_schema={"format": "int64"})]
Double = Annotated[float, msgspec.Meta(extra_json_schema={"format": "double"})]
# As views show them; what a client sends is checked as UUID, datetime or date.
Uid = Annotated[str, msgspec.Meta(extra_json_schema={"format": "uuid"})]
Instant = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
Date = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date"})]


def instant(value: datetime) -> str:
    """Write an aware instant with seven fractional digits and an offset, as the contract does."""
    return f"{value:%Y-%m-%dT%H:%M:%S}.{value.microsecond:06d}0+00:00"


def instant_or_none(value: datetime | None) -> str | None:
    """Write an instant that may be missing."""
    return None if value is None else instant(value)
