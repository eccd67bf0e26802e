"""The servers that Tandem is compared with, each one process at work, over TLS, pinned to one processor."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import msgspec
from servers import PEERS, Running, free_port, pinned, running, wait_until_it_answers

NGINX = """
daemon off;
worker_processes 1;
user root;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 256; }}
http {{
    access_log off;
    default_type "application/json; charset=utf-8";
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    open_file_cache max=64;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl backlog=1024;
        root {answers};
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.2 TLSv1.3;
    }}
}}
"""


class Place(msgspec.Struct, frozen=True):
    """What peers are started with."""

    folder: Path
    answers: Path
    database: str
    secret: str
    certificate: tuple[Path, Path]
    processor: int | None


Peer = Callable[[Place], AbstractContextManager[Running]]


@contextmanager
def static_bytes(place: Place) -> Generator[Running]:
    """Run Tandem's HTTP server with ready answers."""
    port = free_port()
    command = [sys.executable, str(PEERS / "static_bytes.py"), str(place.answers), str(port)]
    with _running(place, "static", [*command, *map(str, place.certificate)], port, f"/{_any_answer(place)}") as server:
        yield server


@contextmanager
def nginx(place: Place) -> Generator[Running]:
    """Run nginx with ready answers."""
    port = free_port()
    folder = place.folder / "nginx"
    folder.mkdir()
    certificate, key = place.certificate
    settings = NGINX.format(folder=folder, port=port, answers=place.answers, certificate=certificate, key=key)
    (folder / "nginx.conf").write_text(settings)
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/local/sbin:/usr/sbin:/sbin")
    if program is None:
        raise RuntimeError("nginx is missing: run scripts/set-up.sh bench")
    command = [program, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    with _running(place, "nginx", command, port, f"/{_any_answer(place)}") as server:
        yield server


@contextmanager
def plain_statements(place: Place) -> Generator[Running]:
    """Run the peer that asks count(*), limit and offset."""
    port = free_port()
    file = place.database.removeprefix("sqlite:///")
    command = [sys.executable, str(PEERS / "plain_statements.py"), file, str(port), *map(str, place.certificate)]
    with _running(place, "plain", command, port, None) as server:
        yield server


@contextmanager
def fastapi_orm(place: Place) -> Generator[Running]:
    """Run the FastAPI peer in plain functions."""
    with _uvicorn(place, "fastapi_orm") as server:
        yield server


@contextmanager
def fastapi_async(place: Place) -> Generator[Running]:
    """Run the FastAPI peer in its idiomatic form."""
    with _uvicorn(place, "fastapi_async") as server:
        yield server


@contextmanager
def django_rest(place: Place) -> Generator[Running]:
    """Run the Django peer."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "django_rest:application", "--chdir", str(PEERS)]
    command += ["--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--workers", "1", "--threads", "4"]
    command += ["--keep-alive", "30", "--log-level", "warning", "--worker-tmp-dir", str(place.folder)]
    command += ["--certfile", str(place.certificate[0]), "--keyfile", str(place.certificate[1])]
    with _running(place, "django", command, port, None) as server:
        yield server


@contextmanager
def _uvicorn(place: Place, name: str) -> Generator[Running]:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", f"{name}:app", "--app-dir", str(PEERS)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--no-access-log", "--log-level", "warning"]
    command += ["--loop", "uvloop", "--http", "httptools"]
    command += ["--ssl-certfile", str(place.certificate[0]), "--ssl-keyfile", str(place.certificate[1])]
    with _running(place, name, command, port, "/openapi.json") as server:
        yield server


@contextmanager
def _running(place: Place, name: str, command: list[str], port: int, path: str | None) -> Generator[Running]:
    """Run a peer until the block is left; `path` is asked for first, or, if there is none, any answer will do."""
    added: Mapping[str, str] = {"PEER_DATABASE": place.database, "PEER_SECRET": place.secret}
    log = place.folder / f"{name}.log"
    with running([*pinned(place.processor), *command], log, added) as process:
        url = f"https://127.0.0.1:{port}"
        wait_until_it_answers(process, log, url + (path or "/"), is_any_good=path is None)
        yield Running(url, process.pid)


def _any_answer(place: Place) -> str:
    return next(place.answers.iterdir()).name
