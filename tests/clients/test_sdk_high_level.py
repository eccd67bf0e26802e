"""The high-level client that comes with the published SDK, over the wire: a real console, TLS, its own sign-in."""

import asyncio
import importlib
import ssl
from collections.abc import Awaitable, Callable, Generator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.clients.sdk import RELEASES
from tests.running import PASSWORD, Console

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
Run = Callable[[Callable[[], Awaitable[None]]], None]


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Generator[Console]:
    made = Console(tmp_path_factory.mktemp("high-level"))
    made.start()
    yield made
    made.end()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run something to its end, and close what the high-level client leaves open: every connection it ever made."""
    opened: list[httpx.AsyncClient] = []
    make = httpx.AsyncClient.__init__

    def remember(client: httpx.AsyncClient, **settings: Any) -> None:
        make(client, **settings)
        opened.append(client)

    monkeypatch.setattr(httpx.AsyncClient, "__init__", remember)

    async def all_of(work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        finally:
            for client in opened:
                await client.aclose()

    return lambda work: asyncio.run(all_of(work))


def client_of(console: Console, version: str, path: str = "", **signed_in: str) -> Any:
    """Make a client of a release that trusts the console's own certificate and no other."""
    trusted: Any = ssl.create_default_context(cafile=str(console.data / "console" / "certificate.pem"))
    who: dict[str, Any] = dict(signed_in) or {"username": "admin", "password": PASSWORD}
    return importlib.import_module("veeam_spc.client").VeeamClient(
        host=console.url + path, api_version=version, verify_ssl=trusted, **who
    )


def models_of(client: Any) -> Any:
    return importlib.import_module(f"{client.package}.models")


@pytest.mark.parametrize("version", [*RELEASES.values(), "3.7"])
def test_it_signs_in_reads_writes_and_goes_on_when_its_token_has_ended(
    console: Console, version: str, run: Run
) -> None:
    async def work() -> None:
        client = client_of(console, version, path="/api/v3/")
        await client.connect()
        me = await client.call(client.api("accounts.get_current_user"))
        assert me.data.user_name == "admin"
        home = me.data.organization_uid
        body = models_of(client).OrganizationLocationInput(organization_uid=home, name=version, quota_gb=1)
        made = (await client.call(client.api("locations").create_location, body=body)).data
        before = client._access_token, client._refresh_token
        # From here on it may use nothing but its refresh token. Were that refused, it would stumble over any answer.
        client._expires_at, client.password = LONG_AGO, "forgotten"
        listed = await client.call(client.api("locations").get_locations, limit=500)
        assert made.instance_uid in {row.instance_uid for row in listed.data}
        assert not {client._access_token, client._refresh_token} & set(before)
        assert client._expires_at > datetime.now(UTC)
        await client.call(client.api("locations").delete_location, location_uid=made.instance_uid)
        missing = await client.call(client.api("locations").get_location, location_uid=made.instance_uid)
        assert [error.code for error in missing.errors] == [404]

    run(work)


def test_it_works_with_a_key_in_place_of_a_password_and_calls_at_once(console: Console, run: Run) -> None:
    async def work() -> None:
        client = client_of(console, "3.6.1")
        await client.connect()
        me = (await client.call(client.api("accounts.get_current_user"))).data.instance_uid
        scopes = [models_of(client).AddApiKeyLoginScopesItem.REST]
        add = client.api("accounts.add_api_key_login")
        key = (await client.call(add, user_uid=me, description="key", scopes=scopes)).data.parameters
        other = client_of(console, "3.6.1", token=key)
        await other.connect()
        answers = [other.call(other.api("backup_server_jobs.get_backup_server_jobs"), limit=500) for _ in range(8)]
        assert {page.meta.paging_info.total for page in await asyncio.gather(*answers)} == {0}
        missing = await other.call(other.api("backup_server_jobs.get_backup_server_job"), job_uid=uuid4())
        assert missing.errors[0].type_.value == "logical"

    run(work)
