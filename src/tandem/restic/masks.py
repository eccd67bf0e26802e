"""The patterns that restic leaves files out by, made from the masks of a share.

Restic knows what to leave out, not what to take. The last pattern that fits a path decides, and one with an
exclamation mark takes it in again (restic manual, "Excluding Files"). A pattern fits a folder with all that is below
it; a folder that is left out is never looked into.
"""

from collections.abc import Iterable, Sequence


def patterns(root: str, inclusion: Sequence[str], exclusion: Iterable[str]) -> list[str]:
    """Return the patterns, for instance `["/srv/share/**/*.tmp"]`.

    All of them begin at the root of the share: a bare name would fit the folders that lead there as well.

    Args:
        root: the folder that is backed up; absolute.
        inclusion: paths from the root; what is read. Everything if there are none.
        exclusion: names, or paths from the root; what is left out of that.
    """
    start = _escaped(root).rstrip("/")
    found: list[str] = []
    included = [mask.strip("/").split("/") for mask in inclusion]
    for depth in range(max(map(len, included), default=0)):
        leading = [mask for mask in included if len(mask) > depth]
        # First nothing of what is next to the masks, then, of each, the name on the way.
        found += [_joined(start, [*mask[:depth], "*"]) for mask in leading]
        found += ["!" + _joined(start, mask[: depth + 1]) for mask in leading]
    # A longer mask beside a shorter one must not take from it.
    found += ["!" + _joined(start, mask) for mask in included]
    for mask in exclusion:
        names = mask.strip("/").split("/")
        found.append(_joined(start, names if mask.startswith("/") else ["**", *names]))
    return list(dict.fromkeys(found)) if not included else found


def _joined(start: str, names: Sequence[str]) -> str:
    return "/".join([start, *(name if name == "**" else _masked(name) for name in names)])


def _masked(name: str) -> str:
    """Return a name in which only `*` and `?` stand for something else."""
    return name.replace("\\", "\\\\").replace("[", "\\[")


def _escaped(path: str) -> str:
    return _masked(path).replace("*", "\\*").replace("?", "\\?")
