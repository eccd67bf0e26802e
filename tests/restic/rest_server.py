"""A repository behind HTTP, for tests: what restic's REST backend asks of a server, in memory of a local folder.

The protocol is described in restic's manual, "REST Backend", version 2.
"""

import base64
import contextlib
import json
import threading
from collections.abc import Generator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

USER = "acme"
PASSWORD = "canary"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    folder: Path


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet for each answer, or each waits for an acknowledgement
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride] - the one that we start

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the standard library
        """Keep quiet."""

    def do_GET(self) -> None:
        path = self._path()
        if path is None:
            return
        if self.path.endswith("/") and path.is_dir():
            listed = [{"name": each.name, "size": each.stat().st_size} for each in path.rglob("*") if each.is_file()]
            self._answer(HTTPStatus.OK, json.dumps(listed).encode(), "application/vnd.x.restic.rest.v2")
        elif path.is_file():
            self._send(path.read_bytes())
        else:
            self._answer(HTTPStatus.NOT_FOUND)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        path = self._path()
        content = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            self._answer(HTTPStatus.OK)

    def do_DELETE(self) -> None:
        path = self._path()
        if path is not None:
            path.unlink(missing_ok=True)
            self._answer(HTTPStatus.OK)

    def _path(self) -> Path | None:
        """Return what the request is about, or answer that it is refused."""
        expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != expected:
            self._answer(HTTPStatus.UNAUTHORIZED)
            return None
        parts = [part for part in self.path.split("?")[0].split("/") if part]
        if len(parts) == 3 and parts[1] == "data":
            parts.insert(2, parts[2][:2])
        return self.server.folder.joinpath(*parts)

    def _send(self, content: bytes) -> None:
        requested = self.headers.get("Range")
        if requested is None:
            self._answer(HTTPStatus.OK, content)
            return
        first, _, last = requested.removeprefix("bytes=").partition("-")
        self._answer(HTTPStatus.PARTIAL_CONTENT, content[int(first) : int(last) + 1 if last else None])

    def _answer(self, status: HTTPStatus, content: bytes = b"", kind: str = "application/octet-stream") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


@contextlib.contextmanager
def running(folder: Path) -> Generator[int, None, None]:
    """Serve the repositories in a folder, and yield the port on the loopback interface."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.folder = folder
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()
