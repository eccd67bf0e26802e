"""Shares of another machine: a real SMB server, mounted by the agent for each run, that may die at any moment."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import msgspec
import pytest

from tandem.agent.mount_programs import Account, MountError, detach, kernel_can, kernel_command, mount_points
from tandem.agent.mounts import Mounts, Patience
from tandem.domain.errors import Invalid
from tandem.domain.file_shares import ShareKind, locate
from tandem.domain.sessions import SessionState
from tandem.protocol.messages import FileShareConfiguration, ShareCredentials
from tandem.restic import listing, restore, snapshots
from tests.agent.backup_server import BackupServer, random_bytes, until
from tests.restic.trees import describe
from tests.samba import PASSWORD, USER, Samba, needs_smb

CREDENTIALS = ShareCredentials(username=f"WORKGROUP\\{USER}", password=PASSWORD)
WRONG = ShareCredentials(username=USER, password="wrong")


@pytest.fixture(scope="module")
def samba(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    """An SMB server that serves a few files."""
    server = Samba(tmp_path_factory.mktemp("smb"))
    for number in range(8):
        path = server.share / f"folder {number}" / "ü" / ("n" * 240 + f" {number}.txt")
        path.parent.mkdir(parents=True)
        path.write_bytes(random_bytes(number))
    (server.share / ".hidden").write_bytes(b"hidden")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def shared(server: BackupServer, samba: Samba) -> BackupServer:
    """A backup server whose share is the one of the SMB server."""
    share = FileShareConfiguration(uid="share", name="Documents", path=samba.path, credentials=CREDENTIALS)
    server.configure(file_shares=[share])
    return server


@needs_smb
def test_a_share_of_another_machine_is_saved_whole_and_left_unmounted(shared: BackupServer, samba: Samba) -> None:
    first = shared.back_up()
    assert first.state is SessionState.SUCCESS, first.messages
    again = shared.back_up()
    assert again.state is SessionState.SUCCESS, again.messages
    # The point before was found: each run reads the share at the same place.
    assert (again.statistics.files_total, again.statistics.files_changed) == (9, 0)
    assert not mounts_below(shared)
    (newest, _) = snapshots.read(shared.engine, shared.access(shared.first))
    restore.run(shared.engine, shared.access(shared.first), newest, shared.folder / "restored")
    assert contents(shared.folder / "restored") == contents(samba.share)
    assert shared.copy().state is SessionState.SUCCESS
    shared.agrees()


@needs_smb
def test_a_share_that_does_not_open_is_told_in_words(shared: BackupServer, samba: Samba) -> None:
    check = shared.means.mounts.check
    assert check(samba.path, CREDENTIALS) == ""
    assert check(f"{samba.path}/folder 1", CREDENTIALS) == ""
    assert "access is denied" in check(samba.path, WRONG)
    assert "no such share" in check(samba.path.replace("docs", "nothing"), CREDENTIALS)
    assert "no such share or folder" in check(f"{samba.path}/nothing", CREDENTIALS)
    assert "does not answer" in check("//127.0.0.1:1/docs", CREDENTIALS)
    assert not mounts_below(shared)
    assert list((shared.data / "mounts").iterdir()) == []

    wrong = msgspec.structs.replace(shared.configuration.file_shares[0], credentials=WRONG)
    shared.configure(file_shares=[wrong])
    session = shared.back_up()
    assert session.state is SessionState.FAILED
    assert "access is denied" in session.messages[0]
    assert shared.points() == []


@needs_smb
def test_a_share_that_drops_makes_no_point_and_the_next_run_is_complete(shared: BackupServer, samba: Samba) -> None:
    assert shared.back_up().state is SessionState.SUCCESS
    held = shared.ids()
    shared.configure(jobs=[msgspec.structs.replace(shared.backup_job, retry_times=1), shared.copy_job])
    # Big enough to be read for a while, of a server that dies meanwhile.
    big = samba.share / "big.bin"
    with big.open("wb") as file:
        file.truncate(3_000_000_000)
    try:
        assert shared.sessions.start_job(shared.backup_job, shared.configuration) == ""
        until(lambda: any(running.progress.bytes_done for running in shared.sessions.running()))
        samba.kill()
        began = time.monotonic()
        until(lambda: not shared.sessions.is_running(shared.backup_job.uid))
        assert time.monotonic() - began < 15
    finally:
        big.unlink()
        samba.kill()
        samba.start()
    session = shared.ended_sessions()[-1]
    assert session.state is SessionState.FAILED
    assert "went away while it was read" in session.messages[0], session.messages
    assert "tried again at" in session.messages[1]
    assert not mounts_below(shared)
    assert shared.ids() == held
    shared.agrees()
    session = shared.back_up()
    assert session.state is SessionState.SUCCESS, session.messages
    assert shared.points()[-1].is_complete
    shared.agrees()


@needs_smb
def test_what_a_killed_agent_left_mounted_is_ended_at_the_next_start(samba: Samba, tmp_path: Path) -> None:
    program = f"""
    import os, signal, sys
    from pathlib import Path
    from tandem.agent.mounts import Mounts
    from tandem.protocol.messages import FileShareConfiguration, ShareCredentials
    credentials = ShareCredentials(username={USER!r}, password={PASSWORD!r})
    share = FileShareConfiguration(uid="share", name="Documents", path={samba.path!r}, credentials=credentials)
    with Mounts(Path({str(tmp_path)!r})).open(share):
        print("mounted", flush=True)
        sys.stdin.read()
    """
    child = subprocess.Popen(
        [sys.executable, "-c", dedent(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "mounted\n"
    point = Path(os.path.realpath(tmp_path)) / "mounts" / "share"
    assert point in mount_points()
    secrets = [PASSWORD.encode(), b"correct horse"]
    for process in Path("/proc").glob("[0-9]*"):
        if str(point).encode() in read(process / "cmdline"):
            seen = read(process / "cmdline") + read(process / "environ")
            assert process.name == str(child.pid) or not any(secret in seen for secret in secrets)
    child.kill()
    child.communicate()
    (tmp_path / "mounts" / "left.credentials").write_text("secret")
    Mounts(tmp_path).clean_up()
    assert point not in mount_points()
    assert list((tmp_path / "mounts").iterdir()) == []
    servers = [read(process / "cmdline") for process in Path("/proc").glob("[0-9]*")]
    assert not [arguments for arguments in servers if str(point).encode() in arguments]


def test_a_disk_that_is_taken_away_makes_no_point(server: BackupServer) -> None:
    held = [server.save()]
    stand_in = server.folder / "restic"
    # As if the disk went while restic read it: what is at the path then is another, empty folder.
    script = f"""#!/bin/sh
    case " $* " in *" backup "*) mv {server.share} {server.folder}/gone; mkdir {server.share};; esac
    exec {server.engine.path} "$@"
    """
    stand_in.write_text(dedent(script))
    stand_in.chmod(0o755)
    engine = server.engine
    server.restart(type(engine)(str(stand_in), engine.version))
    session = server.back_up()
    assert session.state is SessionState.FAILED
    assert "another folder is at" in session.messages[0]
    server.restart(engine)
    assert server.ids() == held == list(listing.snapshot_ids(server.first))
    server.share.rmdir()
    (server.folder / "gone").rename(server.share)
    assert server.back_up().state is SessionState.SUCCESS
    server.agrees()


def test_masks_leave_out_what_they_say_and_nothing_else(server: BackupServer) -> None:
    for name in ("Finance/a.txt", "Finance/~$a.TMP", "Projects/x/Reports/r", "Projects/x/other", "top.docx", "[odd]/s"):
        server.write(name, b"1")
    share = server.configuration.file_shares[0]
    inclusion = ["/finance", "/Projects/*/Reports", "/[odd]"]
    server.configure(file_shares=[msgspec.structs.replace(share, inclusion_masks=inclusion, exclusion_masks=["*.tmp"])])
    assert server.back_up().statistics.files_total == 3
    assert files_of_newest(server) == {"Finance/a.txt", "Projects/x/Reports/r", "[odd]/s"}
    # A mask is about what is in the share, never about the folders that lead there.
    here = server.share.name
    server.configure(file_shares=[msgspec.structs.replace(share, exclusion_masks=[here, "/Projects", "*$*"])])
    server.back_up()
    assert files_of_newest(server) == {"Finance/a.txt", "top.docx", "[odd]/s", "hello.txt"}


def test_odd_names_and_special_files_come_back_as_they_were(server: BackupServer) -> None:
    long = "ü" * 127 + "x"
    for name in (b"not \xff utf-8", b"new\nline", long.encode(), b" blank ", b"-n", b".hidden", b"a\\b", b"*?["):
        (server.share / os.fsdecode(name)).write_bytes(name)
    (server.share / "loop").symlink_to("..")
    (server.share / "elsewhere").symlink_to("/etc/passwd")
    (server.share / "dangling").symlink_to("nowhere")
    os.mkfifo(server.share / "pipe")
    (server.share / "second name").hardlink_to(server.share / "hello.txt")
    (server.share / "empty folder").mkdir(mode=0o705)
    before = describe(server.share)
    assert server.back_up().state is SessionState.SUCCESS
    (snapshot,) = snapshots.read(server.engine, server.access(server.first))
    restore.run(server.engine, server.access(server.first), snapshot, server.folder / "restored")
    assert describe(server.folder / "restored") == before
    assert (server.folder / "restored" / "loop").readlink() == Path("..")
    assert (server.folder / "restored" / "hello.txt").samefile(server.folder / "restored" / "second name")


def test_the_kernel_mounts_read_only_and_takes_its_secrets_from_a_file() -> None:
    smb, nfs = locate(r"\\Server:1445\Docs\Finance\2024"), locate("server:/export/docs/")
    file, point = Path("/private/x.credentials"), Path("/data/mounts/x")
    assert kernel_command(smb, point, file) == [
        "mount",
        "-t",
        "cifs",
        "-o",
        "ro,nosuid,nodev,noexec,soft,port=1445,credentials=/private/x.credentials",
        "//server/Docs/Finance/2024",
        "/data/mounts/x",
    ]
    assert kernel_command(nfs, point, None) == [
        "mount",
        "-t",
        "nfs",
        "-o",
        "ro,nosuid,nodev,noexec,soft,timeo=100,retrans=3",
        "server:/export/docs",
        "/data/mounts/x",
    ]


def test_a_kernel_without_nfs_says_what_to_install(tmp_path: Path) -> None:
    if kernel_can(ShareKind.NFS):
        pytest.skip("this kernel mounts NFS")
    wrong = Mounts(tmp_path, Patience(connect=0.5)).check("127.0.0.1:/export", None)
    assert "does not answer" in wrong or "nfs-common" in wrong


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("//Server/docs", r"\\server\docs"),
        (r"\\server\docs\a b\c", r"\\server\docs\a b\c"),
        ("//server:445/docs/", r"\\server\docs"),
        ("//[fd00::1]:1445/C$/x", r"\\[fd00::1]:1445\C$\x"),
        ("server:/export//a/./b", "server:/export/a/b"),
        ("/srv/docs", "/srv/docs"),
    ],
)
def test_paths_have_one_plain_form(path: str, plain: str) -> None:
    assert locate(path).path == plain
    assert locate(plain) == locate(path)


@pytest.mark.parametrize(
    "path",
    [
        "//server",
        "//server/",
        "//-o/docs",
        "//server/docs/../x",
        "//server/do:cs",
        "//s:99999/docs",
        "//s/a\nb",
        "h:/a/../b",
    ],
)
def test_paths_that_lead_elsewhere_are_refused(path: str) -> None:
    with pytest.raises(Invalid, match="path"):
        locate(path)


def test_an_account_may_not_add_lines_to_a_file_of_credentials() -> None:
    with pytest.raises(MountError):
        Account.of(ShareCredentials(username="a\nuid=0", password=""))
    assert Account.of(ShareCredentials(username="ACME\\bob", password="x")) == Account("bob", "x", "ACME")


def mounts_below(server: BackupServer) -> list[Path]:
    """Give what is still mounted for an agent; ends it, so that no other test meets it."""
    folder = Path(os.path.realpath(server.data))
    found = [point for point in mount_points() if folder in point.parents]
    for point in found:
        detach(point)
    return found


def files_of_newest(server: BackupServer) -> set[str]:
    """Give the files of the newest point."""
    newest = next(
        each for each in snapshots.read(server.engine, server.access(server.first)) if each.id == server.ids()[-1]
    )
    place = server.folder / newest.id
    restore.run(server.engine, server.access(server.first), newest, place)
    return set(contents(place))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""
