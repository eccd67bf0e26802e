"""How long a repository lets no restore point go, over HTTP."""

from __future__ import annotations

import msgspec

from tandem.actions import change_immutability as change
from tandem.api.http.answers import One
from tandem.api.http.call import Call
from tandem.api.http.texts import ImmutabilityInterval
from tandem.api.repositories import RepositoryView, view_repository


class ImmutabilityInput(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """For how many days no restore point goes, from when the repository got it; 0 is not at all."""

    immutability_interval: ImmutabilityInterval


def set_immutability(call: Call, body: ImmutabilityInput) -> One[RepositoryView]:
    """Say for how many days a repository lets no restore point go."""
    changed = change.change_immutability(
        call.act, call.uid("backupServerUid"), call.uid("repositoryUid"), body.immutability_interval
    )
    return One(view_repository(call, changed, with_info=True))
