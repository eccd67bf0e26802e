"""The files within restore points over HTTP: who reads them, what is written down of it, and that none is cut short."""

from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec
import pytest
from sqlalchemy import select

from tandem.api.transfers import SILENCE_SECONDS_MAX, Broken, content_disposition
from tandem.domain.point_files import FileType, PointFile
from tandem.protocol.transfers import FilePage, FindFiles, ListFiles, SendFile, TransferPart
from tandem.store.schema.tables import transfers
from tests.agents import Agent
from tests.consoles import Console
from tests.people import ACMES, ALICE, BETAS, BOB, PROVIDERS, uid

pytestmark = pytest.mark.embedded_only

SHARES = "/protectedWorkloads/fileShares"
POINT = f"{SHARES}/restorePoints/{ACMES.point}"
FILES = f"{POINT}/files"
CONTENT = f"{FILES}/content"


@pytest.fixture
def agent(console: Console) -> Agent:
    """Acme's agent."""
    return console.agent_of(ACMES)


def fetch(console: Console, **query: str) -> httpx.Response:
    return console.call("GET", f"{CONTENT}?{urlencode(query)}", BOB)


def logged(console: Console) -> list[str]:
    rows: list[dict[str, Any]] = console.data("/eventLogs/activityLogs?limit=500", ALICE)
    return [row["message"] for row in rows]


def nothing_is_left(console: Console) -> bool:
    with console.database.reading() as connection:
        return not connection.execute(select(transfers)).all()


def test_a_page_of_a_folder_is_asked_for_and_shown_with_names_that_are_no_text(console: Console, agent: Agent) -> None:
    files = [
        PointFile(path=b"a/folder", type=FileType.FOLDER),
        PointFile(path=b"a/bad\xff", type=FileType.FILE, size=7),
    ]

    def parts_of(order: ListFiles | FindFiles | SendFile) -> list[TransferPart]:
        data = msgspec.json.encode(FilePage(files, 12))
        return [
            TransferPart(transfer_uid=order.transfer_uid, number=0),
            TransferPart(transfer_uid=order.transfer_uid, number=1, data=data[:20]),
            TransferPart(transfer_uid=order.transfer_uid, number=2, data=data[20:], is_last=True),
        ]

    agent.parts_of = parts_of
    answer = console.get(f"{FILES}?path=/a//&limit=2&offset=4", BOB)
    assert answer["meta"]["pagingInfo"] == {"total": 12, "count": 2, "offset": 4}
    folder, bad = answer["data"]
    assert folder == {"name": "folder", "path": "a/folder", "type": "Folder", "size": 0, "modificationTime": None}
    assert (bad["name"], bad["path"], bad["rawPath"]) == ("bad\ufffd", "a/bad\ufffd", "YS9iYWT/")
    (order,) = agent.orders
    assert isinstance(order, ListFiles)
    assert (order.path, order.limit, order.offset) == (b"a", 2, 4)
    assert (order.repository_uid, order.snapshot_id) == (ACMES.first, ACMES.snapshot)
    assert nothing_is_left(console)

    agent.orders.clear()
    console.call("GET", f"{CONTENT}?{urlencode({'rawPath': bad['rawPath']})}", BOB)
    (order,) = agent.orders
    assert isinstance(order, SendFile)
    assert order.path == b"a/bad\xff"


def test_the_copy_is_read_when_it_is_asked_for(console: Console, agent: Agent) -> None:
    assert fetch(console, path="hello.txt", repositoryUid=ACMES.second).content == b"hello\n"
    (order,) = agent.orders
    assert isinstance(order, SendFile)
    assert (order.repository_uid, order.snapshot_id) == (ACMES.second, ACMES.copied_snapshot)
    assert fetch(console, path="hello.txt", repositoryUid=BETAS.first).status_code == 409


def test_a_search_names_the_points(console: Console, agent: Agent) -> None:
    for path in (f"{FILES}/search", f"{SHARES}/{ACMES.share}/files"):
        answer = console.get(f"{path}?pattern=hello*", BOB)
        assert answer["meta"]["pagingInfo"]["total"] == 1
        assert (answer["data"][0]["path"], answer["data"][0]["restorePointUid"]) == ("hello.txt", ACMES.point)
    assert all(isinstance(order, FindFiles) and order.ignore_case for order in agent.orders)


def test_a_download_is_named_never_shown_and_never_kept(console: Console, agent: Agent) -> None:
    def parts_of(order: ListFiles | FindFiles | SendFile) -> list[TransferPart]:
        return [
            TransferPart(transfer_uid=order.transfer_uid, number=0, size=8),
            TransferPart(transfer_uid=order.transfer_uid, number=1, data=b"<script>", is_last=True),
        ]

    agent.parts_of = parts_of
    response = fetch(console, path="docs/page.html")
    assert response.content == b"<script>"
    headers = response.headers
    assert headers["Content-Disposition"] == "attachment; filename=\"page.html\"; filename*=UTF-8''page.html"
    assert (headers["Content-Type"], headers["X-Content-Type-Options"]) == ("application/octet-stream", "nosniff")
    assert (headers["Cache-Control"], headers["Content-Length"]) == ("no-store", "8")
    assert 'filename="docs.zip"' in fetch(console, path="docs", archive="zip").headers["Content-Disposition"]
    assert nothing_is_left(console)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            'a"b\r\nSet-Cookie: x',
            "attachment; filename=\"a_b__Set-Cookie: x\"; filename*=UTF-8''a%22b__Set-Cookie%3A%20x",
        ),
        ("Übung.txt", "attachment; filename=\"_bung.txt\"; filename*=UTF-8''%C3%9Cbung.txt"),
        ("..", "attachment; filename=\"download\"; filename*=UTF-8''download"),
        (".bashrc", "attachment; filename=\"bashrc\"; filename*=UTF-8''bashrc"),
        ("a\\b/c%2f", "attachment; filename=\"a_b_c_2f\"; filename*=UTF-8''a_b_c%252f"),
    ],
)
def test_a_name_of_a_file_says_nothing_but_a_name(name: str, expected: str) -> None:
    assert content_disposition(name) == expected


@pytest.mark.parametrize("ending", ["error", "silence"])
def test_a_download_that_is_not_whole_does_not_look_whole(console: Console, agent: Agent, ending: str) -> None:
    def parts_of(order: ListFiles | FindFiles | SendFile) -> list[TransferPart]:
        sent = [TransferPart(transfer_uid=order.transfer_uid, number=0, data=b"half")]
        if ending == "error":
            sent.append(TransferPart(transfer_uid=order.transfer_uid, number=1, error="A pack is damaged."))
        return sent

    agent.parts_of = parts_of
    before = console.clock.now
    with pytest.raises(Broken):
        fetch(console, path="docs", archive="zip")
    assert nothing_is_left(console)
    if ending == "silence":
        assert (console.clock.now - before).total_seconds() < 2 * SILENCE_SECONDS_MAX


def test_what_cannot_be_sent_is_told_before_anything_is(console: Console, agent: Agent) -> None:
    def parts_of(order: ListFiles | FindFiles | SendFile) -> list[TransferPart]:
        missing = order.path == b"missing" if isinstance(order, SendFile) else False
        return [TransferPart(transfer_uid=order.transfer_uid, number=0, error="It is not there.", is_missing=missing)]

    agent.parts_of = parts_of
    assert console.refuses(404, "GET", f"{CONTENT}?path=missing", BOB)["message"] == "It is not there."
    assert console.refuses(409, "GET", f"{CONTENT}?path=other", BOB)["type"] == "logical"
    agent.parts_of = lambda _order: []
    assert console.refuses(409, "GET", FILES, BOB)["type"] == "retryableLogical"
    assert nothing_is_left(console)
    console.agents.clear()
    console.clock.forward(minutes=5)
    assert "is not connected" in console.refuses(409, "GET", FILES, BOB)["message"]
    assert console.call("HEAD", f"{CONTENT}?path=hello.txt", BOB).status_code == 405


def test_every_look_is_in_the_log_of_whom_it_concerns(console: Console, agent: Agent) -> None:
    del agent
    console.get(f"{FILES}?path=Letters", BOB)
    console.get(f"{FILES}/search?pattern=*.xlsx", BOB)
    console.get(f"{SHARES}/{ACMES.share}/files?pattern=secret*", BOB)
    fetch(console, path="Letters/to my doctor.txt")
    lines = logged(console)
    for words in (
        "looked into the folder /Letters, of",
        "searched a restore point for *.xlsx, of",
        "searched the restore points of a file share for secret* in 1 points, of",
        f"downloaded /Letters/to my doctor.txt, from the repository {ACMES.first}, of",
    ):
        assert [line for line in lines if words in line and line.startswith(BOB.user_name)], (words, lines)


def test_what_is_no_path_or_pattern_is_refused_before_an_agent_is_asked(console: Console, agent: Agent) -> None:
    for query, parameter in (
        ("path=../x", "path"),
        ("path=a/./b", "path"),
        ("path=a%00b", "path"),
        ("path=" + "x" * 5000, "path"),
        ("rawPath=%25", "rawPath"),
        ("rawPath=Li4vYQ%3D%3D", "rawPath"),
        ("path=a&rawPath=YQ%3D%3D", "rawPath"),
        ("repositoryUid=none", "repositoryUid"),
        ("archive=rar", "archive"),
    ):
        assert console.refuses(400, "GET", f"{CONTENT}?{query}", BOB)["parameterName"] == parameter
    for query in ("", "pattern=", "pattern=a/b", "pattern=%00", "pattern=" + "x" * 300, "pattern=[", "pattern=a%5C"):
        assert console.refuses(400, "GET", f"{FILES}/search?{query}", BOB)["parameterName"] == "pattern"
    body = {"targetPath": "/restored"}
    for member, value in (
        ("paths", ["../x"]),
        ("paths", ["a/../../b"]),
        ("rawPaths", ["Li4="]),
        ("overwrite", "Maybe"),
    ):
        error = console.refuses(400, "POST", f"{POINT}/restore", BOB, {**body, member: value})
        assert error["propertyName"].startswith(member)
    agent.turn()
    assert agent.orders == []


def test_a_job_that_is_mapped_to_a_company_gives_it_the_files_of_its_points(console: Console) -> None:
    # Reading changes nothing on the backup server: seeing the point is enough, unlike for a restore.
    console.agent_of(PROVIDERS)
    job = f"/infrastructure/backupServers/jobs/{PROVIDERS.job_unique}"
    path = f"{SHARES}/restorePoints/{PROVIDERS.point}/files"
    console.refuses(404, "GET", path, BOB)
    console.does("POST", f"{job}/assign?companyUid={BOB.organization_uid}", ALICE)
    assert console.get(path, BOB)["data"][0]["name"] == "hello.txt"
    assert console.refuses(404, "GET", f"{SHARES}/restorePoints/{uid('nothing')}/files", BOB)
