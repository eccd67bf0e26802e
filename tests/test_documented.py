"""What exists is documented: operations, settings, commands. Run as a program, it writes the tables."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from tandem import config
from tandem.__main__ import app
from tandem.api.routes import BASE, ROUTES

ROOT = Path(__file__).parent.parent
API_PAGE = ROOT / "docs" / "api.md"
COMMANDS_PAGE = ROOT / "docs" / "commands.md"
MARKED = re.compile(r"(<!-- table:[^\n]*-->\n).*(<!-- end of table -->)", re.DOTALL)
COMMAND = typer.main.get_command(app)


def test_every_operation_is_in_the_table_of_the_api_page() -> None:
    assert table_of_operations() in API_PAGE.read_text(), "run: python tests/test_documented.py"


def test_every_setting_is_explained_to_operators() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()

    missing = [origin.name for origin in config.origins({}, {}) if f"`{origin.name}`" not in page]

    assert not missing


def test_every_command_is_in_the_table_of_the_commands_page() -> None:
    assert table_of_commands() in COMMANDS_PAGE.read_text(), "run: python tests/test_documented.py"


def test_no_page_names_a_command_that_does_not_exist() -> None:
    known = {path.split()[0] for path, _about in _commands(COMMAND, "")}
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]

    named = {
        word for page in pages for word in re.findall(r"(?:`|^|bin/)tandem ([a-z]+)", page.read_text(), re.MULTILINE)
    }

    assert named
    assert named <= known


def test_every_link_of_the_pages_leads_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]

    dead = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text())
        if not (page.parent / target).exists()
    ]

    assert not dead


def table_of_operations() -> str:
    rows = ["| method | path | operation | of | admitted |", "|---|---|---|---|---|"]
    rows.extend(
        f"| {operation.method} | `{operation.path.removeprefix(BASE)}` | {operation.operation_id} "
        f"| {'Tandem' if operation.is_extension else 'the contract'} | {operation.permission} |"
        for operation in ROUTES
    )
    return "\n".join(rows) + "\n"


def table_of_commands() -> str:
    rows = ["| command | what it does |", "|---|---|"]
    rows.extend(f"| `tandem {path}` | {about} |" for path, about in _commands(COMMAND, ""))
    return "\n".join(rows) + "\n"


def _commands(command: Any, path: str) -> Iterator[tuple[str, str]]:
    children: dict[str, Any] = getattr(command, "commands", {})
    if not children:
        yield path, command.get_short_help_str(200)
    for name in sorted(children):
        yield from _commands(children[name], f"{path} {name}".strip())


def _write(page: Path, table: str) -> None:
    page.write_text(MARKED.sub(lambda found: found[1] + table + found[2], page.read_text()))


if __name__ == "__main__":
    _write(API_PAGE, table_of_operations())
    _write(COMMANDS_PAGE, table_of_commands())
