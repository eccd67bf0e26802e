"""`restic ls`: what a folder of a point holds."""

from __future__ import annotations

import os

import msgspec

from tandem.decoding import decode
from tandem.restic import exit_codes, ids, process
from tandem.restic.engine import Engine
from tandem.restic.errors import ResticError
from tandem.restic.process import BACKGROUND, Control, RepositoryAccess

NODES_MAX = 100_000
TEXT_BYTES_MAX = 64 * 1024 * 1024
# What restic writes in JSON for a byte that is no UTF-8.
MARK = "\ufffd"


class TooMany(ResticError):
    """There is more than can be shown at once."""


class Node(msgspec.Struct, frozen=True):
    """A file or folder of a point.

    Attributes:
        path: absolute, as restic saved it; bytes that are no UTF-8 as Python's file names have them.
        type: restic's word, for instance `file`, `dir`, `symlink`.
        size: in bytes.
        mtime: when it was changed last, as restic writes it.
    """

    path: str
    type: str = ""
    size: int = 0
    mtime: str = ""


def run(
    engine: Engine,
    repository: RepositoryAccess,
    snapshot_id: str,
    path: str,
    *,
    control: Control = BACKGROUND,
) -> list[Node]:
    """List a folder: first the folder itself, then what it holds. Nothing is locked.

    Of a file, only itself is listed; the list is empty if the point does not hold the path.

    Args:
        engine: the program.
        repository: where the point is.
        snapshot_id: the point.
        path: absolute, as restic saved it.
        control: how the run is watched.

    Raises:
        TooMany: the folder holds more than `NODES_MAX` entries.
        RepositoryMissing, WrongPassword, Stopped, ResticError: see `exit_codes.check`.
    """
    nodes: list[Node] = []

    def on_line(line: str) -> None:
        node = _node(line)
        if node is None:
            return
        nodes.append(node)
        if len(nodes) > NODES_MAX:
            raise TooMany(f"The folder holds more than {NODES_MAX} entries; search it, or download it.")

    result = process.run(
        engine, flags(snapshot_id, path, is_json=True), repository=repository, on_output=on_line, control=control
    )
    exit_codes.check(engine, result)
    if any(MARK in node.path for node in nodes):
        return _made_exact(nodes, _text(engine, repository, flags(snapshot_id, path, is_json=False), control))
    return nodes


def read_one(
    engine: Engine, repository: RepositoryAccess, snapshot_id: str, path: str, *, control: Control = BACKGROUND
) -> Node | None:
    """Say what a path of a point is, None if the point does not hold it; raises what `run` does, except TooMany."""

    def on_line(line: str) -> None:
        node = _node(line)
        if node is not None:
            raise _Found(node)

    arguments = flags(snapshot_id, path, is_json=True)
    try:
        result = process.run(engine, arguments, repository=repository, on_output=on_line, control=control)
    except _Found as found:
        return msgspec.structs.replace(found.node, path=path)
    exit_codes.check(engine, result)
    return None


class _Found(Exception):
    def __init__(self, node: Node) -> None:
        super().__init__()
        self.node = node


def flags(snapshot_id: str, path: str, *, is_json: bool) -> list[str]:
    """Return the arguments, for instance `["ls", "--no-lock", "--json", "--", id, "/srv/share"]`."""
    form = ["--json"] if is_json else []
    return ["ls", "--no-lock", *form, "--", *ids.require_full([snapshot_id]), path]


def _node(line: str) -> Node | None:
    if not line.startswith("{"):
        return None
    try:
        return decode(line, Node)
    except msgspec.ValidationError:  # the point's own line
        return None
    except msgspec.DecodeError as error:
        raise ResticError(f"Restic's list of files cannot be read: {error}. Report this with its version.") from error


def _text(engine: Engine, repository: RepositoryAccess, arguments: list[str], control: Control) -> bytes:
    text = bytearray()

    def on_bytes(chunk: bytes) -> None:
        text.extend(chunk)
        if len(text) > TEXT_BYTES_MAX:
            raise TooMany("The folder's names are too long to be shown; search it, or download it.")

    exit_codes.check(engine, process.run(engine, arguments, repository=repository, on_bytes=on_bytes, control=control))
    return bytes(text)


def _made_exact(nodes: list[Node], text: bytes) -> list[Node]:
    r"""Take the names from what restic prints for people: byte by byte, but with names that may hold line ends.

    Both lists have the same order, and JSON tells how many lines each name takes.
    """
    counts = [node.path.count("\n") + 1 for node in nodes]
    lines = text.removesuffix(b"\n").split(b"\n")
    place = len(lines) - sum(counts)
    exact: list[Node] = []
    for node, count in zip(nodes, counts, strict=True):
        path = b"\n".join(lines[max(place, 0) : place + count])
        place += count
        if path.decode(errors="replace").count(MARK) < node.path.count(MARK) or path.count(b"/") != node.path.count(
            "/"
        ):
            raise ResticError("Restic's two lists of the folder differ; try again.")
        exact.append(msgspec.structs.replace(node, path=os.fsdecode(path)))
    return exact
