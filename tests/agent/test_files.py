"""Looking into points: exact names, bounded lists, and files that arrive whole or are known not to have."""

import io
import os
import tarfile
from collections.abc import Callable, Iterator
from threading import Event

import pytest

from tandem.agent.files import Files
from tandem.agent.sender import Sender, Unwanted
from tandem.decoding import decode
from tandem.domain.errors import Unavailable
from tandem.domain.point_files import ArchiveForm
from tandem.protocol.transfers import (
    PART_BYTES_MAX,
    FilePage,
    FindFiles,
    FoundPage,
    ListFiles,
    Place,
    SendFile,
    TransferAnswer,
    TransferPart,
)
from tandem.restic import listing
from tests.agent.backup_server import BackupServer, random_bytes, until
from tests.agent.conftest import Stage

BAD_NAME = b"bad\xff\nname.txt"
BIG = 3 * PART_BYTES_MAX + 17


class Receiver:
    """The console's end: keeps what arrives."""

    def __init__(self) -> None:
        self.parts: list[TransferPart] = []
        self.answer: Callable[[TransferPart], TransferAnswer] = lambda part: TransferAnswer(part.number + 1)

    def take(self, part: TransferPart) -> TransferAnswer:
        answer = self.answer(part)
        if answer.is_wanted and answer.next_number == part.number + 1:
            self.parts.append(part)
        return answer

    @property
    def is_over(self) -> bool:
        return bool(self.parts) and (self.parts[-1].is_last or bool(self.parts[-1].error))

    @property
    def data(self) -> bytes:
        return b"".join(part.data for part in self.parts)


class Looking:
    """A backup server whose points are looked into."""

    def __init__(self, server: BackupServer) -> None:
        self.server = server
        self.newest = ""
        self.receiver = Receiver()
        self.files = Files(server.means, self._take)

    def _take(self, part: TransferPart) -> TransferAnswer:
        return self.receiver.take(part)

    def send(self, order: ListFiles | FindFiles | SendFile) -> Receiver:
        """Have something sent; gives what arrived, when it is over."""
        self.receiver = Receiver()
        self.files.send(order, self.server.configuration)
        until(lambda: self.receiver.is_over)
        return self.receiver

    def page(self, path: bytes = b"", *, limit: int = 100, offset: int = 0, repository: str = "second") -> FilePage:
        snapshot = self.snapshot(repository)
        order = ListFiles(
            transfer_uid="t", repository_uid=repository, snapshot_id=snapshot, path=path, limit=limit, offset=offset
        )
        received = self.send(order)
        assert received.parts[-1].error == ""
        return decode(received.data, FilePage)

    def fetch(self, path: bytes, archive: ArchiveForm | None = None) -> Receiver:
        snapshot = self.snapshot("second")
        return self.send(
            SendFile(transfer_uid="t", repository_uid="second", snapshot_id=snapshot, path=path, archive=archive)
        )

    def find(self, pattern: str, *, ignore_case: bool = True) -> list[tuple[str, bytes]]:
        ids = list(reversed(self.server.ids()))
        places = [Place("first", ids)]
        received = self.send(
            FindFiles(transfer_uid="t", pattern=pattern, ignore_case=ignore_case, places=places, limit=100, offset=0)
        )
        assert received.parts[-1].error == ""
        found = decode(received.data, FoundPage).files
        return [(each.snapshot_id, each.file.path) for each in found]

    def snapshot(self, repository: str) -> str:
        """Give the newest point, as a repository knows it; the one that was noted, if any was."""
        if self.newest:
            return self.newest
        newest = self.server.ids()[-1]
        return newest if repository == "first" else self.server.copies()[newest]


def _prepare(server: BackupServer) -> None:
    server.save("Letters/2025/Budget.XLSX")
    server.write("big.bin", random_bytes("big", size=BIG))
    server.write("Zebra.txt", b"zebra")
    (server.share / os.fsdecode(BAD_NAME)).write_bytes(b"bad")
    (server.share / "link").symlink_to("/etc/passwd")
    (server.share / "empty").mkdir()
    server.save("Letters/2025/[x]*?.txt", b"strange")
    server.copy()


@pytest.fixture
def looking(stage: Stage) -> Iterator[Looking]:
    """A copy with names of all sorts."""
    server = stage.set_up("files", _prepare)
    yield Looking(server)
    server.state.close()


def test_a_folder_is_listed_folders_first_with_every_name_as_it_is(looking: Looking) -> None:
    page = looking.page()
    assert [(file.path, str(file.type), file.size) for file in page.files] == [
        (b"empty", "Folder", 0),
        (b"Letters", "Folder", 0),
        (BAD_NAME, "File", 3),
        (b"big.bin", "File", BIG),
        (b"hello.txt", "File", 6),
        (b"link", "Link", 0),
        (b"Zebra.txt", "File", 5),
    ]
    assert looking.page(b"empty") == FilePage([], 0)
    assert [file.path for file in looking.page(b"Letters/2025").files] == [
        b"Letters/2025/[x]*?.txt",
        b"Letters/2025/Budget.XLSX",
    ]
    missing = looking.fetch(b"nothing/here").parts[-1]
    assert (missing.is_missing, missing.is_last) == (True, False)


def test_turning_pages_starts_restic_once(looking: Looking) -> None:
    whole = looking.page()
    snapshot = looking.snapshot("second")
    looking.newest = snapshot
    (looking.server.second / "config").rename(looking.server.second / "away")  # whatever is asked of restic fails
    for offset in range(0, 7, 2):
        assert looking.page(limit=2, offset=offset) == FilePage(whole.files[offset : offset + 2], 7)
    # Not for ever: what was read is forgotten after a while.
    looking.server.clock.forward(minutes=6)
    order = ListFiles(transfer_uid="t", repository_uid="second", snapshot_id=snapshot, path=b"", limit=1, offset=0)
    assert "holds no repository" in looking.send(order).parts[-1].error


def test_a_search_tells_which_points_hold_a_name(looking: Looking) -> None:
    older, newer = looking.server.ids()
    assert looking.find("*.xlsx") == [(newer, b"Letters/2025/Budget.XLSX"), (older, b"Letters/2025/Budget.XLSX")]
    assert looking.find("*.xlsx", ignore_case=False) == []
    assert looking.find("ZEBRA*") == [(newer, b"Zebra.txt")]
    # Restic takes all that is below a folder of this name for found; and the share lies in one of that name.
    assert looking.find("letters") == [(newer, b"Letters"), (older, b"Letters")]
    assert looking.find("share") == []
    assert looking.find("[[]x]*") == [(newer, b"Letters/2025/[x]*?.txt")]


def test_a_file_and_a_folder_arrive_whole(looking: Looking) -> None:
    received = looking.fetch(b"big.bin")
    assert (received.parts[0].size, received.data) == (BIG, (looking.server.share / "big.bin").read_bytes())
    assert max(len(part.data) for part in received.parts) <= PART_BYTES_MAX
    assert looking.fetch(BAD_NAME).data == b"bad"
    assert looking.fetch(b"Letters/2025/[x]*?.txt").data == b"strange"
    with tarfile.open(fileobj=io.BytesIO(looking.fetch(b"Letters", ArchiveForm.TAR).data)) as archive:
        names = archive.getnames()
    assert {os.path.basename(name) for name in names} == {"2025", "Budget.XLSX", "[x]*?.txt"}  # noqa: PTH119
    for path, form, told in (
        (b"Letters", None, "is a folder"),
        (b"big.bin", ArchiveForm.ZIP, "is no folder"),
        (b"link", None, "is a link"),
    ):
        assert told in looking.fetch(path, form).parts[-1].error


def test_a_file_that_cannot_be_read_to_its_end_never_looks_whole(looking: Looking) -> None:
    packs = [path for path in (looking.server.second / "data").rglob("*") if path.is_file()]
    pack = max(packs, key=lambda path: path.stat().st_size)
    pack.chmod(0o600)
    content = pack.read_bytes()
    half = len(content) // 2
    pack.write_bytes(content[:half] + bytes(1000) + content[half + 1000 :])
    received = looking.fetch(b"big.bin")
    assert received.parts[-1].error
    assert not any(part.is_last for part in received.parts)


def test_reading_goes_on_beside_a_lock_and_leaves_none(looking: Looking) -> None:
    lock = looking.server.second / "locks" / ("a" * 64)
    lock.write_bytes(b"of somebody who works on it")
    assert looking.fetch(b"Zebra.txt").data == b"zebra"
    assert listing.lock_ids(looking.server.second) == ["a" * 64]


def test_restic_goes_no_faster_than_its_parts_are_taken_and_ends_when_nobody_wants_them(looking: Looking) -> None:
    refused = Event()

    def no_room(part: TransferPart) -> TransferAnswer:
        if not part.data:
            return TransferAnswer(part.number + 1)
        if refused.is_set():
            return TransferAnswer(part.number, is_wanted=False)
        refused.set()
        return TransferAnswer(part.number)

    looking.receiver.answer = no_room
    snapshot = looking.snapshot("second")
    order = SendFile(transfer_uid="t", repository_uid="second", snapshot_id=snapshot, path=b"big.bin")
    looking.files.send(order, looking.server.configuration)
    until(lambda: refused.is_set() and not looking.files.is_busy)
    assert looking.receiver.data == b""


class _Timeless(Event):
    """Whoever waits for it waits no time."""

    def wait(self, timeout: float | None = None) -> bool:
        del timeout
        return self.is_set()


def test_a_part_is_sent_again_until_it_is_acknowledged() -> None:
    failures = [Unavailable(), Unavailable()]
    received = Receiver()

    def take(part: TransferPart) -> TransferAnswer:
        answer = received.take(part)
        if failures:
            received.parts.pop()  # lost on its way
            raise failures.pop()
        return answer

    sender = Sender(take, "t", _Timeless())
    sender.write(b"some")
    sender.finish()
    assert [(part.number, part.data, part.is_last) for part in received.parts] == [(0, b"some", True)]


def test_a_sender_out_of_step_with_the_console_gives_up() -> None:
    sender = Sender(lambda part: TransferAnswer(part.number + 5), "t", Event())
    with pytest.raises(Unwanted):
        sender.finish()
