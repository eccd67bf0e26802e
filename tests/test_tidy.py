"""Style as a test: what a linter has no rule for. Each failure says where, and what to do instead."""

import ast
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "tandem"

FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 400
POSITIONAL_PARAMETERS_MAX = 5

NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}
READS_ENVIRONMENT = {"config.py"}
# Restic and rclone; ssh-keyscan beside them; what mounts shares, which knows nothing of restic; and this program's own
# parts.
STARTS_PROCESSES = {
    "restic/process.py",
    "restic/host_keys.py",
    "agent/mount_programs.py",
    "server/up.py",
}
# The commands, from the layer right below: whoever stands above all can hide no import from the rules about layers.
LOADS_BY_NAME = {"__main__.py"}

# In pieces, so that this file may itself be searched.
INDEX_HOSTS = [
    "pypi." + "org",
    "python" + "hosted",
    "registry." + "npmjs",
    "npmjs." + "org",
    "deb." + "debian",
    "security." + "debian",
    "archive." + "ubuntu",
    "proxy." + "golang",
    "static." + "crates",
]
MACHINE_PATH = r"(?<![\w.$}])/(?:work|farm|root|builds|home/\w+|Users/\w+|tmp/bash_jobs[\w.]*)/"

AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef


class Module:
    """A source file of ours, read and parsed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.relative_to(SOURCE).as_posix()
        self.text = path.read_text()
        self.tree = ast.parse(self.text)
        self.is_migration = "migrations" in path.parts

    def at(self, node: ast.stmt | ast.expr, remark: str) -> str:
        """Return the remark with the place it is about, as editors like it."""
        return f"{self.path.relative_to(ROOT)}:{node.lineno}: {remark}"

    def functions(self) -> Iterator[AnyFunction]:
        """Yield every function and method, nested ones too."""
        return (node for node in ast.walk(self.tree) if isinstance(node, AnyFunction))


@pytest.fixture(scope="module")
def modules() -> list[Module]:
    return [Module(path) for path in sorted(SOURCE.rglob("*.py"))]


def test_functions_are_short(modules: list[Module]) -> None:
    none_of(
        module.at(function, f"{function.name} has {length} lines; {FUNCTION_LINES_MAX} are enough: split it")
        for module in modules
        for function in module.functions()
        if (length := lines_without_docstring(function)) > FUNCTION_LINES_MAX and not module.is_migration
    )


def test_files_are_short(modules: list[Module]) -> None:
    none_of(
        f"src/tandem/{module.name}: {length} lines; {FILE_LINES_MAX} are enough: split it by what it is about"
        for module in modules
        if (length := module.text.count("\n")) > FILE_LINES_MAX and not module.is_migration
    )


def test_few_parameters_are_positional(modules: list[Module]) -> None:
    none_of(
        module.at(function, f"{function.name} has {number} positional parameters: put a * before those best named")
        for module in modules
        for function in module.functions()
        if (number := positional_parameters(function)) > POSITIONAL_PARAMETERS_MAX
    )


def test_imports_stand_at_the_top(modules: list[Module]) -> None:
    none_of(
        module.at(node, "an import inside a function hides a dependency, often a cycle: move it to the top")
        for module in modules
        for function in module.functions()
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    )


def test_names_say_what_is_inside() -> None:
    none_of(
        f"{path.relative_to(ROOT)}: this name says nothing: name the module after what is found there"
        for folder in (SOURCE, ROOT / "tests")
        for path in folder.rglob("*")
        if path.stem in NAMES_THAT_SAY_NOTHING and (path.is_dir() or path.suffix == ".py")
    )


def test_modules_open_with_what_is_found_there(modules: list[Module]) -> None:
    none_of(
        f"src/tandem/{module.name}:1: begin with a line that says what is found here"
        for module in modules
        if not ast.get_docstring(module.tree)
    )


def test_only_config_reads_the_environment(modules: list[Module]) -> None:
    forbidden = {"os.environ", "os.environb", "os.getenv", "os.getenvb"}
    advice = "only config.py reads the environment: take the value as a parameter"
    used_only_in(READS_ENVIRONMENT, modules, forbidden, advice)


def test_processes_start_in_few_places(modules: list[Module]) -> None:
    forbidden = re.compile(
        r"subprocess\b|os\.(?:system|popen|exec\w+|spawn\w+|posix_spawn\w*|fork\w*)$|asyncio\.create_sub"
    )
    none_of(
        module.at(node, f"{name}: only {' and '.join(sorted(STARTS_PROCESSES))} start processes")
        for module in modules
        if module.name not in STARTS_PROCESSES
        for node, name in names_used(module)
        if forbidden.match(name)
    )


def test_modules_are_loaded_by_name_in_one_place(modules: list[Module]) -> None:
    forbidden = {"importlib.import_module", "importlib.__import__", "pkgutil.resolve_name", "runpy.run_module"}
    used_only_in(LOADS_BY_NAME, modules, forbidden, "hides a dependency: import it at the top")


def test_no_file_names_a_package_index_or_a_machine() -> None:
    forbidden = re.compile("|".join([*map(re.escape, INDEX_HOSTS), MACHINE_PATH]), re.IGNORECASE)
    none_of(
        f"{path}:{number}: {found[0]!r} belongs to one machine or network: leave it to that machine's settings"
        for path, text in texts_in_git()
        for number, line in enumerate(text.splitlines(), start=1)
        if (found := forbidden.search(line))
    )


def used_only_in(allowed: set[str], modules: list[Module], forbidden: set[str], advice: str) -> None:
    none_of(
        module.at(node, f"{name}: {advice}")
        for module in modules
        if module.name not in allowed
        for node, name in names_used(module)
        if name in forbidden
    )


def none_of(offences: Iterable[str]) -> None:
    """Fail with the list of offences, if there is one."""
    if found := list(offences):
        pytest.fail("\n".join(["", *found]), pytrace=False)


def lines_without_docstring(function: AnyFunction) -> int:
    """Return how many lines a function takes, from `def` to its end."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    if ast.get_docstring(function):
        docstring = function.body[0]
        lines -= (docstring.end_lineno or 0) - docstring.lineno + 1
    return lines


def positional_parameters(function: AnyFunction) -> int:
    """Return how many parameters may be given by position alone, `self` and `cls` aside."""
    names = [parameter.arg for parameter in function.args.posonlyargs + function.args.args]
    return len([name for name in names if name not in {"self", "cls"}])


def names_used(module: Module) -> Iterator[tuple[ast.stmt | ast.expr, str]]:
    """Yield each imported name and each attribute of a plain name, dotted: `os.environ`."""
    for node in ast.walk(module.tree):
        match node:
            case ast.Import(names):
                yield from ((node, alias.name) for alias in names)
            case ast.ImportFrom(module=source, names=names):
                yield from ((node, f"{source}.{alias.name}") for alias in names)
            case ast.Attribute(ast.Name(owner), attribute):
                yield node, f"{owner}.{attribute}"
            case _:
                pass


def texts_in_git() -> Iterator[tuple[str, str]]:
    """Yield path and text of every file that is in git or would be added to it."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in listing.stdout.decode().split("\0"):
        path = ROOT / name
        if path.is_file():
            content = path.read_bytes()
            if b"\0" not in content:
                yield name, content.decode(errors="replace")
