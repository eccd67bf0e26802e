"""Proxies and collection: which hosts do the work, whether they are there, and asking them for what they have."""

import pytest
from sqlalchemy import update

from tandem.domain.repositories import RepositoryState
from tandem.protocol.messages import Collect, RepositoryReport
from tandem.store.schema.tables import backup_servers, file_share_copy_jobs, file_share_jobs
from tests.consoles import Console, rows_of
from tests.people import ACME, ACMES, ALICE, BETA, BETAS, BOB, GAMMA, GAMMAS, PROVIDERS, uid

pytestmark = pytest.mark.embedded_only

SERVERS = "/infrastructure/backupServers"
SERVER = f"{SERVERS}/{ACMES.server}"


def test_the_host_of_an_agent_is_a_proxy_that_is_healthy_while_it_calls(console: Console) -> None:
    path = f"{SERVER}/proxies/{ACMES.agent}"
    expected = {
        "instanceUid": ACMES.agent,
        "name": "acme.example",
        "version": "0.1.0",
        "backupServerUid": ACMES.server,
        "isOutOfDate": False,
        "isDisabled": False,
        "hostUid": ACMES.server,
        "hostName": "acme.example",
        "status": "Healthy",
        "type": "File",
    }
    assert console.data(path, BOB) == expected
    assert console.data(f"{SERVER}/proxies", BOB) == [expected]
    assert expected in console.data(f"{SERVERS}/proxies", ALICE)
    console.clock.forward(minutes=2)
    assert console.data(path, BOB)["status"] == "Healthy"
    console.clock.forward(seconds=1)
    assert console.data(path, BOB)["status"] == "Error"
    assert console.data(f"{SERVER}", BOB)["status"] == "Inaccessible"
    console.refuses(404, "GET", f"{SERVERS}/{BETAS.server}/proxies/{ACMES.agent}", ALICE)


def test_proxies_are_found_by_what_they_are_now(console: Console) -> None:
    def found(status: str) -> set[str]:
        filters = f'[{{"property":"status","operation":"equals","value":"{status}"}}]'
        rows = console.data(f'{SERVERS}/proxies?filter={filters}&sort=[{{"property":"hostName"}}]', ALICE)
        assert [row["hostName"] for row in rows] == sorted(row["hostName"] for row in rows)
        return {row["backupServerUid"] for row in rows}

    with console.database.writing() as connection:
        of_acme = update(backup_servers).where(backup_servers.c.instance_uid == ACMES.server)
        connection.execute(of_acme.values(last_seen_at=None))
    others = {PROVIDERS.server, BETAS.server, GAMMAS.server}
    assert (found("Healthy"), found("Unknown"), found("Error")) == (others, {ACMES.server}, set())
    console.clock.forward(minutes=3)
    assert (found("Healthy"), found("Unknown"), found("Error")) == (set(), {ACMES.server}, others)


def test_servers_are_found_by_where_they_stand(quiet_console: Console) -> None:
    hosted = '[{"property":"backupServerRoleType","operation":"equals","value":"Hosted"}]'
    rows = quiet_console.data(f"{SERVERS}?filter={hosted}", ALICE)
    assert [row["instanceUid"] for row in rows] == [PROVIDERS.server]


def test_an_agent_that_never_called_or_is_older_is_told(console: Console) -> None:
    with console.database.writing() as connection:
        of_acme = update(backup_servers).where(backup_servers.c.instance_uid == ACMES.server)
        connection.execute(of_acme.values(last_seen_at=None, version="0.0.9"))
    found = console.data(f"{SERVER}/proxies/{ACMES.agent}", BOB)
    assert (found["status"], found["isOutOfDate"]) == ("Unknown", True)


def test_a_collection_is_queued_once_and_its_result_noted(console: Console) -> None:
    for _ in range(3):
        assert console.does("POST", f"{SERVER}/collect", BOB) == {}
    agent = console.agent_of(ACMES)
    agent.turn()
    assert agent.orders == [Collect()]
    agent.report(
        RepositoryReport(repository_uid=ACMES.first, state=RepositoryState.FAILED, failure="Is its disk mounted?")
    )
    shown = console.data(f"{SERVER}/repositories/{ACMES.first}?expand=BackupRepositoryInfo", BOB)
    info = shown["_embedded"]
    assert (info["status"], info["isUsedSpaceAvailable"]) == ("Error", False)
    assert shown["failureMessage"] == "Is its disk mounted?"
    agent.report(RepositoryReport(repository_uid=ACMES.first, state=RepositoryState.READY, used_space=7))
    info = console.data(f"{SERVER}/repositories/{ACMES.first}?expand=BackupRepositoryInfo", BOB)["_embedded"]
    assert (info["status"], info["usedSpace"]) == ("Healthy", 7)
    console.does("POST", f"{SERVER}/collect", BOB)
    agent.turn()
    assert agent.orders == [Collect(), Collect()]
    # Nobody speaks for another's repositories.
    before = rows_of(console.database)["backup_repositories"]
    agent.report(RepositoryReport(repository_uid=BETAS.first, state=RepositoryState.FAILED, failure="x"))
    assert rows_of(console.database)["backup_repositories"] == before


def test_nothing_is_queued_for_an_agent_that_is_away(console: Console) -> None:
    console.clock.forward(minutes=3)
    before = rows_of(console.database)
    assert console.refuses(409, "POST", f"{SERVER}/collect", BOB)["type"] == "retryableLogical"
    assert rows_of(console.database) == before


@pytest.mark.parametrize("table", [file_share_jobs, file_share_copy_jobs], ids=lambda table: table.name)
def test_repositories_available_to_a_company_are_its_own_and_the_targets_of_its_jobs(
    console: Console, table: object
) -> None:
    path = f"{SERVERS}/{PROVIDERS.server}/repositories"
    assert console.data(f"{path}?companyUid={BETA}", ALICE) == []
    family = file_share_jobs if table is file_share_jobs else file_share_copy_jobs
    with console.database.writing() as connection:
        of_provider = update(family).where(family.c.backup_server_uid == PROVIDERS.server)
        connection.execute(of_provider.values(mapped_organization_uid=BETA))
    target = PROVIDERS.first if table is file_share_jobs else PROVIDERS.second
    assert [row["instanceUid"] for row in console.data(f"{path}?companyUid={BETA}", ALICE)] == [target]
    assert console.data(f"{path}?companyUid={GAMMA}", ALICE) == []
    assert len(console.data(path, ALICE)) == 2
    assert len(console.data(f"{SERVER}/repositories?companyUid={ACME}", BOB)) == 2


@pytest.mark.parametrize(("status", "text"), [(400, "x"), (404, BETA), (404, uid("nothing"))])
def test_a_company_that_is_not_there_for_the_caller_is_told(quiet_console: Console, status: int, text: str) -> None:
    error = quiet_console.refuses(status, "GET", f"{SERVER}/repositories?companyUid={text}", BOB)
    assert error["parameterName"] == "companyUid"


def test_a_server_of_a_company_is_its_own_and_that_of_a_provider_is_hosted(quiet_console: Console) -> None:
    roles = {row["instanceUid"]: row["backupServerRoleType"] for row in quiet_console.data(SERVERS, ALICE)}
    assert roles[PROVIDERS.server] == "Hosted"
    assert {roles[estate.server] for estate in (ACMES, BETAS, GAMMAS)} == {"Client"}
    assert quiet_console.data(SERVER, BOB)["backupServerRoleType"] == "Client"
