"""A line to a server on the loopback interface, on which everything can happen that happens on long ones."""

import contextlib
import random
import socket
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from threading import Event, Thread

CHUNK_BYTES = 16_384


@dataclass(frozen=True)
class Treatment:
    """What happens to one connection.

    Attributes:
        bytes_max: it is cut after so many from the server.
        delay_seconds: how long each piece takes.
        is_silent: after `bytes_max` nothing more comes, and nobody hangs up.
        answer: what is said instead of asking the server.
    """

    bytes_max: int | None = None
    delay_seconds: float = 0.0
    is_silent: bool = False
    answer: bytes | None = None


FINE = Treatment()


class Line:
    """Stands between a client and a server."""

    def __init__(self, server_port: int) -> None:
        self.connections = 0
        # Asked for each connection.
        self.treat: Callable[[], Treatment] = lambda: FINE
        self._server_port = server_port
        self._open: set[socket.socket] = set()
        self._ended = Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        Thread(target=self._accept, daemon=True).start()

    def end(self) -> None:
        """Take no more connections; those that hang are let go."""
        self._ended.set()
        self._refuse()

    def cut(self) -> None:
        """Cut all connections there are, and refuse new ones until it is mended."""
        self._refuse()
        for end in list(self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Take connections again."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        Thread(target=self._accept, daemon=True).start()

    def _refuse(self) -> None:
        # Closing alone does not wake who waits in accept.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            Thread(target=self._serve, args=(client, self.treat()), daemon=True).start()

    def _serve(self, client: socket.socket, treatment: Treatment) -> None:
        with client, contextlib.suppress(OSError):
            if treatment.answer is not None:
                client.recv(CHUNK_BYTES)
                client.sendall(treatment.answer)
                return
            with socket.create_connection(("127.0.0.1", self._server_port)) as server:
                ends = {client, server}
                self._open |= ends
                try:
                    Thread(target=_pump, args=(client, server), daemon=True).start()
                    self._answer(client, server, treatment)
                finally:
                    self._open -= ends

    def _answer(self, client: socket.socket, server: socket.socket, treatment: Treatment) -> None:
        said = 0
        while chunk := server.recv(CHUNK_BYTES):
            time.sleep(treatment.delay_seconds)
            if treatment.bytes_max is not None and said + len(chunk) > treatment.bytes_max:
                client.sendall(chunk[: treatment.bytes_max - said])
                if treatment.is_silent:
                    self._ended.wait()
                break
            client.sendall(chunk)
            said += len(chunk)
        # Closing is not enough: the thread that waits for the client's next word keeps the connection open.
        for end in (client, server):
            end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def line_to(server_port: int) -> Generator[Line]:
    """Give a line that is fine until it is told otherwise."""
    line = Line(server_port)
    try:
        yield line
    finally:
        line.end()


def answering(status: str) -> Treatment:
    """Give a server that has nothing to say but a status."""
    return Treatment(answer=f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())


def at_first(chance: random.Random, count: int, treatment: Callable[[], Treatment]) -> Callable[[], Treatment]:
    """Treat some of the first connections badly, and the others well; a client that tries again gets through."""
    left = count

    def treat() -> Treatment:
        nonlocal left
        if left > 0 and chance.random() < 0.7:
            left -= 1
            return treatment()
        return FINE

    return treat


def _pump(client: socket.socket, server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := client.recv(CHUNK_BYTES):
            server.sendall(chunk)
        server.shutdown(socket.SHUT_WR)
