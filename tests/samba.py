"""A real SMB server of the tests' own: smbd in the foreground, on a loopback port, with an account of its own."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

SMBD = shutil.which("smbd", path="/usr/sbin:/usr/bin:/usr/local/sbin")
USER = getpass.getuser()
PASSWORD = 'correct horse, battery=staple ünd "more"'
START_SECONDS_MAX = 10.0

CONFIGURATION = """
[global]
    server role = standalone server
    smb ports = {port}
    interfaces = lo
    bind interfaces only = yes
    passdb backend = tdbsam:{state}/passdb.tdb
    private dir = {state}
    lock directory = {state}
    state directory = {state}
    cache directory = {state}
    pid directory = {state}
    ncalrpc dir = {state}/ncalrpc
    log file = {state}/log
    load printers = no
    disable spoolss = yes
    disable netbios = yes
    map to guest = never
[docs]
    path = {share}
    read only = yes
    valid users = {user}
    follow symlinks = no
"""

needs_smb = pytest.mark.skipif(
    SMBD is None or not os.access("/dev/fuse", os.R_OK | os.W_OK) or os.geteuid() != 0,
    reason="smbd, /dev/fuse and the right to mount are needed",
)


class Samba:
    """Serves a folder as the share `docs`; can die and come back on the same port."""

    def __init__(self, folder: Path) -> None:
        """Make the account; `start` begins to serve."""
        self.share = folder / "served"
        self._state = folder / "samba"
        self.share.mkdir()
        self._state.mkdir(mode=0o700)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._configuration = self._state / "smb.conf"
        self._configuration.write_text(
            CONFIGURATION.format(port=self.port, state=self._state, share=self.share, user=USER)
        )
        self._process: subprocess.Popen[bytes] | None = None
        account = ["smbpasswd", "-c", self._configuration, "-s", "-a", USER]
        subprocess.run(account, input=f"{PASSWORD}\n{PASSWORD}\n".encode(), check=True, capture_output=True)

    @property
    def path(self) -> str:
        """Where the share is, as users write it."""
        return f"//127.0.0.1:{self.port}/docs"

    def start(self) -> None:
        """Serve."""
        command = [SMBD or "smbd", "--foreground", "--no-process-group", "-s", str(self._configuration)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0
        )
        end = time.monotonic() + START_SECONDS_MAX
        while not self._answers():
            assert time.monotonic() < end, "smbd did not start"
            time.sleep(0.02)

    def kill(self) -> None:
        """Die, with all that serves clients."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        with socket.socket() as connection:
            return connection.connect_ex(("127.0.0.1", self.port)) == 0
