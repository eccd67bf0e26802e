"""The command `tandem` without the second that it takes to start: a process that has everything loaded does the work.

It forks for each command and gives it the caller's arguments, environment, folder and streams. What goes on until it
is told to end, consoles and agents, starts as usual.
"""

import contextlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

REQUEST_BYTES_MAX = 100_000
STREAMS = 3
# Run without site packages, so that it starts at once.
CALLER = """#!{python} -SE
import json, os, socket, sys
if sys.argv[1:2] == ["console"] or sys.argv[1:3] == ["agent", "run"]:
    os.execv("{python}", ["{python}", "-m", "tandem", *sys.argv[1:]])
with socket.socket(socket.AF_UNIX) as caller:
    caller.connect("{address}")
    request = json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode()
    socket.send_fds(caller, [request], [0, 1, 2])
    sys.exit(int(caller.recv(10)))
"""


@contextlib.contextmanager
def quick_tandem(folder: Path) -> Generator[Path]:
    """Give a folder for PATH that has the command."""
    address, program = folder / "tandem.socket", folder / "tandem"
    folder.mkdir()
    program.write_text(CALLER.format(python=sys.executable, address=address))
    program.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(address))
        server.listen()
        command = [sys.executable, "-m", "tests.quick_tandem", str(server.fileno())]
        process = subprocess.Popen(command, pass_fds=[server.fileno()])
        try:
            yield folder
        finally:
            process.kill()
            process.wait()


def _serve(server: socket.socket) -> None:
    from tandem.__main__ import COMMANDS, PROCESSES, main  # noqa: PLC0415  (the tests themselves need not load it)

    for place in (COMMANDS | PROCESSES).values():
        pkgutil.resolve_name(place)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        connection, _address = server.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            content, streams, _flags, _from = socket.recv_fds(connection, REQUEST_BYTES_MAX, STREAMS)
            arguments, environment, folder = json.loads(content)
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)
            sys.argv = ["tandem", *arguments]
            code = 1
            try:
                main()
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else int(end.code is not None)
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                connection.send(str(code).encode())
                os._exit(code)
        connection.close()


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
