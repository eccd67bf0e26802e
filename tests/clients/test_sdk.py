"""What a published SDK reads: every operation of every release, as its own generated code parses it."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from tandem.api.routes import ROUTES
from tests.clients.sdk import RELEASES, arguments_for, asynchronous_client_of, call_of, client_of
from tests.consoles import Console
from tests.contract.facts import OPERATIONS
from tests.people import ACMES, ALICE, BOB, PROVIDERS, login_id_of

SERVED = {operation.operation_id for operation in ROUTES}
READS = [name for name, (method, _path, _described) in OPERATIONS.items() if method == "GET" and name in SERVED]
KNOWN: dict[str, Any] = {
    "backup_server_uid": UUID(ACMES.server),
    "repository_uid": UUID(ACMES.first),
    "job_uid": UUID(ACMES.job),
    "file_share_uid": UUID(ACMES.share),
    "organization_uid": UUID(ACMES.organization_uid),
    "company_uid": UUID(ACMES.organization_uid),
    "location_uid": UUID(ACMES.location),
    "user_uid": UUID(BOB.uid),
    "proxy_uid": UUID(ACMES.agent),
    "action_id": UUID(PROVIDERS.action),
    "from_": datetime(2026, 3, 1, tzinfo=UTC),
    "to": datetime(2026, 3, 5, tzinfo=UTC),
}


def known_for(console: Console, call: Any) -> dict[str, Any]:
    """Give what a call's arguments may be."""
    with console.database.reading() as connection:
        known = KNOWN | {"user_login_id": login_id_of(connection, BOB)}
    return known | ({"job_uid": UUID(ACMES.copy_job)} if "file_share_copy_job" in call.__name__ else {})


def reads_of(release: str) -> list[Any]:
    """Give the calls of a release that read what is served; a release has most of them."""
    calls = [call_of(release, name) for name in READS]
    found = [call for call in calls if call is not None]
    assert len(found) > len(READS) - 5
    return found


@pytest.mark.parametrize("release", RELEASES)
def test_whatever_is_read_is_understood_by_every_release(quiet_console: Console, release: str) -> None:
    client = client_of(release, quiet_console, ALICE)
    for call in reads_of(release):
        response = call.sync_detailed(
            client=client, **arguments_for(call.sync_detailed, known_for(quiet_console, call))
        )
        assert response.status_code == 200, (call.__name__, response.content)
        assert _round_trip(response.parsed) is not None, call.__name__


@pytest.mark.parametrize("release", RELEASES)
def test_the_asynchronous_calls_understand_the_same(quiet_console: Console, release: str) -> None:
    async def ask() -> None:
        client = asynchronous_client_of(release, quiet_console, ALICE)
        for call in reads_of(release):
            response = await call.asyncio_detailed(
                client=client, **arguments_for(call.asyncio_detailed, known_for(quiet_console, call))
            )
            assert response.status_code == 200, (call.__name__, response.content)
            assert _round_trip(response.parsed) is not None, call.__name__

    asyncio.run(ask())


def _round_trip(parsed: Any) -> Any:
    return parsed.to_dict() if hasattr(parsed, "to_dict") else parsed


@pytest.mark.parametrize("release", RELEASES)
def test_a_listing_of_more_than_a_thousand_jobs_is_read_to_its_end(quiet_console: Console, release: str) -> None:
    # The loop of a client in use: next offset = count + offset, until total.
    call = call_of(release, "GetBackupServerJobs")
    client = client_of(release, quiet_console, ALICE)
    seen: list[str] = []
    offset = 0
    while True:
        page = call.sync(client=client, limit=3, offset=offset)
        seen += [str(job.instance_uid) for job in page.data]
        paging = page.meta.paging_info
        offset = paging.count + paging.offset
        if offset >= paging.total:
            break
    assert len(seen) == len(set(seen)) == paging.total


def test_a_release_that_does_not_know_a_role_reads_unknown(quiet_console: Console) -> None:
    for release, expected in {"v3_5_1": "Unknown", "v3_6_1": "CompanyTenant"}.items():
        call = call_of(release, "GetUsers")
        users = call.sync(client=client_of(release, quiet_console, ALICE)).data
        (tenant,) = [user for user in users if user.user_name == "CompanyTenant"]
        assert tenant.role.value == expected


@pytest.mark.parametrize("release", RELEASES)
def test_what_is_wrong_is_read_too(quiet_console: Console, release: str) -> None:
    call = call_of(release, "GetBackupServerJob")
    answer = call.sync(client=client_of(release, quiet_console, BOB), job_uid=uuid4())
    (error,) = answer.errors
    assert (error.code, error.type_.value) == (404, "logical")
