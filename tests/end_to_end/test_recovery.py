"""Total loss: what docs/recovery.md tells an administrator to do is done here, word for word, on what agents made."""

import contextlib
import os
import re
import shutil
import signal
import socket
from collections.abc import Generator
from pathlib import Path

import pytest

from tandem.client import Client
from tandem.client.errors import ApiError
from tandem.restic import listing
from tests.end_to_end.typed_commands import Page, blocks, type_commands
from tests.quick_tandem import quick_tandem
from tests.restic import quick_repository
from tests.restic.trees import describe
from tests.running import PASSWORD, REPOSITORY_PASSWORD, SERVERS, SHARES, Site, until

Tree = dict[bytes, tuple[object, ...]]
PAGE = Path(__file__).parent.parent.parent / "docs" / "recovery.md"


class Administrator:
    """Somebody who types what the page says, in a folder of his own."""

    def __init__(self, folder: Path, site: Site, commands: Path) -> None:
        self.folder = folder
        self.site = site
        self.safe = folder / "safe"
        self.safe.mkdir(parents=True, mode=0o700)
        self.pids = folder / "pids"
        self.variables = {
            "SAFE": str(self.safe),
            "CONSOLE": site.console.url,
            "FIRST": str(site.first),
            "SECOND": str(site.second),
            "SHARE": str(site.share),
            "OLD_HOST": socket.gethostname(),
            "TANDEM_PORT": str(site.console.port),
            "TANDEM_DATA": str(folder / "sign-in"),
            "PATH": f"{commands}:{os.environ['PATH']}",
        }

    def types(self, block: str, data: Path | None = None) -> str:
        """Run commands as a person does, up to the first that fails; gives what they print.

        Args:
            block: the commands.
            data: what DATA is on the machine where they are typed.
        """
        return type_commands(block, self.folder, **self.variables, **({"DATA": str(data)} if data else {}))

    def signs_in(self) -> None:
        """Wait until the console answers, and sign in at it."""
        console = self.site.console
        certificate = console.data / "console" / "certificate.pem"

        def answers() -> bool:
            if not certificate.exists():
                return False
            console.client.close()
            console.client = Client(console.url, certificate.read_text())
            try:
                console.client.sign_in("admin", PASSWORD)
            except ApiError:
                return False
            return True

        until(answers)
        sign_in = f"tandem login --console $CONSOLE --user admin --certificate '{certificate}'"
        self.types(f"echo '{PASSWORD}' | {sign_in}")

    def sees_the_agent(self) -> None:
        """Wait until a backup server is there."""
        until(lambda: [row for row in self.site.client.pages(SERVERS) if row["status"] == "Healthy"])

    def loses(self, *folders: Path) -> None:
        """End whatever goes on at machines, and lose what is on their disks."""
        for pid in map(int, self.pids.read_text().split() if self.pids.exists() else []):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.pids.unlink(missing_ok=True)
        for folder in folders:
            shutil.rmtree(folder)


SET_UP = """
echo "$PASSWORD" > password
tandem repositories create First --path "$FIRST" --existing --password-file password
tandem repositories create Second --path "$SECOND" --existing --password-file password
rm password
tandem shares create Office --path "$SHARE"
tandem jobs create backup "Office backup" --share Office --repository First --manual
tandem jobs create copy "Office copy" --source "Office backup" --repository Second --manual
tandem jobs start "Office backup" --wait
tandem jobs start "Office copy" --wait
"""


@pytest.fixture
def administrator(tmp_path: Path) -> Generator[Administrator]:
    """An administrator whose site has made a backup and a copy of it."""
    with quick_tandem(tmp_path / "commands") as commands:
        yield from _administrator(tmp_path, commands)


def _administrator(folder: Path, commands: Path) -> Generator[Administrator]:
    site = Site(folder / "Site A")
    site.folder.mkdir()
    made = Administrator(folder / "administrator", site, commands)
    try:
        (site.share / "Façade").mkdir(parents=True)
        (site.share / "Façade" / "plan.bin").write_bytes(os.urandom(300_000))
        (site.share / "empty").touch(mode=0o640)
        for place in (site.first, site.second):
            quick_repository.create(place, REPOSITORY_PASSWORD)
        site.console.start()
        site.agent.enrol()
        site.agent.start()
        made.signs_in()
        made.sees_the_agent()
        made.types(f"PASSWORD={REPOSITORY_PASSWORD}\n{SET_UP}")
        yield made
    finally:
        made.loses()
        site.end()


def points(administrator: Administrator) -> list[dict[str, object]]:
    """Give the restore points that the console lists."""
    return list(administrator.site.client.pages(f"{SHARES}/restorePoints"))


@pytest.mark.timeout(300)
def test_everything_is_recovered_as_the_page_says(administrator: Administrator) -> None:
    site, types, page = administrator.site, administrator.types, blocks(PAGE)
    console, server = site.console.data, site.agent.data
    original = describe(site.share)
    assert set(re.findall(r"^(\w+)=", page["Recovery"][0], re.MULTILINE)) == {"DATA", "SAFE", "CONSOLE"}
    kits, backup = page["Before anything is lost"]
    types(kits)
    site.console.stop()
    types(backup, console)

    # 1. The console is lost, after another restore point was made.
    site.console.start()
    types('tandem jobs start "Office backup" --wait')
    site.console.kill()
    administrator.loses(console)
    restored, anew = page["With a backup of it"]
    types(restored, console)
    administrator.signs_in()
    administrator.sees_the_agent()
    assert len(points(administrator)) == 1
    site.agent.stop()
    types(anew, server)
    types('tandem jobs start "Office backup" --wait')
    assert len(points(administrator)) == 3

    # 1. The same, without a backup.
    administrator.loses(console)
    site.console.start()
    administrator.signs_in()
    token, enrolled, registered, adopted, confirmed = page["Without a backup of it"]
    types(token, server)
    types(enrolled, server)
    administrator.sees_the_agent()
    assert str(site.share) in types(registered)
    assert "Success" in types(adopted)
    assert len(points(administrator)) == 3
    assert [copy["state"] for point in points(administrator) for copy in point["copies"]] == ["Copied"]  # type: ignore[index]
    types(confirmed)
    types("tandem jobs start 'Office copy' --wait")
    assert len(listing.snapshot_ids(site.second)) == 3

    lose_the_backup_server(administrator, page, original)
    lose_everything(administrator, page, original)


def lose_the_backup_server(administrator: Administrator, page: Page, original: Tree) -> None:
    """Lose it with the first repository."""
    site, types = administrator.site, administrator.types
    server = site.agent.data
    administrator.loses(server, site.first)
    token, enrolled, restored = page["2. A backup server is lost"]
    types(token, server)
    types(enrolled, server)
    administrator.sees_the_agent()
    types(restored, server)
    assert describe(server / "restored") == original


def lose_everything(administrator: Administrator, page: Page, original: Tree) -> None:
    """Lose everything but a kit and the second repository."""
    site, types = administrator.site, administrator.types
    site.console.kill()
    administrator.loses(site.console.data, site.agent.data)
    share = site.share.rename(site.folder / "to compare with")
    (taken,) = page["3. Everything is lost but a kit and the second repository"]
    kit = types(taken)
    commands = [line.removeprefix("    ") for line in kit.splitlines() if line.startswith("    ")]
    told = types("\n".join(commands))
    assert "no errors were found" in told
    assert re.findall(r"^Restic-Id: (.*)$", kit, re.MULTILINE)[0] in told
    found = administrator.folder / "restored" / str(site.share).lstrip("/")
    assert describe(found) == describe(share) == original
    assert not (administrator.folder / "restic-password").exists()
