"""An SFTP server that lets in one user by password, whom the system need not know.

Run as `python password_sftp_server.py PORT HOST_KEY FOLDER USER PASSWORD`; it serves the folder until it is killed.
"""

import asyncio
import functools
import sys

import asyncssh


class _Login(asyncssh.SSHServer):
    """Lets one user in."""

    def __init__(self, user: str, password: str) -> None:
        self._account = (user, password)

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == self._account


def _files(folder: str, channel: "asyncssh.SSHServerChannel[bytes]") -> asyncssh.SFTPServer:
    return asyncssh.SFTPServer(channel, chroot=folder.encode())


async def _serve(port: int, host_key: str, folder: str, user: str, password: str) -> None:
    server = await asyncssh.listen(
        "127.0.0.1",
        port,
        server_factory=functools.partial(_Login, user, password),
        server_host_keys=[host_key],
        sftp_factory=functools.partial(_files, folder),
    )
    await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), *sys.argv[2:6]))
