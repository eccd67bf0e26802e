"""A repository's password is given once, and seen by nobody afterwards."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from tandem.client.errors import ApiError
from tandem.restic import listing
from tests.running import PASSWORD, SERVERS, SHARES, Site, running_site

CANARY = "canary-given-at-creation-5d81"


def test_a_password_given_at_creation_shows_in_no_process_log_answer_or_file(tmp_path: Path) -> None:
    with running_site(tmp_path, settings={"TANDEM_LOG_FORMAT": "json"}) as site, watching(CANARY) as seen:
        made = site.client.post(
            f"{site.server}/repositories", {"name": "third", "path": str(tmp_path / "third"), "password": CANARY}
        )
        assert CANARY not in str(made)
        keep_secrets(site, tmp_path)
        body = {"name": "bad", "path": str(tmp_path / "share" / "bad"), "password": CANARY}
        with pytest.raises(ApiError) as refused:
            site.client.post(f"{site.server}/repositories", body)
        assert CANARY not in str(refused.value)
        site.repositories["first"] = made["instanceUid"]
        job = site.make_job("to the third")
        assert site.run_job(job)["status"] == "Success"
        (point,) = site.points()
        site.repositories["third"] = made["instanceUid"]
        assert site.restore(point, "third", tmp_path / "restored")["status"] == "Success"
        assert len(listing.snapshot_ids(tmp_path / "third")) == 1
        answers = [answer.lower() for answer in all_answers(site)]
        # With the processes still there, so that what is not yet in the database files is in their logs.
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        showing = [path for path in files if CANARY.encode() in path.read_bytes()]
        showing += [path for path in files if PASSWORD.encode() in path.read_bytes()]
    assert len(answers) > 10
    assert not [answer for answer in answers if CANARY in answer]
    assert showing == []
    assert seen.looks > 20
    assert seen.places == set()


def keep_secrets(site: Site, folder: Path) -> None:
    """Give the same secret in every other way there is: for a repository, a share, and a Linux machine."""
    password = site.client.post(f"{site.server}/encryptionPasswords", {"password": CANARY, "hint": "of the fourth"})
    fourth = {"name": "fourth", "path": str(folder / "fourth"), "encryptionPasswordUid": password["instanceUid"]}
    site.repositories["fourth"] = site.client.post(f"{site.server}/repositories", fourth)["instanceUid"]
    account = site.client.post(f"{site.server}/credentials/standard", {"username": "reader", "password": CANARY})
    (folder / "another share").mkdir()
    share = {"name": "another", "path": str(folder / "another share"), "credentialsUid": account["instanceUid"]}
    site.client.post(f"{site.server}/fileShares", share)
    linux = {"username": "root", **dict.fromkeys(("password", "rootPassword", "privateKey", "passphrase"), CANARY)}
    site.client.post(f"{site.server}/credentials/linux", linux)
    site.client.post(f"{site.server}/collect")
    for used in (f"encryptionPasswords/{password['instanceUid']}", f"credentials/{account['instanceUid']}"):
        with pytest.raises(ApiError) as refused:
            site.client.delete(f"{site.server}/{used}")
        assert refused.value.status == 409
        assert CANARY not in str(refused.value)


class Seen:
    """Where a secret was seen, and how often it was looked for."""

    def __init__(self) -> None:
        self.places: set[str] = set()
        self.looks = 0


@contextmanager
def watching(secret: str) -> Generator[Seen]:
    """Look at how every process is called, and at its environment, all the time."""
    seen, ended = Seen(), Event()

    def watch() -> None:
        while not ended.is_set():
            seen.looks += 1
            for process in Path("/proc").iterdir():
                if process.name.isdigit() and int(process.name) != os.getpid():
                    look_at(process, secret.encode(), seen)

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    yield seen
    ended.set()
    watcher.join()


def look_at(process: Path, secret: bytes, seen: Seen) -> None:
    """Note what a process shows of a secret."""
    for name in ("cmdline", "environ"):
        try:
            if secret in (process / name).read_bytes():
                seen.places.add(f"{process.name} {name}")
        except OSError:
            continue


def all_answers(site: Site) -> list[str]:
    """Give the console's answer to every list and everything in it that an administrator can ask for."""
    paths = [
        f"{SERVERS}/repositories?expand=BackupRepositoryInfo",
        SERVERS,
        site.server,
        f"{site.server}/repositories",
        f"{site.server}/credentials",
        f"{site.server}/encryptionPasswords",
        f"{SERVERS}/proxies",
        *(f"{site.server}/repositories/{uid}" for uid in site.repositories.values()),
        f"{SERVERS}/jobs",
        f"{SERVERS}/jobs/fileShareJobs?expand=BackupServerJob",
        f"{SERVERS}/jobs/fileShareCopyJobs?expand=BackupServerJob",
        "/infrastructure/sessions",
        SHARES,
        f"{SHARES}/restorePoints",
    ]
    return [site.client.request("GET", path).text for path in paths]
