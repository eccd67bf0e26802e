"""Looking into points for somebody at the console: folders, names, and whole files on their way up."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from threading import BoundedSemaphore, Event, Lock, Thread, Timer
from typing import Any, TypeVar

import msgspec
import structlog

from tandem.agent.open_repository import OpenRepository
from tandem.agent.run import Means
from tandem.agent.sender import Sender, Unwanted
from tandem.decoding import convert
from tandem.domain.errors import ConsoleError
from tandem.domain.point_files import FileType, FoundFile, PointFile, shown_path
from tandem.protocol.messages import Configuration
from tandem.protocol.transfers import (
    FilePage,
    FindFiles,
    FoundPage,
    ListFiles,
    SendFile,
    TransferAnswer,
    TransferPart,
)
from tandem.restic import dump, find, ls, snapshots
from tandem.restic.errors import ResticError, Stopped
from tandem.restic.ls import MARK, Node, TooMany
from tandem.restic.process import Control

AT_ONCE_MAX = 8
FOUND_MAX = 10_000
# Shorter than clients wait for an answer.
SEARCH_SECONDS_MAX = 75.0
# So that turning pages does not start restic for each; a point's content never changes.
KEPT_ENTRIES_MAX = 200_000
KEPT_LISTS_MAX = 50
KEPT_FOR = timedelta(minutes=5)
ROOTS_MAX = 10_000

_TYPES = {"file": FileType.FILE, "dir": FileType.FOLDER, "symlink": FileType.LINK}

Entry = TypeVar("Entry")

log = structlog.get_logger()


class Missing(Exception):
    """The point does not hold what was asked for."""


class Files:
    """Answers the console's questions about points, each in a thread of its own; changes nothing anywhere.

    Reading takes no lock, neither restic's nor a session's: it goes on beside a backup or a copy. If a prune takes
    away what is being read, restic notices, since it checks every piece, and the transfer ends as broken.
    """

    def __init__(self, means: Means, send: Callable[[TransferPart], TransferAnswer]) -> None:
        """Keep what is needed.

        Args:
            means: the agent's.
            send: sends one part to the console.
        """
        self._means = means
        self._send = send
        self._room = BoundedSemaphore(AT_ONCE_MAX)
        self._guard = Lock()
        self._stops: set[Event] = set()
        self._kept = _Kept(means.clock)
        self._roots: dict[tuple[str, str], str] = {}

    def send(self, order: ListFiles | FindFiles | SendFile, configuration: Configuration | None) -> str:
        """Begin to send what is asked for; whatever comes of it is said in the transfer, so nothing is wrong yet."""
        name = f"transfer {order.transfer_uid}"
        Thread(target=self._attend, args=(order, configuration), name=name, daemon=True).start()
        return ""

    def close(self) -> None:
        """End all transfers."""
        with self._guard:
            for stop in self._stops:
                stop.set()

    @property
    def is_busy(self) -> bool:
        """Whether anything is being sent."""
        with self._guard:
            return bool(self._stops)

    def _attend(self, order: ListFiles | FindFiles | SendFile, configuration: Configuration | None) -> None:
        stop = Event()
        with self._guard:
            self._stops.add(stop)
        sender = Sender(self._send, order.transfer_uid, stop)
        try:
            if not self._room.acquire(blocking=False):
                sender.fail("The agent has enough to send already; try again when some of it has ended.")
                return
            try:
                self._answer(order, configuration, sender, stop)
            finally:
                self._room.release()
        except (Unwanted, ConsoleError) as error:
            log.info("transfer ended early", transfer=order.transfer_uid, reason=str(error) or "not wanted any more")
        finally:
            sender.close()
            with self._guard:
                self._stops.discard(stop)

    def _answer(
        self,
        order: ListFiles | FindFiles | SendFile,
        configuration: Configuration | None,
        sender: Sender,
        stop: Event,
    ) -> None:
        look = _Look(self._means, configuration, stop, self._roots)
        try:
            match order:
                case ListFiles():
                    sender.write(msgspec.json.encode(self._list(look, order)))
                case FindFiles():
                    sender.write(msgspec.json.encode(self._find(look, order)))
                case SendFile():
                    look.send(order, sender)
            sender.finish()
        except Missing as error:
            sender.fail(str(error), is_missing=True)
        except Stopped:
            sender.fail("The agent was stopped.")
        except (ResticError, OSError) as error:
            sender.fail(str(error))
        except (Unwanted, ConsoleError):
            raise
        except Exception as error:  # a fault of ours must be said, not leave somebody waiting
            log.exception("transfer failed", transfer=order.transfer_uid)
            sender.fail(f"The agent failed: {type(error).__name__}. Its log has more.")

    def _list(self, look: _Look, order: ListFiles) -> FilePage:
        key = ("list", order.repository_uid, order.snapshot_id, order.path)
        files = self._kept.get(key, lambda: look.list(order))
        return FilePage(files[order.offset : order.offset + order.limit], len(files))

    def _find(self, look: _Look, order: FindFiles) -> FoundPage:
        places = tuple((place.repository_uid, tuple(place.snapshot_ids)) for place in order.places)
        key = ("find", order.pattern, order.ignore_case, places)
        found = self._kept.get(key, lambda: look.find(order))
        return FoundPage(found[order.offset : order.offset + order.limit], len(found))


class _Look:
    """One look into points."""

    def __init__(
        self, means: Means, configuration: Configuration | None, stop: Event, roots: dict[tuple[str, str], str]
    ) -> None:
        self._means = means
        self._configuration = configuration
        self._stop = stop
        self._roots = roots
        self._control: Control = means.processes.control(stop, _nothing)

    def list(self, order: ListFiles) -> list[PointFile]:
        repository = self._open(order.repository_uid)
        root = self._root(repository, order.snapshot_id)
        path = _join(root, order.path)
        nodes = ls.run(self._means.engine, repository.access, order.snapshot_id, path, control=self._control)
        # The whole of a point that was made of several folders is no folder itself.
        if path != "/":
            if not nodes:
                raise _missing(order.path)
            folder = nodes.pop(0)
            if _TYPES.get(folder.type) is not FileType.FOLDER:
                raise ResticError(f"/{shown_path(order.path)} is no folder.")
        files = [_file(node, root) for node in nodes]
        return sorted(files, key=lambda file: (file.type is not FileType.FOLDER, *_name_key(file.path)))

    def find(self, order: FindFiles) -> list[FoundFile]:
        found: list[FoundFile] = []
        late = Event()

        def give_up() -> None:
            late.set()
            self._stop.set()

        timer = Timer(SEARCH_SECONDS_MAX, give_up)
        timer.daemon = True
        timer.start()
        try:
            places: dict[str, int] = {}
            for place in order.places:
                for snapshot_id in place.snapshot_ids:
                    places.setdefault(snapshot_id, len(places))
                self._find_in(place.repository_uid, place.snapshot_ids, order, found)
        except Stopped as error:
            if late.is_set():
                raise ResticError(
                    f"The search took more than {SEARCH_SECONDS_MAX:.0f} s; search one point, or for less."
                ) from error
            raise
        finally:
            timer.cancel()
        # The points that hold one file stand together, the newest first, as they are asked for.
        return sorted(found, key=lambda each: (each.file.path, places[each.snapshot_id]))

    def send(self, order: SendFile, sender: Sender) -> None:
        repository = self._open(order.repository_uid)
        access = repository.access
        path = _join(self._root(repository, order.snapshot_id), order.path)
        shown = f"/{shown_path(order.path)}"
        kind, size = FileType.FOLDER, 0
        if path != "/":
            node = ls.read_one(self._means.engine, access, order.snapshot_id, path, control=self._control)
            if node is None:
                raise _missing(order.path)
            kind, size = _TYPES.get(node.type, FileType.OTHER), node.size
        if kind is FileType.FOLDER and order.archive is None:
            raise ResticError(f"{shown} is a folder; download it as an archive: zip or tar.")
        if kind is not FileType.FOLDER and order.archive is not None:
            raise ResticError(f"{shown} is no folder; download it without an archive.")
        if kind not in {FileType.FOLDER, FileType.FILE}:
            raise ResticError(f"{shown} is a {kind.lower()}, not a file: it has no content of its own.")
        if order.archive is None:
            sender.announce(size)
        dump.run(
            self._means.engine,
            access,
            order.snapshot_id,
            path,
            archive=order.archive,
            on_bytes=sender.write,
            control=self._control,
        )
        if order.archive is None and sender.bytes_written != size:
            raise ResticError(f"{shown} should have {size} bytes, but {sender.bytes_written} were read.")

    def _find_in(self, repository_uid: str, snapshot_ids: list[str], order: FindFiles, found: list[FoundFile]) -> None:
        repository = self._open(repository_uid)
        self._learn_roots(repository)
        # One that was forgotten meanwhile holds nothing.
        held = [each for each in snapshot_ids if (repository_uid, each) in self._roots]
        if not held:
            return
        is_match = _matcher(order.pattern, ignore_case=order.ignore_case)
        waiting: list[Node] = []

        def on_match(node: Node) -> None:
            if is_match(node.path.rpartition("/")[2]):
                waiting.append(node)
            if len(found) + len(waiting) > FOUND_MAX:
                raise TooMany(f"More than {FOUND_MAX} were found; search one point, or for less.")

        def on_snapshot(snapshot_id: str) -> None:
            root = self._roots[repository_uid, snapshot_id]
            below = [node for node in waiting if node.path.startswith(root.rstrip("/") + "/")]
            found.extend(FoundFile(snapshot_id=snapshot_id, file=_file(node, root)) for node in below)
            waiting.clear()

        find.run(
            self._means.engine,
            repository.access,
            held,
            _restic_pattern(order.pattern),
            ignore_case=order.ignore_case,
            on_match=on_match,
            on_snapshot=on_snapshot,
            control=self._control,
        )

    def _open(self, repository_uid: str) -> OpenRepository:
        known = self._configuration.repositories if self._configuration else []
        for repository in known:
            if repository.uid == repository_uid:
                return self._means.repositories.open_to_read(repository, self._control)
        raise ResticError(f"The repository {repository_uid} is not in this agent's configuration.")

    def _root(self, repository: OpenRepository, snapshot_id: str) -> str:
        key = (repository.uid, snapshot_id)
        if key not in self._roots:
            self._learn_roots(repository)
        if key not in self._roots:
            raise ResticError(f"The repository {repository.name} does not hold the restore point any more.")
        return self._roots[key]

    def _learn_roots(self, repository: OpenRepository) -> None:
        """Note of every point in a repository below which path the share's own files are."""
        for key in [key for key in self._roots if key[0] == repository.uid or len(self._roots) > ROOTS_MAX]:
            self._roots.pop(key, None)
        for snapshot in snapshots.read(self._means.engine, repository.access, control=self._control):
            self._roots[repository.uid, snapshot.id] = snapshot.root


class _Kept:
    """Lists that were asked for a moment ago."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._lists: dict[Any, tuple[datetime, list[Any]]] = {}

    def get(self, key: object, make: Callable[[], list[Entry]]) -> list[Entry]:
        """Give a list that is kept, or make it; an old one, or the oldest of too many, goes."""
        now = self._clock()
        with self._lock:
            for other in [other for other, (until, _) in self._lists.items() if until <= now]:
                del self._lists[other]
            if key in self._lists:
                return self._lists[key][1]
        made = make()
        with self._lock:
            self._lists[key] = (now + KEPT_FOR, made)
            while len(self._lists) > KEPT_LISTS_MAX or self._size() > KEPT_ENTRIES_MAX:
                del self._lists[next(iter(self._lists))]
        return made

    def _size(self) -> int:
        return sum(len(entries) for _, entries in self._lists.values())


def _join(root: str, path: bytes) -> str:
    return f"{root.rstrip('/')}/{os.fsdecode(path)}" if path else root


def _file(node: Node, root: str) -> PointFile:
    return PointFile(
        path=os.fsencode(node.path.removeprefix(root.rstrip("/") + "/")),
        type=_TYPES.get(node.type, FileType.OTHER),
        size=node.size,
        modified_at=_instant(node.mtime),
        is_exact=MARK not in node.path,
    )


def _instant(text: str) -> datetime | None:
    # Of a file that is dated outside of what dates there are, none is told.
    with suppress(msgspec.ValidationError):
        return convert(text, datetime)
    return None


def _name_key(path: bytes) -> tuple[str, bytes]:
    return shown_path(path).casefold(), path


def _missing(path: bytes) -> Missing:
    return Missing(f"The restore point holds no /{shown_path(path)}. Look at its folders for what there is.")


def _matcher(pattern: str, *, ignore_case: bool) -> Callable[[str], bool]:
    flags = re.IGNORECASE if ignore_case else 0
    expression = re.compile(fnmatch.translate(pattern), flags)
    return lambda name: expression.match(name) is not None


def _restic_pattern(pattern: str) -> str:
    r"""Say the same in restic's words, where `\` takes the meaning off the next character and `^` begins "not"."""
    return pattern.replace("\\", "\\\\").replace("[!", "[^")


def _nothing() -> None:
    return None
