"""`ssh-keyscan`: which key an SSH server shows, for somebody to confirm; it is never trusted for that alone."""

import shutil
import subprocess

from tandem.domain.errors import Invalid
from tandem.domain.repository_locations import SSH_PORT, RemoteLocation, check_host_key
from tandem.restic.errors import ResticError, Unreachable
from tandem.restic.opening import CONNECT_SECONDS_MAX, SEARCH_PATH

_PREFERRED = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa")


def scan(place: RemoteLocation) -> str:
    """Give the key that a server shows, type and key.

    Raises:
        Unreachable: it does not answer.
        ResticError: there is no such program.
    """
    program = shutil.which("ssh-keyscan", path=SEARCH_PATH)
    if program is None:
        raise ResticError("There is no program ssh-keyscan. Install OpenSSH's client; SFTP repositories need it.")
    seconds = str(CONNECT_SECONDS_MAX)
    command = [program, "-T", seconds, "-p", str(place.port or SSH_PORT), "--", place.host.strip("[]")]
    environment = {"PATH": SEARCH_PATH}
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=2 * CONNECT_SECONDS_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Unreachable(f"The SSH server {place.host} does not answer.") from error
    shown = [line.split(maxsplit=1)[1] for line in done.stdout.splitlines() if " " in line and line[0] != "#"]
    found: dict[str, str] = {}
    for text in shown:
        try:
            key = check_host_key(text)
        except Invalid:
            continue
        found[key.split()[0]] = key
    for kind in (*_PREFERRED, *found):
        if kind in found:
            return found[kind]
    raise Unreachable(f"The SSH server {place.host} does not answer, or shows no key. Check host and port.")
