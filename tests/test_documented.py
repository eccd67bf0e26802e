"""What exists is documented: operations, settings, commands. Run as a program, it writes the tables."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from tandem import config
from tandem.__main__ import app
from tandem.api.routes import BASE, ROUTES
from tests.contract.facts import NOT_SERVED, OPERATIONS

ROOT = Path(__file__).parent.parent
API_PAGE = ROOT / "docs" / "api.md"
COMMANDS_PAGE = ROOT / "docs" / "commands.md"
MARKED = re.compile(r"(<!-- table:[^\n]*-->\n).*(<!-- end of table -->)", re.DOTALL)
COMPATIBILITY_PAGE = ROOT / "docs" / "api-compatibility.md"
COMMAND = typer.main.get_command(app)


def test_every_operation_is_in_the_table_of_the_api_page() -> None:
    assert table_of_operations() in API_PAGE.read_text(), "run: python -m tests.test_documented"


def test_the_page_of_compatibility_lists_every_operation_of_the_contract() -> None:
    page = COMPATIBILITY_PAGE.read_text()

    assert tables_of_compatibility() in page, "run: python -m tests.test_documented"
    assert not [name for name in OPERATIONS if name not in page]


def test_every_setting_is_explained_to_operators() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()

    missing = [origin.name for origin in config.origins({}, {}) if f"`{origin.name}`" not in page]

    assert not missing


def test_every_command_is_in_the_table_of_the_commands_page() -> None:
    assert table_of_commands() in COMMANDS_PAGE.read_text(), "run: python -m tests.test_documented"


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


def tables_of_compatibility() -> str:
    handlers = {operation.operation_id: operation for operation in ROUTES}
    served = [name for name in OPERATIONS if name in handlers]
    ours = [operation for operation in ROUTES if operation.is_extension and operation.path.startswith(BASE)]
    lines = [f"Of {len(OPERATIONS)} operations, {len(served)} are served; {len(ours)} are added in the same style.", ""]
    lines += ["## Operations of the contract", "", "| operation | | served |", "|---|---|---|"]
    for name, (method, path, _described) in sorted(OPERATIONS.items(), key=lambda item: item[1][1]):
        handler: Any = handlers[name].handler if name in handlers else None
        how = f"`{handler.__module__.removeprefix('tandem.')}`" if handler else f"not yet: {NOT_SERVED.get(name)}"
        lines.append(f"| {name} | {method} `{path}` | {how} |")
    lines += ["", "## Added", "", "| operation | | in |", "|---|---|---|"]
    for operation in ours:
        handler = operation.handler
        path = operation.path.removeprefix(BASE)
        where = handler.__module__.removeprefix("tandem.")
        lines.append(f"| {operation.operation_id} | {operation.method} `{path}` | `{where}` |")
    return "\n".join(lines) + "\n"


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
    _write(COMPATIBILITY_PAGE, tables_of_compatibility())
