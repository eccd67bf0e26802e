"""A PostgreSQL server for tests and benchmarks: made from the system's programs, and gone when they are."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg

# Fast rather than safe, as nothing here outlives the tests; and only a socket, as a port could be somebody's.
SETTINGS = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"

# Says "ready", then serves as long as our end of its input is open: if the tests are killed, nothing stays behind.
SERVE = """
programs=$1 directory=$2 settings=$3
trap 'rm -rf "$directory"' EXIT
{
    "$programs/initdb" -D "$directory/data" -U postgres --auth=trust --encoding=UTF8 --locale=C --no-sync &&
    "$programs/pg_ctl" start --wait -D "$directory/data" -l "$directory/log" -o "$settings $directory"
} >"$directory/said" 2>&1 || { cat "$directory"/said "$directory"/log; exit 1; }
echo ready
read -r _
"$programs/pg_ctl" stop --silent -m immediate -D "$directory/data"
"""

_serial = count(1)


@contextmanager
def running_server(settings: str = SETTINGS) -> Generator[str]:
    """Start a server, give the URL of its database `postgres`, and stop it in the end."""
    # Not pytest's directory: the name of a socket may have about 100 characters.
    directory = Path(tempfile.mkdtemp(prefix="tandem-pg-"))
    user = _server_user()
    if user:
        shutil.chown(directory, user)
    with subprocess.Popen(
        ["sh", "-c", SERVE, "serve", _programs(), directory, f"{settings} -c listen_addresses='' -k"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=directory,
        user=user,
        start_new_session=True,  # Ctrl-C is for the tests; they end it
    ) as server:
        assert server.stdout
        if server.stdout.readline() != "ready\n":
            raise RuntimeError(f"PostgreSQL did not start: {server.stdout.read()}")
        yield f"postgresql+psycopg://postgres@/postgres?host={directory}"


@contextmanager
def empty_database(server_url: str, template: str = "template1") -> Generator[str]:
    """Create a database, or a copy of one to which nobody is connected, give its URL, and drop it in the end."""
    name = f"test_{next(_serial)}"
    with psycopg.connect(server_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"create database {name} template {template}".encode())
        yield server_url.replace("/postgres?", f"/{name}?")
        connection.execute(f"drop database {name} with (force)".encode())


def crash(server_url: str) -> None:
    """End a server at once, as a crash would, and start it again; connections are cut, what was committed stays."""
    data = Path(server_url.partition("?host=")[2].partition("&")[0]) / "data"
    command = [_programs() / "pg_ctl", "restart", "--silent", "--wait", "-m", "immediate", "-D", data]
    quiet = subprocess.DEVNULL
    subprocess.run(command, check=True, stdout=quiet, stderr=quiet, cwd=data.parent, user=_server_user())


def _programs() -> Path:
    """Return the folder of the newest PostgreSQL's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    on_path = shutil.which("initdb")
    if not found and not on_path:
        raise RuntimeError("PostgreSQL's programs (initdb, pg_ctl) are missing: run scripts/set-up.sh test")
    return found[-1].parent if found else Path(str(on_path)).parent


def _server_user() -> str | None:
    """Return whom the server runs as if that cannot be us: it refuses to run as root."""
    if os.geteuid() != 0:
        return None
    if "postgres" not in {user.pw_name for user in pwd.getpwall()}:
        raise RuntimeError("PostgreSQL refuses to run as root, and there is no user named postgres to run it as")
    return "postgres"
