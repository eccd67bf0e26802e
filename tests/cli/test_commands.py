"""What all commands have in common: help, JSON for programs, errors for people."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from tandem import __version__
from tandem.__main__ import PROCESSES, app
from tandem.cli.output import plain, size
from tests.cli.command_line import PASSWORD, Cli
from tests.cli.standin_agent import StandInAgent

LISTINGS = [
    "companies",
    "users",
    "servers",
    "credentials",
    "passwords",
    "repositories",
    "shares",
    "jobs",
    "sessions",
]


def commands_below(group: Any, *words: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield words, group
    for name, command in getattr(group, "commands", {}).items():
        yield from commands_below(command, *words, name)


COMMANDS = dict(commands_below(typer.main.get_command(app)))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help(words: tuple[str, ...], cli: Cli) -> None:
    result = cli.run(*words, "--help")
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_option_takes_a_password_where_every_user_of_the_machine_sees_it(words: tuple[str, ...]) -> None:
    options = [option for parameter in COMMANDS[words].params for option in parameter.opts]
    secret = [option for option in options if re.search("password|secret|passphrase|private-key", option)]
    assert [option for option in secret if not option.endswith("-file")] == []


@pytest.mark.parametrize(
    "words",
    [
        words
        for words, command in COMMANDS.items()
        if len(words) > 1 and words[0] not in PROCESSES
        if words[-1] not in {"create", "download"} and not hasattr(command, "commands")
    ],
    ids=" ".join,
)
def test_every_command_speaks_to_programs(words: tuple[str, ...]) -> None:
    options = [option for parameter in COMMANDS[words].params for option in parameter.opts]
    assert "--json" in options
    assert "--data" in options


@pytest.mark.parametrize("noun", LISTINGS)
def test_listings_are_json_for_programs(noun: str, admin: Cli, agent: StandInAgent) -> None:
    del agent
    assert isinstance(admin.json(noun, "list"), list)


@pytest.mark.parametrize("noun", LISTINGS)
def test_listings_are_tables_for_people_or_say_what_to_do(noun: str, admin: Cli) -> None:
    out = admin.succeeds(noun, "list")
    assert re.match("Name|User name|Hint|Start", out) or "tandem " in out


@pytest.mark.parametrize("noun", LISTINGS)
def test_without_a_sign_in_the_next_step_is_told(noun: str, cli: Cli) -> None:
    assert "Sign in first: tandem login" in cli.fails(noun, "list")


def test_whoever_asks_for_help_can_say_which_release_it_is(cli: Cli) -> None:
    assert cli.run("--version").stdout == f"tandem {__version__}\n"


def test_a_command_that_is_not_there_is_a_usage_error(cli: Cli) -> None:
    assert "No such command" in cli.is_misused("jobs", "lisst")


def test_a_setting_that_is_wrong_is_told(cli: Cli) -> None:
    result = cli.run("login", "--console", "nowhere", "--user", "x")
    assert result.exit_code == 1
    assert "nowhere" in result.stderr


def test_a_company_is_created_and_found_by_its_name(admin: Cli) -> None:
    made = admin.json(
        "companies", "create", "Acme", "--owner", "bob", "--email", "a@acme.example", text=f"{PASSWORD}\n"
    )
    assert admin.json("companies", "show", "acme")["instanceUid"] == made["instanceUid"]
    assert (
        admin.json("companies", "show", made["instanceUid"])["_embedded"]["organization"]["email"] == "a@acme.example"
    )
    shown = admin.succeeds("companies", "show", "Acme")
    assert "bob" in shown
    assert PASSWORD not in shown


def test_an_owner_signs_in_and_sees_his_company_only(admin: Cli, cli: Cli) -> None:
    for name, owner in (("Beta", "charlie"), ("Gamma", "grace")):
        admin.succeeds("companies", "create", name, "--owner", owner, text=f"{PASSWORD}\n")
    charlie = cli.log_in("charlie")
    assert [row["name"] for row in charlie.json("companies", "list")] == ["Beta"]
    assert 'No company is called "Gamma". There are: Beta.' in charlie.fails("companies", "show", "Gamma")


def test_a_user_is_created_in_an_organization_by_its_name(admin: Cli) -> None:
    admin.succeeds("companies", "create", "Delta", "--owner", "dora", text=f"{PASSWORD}\n")
    arguments = ("users", "create", "dan", "--role", "companyadministrator", "--organization", "Delta")
    made = admin.json(*arguments, "--first-name", "Dan", text=f"{PASSWORD}\n")
    assert made["role"] == "CompanyAdministrator"
    assert admin.json("users", "show", "dan")["profile"]["firstName"] == "Dan"


def test_a_refusal_is_told_in_the_console_s_own_words(admin: Cli) -> None:
    told = admin.fails("users", "create", "eve", "--role", "PortalOperator", text="short\n")
    assert "a password needs 8 to" in told


def test_a_password_that_is_empty_is_told(admin: Cli) -> None:
    told = admin.fails("users", "create", "eve", "--role", "PortalOperator", text="\n")
    assert "standard input begins with an empty line" in told


def test_a_token_comes_with_the_command_to_run(admin: Cli) -> None:
    made = admin.json("servers", "token", "branch office", "--minutes", "5", "--agent-data", "/srv/my data")
    assert made["command"] == (
        f"tandem agent enroll --console {admin.console.url} --token {made['token']}"
        f" --fingerprint {admin.console.fingerprint} --data '/srv/my data'"
    )


def test_only_the_command_is_printed_where_a_program_reads(admin: Cli) -> None:
    assert admin.succeeds("servers", "token", "branch office").startswith("tandem agent enroll ")


def test_a_server_is_shown_by_name(admin: Cli, agent: StandInAgent) -> None:
    del agent
    assert admin.json("servers", "show", "FILER")["status"] == "Healthy"


def test_what_tenants_name_things_cannot_command_a_terminal(admin: Cli) -> None:
    name = "\x1b[2J\x9b2Jsly [bold]"
    admin.succeeds("companies", "create", name, "--owner", "sly", text=f"{PASSWORD}\n")
    shown = admin.succeeds("companies", "list")
    assert "\x1b" not in shown
    assert "\x9b" not in shown
    assert "sly [bold]" in shown
    assert name in [row["name"] for row in admin.json("companies", "list")]
    assert "\x1b" not in admin.fails("companies", "show", "\x1b[2J")


def test_control_characters_are_replaced() -> None:
    assert plain("a\x1bb\rc\r\nd") == "a�b�c\nd"


@pytest.mark.parametrize(
    ("count", "shown"),
    [(None, ""), (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (3 * 2**40, "3.0 TiB"), (2**60, "1024.0 PiB")],
)
def test_sizes_are_shown_in_the_unit_that_fits(count: int | None, shown: str) -> None:
    assert size(count) == shown
