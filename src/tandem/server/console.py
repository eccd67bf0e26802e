"""The console's process: puts the parts together, serves HTTPS until told to end."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from threading import Event, Thread
from typing import Annotated

import structlog
import typer
import uvloop
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.server.embed import Server

from tandem.actions.context import Context
from tandem.actions.enrol_agent import AgentDoor
from tandem.actions.first_start import prepare
from tandem.actions.shared_keys import check_seal, open_shared_seal
from tandem.actions.signing_keys import rotate_signing_keys
from tandem.actions.sweep import sweep_if_due
from tandem.actions.tokens import TokenChecker
from tandem.api.app import Application
from tandem.api.http.call import Services
from tandem.api.http.throttling import Limit, Limits
from tandem.client.certificates import fingerprint
from tandem.config import Settings, load
from tandem.domain.errors import Conflict, ConsoleError, Unavailable
from tandem.sealing import generate_password, write_private
from tandem.server.certificates import prepare_certificate
from tandem.server.folders import PASSWORD_FILE, SEAL_FILE, console_folder
from tandem.server.logs import configure_logs
from tandem.server.open_files import allow_connections, warn_if_too_few
from tandem.server.options import Data, LogFormat
from tandem.store.backup_servers import count_agents
from tandem.store.database import open_database
from tandem.store.recounting import recount
from tandem.store.upgrades import check_clock, make_ready

RECOUNT_EVERY_SECONDS = 1
SWEEP_EVERY_SECONDS = 30.0
# Of the three generations; Python's own are 700, 10 and 10.
GARBAGE_THRESHOLDS = 50_000, 20, 50
# The system has a limit of its own, often 4,096 (net.core.somaxconn).
BACKLOG = 4096

log = structlog.get_logger()


def console(
    *,
    data: Data = None,
    address: Annotated[str | None, typer.Option(help="Where to listen; 0.0.0.0 is everywhere.")] = None,
    port: Annotated[int | None, typer.Option(help="HTTPS port; 1280 by default.")] = None,
    database: Annotated[
        str | None, typer.Option(help="sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME.")
    ] = None,
    contract: Annotated[str | None, typer.Option(help="3.0 or 3.6.1: default form of the file share jobs.")] = None,
    certificate: Annotated[Path | None, typer.Option(help="PEM file; made when none is given.")] = None,
    key: Annotated[Path | None, typer.Option(help="PEM file of the certificate's private key.")] = None,
    log_format: LogFormat = None,
) -> None:
    """Run the console: the REST API over HTTPS."""
    flags = {
        "data": data,
        "address": address,
        "port": port,
        "database": database,
        "contract": contract,
        "certificate": certificate,
        "key": key,
        "log_format": log_format,
    }
    settings = load(flags)
    configure_logs(settings.log_format)
    run_console(settings)


def build_services(settings: Settings) -> Services:
    """Open the database, bring it up to date, complete the first start, and put the services together."""
    folder = console_folder(settings.data)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = open_database(settings.database)
    make_ready(database)
    check_clock(database, _now())
    seal = open_shared_seal(database, folder / SEAL_FILE)
    password_file = folder / PASSWORD_FILE

    def admin_password() -> str:
        if settings.admin_password is not None:
            return settings.admin_password
        password = generate_password()
        write_private(password_file, password + "\n")
        log.info("first administrator", user=settings.admin_user, password_file=str(password_file))
        return password

    stopping = Event()
    now = datetime.now(UTC)
    uid = prepare(database, seal, admin_user=settings.admin_user, admin_password=admin_password, now=now)
    # Of hosts that first started at once, each has made a key: one of them is the installation's.
    check_seal(database, seal, folder / SEAL_FILE)
    context = Context(
        database=database,
        seal=seal,
        clock=_now,
        pause=_pause_until(stopping),
        installation_uid=uid,
        contract=settings.contract,
    )
    rotate_signing_keys(context)
    return Services(
        context=context,
        checker=TokenChecker(context),
        door=AgentDoor(context),
        stopping=stopping,
        limits=_limits(settings),
        balancers=tuple(map(ip_network, settings.load_balancers)),
        async_after_seconds=settings.async_after_seconds,
    )


def _limits(settings: Settings) -> Limits:
    return Limits(
        everybody=Limit(settings.requests_per_minute, settings.parallel_requests),
        address=Limit(settings.requests_per_minute_address, settings.parallel_requests_address),
        user=Limit(settings.requests_per_minute_user, settings.parallel_requests_user),
    )


def _pause_until(stopping: Event) -> Callable[[float], None]:
    def pause(seconds: float) -> None:
        # Whoever waits for an agent looks once more, and gives up, when the process is told to end.
        stopping.wait(seconds)

    return pause


def run_console(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; requests that wait for news are answered at once then.

    Raises:
        Conflict: if the port cannot be used.
        Unavailable: if the server ends by itself.
    """
    _check_port(settings)
    services = build_services(settings)
    certificate, key = prepare_certificate(console_folder(settings.data), settings.certificate, settings.key)
    shown = fingerprint(certificate.read_text(encoding="ascii"))
    log.info("console starts", url=f"https://{settings.address}:{settings.port}", fingerprint=shown)
    application = Application(services)
    connections = allow_connections()
    with services.context.database.reading() as connection:
        warn_if_too_few(connections, count_agents(connection))
    sweeper = Thread(target=_sweep, args=(services, application), name="sweep", daemon=True)
    sweeper.start()
    Thread(target=_recount, args=(services,), name="recount", daemon=True).start()
    _collect_garbage_seldom()
    try:
        uvloop.run(_serve(settings, application, connections, (certificate, key)))
    finally:
        services.stopping.set()
        _give_up_actions(application)
        services.context.database.close()
    log.info("console stopped")


def _collect_garbage_seldom() -> None:
    # Python looks through all that ten thousand waiting agents hold, again and again, for circles that are not there:
    # meanwhile nobody is answered.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)


def _give_up_actions(application: Application) -> None:
    try:
        application.background.close()
    except ConsoleError as error:
        log.warning("actions left behind", reason=error.message)


async def _serve(settings: Settings, application: Application, connections: int, files: tuple[Path, Path]) -> None:
    certificate, key = files
    stopping = application.stopping
    server = Server(
        application,
        address=settings.address,
        port=settings.port,
        interface=Interfaces.ASGI,
        http=HTTPModes.auto,
        websockets=False,
        log_enabled=False,
        # Those that come at once are kept until they are taken, and as many are held as there may be open files.
        backlog=BACKLOG,
        backpressure=connections,
        ssl_cert=certificate,
        ssl_key=key,
        ssl_protocol_min=SSLProtocols.tls12,
    )

    def stop() -> None:
        stopping.set()
        server.stop()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    await server.serve()
    if not stopping.is_set():
        raise Unavailable("The HTTPS server ended by itself; look at the lines above.")


def _check_port(settings: Settings) -> None:
    # The server itself would end without a word.
    family = socket.AF_INET6 if ":" in settings.address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.address, settings.port))
        except OSError as error:
            where = f"{settings.address}:{settings.port}"
            raise Conflict(
                f"{where} cannot be used: {error.strerror}. Choose another with --port or --address."
            ) from error


def _sweep(services: Services, application: Application) -> None:
    while not services.stopping.wait(SWEEP_EVERY_SECONDS):
        try:
            application.background.note_alive()
            services.checker.look_for_keys()
            sweep_if_due(services.context, timedelta(seconds=SWEEP_EVERY_SECONDS))
        except ConsoleError as error:
            log.warning("sweep put off", reason=error.message)


def _recount(services: Services) -> None:
    while not services.stopping.wait(RECOUNT_EVERY_SECONDS):
        try:
            recount(services.context.database)
        except ConsoleError as error:
            # Pages are right without it, only dearer.
            log.debug("recount put off", reason=error.message)


def _now() -> datetime:
    return datetime.now(UTC)
