"""API keys on the command line: printed once, good at once, gone at once."""

import httpx

from tandem.client.certificates import pinned_context
from tests.cli.command_line import Cli


def status_with(cli: Cli, key: str) -> int:
    context = pinned_context(cli.console.certificate)
    with httpx.Client(base_url=cli.console.url, verify=context) as client:
        return client.get("/api/v3/users/me", headers={"Authorization": f"Bearer {key}"}).status_code


def test_a_key_is_made_listed_and_removed(admin: Cli) -> None:
    key = admin.succeeds("users", "keys", "create", "nightly report", "--read-only").strip()
    assert status_with(admin, key) == 200
    (row,) = [row for row in admin.json("users", "keys", "list") if row["description"] == "nightly report"]
    assert row["isReadAccessOnly"] is True
    assert row["scopes"] == ["rest"]
    listed = admin.succeeds("users", "keys", "list")
    assert key not in listed
    assert row["identifierInProvider"] in listed
    admin.succeeds("users", "keys", "delete", str(row["id"]))
    assert status_with(admin, key) == 401
    assert "No login" in admin.fails("users", "keys", "delete", str(row["id"]))


def test_a_key_of_another_user_is_made_by_his_name(admin: Cli) -> None:
    key = admin.json("users", "keys", "create", "x", "--user", "admin", "--scope", "ui")["parameters"]
    assert status_with(admin, key) == 403
    assert "nobody" in admin.fails("users", "keys", "create", "x", "--user", "nobody")
