"""The physical limit: ready answers, served by the console's own HTTP server with an application that does nothing.

python benchmarks/peers/static_bytes.py FOLDER PORT CERTIFICATE KEY
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import granian_server
import uvloop


def read_answers(folder: Path) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Prepare the two messages of each answer: FOLDER/name is served at /name."""
    answers: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
    for file in folder.iterdir():
        body = file.read_bytes()
        headers = [(b"content-length", str(len(body)).encode()), (b"content-type", b"application/json; charset=utf-8")]
        start = {"type": "http.response.start", "status": 200, "headers": headers}
        answers[f"/{file.name}"] = (start, {"type": "http.response.body", "body": body})
    return answers


async def serve(folder: Path, port: int, certificate: Path, key: Path) -> None:
    answers = read_answers(folder)

    async def application(scope: dict[str, Any], _receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            start, body = answers[scope["path"]]
            await send(start)
            await send(body)

    await granian_server.serve(application, port, certificate, key)


if __name__ == "__main__":
    _, folder, port, certificate, key = sys.argv
    uvloop.run(serve(Path(folder), int(port), Path(certificate), Path(key)))
