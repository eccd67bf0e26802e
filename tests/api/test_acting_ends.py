"""Whoever acts as another no longer does once he could not begin to: the other's company or locations have changed."""

import pytest

from tandem.domain.identity import Role, User
from tandem.domain.locations import Location, LocationType
from tandem.store import locations, users
from tests.api.test_borrowed_rights import acting_as, by
from tests.consoles import Console
from tests.people import ACME, ALICE, BOB, GAMMA, LARA, NORA, PASSWORD_HASH, Person, uid

pytestmark = pytest.mark.embedded_only

GRETA = Person(uid("greta"), "greta", Role.COMPANY_OWNER, GAMMA)
LUKE = Person(uid("luke"), "luke", Role.COMPANY_LOCATION_USER, ACME)
BRANCH = uid("branch")


def join(console: Console, who: Person) -> None:
    user = User(
        instance_uid=who.uid,
        organization_uid=who.organization_uid,
        role=who.role,
        user_name=who.user_name,
        status="Enabled",
    )
    with console.database.writing() as connection:
        users.insert_user(connection, user, password_hash=PASSWORD_HASH, created_at=console.clock.now)


def works(console: Console, token: str) -> bool:
    return by(console, token, "GET", "/users/me").status_code == 200


def test_a_reseller_acts_no_longer_as_a_user_of_a_company_that_was_taken_from_him(console: Console) -> None:
    join(console, GRETA)
    token = acting_as(console, NORA, GRETA)
    assert works(console, token)
    patch = [{"op": "replace", "path": "/resellerUid", "value": None}]
    console.does("PATCH", f"/organizations/companies/{GAMMA}", ALICE, patch)
    assert not works(console, token)


def test_who_sees_one_location_acts_no_longer_as_one_who_is_given_another(console: Console) -> None:
    join(console, LUKE)
    with console.database.writing() as connection:
        (chosen,) = locations.chosen_locations(connection, LARA.uid)
        locations.choose_location(connection, LUKE.uid, chosen)
        branch = Location(
            instance_uid=BRANCH, organization_uid=ACME, name="Branch", type=LocationType.CUSTOM, quota_gb=0
        )
        locations.insert_location(connection, branch)
    token = acting_as(console, LARA, LUKE)
    assert works(console, token)
    console.does("POST", f"/users/{LUKE.uid}/locations?locationUid={BRANCH}", BOB)
    assert not works(console, token)
