"""The server that Tandem has, for peers that differ in what they answer only: embedded, over TLS, on one processor."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.server.embed import Server


async def serve(application: Any, port: int, certificate: Path, key: Path) -> None:
    """Serve an ASGI application until SIGTERM or SIGINT."""
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
