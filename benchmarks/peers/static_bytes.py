"""The physical limit: ready answers, served by the console's own HTTP server with an application that does nothing.

python benchmarks/peers/static_bytes.py FOLDER PORT CERTIFICATE KEY
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import uvloop
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.server.embed import Server


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

    server = Server(
        application,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.auto,
        websockets=False,
        log_enabled=False,
        ssl_cert=certificate,
        ssl_key=key,
        ssl_protocol_min=SSLProtocols.tls12,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    await server.serve()


if __name__ == "__main__":
    _, folder, port, certificate, key = sys.argv
    uvloop.run(serve(Path(folder), int(port), Path(certificate), Path(key)))
