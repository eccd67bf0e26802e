"""Masks: which files of a share are read. `*` stands for any letters, `?` for one; upper and lower case are the same.

An exclusion mask without a slash is a name, wherever it is; one that begins with a slash is a path from the share's
root. An inclusion mask is such a path: only what is at it, and below it, is read. A name everywhere cannot be included:
which folders have to be looked into for it is not known before all have been.
"""

from __future__ import annotations

from tandem.domain.errors import Invalid

MASKS_MAX = 100
MASK_LENGTH_MAX = 255


def check_inclusion_masks(masks: list[str]) -> list[str]:
    """Give masks of what is to be read in their plain form; raises Invalid, naming the member."""
    field = "inclusionMasks"
    plain = _check(masks, field)
    for mask in plain:
        if not mask.startswith("/"):
            text = f'{field}: "{mask}" is a name. Use a path from the root of the share, such as "/{mask}"'
            raise Invalid(f"{text}; to leave out files by their names, use exclusionMasks.", field=field)
    return plain


def check_exclusion_masks(masks: list[str]) -> list[str]:
    """Give masks of what is to be left out in their plain form; raises Invalid, naming the member."""
    return _check(masks, "exclusionMasks")


def _check(masks: list[str], field: str) -> list[str]:
    if len(masks) > MASKS_MAX:
        raise Invalid(f"{field}: {len(masks)} are too many; {MASKS_MAX} masks are allowed.", field=field)
    return list(dict.fromkeys(_plain(mask, field) for mask in masks))


def _plain(mask: str, field: str) -> str:
    names = mask.replace("\\", "/").strip("/").split("/")
    is_odd = any(name in {"", ".", ".."} or "**" in name for name in names)
    if is_odd or len(mask) > MASK_LENGTH_MAX or any(ord(letter) < ord(" ") for letter in mask):
        text = f'{field}: "{mask[:100]}" is not a mask; use a name such as "*.tmp" or a path such as "/Finance/*.bak"'
        raise Invalid(f"{text}, of at most {MASK_LENGTH_MAX} characters.", field=field)
    is_path = mask.startswith(("/", "\\"))
    return ("/" if is_path else "") + "/".join(names)
