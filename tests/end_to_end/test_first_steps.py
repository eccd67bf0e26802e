"""From nothing to a point that was restored from its copy, as a newcomer does it, and the end of it all."""

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from threading import Event

from rich.console import Console as Terminal

from tandem.client import open_client
from tandem.restic import listing
from tandem.server.up import Processes
from tests.restic.trees import describe
from tests.running import (
    FINAL,
    SHARES,
    STOP_SECONDS_MAX,
    command_lines,
    environment,
    free_port,
    interrupt,
    is_alive,
    until,
)


def test_what_up_protects_restores_from_the_copy_to_the_last_byte_and_all_ends_with_it(tmp_path: Path) -> None:
    data, log = tmp_path / "data", tmp_path / "up.log"
    command = [sys.executable, "-m", "tandem", "up", "--data", str(data), "--port", str(free_port())]
    with log.open("wb") as file:
        up = subprocess.Popen(command, stdout=file, stderr=file, env=environment())
    try:
        until(lambda: b"Console and agent go on" in log.read_bytes() or up.poll() is not None)
        assert up.poll() is None, log.read_text()
        restore_from_copy(data, tmp_path / "restored")
        before = describe(data / "sample-documents")
        assert describe(tmp_path / "restored") == before
    finally:
        started = [pid for pid, line in command_lines() if os.fsencode(data) in line and pid != up.pid]
        interrupt(up)
        code = up.wait(2 * STOP_SECONDS_MAX)
    assert code == 0
    assert len(started) == 2
    assert not [pid for pid in started if is_alive(pid)]
    assert listing.lock_ids(data / "repositories" / "first") == []
    assert listing.lock_ids(data / "repositories" / "second") == []


def test_up_says_what_ended_when_a_part_of_it_dies(tmp_path: Path) -> None:
    told = StringIO()
    terminal = Terminal(file=told, width=1000)
    with Processes(tmp_path, Event()) as processes:
        processes.start("agent", "agent", "run", "--data", str(tmp_path))
        assert processes.wait(terminal) == 1
    said = told.getvalue()
    assert "The agent ended by itself" in said
    assert str(tmp_path / "agent.log") in said
    assert "Start them again" in said


def test_a_killed_up_leaves_no_console_and_no_agent_behind(tmp_path: Path) -> None:
    data = tmp_path / "data"
    command = [sys.executable, "-m", "tandem", "up", "--data", str(data), "--port", str(free_port())]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment()) as up:
        mark = os.fsencode(data)
        until(lambda: [pid for pid, line in command_lines() if mark in line and pid != up.pid])
        up.kill()
    until(lambda: not [pid for pid, line in command_lines() if mark in line])


def restore_from_copy(data: Path, target: Path) -> None:
    """Restore the only point from its copy, with the sign-in that `up` has left."""
    with open_client(data) as client:
        (share,) = client.pages("/protectedWorkloads/fileShares")
        (point,) = client.pages(f"{SHARES}/{share['fileShareUid']}/restorePoints")
        (copy,) = point["copies"]
        assert copy["state"] == "Copied"
        body = {"targetPath": str(target), "repositoryUid": copy["repositoryUid"]}
        uid = client.post(f"{SHARES}/restorePoints/{point['instanceUid']}/restore", body)["instanceUid"]
        until(lambda: client.get(f"/infrastructure/sessions/{uid}")["status"] in FINAL)
        session = client.get(f"/infrastructure/sessions/{uid}")
        assert session["status"] == "Success", session["messages"]
