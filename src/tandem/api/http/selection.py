"""`select`: which properties of a resource are answered; `[{"propertyPath": "profile.firstName"}]`."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from tandem.api.http.call import Call
from tandem.api.http.listing import expressions_of
from tandem.api.http.properties import properties_of
from tandem.api.http.values import shown
from tandem.domain.errors import Invalid

PATHS_MAX = 500
# A tree of property names: what is below a name is all that there is, if that is empty.
Selection = dict[str, "Selection"]


def read_selection(call: Call, views: tuple[Any, ...]) -> Selection | None:
    """Read `select`; None if everything is wanted.

    Args:
        call: the request.
        views: the structs that the answer may consist of.

    Raises:
        Invalid: naming the path and what is allowed.
    """
    expressions = expressions_of(call, "select")
    if not expressions:
        return None
    if not any(isinstance(view, type) and issubclass(view, msgspec.Struct) for view in views):
        return None  # Of an answer that is no resource, there is nothing to select.
    if len(expressions) > PATHS_MAX:
        raise Invalid(f"select: at most {PATHS_MAX} properties are taken.", parameter="select")
    known = {path: found.path for view in views for path, found in properties_of(view).items()}
    chosen: Selection = {}
    for expression in expressions:
        path = expression.get("propertypath")
        found = known.get(path.removeprefix("/").casefold()) if isinstance(path, str) else None
        if found is None:
            allowed = ", ".join(sorted(set(known.values())))
            text = f"select: the propertyPath {shown(path)} is not known here; allowed: {allowed}."
            raise Invalid(text, parameter="select")
        branch = chosen
        for name in found.split("."):
            branch = branch.setdefault(name, {})
    return chosen


def chosen_of(view: Any, selection: Selection) -> Any:
    """Give what a selection leaves of a view."""
    return _prune(msgspec.to_builtins(view), selection)


def _prune(value: Any, selection: Selection) -> Any:
    if not selection:
        return value
    if isinstance(value, list):
        return [_prune(item, selection) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    members = cast("dict[str, Any]", value)
    return {name: _prune(members[name], below) for name, below in selection.items() if name in members}
