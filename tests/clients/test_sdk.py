"""What a published SDK reads: every operation of every release, as its own generated code parses it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from tandem.api.routes import ROUTES
from tandem.domain.file_share_jobs import FileShareJob
from tandem.domain.jobs import JobType
from tandem.domain.retention import RetentionUnit
from tandem.store import file_share_jobs, jobs
from tests.clients.sdk import NEWER_RELEASES, RELEASES, Sdk, arguments_for, call_of
from tests.consoles import Console, copy_of
from tests.contract.facts import OPERATIONS
from tests.people import ACMES, ALICE, BOB, PROVIDERS, job_of, login_id_of, uid

SERVED = {operation.operation_id for operation in ROUTES}
READS = [name for name, (method, _path, _described) in OPERATIONS.items() if method == "GET" and name in SERVED]
JOBS_MADE = 1_100
LIMIT = 500
KNOWN: dict[str, Any] = {
    "backup_server_uid": ACMES.server,
    "repository_uid": ACMES.first,
    "job_uid": ACMES.job,
    "file_share_uid": ACMES.share,
    "organization_uid": ACMES.organization_uid,
    "company_uid": ACMES.organization_uid,
    "location_uid": ACMES.location,
    "user_uid": BOB.uid,
    "proxy_uid": ACMES.agent,
    "action_id": UUID(PROVIDERS.action),
    "from_": datetime(2026, 3, 1, tzinfo=UTC),
    "to": datetime(2026, 3, 5, tzinfo=UTC),
}


def known_for(console: Console, call: Any) -> dict[str, Any]:
    """Give what a call's arguments may be."""
    with console.database.reading() as connection:
        known = KNOWN | {"user_login_id": login_id_of(connection, BOB)}
    return known | ({"job_uid": ACMES.copy_job} if "file_share_copy_job" in call.__name__ else {})


def reads_of(release: str) -> dict[str, Any]:
    """Give the calls of a release that read what is served, by operation id; a release has most of them."""
    calls = {name: call_of(release, name) for name in READS}
    found = {name: call for name, call in calls.items() if call is not None}
    assert len(found) > len(READS) - 5
    return found


@pytest.fixture(params=[(release, way) for release in RELEASES for way in ("sync", "async")], ids="-".join)
def sdk(request: pytest.FixtureRequest, quiet_console: Console) -> Sdk:
    """Every release, in both of its ways to call."""
    release, way = request.param
    return Sdk(release, quiet_console, is_asynchronous=way == "async")


def test_whatever_is_read_is_understood_by_every_release(sdk: Sdk) -> None:
    for name, call in reads_of(sdk.release).items():
        sdk.does(name, ALICE, **arguments_for(call.sync_detailed, known_for(sdk.console, call)))


@pytest.mark.parametrize("release", NEWER_RELEASES)
def test_newer_releases_understand_it_too(quiet_console: Console, release: str) -> None:
    sdk = Sdk(release, quiet_console)
    for name, call in reads_of(release).items():
        sdk.does(name, ALICE, **arguments_for(call.sync_detailed, known_for(quiet_console, call)))


def test_a_release_that_does_not_know_a_role_reads_unknown(sdk: Sdk) -> None:
    (tenant,) = [user for user in sdk.does("GetUsers", ALICE).data if user.user_name == "CompanyTenant"]
    assert tenant.role.value == ("Unknown" if sdk.release == "v3_5_1" else "CompanyTenant")


def test_what_is_wrong_is_read_too(sdk: Sdk) -> None:
    error = sdk.refuses(404, "GetBackupServerJob", BOB, job_uid=str(uuid4()))
    assert (error.code, error.type_.value) == (404, "logical")


@pytest.fixture(scope="module")
def crowded_console(file_with_people: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console with so many jobs that a client needs several pages of the largest size."""
    with copy_of(file_with_people, tmp_path_factory.mktemp("crowded")) as database:
        with database.writing() as connection:
            pattern = job_of(ACMES, JobType.BACKUP_FILE)
            for number in range(JOBS_MADE):
                uids = {"unique_uid": uid(f"unique {number}"), "instance_uid": uid(f"instance {number}")}
                job = msgspec.structs.replace(pattern, name=f"job {number}", **uids)
                jobs.insert_job(connection, job)
                family = FileShareJob(
                    instance_uid=job.instance_uid,
                    unique_uid=job.unique_uid,
                    target_repository_uid=ACMES.first,
                    retention=7,
                    retention_unit=RetentionUnit.DAYS,
                )
                file_share_jobs.insert_file_share_job(connection, job, family, ACMES.share)
        yield Console(database)


@pytest.mark.parametrize("operation_id", ["GetBackupServerJobs", "GetBackupServerFileShareJobs"])
@pytest.mark.parametrize("release", RELEASES)
def test_a_listing_of_more_than_a_thousand_jobs_is_read_to_its_end(
    crowded_console: Console, release: str, operation_id: str
) -> None:
    # The loop of a client in use: next offset = count + offset, until total.
    sdk = Sdk(release, crowded_console)
    pages: list[list[UUID]] = []
    offset, total = 0, 1
    while offset < total:
        page = sdk.does(operation_id, BOB, limit=LIMIT, offset=offset)
        pages.append([job.instance_uid for job in page.data])
        paging = page.meta.paging_info
        assert (paging.count, paging.offset) == (len(page.data), offset)
        offset, total = paging.count + paging.offset, paging.total
    seen = [each for page in pages for each in page]
    assert [len(page) for page in pages[:-1]] == [LIMIT] * 2
    assert len(seen) == len(set(seen)) == total > JOBS_MADE
    assert {UUID(uid(f"instance {number}")) for number in range(JOBS_MADE)} <= set(seen)
