"""A backup of an SMB share, mounted by the agent, beside the same files as a folder: real smbd, in turns."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import copying
import msgspec
from copying import Bench, Run
from tree import make_tree, warm

from tandem.domain.repositories import Account
from tests.samba import PASSWORD, SMBD, USER, Samba


class Size(msgspec.Struct, frozen=True):
    """How large the share is, and how often it is backed up each way."""

    files: int
    total_bytes: int
    rounds: int


class Results(msgspec.Struct):
    """What came of it: backups of all files, and of a share in which nothing has changed."""

    folder: list[Run] = []
    smb: list[Run] = []
    folder_idle: list[Run] = []
    smb_idle: list[Run] = []


def measure(folder: Path, size: Size, say: Callable[[str], None]) -> Results:
    """Back a folder up, then the same one through SMB, each time into a new repository, then once more."""
    results = Results()
    if SMBD is None or os.geteuid() != 0 or not os.access("/dev/fuse", os.R_OK | os.W_OK):
        say("left out: it needs smbd, /dev/fuse and the right to mount")
        return results
    samba = Samba(folder)
    make_tree(samba.share, files=size.files, total_bytes=size.total_bytes)
    samba.start()
    try:
        with copying.running_tandem(folder / "tandem") as bench:
            _back_up_in_turns(bench, samba, size, folder, results)
    finally:
        samba.kill()
    say(f"folder {results.folder[-1].seconds:.2f} s, SMB {results.smb[-1].seconds:.2f} s")
    return results


def _back_up_in_turns(bench: Bench, samba: Samba, size: Size, folder: Path, results: Results) -> None:
    account = bench.make_credentials(Account(username=USER, password=PASSWORD))
    places = {
        "folder": {"name": "As a folder", "path": str(samba.share)},
        "smb": {"name": "As an SMB share", "path": samba.path, "credentialsUid": account},
    }
    shares = {name: bench.make_share(asked) for name, asked in places.items()}
    for number in range(1, size.rounds + 1):
        jobs = {name: bench.make_backup_job(share, folder / f"{name}-{number}") for name, share in shares.items()}
        for runs in ((results.folder, results.smb), (results.folder_idle, results.smb_idle)):
            for job, kept in zip(jobs.values(), runs, strict=True):
                warm(samba.share)
                kept.append(bench.run(job))
